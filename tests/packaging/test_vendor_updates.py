"""Tests `embed/vendoring/__init__.py`: updates do no harm to what is not the copy's own; checks."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from vendored import MANIFEST, change, files_of, not_installed, rewrite

import gradio_client_lite
from gradio_client_lite.embed import vendoring
from gradio_client_lite.errors import VendoringError

ORIGINAL = gradio_client_lite.__name__


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
    vendoring.vendor(place, name="client", without=["websocket"])
    assert not (copy / "_vendor").exists()
    vendoring.check(place, name="client")


def test_folder_that_is_no_copy_is_not_overwritten(place: Path) -> None:
    (place / "client").mkdir()
    (place / "client" / "__init__.py").write_text("theirs")
    with pytest.raises(VendoringError, match=r"no copy that was made with this command.*--force"):
        vendoring.vendor(place, name="client")
    assert files_of(place / "client") == {"__init__.py": b"theirs"}
    vendoring.vendor(place, name="client", force=True)
    vendoring.check(place, name="client")


def test_a_clone_of_this_package_is_not_taken_for_an_interrupted_copy(copy: Path, place: Path) -> None:
    shutil.rmtree(copy / "_vendor")
    (copy / MANIFEST).unlink()
    before = files_of(copy)
    with pytest.raises(VendoringError, match="no copy that was made with this command"):
        vendoring.vendor(place, name="client")
    assert files_of(copy) == before


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
    before = files_of(place)
    with pytest.raises(VendoringError, match=r"changed since it was made \(changed: errors\.py\).*--force"):
        vendoring.vendor(place, name="client", zipped=zipped)
    assert files_of(place) == before
    vendoring.vendor(place, name="client", zipped=zipped, force=True)
    vendoring.check(place, name="client", zipped=zipped)


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


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="there is no file that nobody can read")
def test_files_of_others_need_not_be_readable(copy: Path, place: Path) -> None:
    (copy / "unreadable").symlink_to("/proc/self/mem")
    vendoring.vendor(place, name="client")
    with pytest.raises(VendoringError, match=r"not part of it: unreadable"):
        vendoring.check(place, name="client")


@pytest.mark.skipif(os.name == "nt", reason="Windows lets few users make links")
def test_broken_link_does_not_pass_for_an_empty_file(copy: Path, place: Path) -> None:
    assert (copy / "wire" / "__init__.py").read_bytes() == b""
    (copy / "wire" / "__init__.py").unlink()
    (copy / "wire" / "__init__.py").symlink_to("nowhere")
    with pytest.raises(VendoringError, match=r"changed: wire/__init__\.py"):
        vendoring.check(place, name="client")
    with pytest.raises(VendoringError, match=r"changed: wire/__init__\.py.*--force"):
        vendoring.vendor(place, name="client")
    vendoring.vendor(place, name="client", force=True)
    vendoring.check(place, name="client")


@pytest.mark.skipif(os.name == "nt", reason="Windows lets few users make links")
def test_what_a_link_leads_to_counts_as_changed(copy: Path, place: Path, tmp_path: Path) -> None:
    shutil.move(str(copy / "wire"), str(tmp_path / "mine"))
    (copy / "wire").symlink_to(tmp_path / "mine", target_is_directory=True)
    (tmp_path / "mine" / "names.py").write_text("mine")
    with pytest.raises(VendoringError, match=r"changed: wire/names\.py"):
        vendoring.vendor(place, name="client")
    assert (tmp_path / "mine" / "names.py").read_text() == "mine"


def test_updating_a_zip_refuses_to_remove_what_is_not_ours(place: Path) -> None:
    vendoring.vendor(place, name="client", zipped=True)
    change(place, True, "../other/__init__.py", b"theirs")
    change(place, True, "more.txt", b"theirs")
    with pytest.raises(VendoringError, match=r"not part of it: \.\./other/__init__\.py, more\.txt"):
        vendoring.check(place, name="client", zipped=True)
    with pytest.raises(VendoringError, match=r"not part of it: \.\./other/__init__\.py, more\.txt.*--force"):
        vendoring.vendor(place, name="client", zipped=True, without=["websocket"])
    with zipfile.ZipFile(place / "client.zip") as archive:
        assert archive.read("other/__init__.py") == archive.read("client/more.txt") == b"theirs"
    vendoring.vendor(place, name="client", zipped=True, without=["websocket"], force=True)
    with zipfile.ZipFile(place / "client.zip") as archive:
        names = archive.namelist()
    assert "client/errors.py" in names
    assert not [name for name in names if "_vendor" in name or "other" in name or "more" in name]


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
    (copy / "limits.py").unlink()
    (copy / "extra.py").touch()
    with pytest.raises(VendoringError) as raised:
        vendoring.check(place, name="client")
    text = str(raised.value)
    assert "changed: errors.py; missing: limits.py; not part of it: extra.py" in text


@pytest.mark.parametrize("zipped", [False, True])
def test_check_finds_a_changed_copy(place: Path, zipped: bool) -> None:
    vendoring.vendor(place, name="client", zipped=zipped)
    vendoring.check(place, name="client", zipped=zipped)
    change(place, zipped, "errors.py", b"patched")
    with pytest.raises(VendoringError, match=r"changed: errors\.py"):
        vendoring.check(place, name="client", zipped=zipped)


def test_check_passes_over_bytecode(copy: Path, place: Path) -> None:
    (copy / "__pycache__").mkdir()
    (copy / "__pycache__" / "limits.cpython-313.pyc").touch()
    vendoring.check(place, name="client")


def test_check_tells_another_version(copy: Path, place: Path) -> None:
    text = (copy / MANIFEST).read_text()
    (copy / MANIFEST).write_text(text.replace(f'"{gradio_client_lite.__version__}"', '"0.0.1"'))
    with pytest.raises(
        VendoringError, match=rf"{ORIGINAL} 0\.0\.1 is not the {gradio_client_lite.__version__}"
    ):
        vendoring.check(place, name="client")


@pytest.mark.parametrize("feature", ["hovering", ["legacy"], 7])
def test_check_tells_a_copy_without_a_feature_that_is_not_known_here(
    copy: Path, place: Path, feature: Any
) -> None:
    manifest = json.loads((copy / MANIFEST).read_text())
    manifest["without"] = [feature]
    manifest["components"][0]["version"] = "99.0"
    (copy / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(VendoringError, match=r" 99\.0 is not the .* that is here"):
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
