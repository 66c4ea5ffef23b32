"""Copies this package into another program, as a folder or a zip, and checks such a copy later.

Making a copy again is an update. What its manifest lists and the new copy lacks is removed, all files are
written, the manifest last. A file counts as written by `vendor` if its content is what the manifest lists or
what is about to be written, so an interrupted update can be repeated. Anything else in the way is refused
before the first write, unless it is forced; other files in the folder stay. A zip is written anew as a whole.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Callable,
    Collection,
    Dict,
    Iterable,
    Iterator,
    Mapping,
    NamedTuple,
    Optional,
    Tuple,
)

from ..._version import PACKAGE
from ...errors import ArgumentError, VendoringError
from .contents import (
    FEATURES,
    MANIFEST,
    NEW,
    PRIVATE,
    Component,
    Manifest,
    collect,
    digests,
    is_cache,
    parse_manifest,
    walk,
)

if TYPE_CHECKING:
    from typing import Union

    _Path = Union[str, os.PathLike[str]]

#: Gives the content of a file that is there; None for what cannot have one, such as a broken link.
_Read = Callable[[], Optional[bytes]]
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date a zip can hold


class Copy(NamedTuple):
    """A copy that was made or checked.

    Args:
        path: its folder or zip.
        components: what it consists of, this package first.
        files: how many files it has.
        size: of all of them, in bytes, unpacked.
        without: the features it lacks.
    """

    path: str
    components: Tuple[Component, ...]
    files: int
    size: int
    without: Tuple[str, ...]


def vendor(
    destination: _Path,
    *,
    name: Optional[str] = None,
    without: Collection[str] = (),
    zipped: bool = False,
    compile: bool = False,  # noqa: A002 - as the option is called
    force: bool = False,
) -> Copy:
    """Copy this package to `destination`/`name`, or update the copy that is there.

    Args:
        destination: the folder of a program's vendored packages; made if need be.
        name: what the copy is imported as; None takes this package's own name.
        without: the features to leave out, of `contents.FEATURES`; legacy takes websocket along. Copies of a
            copy lack what it lacks.
        zipped: make `destination`/`name`.zip instead, to be put on `sys.path`.
        compile: add bytecode to the zip, for the release of Python that runs this.
        force: overwrite what is there even if it is no copy, or was changed since it was made.

    Returns:
        What was made.

    Raises:
        ArgumentError: `name` is no name of a package, there is no such feature, or `compile` lacks `zipped`.
        VendoringError: there is something that is no copy, or was changed, and `force` is False; or the files
            to copy cannot be had.
        OSError: it cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     copy = vendor(folder, name="client", without=["legacy", "spaces"])
        ...     check(folder, name="client") == copy
        True
    """
    if compile and not zipped:
        raise ArgumentError("Bytecode is for zips (--compile needs --zip): Python adds its own to a folder.")
    name = _checked_name(name)
    path, there, manifest = _find(destination, name, zipped)
    contents = collect(without)
    contents = contents.compiled(name) if compile else contents
    if not force:
        _refuse_to_overwrite(path, there, manifest, digests(contents.files), replaced=zipped)
    files = contents.with_manifest(name)
    if zipped:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        archive = zip_of({f"{name}/{inner}": content for inner, content in files.items()})
        _replace(path, archive, f"{path}.{os.getpid()}.new")  # a name that no other process uses
    else:
        # Removed first: a new file may have the name of an old folder, or of an old file but for upper case.
        for inner in sorted((manifest.files.keys() if manifest else set()) - files.keys()):
            _remove(Path(path), inner)
        for inner, content in files.items():
            target = os.path.join(path, inner)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            _replace(target, content, os.path.join(path, NEW))
    size = sum(map(len, contents.files.values()))
    return Copy(path, contents.components, len(contents.files), size, contents.without)


def check(destination: _Path, *, name: Optional[str] = None, zipped: bool = False) -> Copy:
    """Make sure that a copy is intact, and is what `vendor` would make now with the same features.

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
    path, there, manifest = _find(destination, _checked_name(name), zipped)
    if manifest is None:
        raise VendoringError(f"{path} is no copy that was made with this command.")
    listed = manifest.files
    contents = {inner: there[inner]() for inner in listed.keys() & there.keys()}
    found = digests(contents)
    problems = [
        *_named("changed", (inner for inner in contents if found.get(inner) != listed[inner])),
        *_named("missing", listed.keys() - there.keys()),
        *_named("not part of it", there.keys() - listed.keys()),
        *_outdated(manifest),
    ]
    if problems:
        raise VendoringError(f"{path} is not as it should be: {'; '.join(problems)}.")
    size = sum(len(content or b"") for content in contents.values())
    return Copy(path, manifest.components, len(there), size, manifest.without)


def zip_of(files: Mapping[str, bytes]) -> bytes:
    """A zip of these files, by their paths; equal files give equal bytes.

    Bytecode is not compressed: it is there to start faster, and would be unpacked twice for each module.
    """
    import io
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(files):
            info = zipfile.ZipInfo(path, _EPOCH)
            info.compress_type = zipfile.ZIP_STORED if path.endswith(".pyc") else zipfile.ZIP_DEFLATED
            info.create_system = 3  # else the bytes would differ between Windows and other systems
            info.external_attr = 0o100644 << 16
            archive.writestr(info, files[path])
    return buffer.getvalue()


def _checked_name(name: Optional[str]) -> str:
    from keyword import iskeyword

    name = PACKAGE.rpartition(".")[2] if name is None else name
    if not name.isidentifier() or iskeyword(name):
        raise ArgumentError(f"{name!r} cannot be imported: the name must be a Python identifier.")
    return name


def _find(destination: _Path, name: str, zipped: bool) -> Tuple[str, Dict[str, _Read], Optional[Manifest]]:
    """Where a copy belongs, which files are there, and their manifest, if there is one.

    In a folder only files of a copy are read: others may be huge, or of somebody else.
    """
    path = os.path.join(os.path.abspath(destination), f"{name}.zip" if zipped else name)
    files: Dict[str, _Read] = {}
    if os.path.lexists(path):
        if zipped:
            in_zip = _zipped_files(path, f"{name}/")
            files = {inner: partial(in_zip.get, inner) for inner in in_zip}
        elif os.path.isdir(path):
            files = {inner: partial(_content, entry) for inner, entry in walk(Path(path))}
        else:
            raise VendoringError(f"{path} is no folder.")
    content = files.pop(MANIFEST)() if MANIFEST in files else None
    return path, files, None if content is None else parse_manifest(content)


def _content(entry: Path) -> Optional[bytes]:
    return entry.read_bytes() if entry.is_file() else None


def _zipped_files(path: str, folder: str) -> Dict[str, bytes]:
    """A zip's files by their paths below a folder; for those beside it, these begin with `../`."""
    import zipfile
    import zlib

    try:
        with zipfile.ZipFile(path) as archive:
            found = {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as exc:
        raise VendoringError(f"{path} is no zip, or is damaged ({exc}). Remove it.") from exc
    return {
        full[len(folder) :] if full.startswith(folder) else f"../{full}": content
        for full, content in found.items()
    }


def _refuse_to_overwrite(
    path: str,
    there: Mapping[str, _Read],
    manifest: Optional[Manifest],
    new: Mapping[str, str],
    replaced: bool,
) -> None:
    """Raise VendoringError if anything would go that `vendor` has not written.

    Args:
        there: the files that are there.
        new: digests of what is to be written.
        replaced: whether all that is there would go, as with a zip.
    """
    listed = manifest.files if manifest else {}
    known = there.keys() & (listed.keys() | new.keys())
    found = digests({inner: there[inner]() for inner in known})
    changed = [inner for inner in known if found.get(inner, "") not in (listed.get(inner), new.get(inner))]
    added = there.keys() - listed.keys() - new.keys()
    # Without a manifest, files equal to the new ones were written by a first copy that was interrupted; but
    # not if the one that is written first is missing: then it is this package itself, or a clone of it.
    if manifest is None and (changed or added or (known and next(iter(new)) not in known)):
        raise VendoringError(
            f"{path} is there already and is no copy that was made with this command. Take another name, or "
            "overwrite it with --force."
        )
    problems = [*_named("changed", changed), *_named("not part of it", added if replaced else ())]
    if problems:
        raise VendoringError(
            f"{path} was changed since it was made ({'; '.join(problems)}). Overwrite it with --force."
        )


def _outdated(manifest: Manifest) -> Iterator[str]:
    """How a copy differs from one made now; bytecode, and what cannot be had here, is not compared."""
    passed_over: Tuple[str, ...] = ()
    without = FEATURES.keys() & manifest.without  # a later version may know others
    try:
        now = collect(without)
    except VendoringError:
        now, passed_over = collect({*without, "websocket"}), (PRIVATE,)
    versions = {component.name: str(component) for component in manifest.components}
    others = [each for each in now.components if versions.get(each.name, str(each)) != str(each)]
    for component in others:
        yield f"{versions[component.name]} is not the {component.version} that is here"
    if not others:
        differing = {path for path, _ in manifest.files.items() ^ digests(now.files).items()}
        compared = (path for path in differing if path[-4:] != ".pyc" and not path.startswith(passed_over))
        yield from _named("not as in this version", compared)


def _named(what: str, paths: Iterable[str], most: int = 5) -> Iterator[str]:
    """What is wrong with some files, if there are any; the first of them by name."""
    names = sorted(paths)
    if names:
        more = f" and {len(names) - most} more" if len(names) > most else ""
        yield f"{what}: {', '.join(names[:most])}{more}"


def _replace(path: str, content: bytes, temporary: str) -> None:
    """Write a file so that it is never seen half written."""
    try:
        with open(temporary, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.remove(temporary)
        raise


def _remove(root: Path, inner: str) -> None:
    """Remove a file of a copy, and then the folders that hold nothing but caches."""
    import shutil

    target = root / inner
    if target.is_file() or target.is_symlink():
        target.unlink()
    folder = target.parent
    while folder != root and folder.is_dir() and not folder.is_symlink():
        if not all(is_cache(entry.name) for entry in folder.iterdir()):
            return
        shutil.rmtree(folder)
        folder = folder.parent
