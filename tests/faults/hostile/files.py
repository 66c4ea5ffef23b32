"""Files of results: names that climb, and folders for downloads that somebody else has prepared."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, List
from unittest import mock

from gradio_client_lite.errors import FolderError
from gradio_client_lite.files.saving import default_folder

from ..badserver import reply
from .case import FILE, Act, Case, Options, Stage
from .server import saying

CONTENT = b"content"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
_STRANGER = 65534

_NAMES: Dict[str, str] = {
    "climbs": "../../../../escape.txt",
    "climbs with backslashes": "..\\..\\escape.txt",
    "climbs in percent": "%2e%2e%2f%2e%2e%2fescape.txt",
    "is absolute": "/etc/cron.d/escape",
    "has a drive letter": "C:\\Windows\\escape.exe",
    "is a stream of NTFS": "a.txt:stream",
    "is reserved": "CON",
    "is reserved, with an ending": "nul.txt",
    "is a device of Windows": "\\\\.\\PhysicalDrive0",
    "is a UNC path": "\\\\127.0.0.1\\share\\a",
    "has a NUL": "a\0b.txt",
    "has a line feed": "a\nb.txt",
    "turns its direction": "a\u202etxt.exe",
    "has half of a surrogate": "a\ud800.txt",
    "ends in dots and blanks": "a.txt. . .",
    "is dots": "..",
    "is nothing": "",
    "is 100,000 letters": "x" * 100_000,
    "is 100,000 folders": "a/" * 100_000,
    "has an ending of 5,000 letters": "a." + "b" * 5000,
}


def _saved(stage: Stage, path: str) -> bytes:
    """The content of a download, which lies in the folder for its content and nowhere else."""
    local = Path(path)
    folder = (stage.folder / "downloads").resolve()
    assert local.resolve().parent == folder / DIGEST, local
    assert [found for found in stage.folder.rglob("*") if found.is_file()] == [local]
    assert len(local.name.encode()) <= 255
    assert local.name.isprintable() or "\u202e" in local.name
    return local.read_bytes()


def _named(**fields: Any) -> Act:
    def act(stage: Stage) -> Callable[[], Any]:
        # Whatever is asked for, and wherever, is the file.
        server = stage.serve(predict=reply({"data": [{**FILE, **fields}]}))
        server._behaviours = _AnyFile(server._behaviours)
        client = stage.client(server.url, download_files=stage.folder / "downloads")
        return lambda: _saved(stage, client.predict("a", api_name="/direct"))

    return act


class _AnyFile(Dict[str, Any]):
    def get(self, route: str, default: Any = None) -> Any:
        return super().get(route) or saying(CONTENT)


def _names() -> List[Case]:
    rows = []
    for does, name in _NAMES.items():
        ways = {"name": {"orig_name": name}, "path": {"path": f"/srv/{name}"}}
        for field, fields in ways.items():
            rows.append(Case("names", does, field, _named(**fields), CONTENT))
    return rows


# --- the folder

#: Prepares a folder for downloads, and returns what must hold afterwards.
Prepare = Callable[[Path, Stage], Callable[[], None]]


def _nothing_in(folder: Path) -> Callable[[], None]:
    def check() -> None:
        assert list(folder.iterdir()) == []

    return check


def _link(folder: Path, stage: Stage) -> Callable[[], None]:
    elsewhere = stage.folder / "elsewhere"
    elsewhere.mkdir()
    folder.symlink_to(elsewhere)
    return _nothing_in(elsewhere)


def _of_somebody(folder: Path, stage: Stage) -> Callable[[], None]:
    folder.mkdir(mode=0o777)
    real = os.fstat

    def of_stranger(result: os.stat_result) -> os.stat_result:
        return os.stat_result([*result[:4], _STRANGER, *result[5:]])

    try:
        os.chown(folder, _STRANGER, _STRANGER)
    except PermissionError:  # only root can: everything is somebody else's
        stage.stack.enter_context(mock.patch("os.fstat", lambda fd: of_stranger(real(fd))))
    return _nothing_in(folder)


def _writable(mode: int) -> Prepare:
    def prepare(folder: Path, stage: Stage) -> Callable[[], None]:
        folder.mkdir()
        folder.chmod(mode)
        return _nothing_in(folder)

    return prepare


def _file(folder: Path, stage: Stage) -> Callable[[], None]:
    folder.write_bytes(b"")
    return lambda: None


def _link_below(folder: Path, stage: Stage) -> Callable[[], None]:
    folder.mkdir(mode=0o700)
    elsewhere = stage.folder / "elsewhere"
    elsewhere.mkdir()
    (folder / DIGEST).symlink_to(elsewhere)
    return _nothing_in(elsewhere)


def _link_to_file(folder: Path, stage: Stage) -> Callable[[], None]:
    (folder / DIGEST).mkdir(parents=True)
    folder.chmod(0o700)
    target = stage.folder / "target"
    target.write_bytes(b"mine")
    (folder / DIGEST / "a.bin").symlink_to(target)

    def check() -> None:
        assert target.read_bytes() == b"mine"
        assert not (folder / DIGEST / "a.bin").is_symlink()

    return check


def _pipe(folder: Path, stage: Stage) -> Callable[[], None]:
    (folder / DIGEST).mkdir(parents=True)
    folder.chmod(0o700)
    os.mkfifo(folder / DIGEST / "a.bin")
    return lambda: None


def _other_content(folder: Path, stage: Stage) -> Callable[[], None]:
    (folder / DIGEST).mkdir(parents=True)
    folder.chmod(0o700)
    (folder / DIGEST / "a.bin").write_bytes(b"another")
    return lambda: None


def _folder_below(folder: Path, stage: Stage) -> Callable[[], None]:
    (folder / DIGEST / "a.bin").mkdir(parents=True)
    folder.chmod(0o700)
    return lambda: None


def _prepared(prepare: Prepare, named: bool) -> Act:
    """The folder is the user's own temporary one, or one that the caller names."""

    def act(stage: Stage) -> Callable[[], Any]:
        bare = {name: value for name, value in os.environ.items() if name != "GRADIO_TEMP_DIR"}
        stage.stack.enter_context(mock.patch.dict(os.environ, bare, clear=True))
        stage.stack.enter_context(mock.patch.object(tempfile, "tempdir", str(stage.folder)))
        folder = stage.folder / "named" if named else Path(default_folder())
        stage.then(prepare(folder, stage))
        options: Options = {"download_files": folder if named else str(folder)}
        server = stage.serve(predict=reply({"data": [FILE]}), **{"a.bin": saying(CONTENT)})

        def call() -> bytes:
            client = stage.client(server.url, **options)
            return Path(client.predict("a", api_name="/direct")).read_bytes()

        return call

    return act


def _folders() -> List[Case]:
    own: Dict[str, Any] = {
        "is a link": (_link, FolderError, "it is a link"),
        "belongs to another user": (_of_somebody, FolderError, "it belongs to another user"),
        "is writable for all": (_writable(0o777), FolderError, "other users can write to it"),
        "is writable for its group": (_writable(0o770), FolderError, "other users can write to it"),
        "is a file": (_file, FolderError, ""),
    }
    either: Dict[str, Any] = {
        "has a link for a folder": (_link_below, FolderError, "it is a link, or no folder"),
        "has a link for the file": (_link_to_file, CONTENT, ""),
        "has a pipe for the file": (_pipe, CONTENT, ""),
        "has other content": (_other_content, CONTENT, ""),
        "has a folder for the file": (_folder_below, FolderError, ""),
    }
    rows = [
        Case("folders", does, "the user's own", _prepared(prepare, False), ends, text)
        for does, (prepare, ends, text) in {**own, **either}.items()
    ]
    return rows + [
        Case("folders", does, "a named one", _prepared(prepare, True), ends, text)
        for does, (prepare, ends, text) in either.items()
    ]


CASES = [*_names(), *_folders()]
