"""Fixtures: other real libraries, to make the same calls with, and the package as it is built."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Callable, Dict, Iterator, Tuple

import pytest
from faults.chaos.table import TABLE
from spaces.detour import certificate
from spaces.double import Hub

from .bundled import build_wheel, install_everywhere
from .discord_bots import Bots
from .environments import tool_python
from .hub_library import Library, running
from .oracle import Oracle
from .pins import HUB_LIBRARIES, OFFICIAL_CLIENT_FOR, OFFICIAL_CLIENTS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what came of schedules of faults, if any ran."""
    table = terminalreporter.config.stash.get(TABLE, None)
    if table is not None:
        terminalreporter.section("faults")
        for line in table.lines():
            terminalreporter.line(line)


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


@pytest.fixture
def huggingface(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The test Hub as https://huggingface.co, with Spaces at https://….hf.space, for this process.

    It has the account "me", whose token is "hf_me" and who is a member of "team".
    """
    trusted = certificate(tmp_path)
    for name in list(os.environ):
        if name.startswith("HF_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "huggingface"))
    with Hub(trusted.context) as hub:
        hub.user("me", token="hf_me", orgs=("team",))
        for name, value in hub.environ(trusted.ca_file).items():
            monkeypatch.setenv(name, value)
        yield hub


@pytest.fixture(scope="module", params=list(HUB_LIBRARIES))
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """The real huggingface_hub, with a Hub of its own that knows the accounts "me" and "reader"."""
    with running(HUB_LIBRARIES[request.param], tmp_path_factory.mktemp("library")) as library:
        library.hub.user("me", token="hf_me", orgs=("team",))
        library.hub.user("reader", token="hf_reader", role="read")
        yield library


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """The official client that has `duplicate` and `deploy_discord`, with a Hub of its own."""
    with running(OFFICIAL_CLIENTS["1.12.0"], tmp_path_factory.mktemp("official")) as library:
        library.hub.user("me", token="hf_me", orgs=("team",))
        yield library


@pytest.fixture(scope="session")
def bots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bots]:
    """Runs deployed Discord bots, each in the environment that its README asks for."""
    with Bots(tmp_path_factory.mktemp("bots")) as bots:
        yield bots


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


@pytest.fixture(scope="session")
def bundled_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of `tox -e bundle`."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def bundled_pythons(
    bundled_wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Dict[Tuple[int, int], str]:
    """For each Python found here, an interpreter that has this wheel and nothing else."""
    return install_everywhere(bundled_wheel, tmp_path_factory.mktemp("bundled"))
