"""Places: where a copy of this package is, or goes, as a folder or a zip.

What others have put beside a copy's files stays there. In a folder it is not even read.
"""

from __future__ import annotations

import os
import shutil
from typing import AbstractSet, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Union

from ..errors import VendoringError
from .parcel import MANIFEST, NEW, Manifest, Parcel, digest, is_left_out, read_manifest

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date a zip can tell


class Found(NamedTuple):
    """What is at a place.

    Args:
        manifest: of the copy; None when there is none.
        names: the paths of all files but the manifest, below the copy's folder with `/`.
        read: gives the content of one.
    """

    manifest: Optional[Manifest]
    names: AbstractSet[str]
    read: Callable[[str], bytes]

    @property
    def listed(self) -> Mapping[str, str]:
        """The files that the manifest lists, with their digests."""
        return self.manifest.files if self.manifest else {}

    def changed(self) -> List[str]:
        """The files that are not as the manifest lists them."""
        known = sorted(self.names & self.listed.keys())
        return [path for path in known if digest(self.read(path)) != self.listed[path]]

    def in_the_way(self, parcel: Parcel) -> List[str]:
        """The files an update would overwrite or remove, but which no copy has made.

        Those that are already as in the parcel were written by an update that did not come to its end.
        """
        return [
            path
            for path in sorted(self.names & (self.listed.keys() | parcel.files.keys()))
            if (content := self.read(path)) != parcel.files.get(path)
            and digest(content) != self.listed.get(path)
        ]


class Folder:
    """A copy as a folder."""

    def __init__(self, path: str, name: str) -> None:
        self.path = path
        self._name = name

    def find(self) -> Found:
        """What is there.

        Raises:
            VendoringError: a file, or a damaged manifest.
            OSError: it cannot be read.
        """
        names = set(self._names())
        manifest = read_manifest(self._read(MANIFEST)) if MANIFEST in names else None
        return Found(manifest, names - {MANIFEST}, self._read)

    def write(self, parcel: Parcel, found: Found) -> None:
        """Make the copy, or bring the one that was found up to date."""
        # First, since a new file may have the name of an old folder, or of an old file but for upper case.
        for path in sorted(found.listed.keys() - parcel.files.keys()):
            self._remove(path)
        for path, content in parcel.files.items():
            if path not in found.names or found.read(path) != content:
                self._put(path, content)
        self._put(MANIFEST, parcel.manifest(self._name))  # last: until then the update can be repeated

    def _names(self) -> Iterator[str]:
        if not os.path.isdir(self.path):
            if os.path.lexists(self.path):
                raise VendoringError(f"{self.path} is no folder.")
            return
        # Links are followed as reading and writing follow them.
        for folder, folders, names in os.walk(self.path, followlinks=True):
            folders[:] = [inner for inner in folders if not is_left_out(inner)]
            below = os.path.relpath(folder, self.path).replace(os.sep, "/")
            yield from (
                name if below == "." else f"{below}/{name}" for name in names if not is_left_out(name)
            )

    def _read(self, path: str) -> bytes:
        with open(self._target(path), "rb") as file:
            return file.read()

    def _target(self, path: str) -> str:
        return os.path.join(self.path, *path.split("/"))

    def _put(self, path: str, content: bytes) -> None:
        target = self._target(path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        _replace(target, content, self._target(NEW))

    def _remove(self, path: str) -> None:
        """Remove a file, and the folders that only interpreters have put something into."""
        target = self._target(path)
        if os.path.isfile(target) or os.path.islink(target):
            os.remove(target)
        folder = os.path.dirname(target)
        while folder != self.path and os.path.isdir(folder) and not os.path.islink(folder):
            if not all(is_left_out(name) for name in os.listdir(folder)):
                return
            shutil.rmtree(folder)
            folder = os.path.dirname(folder)


class Zip:
    """A copy as a zip, in a folder of its name."""

    def __init__(self, path: str, name: str) -> None:
        self.path = path
        self._name = name

    def find(self) -> Found:
        """What is there; what is beside the folder has a path that begins with `../`.

        Raises:
            VendoringError: no zip, a damaged one, or a damaged manifest.
            OSError: it cannot be read.
        """
        files = self._files() if os.path.lexists(self.path) else {}
        content = files.pop(MANIFEST, None)
        manifest = None if content is None else read_manifest(content)
        return Found(manifest, files.keys(), files.__getitem__)

    def write(self, parcel: Parcel, found: Found) -> None:
        """Make the copy, or bring the one that was found up to date."""
        import posixpath

        kept = {path: found.read(path) for path in found.names - found.listed.keys()}
        files = {**kept, **parcel.files, MANIFEST: parcel.manifest(self._name)}
        named = {posixpath.normpath(f"{self._name}/{path}"): content for path, content in files.items()}
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        # The number makes it a file that nobody else can have.
        _replace(self.path, zip_of(named), f"{self.path}.{os.getpid()}.new")

    def _files(self) -> Dict[str, bytes]:
        import zipfile
        import zlib

        files: Dict[str, bytes] = {}
        try:
            with zipfile.ZipFile(self.path) as archive:
                for info in archive.infolist():
                    folder, _, path = info.filename.partition("/")
                    if not info.is_dir():
                        name = path if folder == self._name and path else f"../{info.filename}"
                        files[name] = archive.read(info)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as exc:
            raise VendoringError(f"{self.path} is no zip, or is damaged ({exc}). Remove it.") from exc
        return files


def place_of(folder: Union[str, os.PathLike[str]], name: str, zipped: bool) -> Union[Folder, Zip]:
    """Where a copy called `name` is in a folder."""
    path = os.path.join(os.path.abspath(folder), name)
    return Zip(f"{path}.zip", name) if zipped else Folder(path, name)


def zip_of(files: Mapping[str, bytes]) -> bytes:
    """A zip of these files, by their paths: always the same bytes for the same files."""
    import io
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(files):
            info = zipfile.ZipInfo(path, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3  # else it would tell Windows from other systems
            info.external_attr = 0o100644 << 16
            archive.writestr(info, files[path])
    return buffer.getvalue()


def _replace(path: str, content: bytes, beside: str) -> None:
    """Write a file so that it is never seen half written."""
    try:
        with open(beside, "wb") as file:
            file.write(content)
        os.replace(beside, path)
    except BaseException:
        if os.path.lexists(beside):
            os.remove(beside)
        raise
