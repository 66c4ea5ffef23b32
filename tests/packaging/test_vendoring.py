"""`vendor` makes copies that work, and knows its copies again."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import posixpath
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

import gradio_client_lite
from gradio_client_lite import cli, parcel, vendoring
from gradio_client_lite.errors import ArgumentError, VendoringError
from gradio_client_lite.testing import serve

ROOT = Path(__file__).parents[2]
ORIGINAL = gradio_client_lite.__name__
MANIFEST = parcel.MANIFEST

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
    print(importlib.import_module(f"{name}.transport.websocket").load_library().__name__)
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


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The folder of a program's vendored packages; the program's own package may be regular or not."""
    folder = tmp_path / "host_plugin" / "vendor"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    return folder


@pytest.fixture
def copy(place: Path) -> Path:
    vendoring.vendor(place, name="client")
    return place / "client"


def contents(folder: Path) -> Dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def rewrite(copy: Path, **files: str) -> None:
    """Make the copy one of another version, which had these files."""
    manifest = json.loads((copy / MANIFEST).read_text())
    for path, text in files.items():
        name = f"{path}.py"
        (copy / name).write_text(text)
        manifest["files"][name] = hashlib.sha256(text.encode()).hexdigest()
    (copy / MANIFEST).write_text(json.dumps(manifest))


# --- copies that work


def test_copy_works_renamed_and_nested_two_packages_deep(place: Path, tmp_path: Path) -> None:
    vendoring.vendor(place, name="mine")
    name = "host_plugin.vendor.mine"
    assert run(name, tmp_path) == [f"{name}._vendor.websocket", "None"]


def test_copy_works_without_websocket(place: Path, tmp_path: Path) -> None:
    vendoring.vendor(place, name="mine", websocket=False)
    assert run("host_plugin.vendor.mine", tmp_path) == ["MissingPackageError", "None"]
    assert not (place / "mine" / "_vendor").exists()


@pytest.mark.parametrize("websocket", [True, False])
def test_zip_works(place: Path, websocket: bool) -> None:
    vendoring.vendor(place, name="mine", zipped=True, websocket=websocket)
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
    vendoring.vendor(place, name="mine", websocket=False)
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
    assert contents(tmp_path / "again" / "mine") == contents(place / "mine")


def test_copy_made_by_a_copy_has_nothing_of_the_program(copy: Path, tmp_path: Path) -> None:
    (copy / "theirs.txt").write_text("theirs")
    command = [sys.executable, "-B", "-S", "-m", "client", "vendor", str(tmp_path), "--name", "again"]
    done = subprocess.run(
        command, cwd=copy.parent, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert contents(tmp_path / "again").keys() == contents(copy).keys() - {"theirs.txt"}


# --- the manifest


def test_manifest_lists_every_file_with_its_hash_and_every_licence(copy: Path) -> None:
    files = contents(copy)
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
    paths = set(contents(copy))
    assert not [path for path in paths if "tests" in path or "pycache" in path or "wsdump" in path]
    assert "py.typed" in paths


def test_copies_of_the_same_files_are_the_same_bytes(place: Path, tmp_path: Path) -> None:
    for folder in (place, tmp_path / "other"):
        vendoring.vendor(folder, name="mine")
        vendoring.vendor(folder, name="mine", zipped=True)
    assert contents(place) == contents(tmp_path / "other")
    with zipfile.ZipFile(place / "mine.zip") as archive:
        zipped = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    assert zipped == contents(place / "mine")


def test_the_package_carries_the_licence_of_the_project() -> None:
    assert parcel.collect(websocket=False).files["LICENSE"] == (ROOT / "LICENSE").read_bytes()


# --- updates


def test_updating_removes_what_is_gone_and_leaves_what_is_not_ours(copy: Path, place: Path) -> None:
    rewrite(copy, gone="old", __init__="old")
    (copy / "theirs.txt").write_text("kept")
    (copy / "__pycache__").mkdir(exist_ok=True)
    vendoring.vendor(place, name="client")
    assert not (copy / "gone.py").exists()
    assert (copy / "theirs.txt").read_text() == "kept"
    (copy / "theirs.txt").unlink()
    vendoring.check(place, name="client")


def test_leaving_websocket_out_later_removes_its_folder_with_its_bytecode(copy: Path, place: Path) -> None:
    cache = copy / "_vendor" / "websocket" / "__pycache__"
    cache.mkdir()
    (cache / "_core.cpython-313.pyc").touch()
    vendoring.vendor(place, name="client", websocket=False)
    assert not (copy / "_vendor").exists()
    vendoring.check(place, name="client")


def test_folder_that_is_no_copy_is_not_overwritten(place: Path) -> None:
    (place / "client").mkdir()
    (place / "client" / "__init__.py").write_text("theirs")
    with pytest.raises(VendoringError, match=r"no copy that was made with this command.*--force"):
        vendoring.vendor(place, name="client")
    assert contents(place / "client") == {"__init__.py": b"theirs"}
    vendoring.vendor(place, name="client", force=True)
    vendoring.check(place, name="client")


def test_empty_folder_is_taken(place: Path) -> None:
    (place / "client").mkdir()
    vendoring.vendor(place, name="client")


def test_file_in_the_place_of_the_folder_is_an_error(place: Path) -> None:
    (place / "client").touch()
    with pytest.raises(VendoringError, match="is no folder"):
        vendoring.vendor(place, name="client", force=True)


@pytest.mark.parametrize("zipped", [False, True])
def test_copy_that_somebody_changed_is_not_overwritten(place: Path, zipped: bool) -> None:
    vendoring.vendor(place, name="client", zipped=zipped)
    change(place, zipped, "errors.py", b"patched")
    before = contents(place)
    with pytest.raises(VendoringError, match=r"changed since it was made \(changed: errors\.py\).*--force"):
        vendoring.vendor(place, name="client", zipped=zipped)
    assert contents(place) == before
    vendoring.vendor(place, name="client", zipped=zipped, force=True)
    vendoring.check(place, name="client", zipped=zipped)


def change(place: Path, zipped: bool, path: str, content: bytes) -> None:
    if not zipped:
        (place / "client" / path).write_bytes(content)
        return
    archive = place / "client.zip"
    with zipfile.ZipFile(archive) as source:
        files = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(archive, "w") as target:
        for name, data in {**files, posixpath.normpath(f"client/{path}"): content}.items():
            target.writestr(name, data)


def test_new_file_of_a_version_does_not_overwrite_one_of_the_program(copy: Path, place: Path) -> None:
    manifest = json.loads((copy / MANIFEST).read_text())
    del manifest["files"]["errors.py"]
    (copy / MANIFEST).write_text(json.dumps(manifest))
    (copy / "errors.py").write_text("theirs")
    with pytest.raises(VendoringError, match=r"errors\.py"):
        vendoring.vendor(place, name="client")


@pytest.mark.parametrize("is_update", [True, False])
def test_interrupted_copy_can_be_made_again(
    place: Path, is_update: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_update:
        vendoring.vendor(place, name="client")
        rewrite(place / "client", __init__="old", errors="old", gone="old")
    replace, calls = os.replace, []

    def fail_later(*args: Any) -> None:
        calls.append(args)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        replace(*args)

    monkeypatch.setattr(os, "replace", fail_later)
    with pytest.raises(OSError, match="No space left"):
        vendoring.vendor(place, name="client")
    monkeypatch.setattr(os, "replace", replace)
    assert list(place.rglob("*.new")) == []
    vendoring.vendor(place, name="client")
    vendoring.check(place, name="client")


def test_what_a_killed_update_leaves_is_no_file_of_others(copy: Path, place: Path) -> None:
    (copy / f"{MANIFEST}.new").write_text("half of some fi")
    vendoring.check(place, name="client")
    rewrite(copy, errors="old")
    vendoring.vendor(place, name="client")
    vendoring.check(place, name="client")
    (copy / MANIFEST).unlink()
    shutil.rmtree(copy / "wire")
    vendoring.vendor(place, name="client")
    vendoring.check(place, name="client")
    assert not (copy / f"{MANIFEST}.new").exists()


@pytest.mark.parametrize("zipped", [False, True])
def test_no_file_of_others_is_written_over_meanwhile(place: Path, zipped: bool) -> None:
    for _ in range(2):
        vendoring.vendor(place, name="client", zipped=zipped)
        theirs = place / ("client.zip.new" if zipped else "client/errors.py.new")
        theirs.write_text("theirs")
        change(place, zipped, "errors.py", b"patched")
        vendoring.vendor(place, name="client", zipped=zipped, force=True)
        assert theirs.read_text() == "theirs"


def test_folder_may_take_the_place_of_a_file_and_a_file_that_of_a_folder(copy: Path, place: Path) -> None:
    shutil.rmtree(copy / "wire")
    (copy / "LICENSE").unlink()
    (copy / "LICENSE").mkdir()
    manifest = json.loads((copy / MANIFEST).read_text())
    files = {path: digest for path, digest in manifest["files"].items() if not path.startswith("wire/")}
    del files["LICENSE"]
    for path in ("wire", "LICENSE/text"):
        (copy / path).write_text("old")
        files[path] = hashlib.sha256(b"old").hexdigest()
    (copy / MANIFEST).write_text(json.dumps({**manifest, "files": files}))
    vendoring.vendor(place, name="client")
    vendoring.check(place, name="client")


@pytest.mark.skipif(os.name == "nt", reason="Windows lets few users make links")
def test_files_of_others_are_not_even_read(copy: Path, place: Path) -> None:
    (copy / ".#errors.py").symlink_to("somebody@host.1234")  # as editors mark what they have open
    rewrite(copy, errors="old")
    vendoring.vendor(place, name="client")
    assert (copy / ".#errors.py").is_symlink()
    with pytest.raises(VendoringError, match=r"not part of it: \.#errors\.py"):
        vendoring.check(place, name="client")


@pytest.mark.skipif(os.name == "nt", reason="Windows lets few users make links")
def test_what_a_link_leads_to_counts_as_changed(copy: Path, place: Path, tmp_path: Path) -> None:
    shutil.move(str(copy / "wire"), str(tmp_path / "mine"))
    (copy / "wire").symlink_to(tmp_path / "mine", target_is_directory=True)
    (tmp_path / "mine" / "sse.py").write_text("mine")
    with pytest.raises(VendoringError, match=r"changed: wire/sse\.py"):
        vendoring.vendor(place, name="client")
    assert (tmp_path / "mine" / "sse.py").read_text() == "mine"


def test_updating_a_zip_leaves_what_is_not_ours(place: Path) -> None:
    vendoring.vendor(place, name="client", zipped=True)
    change(place, True, "../other/__init__.py", b"theirs")
    change(place, True, "more.txt", b"theirs")
    with pytest.raises(VendoringError, match=r"not part of it: \.\./other/__init__\.py, more\.txt"):
        vendoring.check(place, name="client", zipped=True)
    vendoring.vendor(place, name="client", zipped=True, websocket=False)
    with zipfile.ZipFile(place / "client.zip") as archive:
        names = archive.namelist()
        assert archive.read("other/__init__.py") == archive.read("client/more.txt") == b"theirs"
    assert "client/errors.py" in names
    assert not [name for name in names if "_vendor" in name]


@pytest.mark.parametrize(
    "path", ["../outside.py", "/outside.py", "a/../../outside.py", "..\\outside.py", ".. /outside.py", "a\0"]
)
def test_manifest_cannot_lead_out_of_the_folder(copy: Path, place: Path, path: str) -> None:
    (place / "outside.py").write_text("theirs")
    manifest = json.loads((copy / MANIFEST).read_text())
    manifest["files"][path] = hashlib.sha256(b"theirs").hexdigest()
    (copy / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(VendoringError, match="damaged"):
        vendoring.vendor(place, name="client", force=True)
    assert (place / "outside.py").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "components": [{}]}'])
def test_damaged_manifest_is_an_error(copy: Path, place: Path, text: str) -> None:
    (copy / MANIFEST).write_text(text)
    with pytest.raises(VendoringError):
        vendoring.check(place, name="client")


# --- checking


def test_check_says_what_is_wrong(copy: Path, place: Path) -> None:
    (copy / "errors.py").write_text("patched")
    (copy / "job.py").unlink()
    (copy / "extra.py").touch()
    with pytest.raises(VendoringError) as raised:
        vendoring.check(place, name="client")
    text = str(raised.value)
    assert "changed: errors.py; missing: job.py; not part of it: extra.py" in text


@pytest.mark.parametrize("zipped", [False, True])
def test_check_finds_a_changed_copy(place: Path, zipped: bool) -> None:
    vendoring.vendor(place, name="client", zipped=zipped)
    vendoring.check(place, name="client", zipped=zipped)
    change(place, zipped, "errors.py", b"patched")
    with pytest.raises(VendoringError, match=r"changed: errors\.py"):
        vendoring.check(place, name="client", zipped=zipped)


def test_check_passes_over_bytecode(copy: Path, place: Path) -> None:
    (copy / "__pycache__").mkdir()
    (copy / "__pycache__" / "job.cpython-313.pyc").touch()
    vendoring.check(place, name="client")


def test_check_tells_another_version(copy: Path, place: Path) -> None:
    text = (copy / MANIFEST).read_text()
    (copy / MANIFEST).write_text(text.replace(f'"{gradio_client_lite.__version__}"', '"0.0.1"'))
    with pytest.raises(
        VendoringError, match=rf"{ORIGINAL} 0\.0\.1 is not the {gradio_client_lite.__version__}"
    ):
        vendoring.check(place, name="client")


def test_check_tells_other_files_of_the_same_version(copy: Path, place: Path) -> None:
    rewrite(copy, errors="other", more="other")
    with pytest.raises(VendoringError, match=r"not as in this version: errors\.py, more\.py"):
        vendoring.check(place, name="client")


def test_check_needs_no_installed_websocket(copy: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "distribution", not_installed)
    vendoring.check(place, name="client")


@pytest.mark.parametrize("zipped", [False, True])
def test_check_without_a_copy_is_an_error(place: Path, zipped: bool) -> None:
    with pytest.raises(VendoringError, match="no copy that was made"):
        vendoring.check(place, name="client", zipped=zipped)


@pytest.mark.parametrize("broken", ["is not one", "is cut", "holds nonsense", "has a password"])
def test_broken_zip_is_an_error(place: Path, broken: str) -> None:
    vendoring.vendor(place, name="client", zipped=True)
    archive = place / "client.zip"
    content = archive.read_bytes()
    if broken == "is not one":
        content = b"no zip"
    elif broken == "is cut":
        content = content[:-30]
    elif broken == "holds nonsense":
        content = content[:100] + b"\xff" * 100 + content[200:]
    else:
        content = content.replace(b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0")
    archive.write_bytes(content)
    for make in (vendoring.vendor, vendoring.check):
        with pytest.raises(VendoringError, match=r"client\.zip is no zip, or is damaged"):
            make(place, name="client", zipped=True)
    assert archive.read_bytes() == content


# --- where websocket-client comes from


def not_installed(name: str) -> None:
    raise importlib.metadata.PackageNotFoundError(name)


def test_websocket_that_is_not_installed_is_an_error_that_says_what_to_do(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.metadata, "distribution", not_installed)
    with pytest.raises(VendoringError, match=r"pip install websocket-client.*--without websocket"):
        vendoring.vendor(place, name="client")
    vendoring.vendor(place, name="client", websocket=False)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with a copy of the installed websocket-client."""
    target = tmp_path / "site-packages"
    for entry in importlib.metadata.distribution("websocket-client").files or ():
        if ".." not in entry.parts and "tests" not in entry.parts and "__pycache__" not in entry.parts:
            (target / entry).parent.mkdir(parents=True, exist_ok=True)
            (target / entry).write_bytes(entry.read_binary())
    return target


def collect_from(folder: Path) -> parcel.Parcel:
    (distribution,) = importlib.metadata.distributions(name="websocket-client", path=[str(folder)])
    return parcel.collect(websocket=True, distribution=distribution)


def test_websocket_must_be_as_it_was_released(installed: Path) -> None:
    assert len(collect_from(installed).components) == 2
    (installed / "websocket" / "_core.py").write_text("patched")
    with pytest.raises(VendoringError, match=r"websocket/_core\.py is not as it was released"):
        collect_from(installed)


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
    for arguments in (["--check"], []):
        assert cli.main(["vendor", str(place), "--name", "mine", *arguments]) == 1
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
