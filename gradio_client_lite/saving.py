"""Saving: a download on its way to its place on disk."""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Iterator

from .errors import FolderError

_CHUNK = 1 << 20


class Savings:
    """A folder for downloads.

    Args:
        folder: absolute; made when the first one comes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def new(self) -> Iterator[Saving]:
        """A file under a temporary name, which is gone after the block unless it was kept.

        Raises:
            FolderError: it cannot be made.
        """
        path = self._folder / f".download-{secrets.token_hex(8)}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = path.open("x+b", buffering=0)
        except OSError as exc:
            raise _failed(self._folder, exc) from exc
        try:
            with file:
                saving = Saving(self._folder, path, file)
                yield saving
        finally:
            with suppress(OSError):  # it was kept
                path.unlink()


class Saving:
    """One file being saved; made by `Savings.new`.

    Attributes:
        size: how many bytes there are.
    """

    def __init__(self, folder: Path, path: Path, file: IO[bytes]) -> None:
        self._folder = folder
        self._path = path
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
            raise _failed(self._folder, exc) from exc
        self._digest.update(data)
        self.size += len(data)

    def restart(self) -> None:
        """Forget what was written."""
        try:
            self._file.seek(0)
            self._file.truncate()
        except OSError as exc:
            raise _failed(self._folder, exc) from exc
        self._digest = hashlib.sha256()
        self.size = 0

    def text(self) -> str:
        """What was written, as UTF-8; what is invalid is replaced.

        Raises:
            FolderError: it cannot be read back.
        """
        try:
            self._file.seek(0)
            return self._file.read().decode("utf-8", "replace")
        except OSError as exc:
            raise _failed(self._folder, exc) from exc

    def keep(self, name: str) -> str:
        """Move the file to `<folder>/<sha256 of the content>/<name>` and return that path, resolved.

        An identical file that is there already stays as it is.

        Args:
            name: one harmless path component; where the locale is no Unicode one, letters that file names
                cannot have become "_".
        """
        place = self._folder / self._digest.hexdigest()
        target = place / _expressible(name)
        try:
            self._file.close()
            place.mkdir(exist_ok=True)
            try:
                if not self._is_at(target):
                    os.replace(self._path, target)
            except OSError:
                # Windows: another process has just put it there and still reads it.
                if not self._is_at(target):
                    with suppress(OSError):
                        place.rmdir()
                    raise
            return str(target.resolve())
        except OSError as exc:
            raise _failed(self._folder, exc) from exc

    def _is_at(self, target: Path) -> bool:
        """Whether the file at `target` has this content."""
        if not target.is_file() or target.stat().st_size != self.size:
            return False
        digest = hashlib.sha256()
        with target.open("rb", buffering=0) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        return digest.digest() == self._digest.digest()


def _expressible(name: str) -> str:
    encoding = sys.getfilesystemencoding()
    return name.encode(encoding, "replace").decode(encoding).replace("?", "_")


def _failed(folder: Path, exc: OSError) -> FolderError:
    reason = exc.strerror or type(exc).__name__
    return FolderError(f"A download cannot be saved in {folder}: {reason}.")
