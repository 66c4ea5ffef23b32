"""Saving: a download on its way to its place on disk."""

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
from typing import Iterator, Optional, Tuple, Union

from ..errors import FolderError

_CHUNK = 1 << 20
#: Whether files can be named from a folder that is held open, so that nothing put in place of it counts.
_HELD = {os.mkdir, os.open, os.rename, os.rmdir, os.stat, os.unlink} <= os.supports_dir_fd
# Nothing is followed, and no reader of a pipe waited for.
_CAREFUL = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_ADVICE = "Pass another folder as download_files, or set GRADIO_TEMP_DIR."


def own_folder_name() -> str:
    """What this user's folder for downloads is called: there may be others on this machine.

    On Windows it is in a temporary folder that is the user's own already.
    """
    return f"gradio-{os.geteuid()}" if hasattr(os, "geteuid") else "gradio"


def own_folder() -> str:
    """This user's folder for downloads, in the system's temporary one; it need not exist."""
    import tempfile

    return os.path.join(tempfile.gettempdir(), own_folder_name())


class Folder:
    """A folder that is held open, where the system can do that.

    Args:
        path: what it is called.
        number: its file descriptor; None where it is only a path.

    Attributes:
        private: whether what is in it must be this user's.
    """

    def __init__(self, path: str, number: Optional[int]) -> None:
        self.path = path
        self.number = number
        self.private = False

    @classmethod
    def open(cls, path: str, *, within: Optional[Folder] = None, follow: bool = False) -> Folder:
        """Open a folder that exists.

        Args:
            path: where it is; a name in `within`, where that is given.
            within: a folder that is open.
            follow: whether it may be a link.

        Raises:
            OSError: it is none, or a link.
        """
        full = path if within is None else os.path.join(within.path, path)
        if not _HELD:
            if not follow and _is_link(os.lstat(full)):
                raise NotADirectoryError(20, "it is a link")
            return cls(full, None)
        flags = os.O_RDONLY | os.O_DIRECTORY | (0 if follow else os.O_NOFOLLOW)
        if within is None:
            return cls(full, os.open(full, flags))
        return cls(full, os.open(path, flags, dir_fd=within.number))

    def at(self, name: str) -> str:
        """What to call a file in it, together with `number` as `dir_fd`."""
        return name if self.number is not None else os.path.join(self.path, name)

    def close(self) -> None:
        """Let it go."""
        if self.number is not None:
            os.close(self.number)

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_saved(path: str) -> int:
    """Open a file that was kept here, for reading, and return its number.

    Raises:
        OSError: it cannot be opened, or a link has been put in its place or in that of its folder.
    """
    place, name = os.path.split(path)
    with Folder.open(place) as folder:
        if not _HELD and _is_link(os.lstat(path)):
            raise OSError(errno.ELOOP, "it is a link")
        return os.open(folder.at(name), os.O_RDONLY | _CAREFUL, dir_fd=folder.number)


class Savings:
    """A folder for downloads.

    Args:
        folder: absolute; made when the first one comes.
        private: whether it must be this user's alone: it is made so, and what somebody else has made or may
            write to is refused. A folder that the caller chose may be a link and may be shared; what lies in
            it under names of ours may be no link all the same.
    """

    def __init__(self, folder: Path, *, private: bool = False) -> None:
        self._folder = folder
        self._private = private

    @contextmanager
    def new(self) -> Iterator[Saving]:
        """A file under a temporary name, which is gone after the block unless it was kept.

        Raises:
            FolderError: it cannot be made, or the folder is not safe.
        """
        with self._open() as folder:
            name = f".download-{secrets.token_hex(8)}"
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _CAREFUL
            try:
                number = os.open(folder.at(name), flags, 0o666, dir_fd=folder.number)
            except OSError as exc:
                raise _failed(self._folder, exc) from exc
            try:
                with open(number, "r+b", buffering=0) as file:
                    yield Saving(folder, name, file)
            finally:
                with suppress(OSError):  # it was kept
                    os.unlink(folder.at(name), dir_fd=folder.number)

    def _open(self) -> Folder:
        try:
            if self._private:
                with suppress(FileExistsError):
                    os.mkdir(self._folder, 0o700)
            else:
                self._folder.mkdir(parents=True, exist_ok=True)
            folder = Folder.open(str(self._folder), follow=not self._private)
        except NotADirectoryError as exc:
            raise _unsafe(self._folder, "it is a link, or no folder") from exc
        except OSError as exc:
            if self._private and os.path.islink(self._folder):
                raise _unsafe(self._folder, "it is a link") from exc
            raise _failed(self._folder, exc) from exc
        folder.private = self._private
        try:
            if self._private:
                _check_own(folder)
        except BaseException:
            folder.close()
            raise
        return folder


def _check_own(folder: Folder) -> None:
    """Refuse a folder that others have made, or may put something into."""
    found = os.stat(folder.path if folder.number is None else folder.number)
    if not hasattr(os, "geteuid"):
        return  # Windows: nobody else gets at the user's temporary folder
    if found.st_uid != os.geteuid():
        raise _unsafe(folder.path, "it belongs to another user")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise _unsafe(folder.path, "other users can write to it")


class Saving:
    """One file being saved; made by `Savings.new`.

    Args:
        folder: where it is, and goes to.
        name: what it is called for the time being.
        file: it, open.

    Attributes:
        size: how many bytes there are.
    """

    def __init__(self, folder: Folder, name: str, file: io.FileIO) -> None:
        self._folder = folder
        self._name = name
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        """Append.

        Raises:
            FolderError: there is no room, or the folder has gone.
        """
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as exc:
            raise _failed(self._folder.path, exc) from exc
        self._digest.update(data)
        self.size += len(data)

    @property
    def digest(self) -> bytes:
        """Of what was written so far."""
        return self._digest.digest()

    def ends(self) -> Tuple[bytes, bytes]:
        """The first and the last twelve bytes.

        Raises:
            FolderError: they cannot be read back.
        """
        try:
            self._file.seek(0)
            first = self._file.read(12)
            self._file.seek(max(0, self.size - 12))
            return first, self._file.read(12)
        except OSError as exc:
            raise _failed(self._folder.path, exc) from exc

    def restart(self) -> None:
        """Forget what was written."""
        try:
            self._file.seek(0)
            self._file.truncate()
        except OSError as exc:
            raise _failed(self._folder.path, exc) from exc
        self._digest = hashlib.sha256()
        self.size = 0

    def lines(self) -> Iterator[str]:
        """What was written, line by line, as UTF-8; what is invalid is replaced.

        Raises:
            FolderError: it cannot be read back.
        """
        reader = io.BufferedReader(self._file)
        try:
            reader.seek(0)
            for line in reader:
                yield from line.decode("utf-8", "replace").splitlines()
        except OSError as exc:
            raise _failed(self._folder.path, exc) from exc
        finally:
            reader.detach()

    def keep(self, name: str) -> str:
        """Move the file to `<folder>/<sha256 of the content>/<name>` and return that path, resolved.

        An identical file that is there already stays as it is. Links there are not followed.

        Args:
            name: one harmless path component; where the locale is no Unicode one, letters that file names
                cannot have become "_".

        Raises:
            FolderError: it cannot be moved there, or a link is in the way.
        """
        name, digest, folder = _expressible(name), self._digest.hexdigest(), self._folder
        try:
            self._file.close()
            with suppress(FileExistsError):
                os.mkdir(folder.at(digest), dir_fd=folder.number)
            with self._open_place(digest) as place:
                self._move(place, name)
            return os.path.join(os.path.realpath(folder.path), digest, name)
        except OSError as exc:
            raise _failed(folder.path, exc) from exc

    def _open_place(self, digest: str) -> Folder:
        try:
            return Folder.open(digest, within=self._folder)
        except OSError as exc:
            raise _unsafe(os.path.join(self._folder.path, digest), "it is a link, or no folder") from exc

    def _move(self, place: Folder, name: str) -> None:
        folder = self._folder
        try:
            if not self._is_at(place, name):
                old, new = folder.at(self._name), place.at(name)
                os.replace(old, new, src_dir_fd=folder.number, dst_dir_fd=place.number)
        except OSError:
            # Windows: another process has just put it there and still reads it.
            if not self._is_at(place, name):
                with suppress(OSError):
                    os.rmdir(folder.at(os.path.basename(place.path)), dir_fd=folder.number)
                raise

    def _is_at(self, place: Folder, name: str) -> bool:
        """Whether a file of this content is there already: no link to one, and in a private folder ours."""
        try:
            if not self._counts(os.stat(place.at(name), dir_fd=place.number, follow_symlinks=False)):
                return False
            number = os.open(place.at(name), os.O_RDONLY | _CAREFUL, dir_fd=place.number)
        except OSError:
            return False
        digest = hashlib.sha256()
        with open(number, "rb", buffering=0) as file:
            if not self._counts(os.fstat(number)):  # another one has taken its place
                return False
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        return digest.digest() == self._digest.digest()

    def _counts(self, found: os.stat_result) -> bool:
        ours = not self._folder.private or not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
        return ours and stat.S_ISREG(found.st_mode) and not _is_link(found) and found.st_size == self.size


def _is_link(found: os.stat_result) -> bool:
    """Whether this is a link; on Windows also what else leads elsewhere, such as a junction."""
    reparse = getattr(stat, "FILE_ATTRIBUTE_REPARSE_POINT", 0)
    return stat.S_ISLNK(found.st_mode) or bool(getattr(found, "st_file_attributes", 0) & reparse)


def _expressible(name: str) -> str:
    encoding = sys.getfilesystemencoding()
    return name.encode(encoding, "replace").decode(encoding).replace("?", "_")


def _unsafe(place: Union[str, Path], why: str) -> FolderError:
    return FolderError(f"Downloads cannot be saved in {place}: {why}. Remove it. {_ADVICE}")


def _failed(folder: Union[str, Path], exc: OSError) -> FolderError:
    reason = exc.strerror or type(exc).__name__
    return FolderError(f"A download cannot be saved in {folder}: {reason}.")
