"""Scripts for the official client run with nothing but their import changed, and with `compat.install()`.

The scripts, in `moving/`, use what the official guide shows. What each prints is compared with what it prints
with the official client; a difference is one of DIFFERENCES, with its row in docs/differences.md.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, List, Set, Tuple

import pytest

import gradio_client_lite
from gradio_client_lite import Client

from .environments import official_client_python
from .servers import Server
from .surroundings import plain_environ

pytestmark = pytest.mark.whole

Json = Dict[str, Any]

OFFICIAL = "2.7.2"
PACKAGE = gradio_client_lite.__name__
HERE = Path(__file__).parent
SCRIPTS = sorted(path.stem for path in (HERE / "moving").glob("*.py"))
DOCUMENT = HERE.parents[1] / "docs" / "differences.md"

#: Of a script: what the official client lets it print, what it prints here, and how the row begins.
DIFFERENCES: Dict[str, List[Tuple[str, str, str]]] = {
    "login": [
        ("refused as a ValueError", "refused", "● a wrong password"),
        ("2 cookies", "1 cookies", "cookies marked `Secure`, of an app over http"),
    ],
}


@pytest.fixture(scope="module")
def printed(moving_server: Server) -> Dict[str, Json]:
    """What each script prints, by how it is run."""
    worker, scripts = str(HERE / "moving_worker.py"), str(HERE / "moving")
    ours = [sys.executable, worker]
    commands = {
        "official": [official_client_python(OFFICIAL), "-I", worker],
        "changed": ours,
        "installed": ours,
    }
    with ThreadPoolExecutor() as pool:
        running = {
            how: pool.submit(run, [*command, how, moving_server.url, scripts, PACKAGE])
            for how, command in commands.items()
        }
        return {how: said.result() for how, said in running.items()}


def run(command: List[str]) -> Json:
    """The JSON that a worker writes."""
    environ = plain_environ(
        GRADIO_ANALYTICS_ENABLED="False",
        HF_HUB_OFFLINE="1",
        PYTHONPATH=str(Path(gradio_client_lite.__file__).parents[1]),
    )
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", env=environ, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    said: Json = json.loads(done.stdout)
    return said


def test_there_are_scripts_enough() -> None:
    assert len(SCRIPTS) >= 14


@pytest.mark.parametrize("how", ["changed", "installed"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_script_prints_the_same(printed: Dict[str, Json], script: str, how: str) -> None:
    expected = printed["official"][script]
    assert "failed:" not in expected
    for official, here, row in DIFFERENCES.get(script, ()):
        assert official in expected
        assert f"\n| {row} |" in DOCUMENT.read_text(encoding="utf-8")
        expected = expected.replace(official, here)
    assert printed[how][script] == expected


# -- names


@pytest.fixture(scope="module")
def names(moving_server: Server) -> Json:
    """The public names of the official client, by owner."""
    worker = str(HERE / "names_worker.py")
    return run([official_client_python(OFFICIAL), "-I", worker, moving_server.url, "gradio_client"])


def documented() -> Set[str]:
    """The names that docs/differences.md says are not here, with their owners."""
    text = DOCUMENT.read_text(encoding="utf-8").partition("\n## Names\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", text, re.MULTILINE)
    return {f"{owner}.{name}" for owner, listed in rows for name in re.findall(r"`(\w+)`", listed)}


def test_every_official_name_is_here_or_documented(moving_server: Server, names: Json) -> None:
    with Client(moving_server.url, verbose=False) as client:
        job = client.submit("a", api_name="/translate")
        ours: Dict[str, Any] = {"Client": client, "Endpoint": client.endpoints[0], "Job": job}
        ours.update({name: getattr(gradio_client_lite, name) for name in names if name.islower()})
        ours[""] = gradio_client_lite
        missing = {
            f"{owner}.{name}"
            for owner, own in names.items()
            for name in own
            if not hasattr(ours[owner], name)
        }
        job.result()
    assert missing == documented()
