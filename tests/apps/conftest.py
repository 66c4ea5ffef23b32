"""Fixtures: the official client, to make the same calls with, and the package as it is built."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Callable, Dict, Iterator

import pytest

from .environments import tool_python
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


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's wheel, as it is built now."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [tool_python("hatchling"), "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=Path(__file__).parents[2],
        check=True,
        capture_output=True,
        timeout=120,
    )
    (built,) = folder.glob("*.whl")
    return built
