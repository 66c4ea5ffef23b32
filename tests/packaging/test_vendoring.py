"""Tests `embed/vendoring/__init__.py`, `contents.py` and `cli/vendor.py`: copies work, and are known."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.resources
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Iterator, List

import pytest
from vendored import MANIFEST, files_of, not_installed

import gradio_client_lite
from gradio_client_lite import cli
from gradio_client_lite.embed import vendoring
from gradio_client_lite.embed.vendoring import contents
from gradio_client_lite.errors import ArgumentError, VendoringError
from gradio_client_lite.testing import serve

ROOT = Path(__file__).parents[2]
ORIGINAL = gradio_client_lite.__name__

RUN = """
import importlib, pkgutil, sys
sys.dont_write_bytecode = True
sys.path[0:0] = sys.argv[3:]
name, url = sys.argv[1:3]
package = importlib.import_module(name)
with package.Client(url, verbose=False) as client:
    assert client.predict("hello", api_name="/echo") == "hello"
    assert list(client.submit(3, api_name="/count")) == [0, 1, 2]
for module in pkgutil.walk_packages(package.__path__, f"{name}."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
assert not [name for name in sys.modules if name.split(".")[0] == "gradio_client_lite"]
errors = importlib.import_module(f"{name}.errors")
try:
    print(importlib.import_module(f"{name}.legacy.websocket").load_library().__name__)
except errors.MissingPackageError as error:
    print(type(error).__name__)
print(getattr(sys.modules.get("websocket"), "whose", None))
"""


def run(name: str, *path: Path) -> List[str]:
    """Use a copy in a process that has nothing else: where its websocket is, and whose the public one is."""

    def count(to: int) -> Iterator[int]:
        yield from range(to)

    with serve({"/echo": lambda text: text, "/count": count}) as app:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-W", "error", "-c", RUN, name, app.url, *map(str, path)],
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


# --- copies that work


def test_copy_works_renamed_and_nested_two_packages_deep(place: Path, tmp_path: Path) -> None:
    vendoring.vendor(place, name="mine")
    name = "host_plugin.vendor.mine"
    assert run(name, tmp_path) == [f"{name}._vendor.websocket", "None"]


def test_copy_works_without_websocket(place: Path, tmp_path: Path) -> None:
    vendoring.vendor(place, name="mine", without=["websocket"])
    assert run("host_plugin.vendor.mine", tmp_path) == ["MissingPackageError", "None"]
    assert not (place / "mine" / "_vendor").exists()


@pytest.mark.parametrize("websocket", [True, False])
def test_zip_works(place: Path, websocket: bool) -> None:
    vendoring.vendor(place, name="mine", zipped=True, without=[] if websocket else ["websocket"])
    found = "mine._vendor.websocket" if websocket else "MissingPackageError"
    assert run("mine", place / "mine.zip") == [found, "None"]


def test_private_copy_leaves_the_websocket_of_the_host_alone(place: Path, tmp_path: Path) -> None:
    vendoring.vendor(place, name="mine")
    host = tmp_path / "site-packages"
    host.mkdir()
    (host / "websocket.py").write_text("whose = 'host'")
    (place / "__init__.py").write_text("import websocket")
    name = "host_plugin.vendor.mine"
    assert run(name, tmp_path, host) == [f"{name}._vendor.websocket", "host"]


def test_without_a_private_copy_the_installed_one_is_used(place: Path, tmp_path: Path) -> None:
    vendoring.vendor(place, name="mine", without=["websocket"])
    vendoring.vendor(tmp_path, name="other")
    shutil.move(str(tmp_path / "other" / "_vendor" / "websocket"), str(tmp_path / "websocket"))
    assert run("host_plugin.vendor.mine", tmp_path) == ["websocket", "None"]


def test_copy_made_by_a_zipped_copy_is_the_same(place: Path, tmp_path: Path) -> None:
    vendoring.vendor(place, name="mine")
    vendoring.vendor(tmp_path, name="first", zipped=True)
    done = subprocess.run(
        [sys.executable, "-S", "-m", "first", "vendor", str(tmp_path / "again"), "--name", "mine"],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "first.zip"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert files_of(tmp_path / "again" / "mine") == files_of(place / "mine")


def test_copy_made_by_a_copy_has_nothing_of_the_program(copy: Path, tmp_path: Path) -> None:
    (copy / "theirs.txt").write_text("theirs")
    command = [sys.executable, "-B", "-S", "-m", "client", "vendor", str(tmp_path), "--name", "again"]
    done = subprocess.run(
        command, cwd=copy.parent, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert files_of(tmp_path / "again").keys() == files_of(copy).keys() - {"theirs.txt"}


# --- the manifest


def test_manifest_lists_every_file_with_its_hash_and_every_licence(copy: Path) -> None:
    files = files_of(copy)
    manifest = json.loads(files.pop(MANIFEST))
    assert manifest["name"] == "client"
    assert manifest["files"] == {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    ours, theirs = manifest["components"]
    assert (ours["name"], ours["version"]) == (ORIGINAL, gradio_client_lite.__version__)
    installed = importlib.metadata.distribution("websocket-client")
    assert (theirs["name"], theirs["version"]) == ("websocket-client", installed.version)
    for component in (ours, theirs):
        assert component["license"] == "Apache-2.0"
        assert all(b"Apache License" in files[path] for path in component["license_files"])
        assert component["license_files"]


def test_copy_has_nothing_that_others_do_not_need(copy: Path) -> None:
    paths = set(files_of(copy))
    assert not [path for path in paths if "tests" in path or "pycache" in path or "wsdump" in path]
    assert "py.typed" in paths


def test_copies_of_the_same_files_are_the_same_bytes(place: Path, tmp_path: Path) -> None:
    for folder in (place, tmp_path / "other"):
        vendoring.vendor(folder, name="mine")
        vendoring.vendor(folder, name="mine", zipped=True)
    assert files_of(place) == files_of(tmp_path / "other")
    with zipfile.ZipFile(place / "mine.zip") as archive:
        zipped = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    assert zipped == files_of(place / "mine")


def test_the_package_carries_the_licence_of_the_project() -> None:
    assert contents.collect(["websocket"]).files["LICENSE"] == (ROOT / "LICENSE").read_bytes()


# --- copies of a copy, and of what cannot be read


@pytest.fixture
def of_a_copy(copy: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lets this package be the copy; its folder."""
    monkeypatch.setattr(
        contents, "_own_files", lambda: {path: file.read_bytes() for path, file in contents.walk(copy)}
    )
    return copy


def test_contents_of_a_copy_are_what_it_was_made_with(of_a_copy: Path) -> None:
    (of_a_copy / "theirs.txt").write_text("theirs")
    manifest = contents.parse_manifest((of_a_copy / MANIFEST).read_bytes())
    made = contents.collect()
    assert made.components == manifest.components
    assert contents.digests(made.files) == manifest.files
    assert made.without == ()


def test_a_copy_without_websocket_takes_the_installed_one(of_a_copy: Path) -> None:
    before = contents.collect()
    vendoring.vendor(of_a_copy.parent, name=of_a_copy.name, without=["websocket", "cli"])
    assert contents.collect(["websocket"]).without == ("cli", "websocket")
    again = contents.collect()
    assert again.without == ("cli",)
    assert again.components == before.components
    assert [path for path in again.files if path.startswith("_vendor/")]


def test_program_without_sources_cannot_be_copied(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def frozen(package: str) -> None:
        raise TypeError("no resources")

    monkeypatch.setattr(importlib.resources, "files", frozen)
    with pytest.raises(VendoringError, match=r"cannot be read.*frozen program"):
        vendoring.vendor(place, name="client")


# --- where websocket-client comes from


def test_websocket_that_is_not_installed_is_an_error_that_says_what_to_do(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.metadata, "distribution", not_installed)
    with pytest.raises(VendoringError, match=r"pip install websocket-client.*--without websocket"):
        vendoring.vendor(place, name="client")
    vendoring.vendor(place, name="client", without=["websocket"])


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with a copy of the installed websocket-client."""
    target = tmp_path / "site-packages"
    for entry in importlib.metadata.distribution("websocket-client").files or ():
        if ".." not in entry.parts and "tests" not in entry.parts and "__pycache__" not in entry.parts:
            (target / entry).parent.mkdir(parents=True, exist_ok=True)
            (target / entry).write_bytes(entry.read_binary())
    return target


def collect_from(folder: Path) -> contents.Contents:
    (distribution,) = importlib.metadata.distributions(name="websocket-client", path=[str(folder)])
    return contents.collect(distribution=distribution)


def test_websocket_must_be_as_it_was_released(installed: Path) -> None:
    assert len(collect_from(installed).components) == 2
    (installed / "websocket" / "_core.py").write_text("patched")
    with pytest.raises(VendoringError, match=r"websocket/_core\.py is not as it was released"):
        collect_from(installed)


def test_websocket_without_hashes_is_taken_as_it_is(installed: Path) -> None:
    (record,) = installed.glob("*.dist-info/RECORD")
    record.write_text("\n".join(line.partition(",")[0] + ",," for line in record.read_text().splitlines()))
    (installed / "websocket" / "_core.py").write_text("patched")
    assert collect_from(installed).files["_vendor/websocket/_core.py"] == b"patched"


def test_websocket_must_bring_its_licence(installed: Path) -> None:
    (record,) = installed.glob("*.dist-info/RECORD")
    lines = [
        line for line in record.read_text().splitlines() if "LICENSE" not in line and "tests" not in line
    ]
    record.write_text("\n".join(lines))
    with pytest.raises(VendoringError, match="without its licence"):
        collect_from(installed)


# --- the command


def test_command_makes_checks_and_updates(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["vendor", str(place), "--name", "mine", "--without", "websocket"]) == 0
    assert f"{ORIGINAL} {gradio_client_lite.__version__}\n" in capsys.readouterr().out
    assert cli.main(["vendor", str(place), "--name", "mine", "--check"]) == 0
    assert "intact and current" in capsys.readouterr().out
    (place / "mine" / "errors.py").write_text("patched")
    for arguments, code in ((["--check"], 1), ([], 2)):
        assert cli.main(["vendor", str(place), "--name", "mine", *arguments]) == code
        assert capsys.readouterr().err.startswith("error: ")
    assert cli.main(["vendor", str(place), "--name", "mine", "--force"]) == 0
    assert ", websocket-client " in capsys.readouterr().out


def test_copy_is_called_like_the_package_unless_named(place: Path) -> None:
    assert cli.main(["vendor", str(place), "--zip"]) == 0
    assert os.listdir(place) == [f"{ORIGINAL}.zip"]


@pytest.mark.parametrize("name", ["", "a-b", "a.b", "class", "../x", "1a"])
def test_name_must_be_importable(place: Path, name: str) -> None:
    with pytest.raises(ArgumentError, match="Python identifier"):
        vendoring.vendor(place, name=name)


def test_place_that_cannot_be_written_to_is_an_error(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "file").touch()
    assert cli.main(["vendor", str(place / "file"), "--name", "mine"]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_the_help_of_a_copy_without_vendoring_can_be_had(tmp_path: Path) -> None:
    assert cli.main(["vendor", str(tmp_path), "--name", "client", "--without", "vendoring"]) == 0

    def ran(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "client", *words]
        return subprocess.run(
            command, capture_output=True, encoding="utf-8", timeout=60, check=False, cwd=tmp_path
        )

    assert ran("completion", "bash").returncode == 0
    refused = ran("vendor", "x")
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: This copy was made without vendoring, which is needed for")
    assert refused.stderr.count("\n") == 1


def test_a_copy_without_the_command_line_says_so_in_one_line(place: Path) -> None:
    vendoring.vendor(place, name="client", without=["cli"])
    refused = subprocess.run(
        [sys.executable, "-m", "client", "demo"],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        cwd=place,
    )
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
    assert refused.stderr.startswith("error: This copy was made without cli, ")
