"""Copies this package into another program, as a folder or a zip, and tells later whether a copy is sound.

A copy carries a manifest of what it consists of. With it an update removes what is gone, and touches nothing
that somebody has changed since; files of others in the same folder are never touched.
"""

from __future__ import annotations

import keyword
import os
import shutil
from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple, Union

from .errors import ArgumentError, VendoringError
from .parcel import (
    MANIFEST,
    Component,
    Manifest,
    Parcel,
    collect,
    digest,
    is_left_out,
    is_private,
    read_manifest,
)

_Path = Union[str, "os.PathLike[str]"]

_SHOWN = 5
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date a zip can tell


class Copy(NamedTuple):
    """A copy that was made.

    Args:
        path: its folder or zip.
        components: what it consists of, this package first.
        files: how many files it has.
        size: of all of them, in bytes, unpacked.
    """

    path: str
    components: Tuple[Component, ...]
    files: int
    size: int


def vendor(
    destination: _Path,
    *,
    name: Optional[str] = None,
    websocket: bool = True,
    zipped: bool = False,
    force: bool = False,
) -> Copy:
    """Copy this package to `destination`/`name`, or update the copy that is there.

    Args:
        destination: the folder of a program's vendored packages; made if need be.
        name: what the copy is imported as; None takes this package's own name.
        websocket: whether to include websocket-client, which only apps of Gradio 3.x need.
        zipped: make `destination`/`name`.zip instead, to be put on `sys.path`.
        force: overwrite what is there even if it is no copy, or was changed since it was made.

    Returns:
        What was made.

    Raises:
        ArgumentError: `name` is no name of a package.
        VendoringError: there is something that is no copy, or was changed, and `force` is False; or the files
            to copy cannot be had.
        OSError: it cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     copy = vendor(folder, name="client", websocket=False)
        ...     check(folder, name="client") == copy
        True
    """
    name = _checked_name(name)
    parcel = collect(websocket=websocket)
    place = _place(destination, name, zipped)
    place.write(parcel, force)
    return Copy(place.path, parcel.components, len(parcel.files), sum(map(len, parcel.files.values())))


def check(destination: _Path, *, name: Optional[str] = None, zipped: bool = False) -> Copy:
    """Make sure that a copy is intact, and is what `vendor` would make now.

    Args:
        destination, name, zipped: as for `vendor`.

    Returns:
        What is there.

    Raises:
        ArgumentError: `name` is no name of a package.
        VendoringError: there is no copy; or files of it are changed, missing or not its own; or this package
            is another version. It says which.
        OSError: it cannot be read.
    """
    place = _place(destination, _checked_name(name), zipped)
    found = place.read()
    manifest = found.manifest
    if manifest is None:
        raise VendoringError(f"{place.path} is no copy that was made with this command.")
    problems = [
        *_listed("changed", found.changed()),
        *_listed("missing", sorted(manifest.files.keys() - found.files.keys())),
        *_listed("not part of it", sorted(found.files.keys() - manifest.files.keys())),
        *_outdated(manifest),
    ]
    if problems:
        raise VendoringError(f"{place.path} is not as it should be: {'; '.join(problems)}.")
    return Copy(place.path, manifest.components, len(found.files), sum(map(len, found.files.values())))


class _Found(NamedTuple):
    """What is at a place: its manifest, and the files beside it."""

    manifest: Optional[Manifest]
    files: Mapping[str, bytes]

    def changed(self) -> List[str]:
        """The files that are not as the manifest lists them."""
        listed = self.manifest.files if self.manifest else {}
        return [path for path in sorted(self.files) if listed.get(path, "") not in ("", self._digest(path))]

    def in_the_way(self, parcel: Parcel) -> List[str]:
        """The files an update would overwrite or remove, but which no copy has made.

        Those that are already as in the parcel were written by an update that did not come to its end.
        """
        listed = self.manifest.files if self.manifest else {}
        return [
            path
            for path in sorted(self.files.keys() & (listed.keys() | parcel.files.keys()))
            if self.files[path] != parcel.files.get(path) and self._digest(path) != listed.get(path)
        ]

    def _digest(self, path: str) -> str:
        return digest(self.files[path])


class _Folder:
    """A copy as a folder."""

    def __init__(self, path: str, name: str) -> None:
        self.path = path
        self._name = name

    def read(self) -> _Found:
        files = dict(self._files())
        manifest = files.pop(MANIFEST, None)
        return _Found(None if manifest is None else read_manifest(manifest), files)

    def write(self, parcel: Parcel, force: bool) -> None:
        found = self.read()
        if not force:
            _refuse_to_overwrite(self.path, found, parcel)
        for path, content in parcel.files.items():
            if found.files.get(path) != content:
                self._put(path, content)
        gone = (found.manifest.files.keys() if found.manifest else set()) - parcel.files.keys()
        for path in sorted(gone):
            self._remove(path)
        self._put(MANIFEST, parcel.manifest(self._name))  # last: until then the update can be repeated

    def _files(self) -> Iterator[Tuple[str, bytes]]:
        if not os.path.isdir(self.path):
            if os.path.lexists(self.path):
                raise VendoringError(f"{self.path} is no folder.")
            return
        for folder, folders, names in os.walk(self.path):
            folders[:] = [inner for inner in folders if not is_left_out(inner)]
            below = os.path.relpath(folder, self.path).replace(os.sep, "/")
            for name in names:
                if not is_left_out(name):
                    with open(os.path.join(folder, name), "rb") as file:
                        yield name if below == "." else f"{below}/{name}", file.read()

    def _put(self, path: str, content: bytes) -> None:
        target = os.path.join(self.path, *path.split("/"))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        _replace(target, content)

    def _remove(self, path: str) -> None:
        """Remove a file, and the folders that only interpreters have put something into."""
        target = os.path.join(self.path, *path.split("/"))
        if os.path.lexists(target):
            os.remove(target)
        folder = os.path.dirname(target)
        while folder != self.path and os.path.isdir(folder):
            if not all(is_left_out(name) for name in os.listdir(folder)):
                return
            shutil.rmtree(folder)
            folder = os.path.dirname(folder)


class _Zip:
    """A copy as a zip with one folder in it."""

    def __init__(self, path: str, name: str) -> None:
        self.path = path
        self._name = name

    def read(self) -> _Found:
        import zipfile

        files: Dict[str, bytes] = {}
        if not os.path.lexists(self.path):
            return _Found(None, files)
        try:
            with zipfile.ZipFile(self.path) as archive:
                for info in archive.infolist():
                    folder, _, path = info.filename.partition("/")
                    if path and not info.is_dir():
                        files[path if folder == self._name else info.filename] = archive.read(info)
        except zipfile.BadZipFile as exc:
            raise VendoringError(f"{self.path} is no zip, or is damaged ({exc}).") from exc
        manifest = files.pop(MANIFEST, None)
        return _Found(None if manifest is None else read_manifest(manifest), files)

    def write(self, parcel: Parcel, force: bool) -> None:
        if not force:
            _refuse_to_overwrite(self.path, self.read(), parcel)
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        files = {**parcel.files, MANIFEST: parcel.manifest(self._name)}
        _replace(self.path, zip_of({f"{self._name}/{path}": content for path, content in files.items()}))


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


def _place(destination: _Path, name: str, zipped: bool) -> Union[_Folder, _Zip]:
    path = os.path.join(os.path.abspath(destination), name)
    return _Zip(f"{path}.zip", name) if zipped else _Folder(path, name)


def _checked_name(name: Optional[str]) -> str:
    name = str(__package__).rpartition(".")[2] if name is None else name
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ArgumentError(f"{name!r} cannot be imported: the name must be a Python identifier.")
    return name


def _refuse_to_overwrite(path: str, found: _Found, parcel: Parcel) -> None:
    if found.files and found.manifest is None:
        raise VendoringError(
            f"{path} is there already and is no copy that was made with this command. Take another name, or "
            "overwrite it with --force."
        )
    changed = found.in_the_way(parcel)
    if changed:
        raise VendoringError(
            f"{path} was changed since it was made ({', '.join(_listed('changed', changed))}). "
            "Overwrite it with --force."
        )


def _outdated(manifest: Manifest) -> Iterator[str]:
    """How a copy differs from one made now. What cannot be had here is not compared."""
    try:
        parcel = collect(websocket=len(manifest.components) > 1)
    except VendoringError:
        parcel = collect(websocket=False)
    there = {component.name: component for component in manifest.components}
    now = [(there.get(component.name), component) for component in parcel.components]
    for known, component in now:
        if known is not None and known.version != component.version:
            yield f"{known} is not the {component.version} that is here"
    if all(known == component for known, component in now):
        private = len(parcel.components) > 1
        listed = {path: hash_ for path, hash_ in manifest.files.items() if private or not is_private(path)}
        expected = {path: digest(content) for path, content in parcel.files.items()}
        differing = {path for path, _ in listed.items() ^ expected.items()}
        yield from _listed("not as in this version", sorted(differing))


def _listed(what: str, paths: List[str]) -> Iterator[str]:
    if paths:
        more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
        yield f"{what}: {', '.join(paths[:_SHOWN])}{more}"


def _replace(path: str, content: bytes) -> None:
    """Write a file so that it is never seen half written."""
    beside = f"{path}.new"
    try:
        with open(beside, "wb") as file:
            file.write(content)
        os.replace(beside, path)
    except BaseException:
        if os.path.lexists(beside):
            os.remove(beside)
        raise
