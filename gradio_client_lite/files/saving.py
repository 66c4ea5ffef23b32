"""The folder for downloads, and one download on its way to `<folder>/<sha256 of its content>/<name>`.

    DownloadFolder.new() -> Saving.write(), restart() -> Saving.keep(name)
    .download-<random>, opened with O_EXCL               renamed to <sha256>/<name>

A folder below the system's temporary one is shared with the other users of the machine, and so may be one
that the caller names. Nobody who can write there may lead a download elsewhere or give it another content:

- The folder is opened once, and all below it is named from its descriptor, so what is put in its place
  afterwards does not count.
- Nothing below it may be a link. The file is renamed into its place, so a link there is replaced.
- The user's own folder in the temporary one is made with mode 0700. It is refused if it is a link, belongs
  to somebody else or can be written to by others, who may have made it first.
- A file that is there already stays if it has the same content, since the caller may be reading it. In the
  user's own folder it must belong to the user too: another owner could change it later.

Windows has no such descriptors. There everything is named by path and looked at for links before; nobody else
gets into the user's temporary folder there.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import secrets
import stat
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Iterator, Optional, Tuple, Union

from ..errors import FolderError
from .handle import PathSource, read_chunks

_CHUNK = 1 << 20
#: Whether files can be named from the descriptor of a folder.
_HELD = {os.mkdir, os.open, os.rename, os.rmdir, os.stat, os.unlink} <= os.supports_dir_fd
# A link is not followed, and opening a pipe does not wait for its other end.
_CAREFUL = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def default_folder() -> str:
    """Where downloads go: the environment variable GRADIO_TEMP_DIR, else the user's own temporary folder."""
    return os.environ.get("GRADIO_TEMP_DIR") or _own_folder()


def _own_folder() -> str:
    import tempfile

    return os.path.join(tempfile.gettempdir(), _own_name())


def _own_name() -> str:
    # On Windows each user has a temporary folder.
    return f"gradio-{os.geteuid()}" if hasattr(os, "geteuid") else "gradio"


class OpenFolder:
    """A folder that is held open, where the system can do that.

    Args:
        path: its path, for error texts and for systems that go by paths.
        number: its file descriptor; None where the system goes by paths.
    """

    def __init__(self, path: str, number: Optional[int]) -> None:
        self.path = path
        self.number = number

    @classmethod
    def open(cls, path: str, *, within: Optional[OpenFolder] = None, follow: bool = False) -> OpenFolder:
        """Open a folder that exists, by its name in `within`, where that is given.

        It may be a link only if it is to `follow`.
        """
        full = path if within is None else os.path.join(within.path, path)
        if not _HELD:
            if not follow and _is_link(os.lstat(full)):
                raise NotADirectoryError(errno.ENOTDIR, "it is a link")
            return cls(full, None)
        flags = os.O_RDONLY | os.O_DIRECTORY | (0 if follow else os.O_NOFOLLOW)
        return cls(full, os.open(path, flags, dir_fd=None if within is None else within.number))

    def at(self, name: str) -> str:
        """Name a file in it, for a call with `number` as `dir_fd`."""
        return name if self.number is not None else os.path.join(self.path, name)

    def __enter__(self) -> OpenFolder:
        return self

    def __exit__(self, *_: object) -> None:
        if self.number is not None:
            os.close(self.number)


class SavedSource(PathSource):
    """A download that is sent to another app, but no link that somebody has put in its place since."""

    def _open(self) -> IO[bytes]:
        place, name = os.path.split(self.path)
        with OpenFolder.open(place) as folder:
            if not _HELD and _is_link(os.lstat(self.path)):
                raise OSError(errno.ELOOP, "it is a link")
            return open(os.open(folder.at(name), os.O_RDONLY | _CAREFUL, dir_fd=folder.number), "rb", 0)


class DownloadFolder:
    """A folder for downloads; it is made when the first one comes.

    It and its files raise FolderError: nothing can be saved there, or somebody has changed what is there.

    Args:
        folder: its path; a relative one counts from the present folder.
    """

    def __init__(self, folder: Union[str, os.PathLike[str]]) -> None:
        self._path = path = _checked(folder)
        # Whether it is the user's own below the temporary folder. One that the caller has chosen may be a
        # link, and others may write to it.
        self._private = (
            not os.environ.get("GRADIO_TEMP_DIR") and path.name == _own_name() and str(path) == _own_folder()
        )

    @contextmanager
    def new(self) -> Iterator[Saving]:
        """Give a file under a temporary name, which is removed after the block unless it was kept."""
        with self._open() as folder:
            name = f".download-{secrets.token_hex(8)}"
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _CAREFUL
            with _failing(folder):
                number = os.open(folder.at(name), flags, 0o666, dir_fd=folder.number)
            try:
                with open(number, "r+b", buffering=0) as file:
                    yield Saving(folder, self._private, name, file)
            finally:
                with suppress(OSError):  # it was kept
                    os.unlink(folder.at(name), dir_fd=folder.number)

    def _open(self) -> OpenFolder:
        try:
            if self._private:
                with suppress(FileExistsError):
                    os.mkdir(self._path, 0o700)
            else:
                self._path.mkdir(parents=True, exist_ok=True)
            folder = OpenFolder.open(str(self._path), follow=not self._private)
        except OSError as exc:
            if exc.errno in (errno.ENOTDIR, errno.ELOOP):
                raise _unsafe(self._path, "it is a link, or no folder") from exc
            raise _failed(self._path, exc) from exc
        if self._private and hasattr(os, "geteuid"):
            found = os.stat(folder.path if folder.number is None else folder.number)
            foreign = found.st_uid != os.geteuid()
            if foreign or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                with folder:
                    why = "it belongs to another user" if foreign else "other users can write to it"
                    raise _unsafe(folder.path, why)
        return folder


def _checked(folder: Union[str, os.PathLike[str]]) -> Path:
    """Make a path absolute; refuse it if it is plain now that nothing can be saved there."""
    try:
        if "\0" in os.fspath(folder):
            raise TypeError("a null character")
        path = Path(folder).absolute()
        if path.exists() and not path.is_dir():
            raise FolderError(f"Path: {folder} is not a directory.")
        there = next(parent for parent in (path, *path.parents) if parent.exists())
        writable = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    except (OSError, TypeError) as exc:
        raise FolderError(
            f"download_files must be the path of a folder, or False; it is {folder!r}."
        ) from exc
    if not writable:
        raise FolderError(
            f"Nothing can be saved in {folder}: {there} cannot be written to. Pass another folder as "
            "download_files, or False."
        )
    return path


class Saving:
    """One file that is being saved; made by `DownloadFolder.new`.

    Args:
        folder: where it is, and goes to.
        private: whether files that are kept there must belong to the user.
        name: its temporary name.
        file: it, open.

    Attributes:
        size: how many bytes were written.
    """

    def __init__(self, folder: OpenFolder, private: bool, name: str, file: io.FileIO) -> None:
        self._folder = folder
        self._private = private
        self._name = name
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        """Append."""
        view = memoryview(data)
        with _failing(self._folder):
            while view:
                view = view[self._file.write(view) :]
        self._digest.update(data)
        self.size += len(data)

    def restart(self) -> None:
        """Drop what was written."""
        with _failing(self._folder):
            self._file.seek(0)
            self._file.truncate()
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def digest(self) -> bytes:
        """The SHA-256 of what was written."""
        return self._digest.digest()

    def ends(self) -> Tuple[bytes, bytes]:
        """Read the first and the last twelve bytes."""
        with _failing(self._folder):
            self._file.seek(0)
            first = self._file.read(12)
            self._file.seek(max(0, self.size - 12))
            return first, self._file.read(12)

    def lines(self) -> Iterator[str]:
        """Read what was written, line by line, as UTF-8; what is invalid is replaced."""
        reader = io.BufferedReader(self._file)
        try:
            with _failing(self._folder):
                reader.seek(0)
                for line in reader:
                    yield from line.decode("utf-8", "replace").splitlines()
        finally:
            reader.detach()

    def keep(self, name: str) -> str:
        """Move the file to `<folder>/<sha256 of the content>/<name>` and return that path, resolved.

        Args:
            name: one harmless path component. What the locale cannot express in it becomes "_".
        """
        encoding = sys.getfilesystemencoding()
        name = name.encode(encoding, "replace").decode(encoding).replace("?", "_")
        folder, digest = self._folder, self._digest.hexdigest()
        with _failing(folder):
            self._file.close()
            with suppress(FileExistsError):
                os.mkdir(folder.at(digest), dir_fd=folder.number)
            try:
                target = OpenFolder.open(digest, within=folder)
            except OSError as exc:
                raise _unsafe(os.path.join(folder.path, digest), "it is a link, or no folder") from exc
            with target:
                try:
                    if not self._is_in(target, name):
                        old, new = folder.at(self._name), target.at(name)
                        os.replace(old, new, src_dir_fd=folder.number, dst_dir_fd=target.number)
                except OSError:
                    # Windows: another process has put it there in between, and still reads it.
                    if not self._is_in(target, name):
                        with suppress(OSError):  # it holds other files
                            os.rmdir(folder.at(digest), dir_fd=folder.number)
                        raise
            return os.path.join(os.path.realpath(folder.path), digest, name)

    def _is_in(self, folder: OpenFolder, name: str) -> bool:
        """Whether a folder has a file of this name and content that may stay."""
        try:
            # Not opened before it is known to be a file: opening may have effects where it is none.
            if not self._may_stay(os.stat(folder.at(name), dir_fd=folder.number, follow_symlinks=False)):
                return False
            number = os.open(folder.at(name), os.O_RDONLY | _CAREFUL, dir_fd=folder.number)
        except OSError:
            return False
        digest = hashlib.sha256()
        with open(number, "rb", buffering=0) as file:
            if not self._may_stay(os.fstat(number)):  # another one has taken its place
                return False
            for chunk in read_chunks(file.read, _CHUNK):
                digest.update(chunk)
        return digest.digest() == self.digest

    def _may_stay(self, found: os.stat_result) -> bool:
        ours = not self._private or not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
        return ours and stat.S_ISREG(found.st_mode) and not _is_link(found) and found.st_size == self.size


def _is_link(found: os.stat_result) -> bool:
    """Whether this is a link; on Windows also what else leads elsewhere, such as a junction."""
    reparse = getattr(stat, "FILE_ATTRIBUTE_REPARSE_POINT", 0)
    return stat.S_ISLNK(found.st_mode) or bool(getattr(found, "st_file_attributes", 0) & reparse)


@contextmanager
def _failing(folder: OpenFolder) -> Iterator[None]:
    """Raise FolderError for what the system refuses."""
    try:
        yield
    except OSError as exc:
        raise _failed(folder.path, exc) from exc


def _failed(folder: Union[str, Path], exc: OSError) -> FolderError:
    return FolderError(f"A download cannot be saved in {folder}: {exc.strerror or type(exc).__name__}.")


def _unsafe(place: Union[str, Path], why: str) -> FolderError:
    return FolderError(
        f"Downloads cannot be saved in {place}: {why}. Remove it. Pass another folder as download_files, or "
        "set GRADIO_TEMP_DIR."
    )
