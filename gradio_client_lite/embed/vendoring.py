"""Copies this package into another program, as a folder or a zip, and tells later whether a copy is sound.

A copy carries a manifest of what it consists of. With it an update removes what is gone, and touches nothing
that somebody has changed since; files of others in the same folder are never touched.
"""

from __future__ import annotations

import keyword
import os
from typing import Iterator, List, NamedTuple, Optional, Tuple, Union

from .._version import PACKAGE
from ..errors import ArgumentError, VendoringError
from .parcel import Component, Manifest, Parcel, collect, digest, is_private
from .places import Found, place_of

_Path = Union[str, "os.PathLike[str]"]

_SHOWN = 5


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
    place = place_of(destination, name, zipped)
    found = place.find()
    if not force:
        _refuse_to_overwrite(place.path, found, parcel)
    place.write(parcel, found)
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
    place = place_of(destination, _checked_name(name), zipped)
    found = place.find()
    manifest = found.manifest
    if manifest is None:
        raise VendoringError(f"{place.path} is no copy that was made with this command.")
    problems = [
        *_listed("changed", found.changed()),
        *_listed("missing", sorted(manifest.files.keys() - found.names)),
        *_listed("not part of it", sorted(found.names - manifest.files.keys())),
        *_outdated(manifest),
    ]
    if problems:
        raise VendoringError(f"{place.path} is not as it should be: {'; '.join(problems)}.")
    size = sum(len(found.read(path)) for path in found.names)
    return Copy(place.path, manifest.components, len(found.names), size)


def _checked_name(name: Optional[str]) -> str:
    name = PACKAGE.rpartition(".")[2] if name is None else name
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ArgumentError(f"{name!r} cannot be imported: the name must be a Python identifier.")
    return name


def _refuse_to_overwrite(path: str, found: Found, parcel: Parcel) -> None:
    changed = found.in_the_way(parcel)
    # Without a manifest, what is as in the parcel was written by a first copy that did not come to its end.
    if found.manifest is None and (changed or not found.names <= parcel.files.keys()):
        raise VendoringError(
            f"{path} is there already and is no copy that was made with this command. Take another name, or "
            "overwrite it with --force."
        )
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
