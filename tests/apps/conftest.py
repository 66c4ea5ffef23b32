"""Fixtures that make the same call with the official client and with ours."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Callable, Dict, Iterator

import pytest

from .oracle import Oracle
from .pins import OFFICIAL_CLIENT_FOR


@pytest.fixture(scope="session")
def oracle_for(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Oracle]]:
    """The official client that suits a Gradio release; one process for each release of the client."""
    oracles: Dict[str, Oracle] = {}
    with ExitStack() as stack:

        def find(server_version: str) -> Oracle:
            version = OFFICIAL_CLIENT_FOR[server_version]
            if version not in oracles:
                oracle = Oracle(version, tmp_path_factory.mktemp(f"official-{version}"))
                oracles[version] = stack.enter_context(oracle)
            return oracles[version]

        yield find
