"""What vendor_notes.md says of leaving things out, and of imports, is true."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Collection, Dict, Iterator

import pytest
from app_of import CONFIG
from copies import script, smoke
from file_double import FileDouble
from transport.peers import PeerServer, always, answer

from gradio_client_lite.embed import vendoring
from gradio_client_lite.embed.vendoring.contents import FEATURES
from gradio_client_lite.errors import ArgumentError, VendoringError
from gradio_client_lite.testing import serve

NOTES = (Path(__file__).parents[2] / "vendor_notes.md").read_text(encoding="utf-8")

USE = """
import importlib, pkgutil, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import client as package
with package.Client(sys.argv[2], verbose=False) as client:
    assert client.predict("hello", api_name="/echo") == "hello"
    assert list(client.submit(3, api_name="/count")) == [0, 1, 2]
    assert "/echo" in str(client)
"""

# Whatever is not left out can be imported.
WALK = """
from client.errors import MissingFeature
def found(path, name):
    for module in pkgutil.iter_modules(path, f"{name}."):
        if module.name.endswith("__main__"):
            continue
        try:
            part = importlib.import_module(module.name)
        except MissingFeature as error:
            print(module.name, error)
        else:
            found(getattr(part, "__path__", ()), module.name)
found(package.__path__, "client")
"""

CONNECT = """
import sys
sys.path.insert(0, sys.argv[1])
import client as package
from client.errors import MissingFeature
try:
    package.Client(sys.argv[2], verbose=False).predict("a", api_name="/queued")
except MissingFeature as error:
    print(error)
"""


def section(title: str) -> str:
    return re.split(r"^## ", NOTES.partition(f"## {title}\n")[2], flags=re.MULTILINE)[0]


def rows() -> Dict[str, str]:
    """The table of what may be left out: each feature's folder or file."""
    return dict(re.findall(r"^\| `(.*?)` \| `(.*?)` \|", section("What may be left out"), re.MULTILINE))


def run(code: str, folder: Path, url: str) -> str:
    """What a program prints that uses a copy."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", "-c", code, str(folder), url],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def use(code: str, folder: Path) -> str:
    def count(to: int) -> Iterator[int]:
        yield from range(to)

    with serve({"/echo": lambda text: text, "/count": count}) as app:
        return run(code, folder, app.url)


def smoke_without(features: Collection[str], path: Path, tmp_path: Path) -> None:
    with FileDouble() as server:
        options = ("--path", str(path), "--without", ",".join(features))
        smoke(script("-S", "-B", "-W", "error"), "client", server.url, str(tmp_path), options=options)


def test_each_row_is_a_feature_and_where_it_is() -> None:
    assert rows() == {feature: room.rstrip("/") for feature, (room, _) in FEATURES.items()}


@pytest.mark.whole
@pytest.mark.parametrize("feature", FEATURES)
def test_what_may_be_left_out_may_be(feature: str, tmp_path: Path) -> None:
    vendoring.vendor(tmp_path, name="client", without=[feature])
    missing = [line.split()[0] for line in use(USE + WALK, tmp_path).splitlines()]
    left_out = "client." + rows()[feature].replace("/", ".").replace(".py", "")
    assert missing[:1] == ([] if feature == "websocket" else [left_out])
    # What old apps do with files needs both rooms.
    assert all(name.startswith("client.legacy.") for name in missing[1:])
    assert vendoring.check(tmp_path, name="client").without in ((feature,), (feature, "websocket"))
    smoke_without([feature], tmp_path, tmp_path)


@pytest.mark.whole
@pytest.mark.parametrize("feature", FEATURES)
def test_a_folder_that_is_deleted_is_a_feature_that_is_not_there(feature: str, tmp_path: Path) -> None:
    vendoring.vendor(tmp_path, name="client")
    target = tmp_path / "client" / rows()[feature]
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink()
    use(USE, tmp_path)


@pytest.mark.parametrize("zipped", [False, True])
def test_all_of_it_may_be_left_out_at_once(zipped: bool, tmp_path: Path) -> None:
    copy = vendoring.vendor(tmp_path, name="client", without=list(FEATURES), zipped=zipped)
    assert copy.without == tuple(sorted(FEATURES))
    assert vendoring.check(tmp_path, name="client", zipped=zipped) == copy
    path = Path(copy.path) if zipped else tmp_path
    assert len(use(USE + WALK, path).splitlines()) == len(FEATURES.keys() - {"discord", "websocket"})
    smoke_without(list(FEATURES), path, tmp_path)


@pytest.mark.parametrize(
    "release", [{"version": "3.50.2", "protocol": "ws"}, {"version": "4.0.2", "protocol": "sse"}]
)
def test_an_old_app_needs_what_was_left_out(release: Dict[str, str], tmp_path: Path) -> None:
    vendoring.vendor(tmp_path, name="client", without=["legacy"])
    config = json.dumps({**CONFIG, **release}).encode()
    with PeerServer(always(lambda _: answer(config))) as server:
        said = run(CONNECT, tmp_path, server.url)
    assert said.startswith(
        "This copy was made without legacy, which is needed for apps of Gradio 3.x and 4.0 to 4.8."
    )
    assert "without `--without legacy`" in said


def test_a_copy_passes_on_what_it_has(tmp_path: Path) -> None:
    vendoring.vendor(tmp_path, name="client", without=["spaces", "websocket"])
    command = [
        sys.executable,
        "-B",
        "-m",
        "client",
        "vendor",
        "again",
        "--name",
        "client",
        "--without",
        "legacy",
    ]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "KB, without legacy, spaces, websocket: " in done.stdout
    assert vendoring.check(tmp_path / "again", name="client").without == ("legacy", "spaces", "websocket")


def test_a_feature_comes_back_with_an_update(tmp_path: Path) -> None:
    vendoring.vendor(tmp_path, name="client", without=["testing", "pickling"])
    assert [path.name for path in (tmp_path / "client" / "testing").iterdir()] == ["__init__.py"]
    vendoring.vendor(tmp_path, name="client")
    assert vendoring.check(tmp_path, name="client").without == ()
    vendoring.vendor(tmp_path, name="client", without=["testing"])
    assert [path.name for path in (tmp_path / "client" / "testing").iterdir()] == ["__init__.py"]


def test_check_finds_a_changed_stub(tmp_path: Path) -> None:
    vendoring.vendor(tmp_path, name="client", without=["compat"])
    (tmp_path / "client" / "compat" / "__init__.py").write_text("")
    with pytest.raises(VendoringError, match=r"changed: compat/__init__\.py"):
        vendoring.check(tmp_path, name="client")


def test_what_is_no_feature_cannot_be_left_out(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="There is no a, wire to leave out; there is legacy, spaces, "):
        vendoring.vendor(tmp_path, name="client", without=["wire", "legacy", "a"])
    assert not list(tmp_path.iterdir())


def test_sizes_have_their_place() -> None:
    assert re.search(r"<!-- sizes: .* -->\n(.*\n)*<!-- end of sizes -->", section("Sizes"))
