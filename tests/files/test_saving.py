"""The folder for downloads: the user's own, and what somebody else may have put there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from app_of import app_of, files_of
from transport.peers import PeerServer, always

from gradio_client_lite.errors import FolderError
from gradio_client_lite.files.downloads import Downloads
from gradio_client_lite.files.saving import DownloadFolder, default_folder
from gradio_client_lite.generations import locate
from gradio_client_lite.transport.http import Transport

CONTENT = b"content"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
STRANGER = 65534
FILE = {"path": "/srv/a.txt", "meta": {"_type": "gradio.FileData"}}


@pytest.fixture
def tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's temporary folder."""
    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def own(tmp: Path) -> Path:
    """The user's own folder in it, which does not exist yet."""
    return Path(default_folder())


@pytest.fixture
def download() -> Iterator[Callable[..., Path]]:
    """Download a file of CONTENT to a folder, as a client does."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(PeerServer(always(CONTENT)))

        def run(folder: Any) -> Path:
            with contextlib.closing(Transport(base_url=server.url, trust_env=False)) as transport:
                app = app_of(transport, server.url)
                return Path(files_of(Downloads(app, folder, locate)).fetch([FILE])[0])

        yield run


def give(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have it belong to another user; to oneself as another one, where only root could do it."""
    try:
        os.chown(path, STRANGER, STRANGER, follow_symlinks=False)
    except PermissionError:
        monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
        path.rename(default_folder())


# --- the user's own


def test_users_of_a_machine_have_folders_of_their_own(tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = set()
    for user in (1000, 1001):
        monkeypatch.setattr(os, "geteuid", lambda user=user: user)
        folders.add(default_folder())
    assert folders == {str(tmp / "gradio-1000"), str(tmp / "gradio-1001")}


def test_the_folder_is_made_for_its_user_alone(own: Path, download: Any) -> None:
    before = os.umask(0)
    try:
        path = download(str(own))
    finally:
        os.umask(before)
    assert path == own.resolve() / DIGEST / "a.txt"
    assert path.read_bytes() == CONTENT
    assert stat.S_IMODE(own.stat().st_mode) == 0o700


def test_it_is_used_again(own: Path, download: Any) -> None:
    first = download(str(own))
    number = first.stat().st_ino
    assert download(str(own)) == first
    assert first.stat().st_ino == number


def test_a_link_is_refused(own: Path, tmp: Path, download: Any) -> None:
    (tmp / "elsewhere").mkdir()
    own.symlink_to(tmp / "elsewhere")
    with pytest.raises(FolderError, match=r"it is a link.*Pass another folder as download_files"):
        download(str(own))
    assert list((tmp / "elsewhere").iterdir()) == []


def test_a_folder_of_somebody_else_is_refused(
    own: Path, download: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.mkdir(mode=0o777)
    give(own, monkeypatch)
    folder = default_folder()
    with pytest.raises(FolderError, match=r"it belongs to another user.*set GRADIO_TEMP_DIR"):
        download(folder)
    assert list(Path(folder).iterdir()) == []


@pytest.mark.parametrize("mode", [0o770, 0o720, 0o702, 0o777, 0o1777])
def test_a_folder_that_others_can_write_to_is_refused(own: Path, download: Any, mode: int) -> None:
    own.mkdir()
    own.chmod(mode)
    with pytest.raises(FolderError, match="other users can write to it"):
        download(str(own))
    assert list(own.iterdir()) == []


def test_a_file_in_its_place_is_refused(own: Path, download: Any) -> None:
    own.write_bytes(b"")
    with pytest.raises(FolderError):
        download(str(own))


def test_a_file_of_somebody_else_is_replaced(
    own: Path, download: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though it is the same: its owner could change it later."""
    path = download(str(own))
    foreign = path.stat().st_ino
    found = os.stat_result

    def counted(result: os.stat_result) -> os.stat_result:
        return found([*result[:4], STRANGER, *result[5:]]) if stat.S_ISREG(result.st_mode) else result

    real = os.stat
    monkeypatch.setattr(os, "stat", lambda *args, **options: counted(real(*args, **options)))
    assert download(str(own)) == path
    monkeypatch.undo()
    assert path.stat().st_ino != foreign


def test_the_folder_of_the_environment_is_the_users_choice(
    tmp: Path, own: Path, download: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.mkdir()
    own.chmod(0o777)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(own))
    assert download(default_folder()).read_bytes() == CONTENT


# --- one that the caller names


def test_a_folder_that_is_named_is_used_as_it_is(tmp: Path, download: Any) -> None:
    (tmp / "real").mkdir()
    (tmp / "real").chmod(0o777)
    (tmp / "named").symlink_to(tmp / "real")
    assert download(tmp / "named") == (tmp / "real").resolve() / DIGEST / "a.txt"


def test_it_is_made_with_the_folders_above_it(tmp: Path, download: Any) -> None:
    assert download(tmp / "a" / "b").read_bytes() == CONTENT


# --- what lies below, in either


@pytest.fixture(params=["own", "named"])
def folder(request: pytest.FixtureRequest, own: Path, tmp: Path) -> Path:
    """A folder for downloads that is there."""
    path = own if request.param == "own" else tmp / "named"
    path.mkdir(mode=0o700)
    return path


def test_a_link_in_place_of_a_folder_is_not_followed(folder: Path, tmp: Path, download: Any) -> None:
    (tmp / "elsewhere").mkdir()
    (folder / DIGEST).symlink_to(tmp / "elsewhere")
    with pytest.raises(FolderError, match=f"{DIGEST}: it is a link, or no folder. Remove it"):
        download(folder)
    assert list((tmp / "elsewhere").iterdir()) == []
    assert os.listdir(folder) == [DIGEST]


@pytest.mark.parametrize("content", [CONTENT, b"other"])
def test_a_link_in_place_of_a_file_is_replaced(
    folder: Path, tmp: Path, download: Any, content: bytes
) -> None:
    target = tmp / "target"
    target.write_bytes(content)
    (folder / DIGEST).mkdir()
    (folder / DIGEST / "a.txt").symlink_to(target)
    path = download(folder)
    assert not path.is_symlink()
    assert path.read_bytes() == CONTENT
    assert target.read_bytes() == content


def test_a_pipe_in_place_of_a_file_is_not_waited_for(folder: Path, download: Any) -> None:
    (folder / DIGEST).mkdir()
    os.mkfifo(folder / DIGEST / "a.txt")
    assert stat.S_ISREG(download(folder).stat().st_mode)


def test_a_file_in_place_of_a_folder_is_an_error(folder: Path, download: Any) -> None:
    (folder / DIGEST).write_bytes(b"x")
    with pytest.raises(FolderError, match="it is a link, or no folder"):
        download(folder)
    assert os.listdir(folder) == [DIGEST]


def test_a_folder_in_place_of_a_file_is_an_error(folder: Path, download: Any) -> None:
    (folder / DIGEST / "a.txt").mkdir(parents=True)
    with pytest.raises(FolderError):
        download(folder)
    assert os.listdir(folder) == [DIGEST]


def test_a_file_that_takes_the_place_of_a_good_one_is_replaced(
    folder: Path, download: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between looking at it and opening it."""
    path = download(folder)
    real = os.stat

    def exchange(place: Any, **options: Any) -> os.stat_result:
        found = real(place, **options)
        if place == "a.txt":
            path.unlink()
            path.write_bytes(b"something else")
        return found

    monkeypatch.setattr(os, "stat", exchange)
    assert download(folder) == path
    assert path.read_bytes() == CONTENT


def test_a_file_that_another_process_has_just_put_there_stays(
    folder: Path, download: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows it cannot be replaced while somebody reads it."""

    def replace(old: str, new: str, **options: Any) -> None:
        (folder / DIGEST / new).write_bytes(CONTENT)
        raise PermissionError("it is open")

    monkeypatch.setattr(os, "replace", replace)
    assert download(folder).read_bytes() == CONTENT


def test_nothing_is_left_open(folder: Path) -> None:
    def save() -> None:
        with DownloadFolder(folder).new() as saving:
            saving.write(CONTENT)
            saving.keep("a.txt")

    before = os.listdir("/dev/fd")
    save()
    (folder / DIGEST / "a.txt").unlink()
    (folder / DIGEST / "a.txt").mkdir()
    with pytest.raises(FolderError):
        save()
    assert os.listdir("/dev/fd") == before


# --- where folders cannot be held open, as on Windows


@pytest.fixture
def by_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradio_client_lite.files.saving._HELD", False)
    monkeypatch.setattr("gradio_client_lite.files.saving._CAREFUL", 0)


@pytest.mark.usefixtures("by_path")
def test_downloads_are_saved_by_path_as_well(folder: Path, download: Any) -> None:
    path = download(folder)
    assert path == folder.resolve() / DIGEST / "a.txt"
    assert download(folder) == path
    assert os.listdir(folder) == [DIGEST]


@pytest.mark.usefixtures("by_path")
def test_a_link_in_place_of_a_file_is_replaced_by_path(folder: Path, tmp: Path, download: Any) -> None:
    (tmp / "target").write_bytes(CONTENT)
    (folder / DIGEST).mkdir()
    (folder / DIGEST / "a.txt").symlink_to(tmp / "target")
    download(folder)
    assert not (folder / DIGEST / "a.txt").is_symlink()


@pytest.mark.usefixtures("by_path")
def test_a_link_in_place_of_a_folder_is_refused_by_path(folder: Path, tmp: Path, download: Any) -> None:
    (tmp / "elsewhere").mkdir()
    (folder / DIGEST).symlink_to(tmp / "elsewhere")
    with pytest.raises(FolderError, match="it is a link"):
        download(folder)
    assert list((tmp / "elsewhere").iterdir()) == []


@pytest.mark.usefixtures("by_path")
def test_a_link_in_place_of_the_users_own_is_refused_by_path(own: Path, tmp: Path, download: Any) -> None:
    (tmp / "elsewhere").mkdir()
    own.symlink_to(tmp / "elsewhere")
    with pytest.raises(FolderError, match="it is a link"):
        download(str(own))
    assert list((tmp / "elsewhere").iterdir()) == []
