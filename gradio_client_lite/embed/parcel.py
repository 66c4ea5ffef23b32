"""Parcel: what a copy of this package consists of, wherever the package itself was imported from.

The files are read through the import system, so a zip or a wheel on `sys.path` will do. websocket-client
comes along in a private folder, from which this package alone imports it: what `import websocket` gives to
others in the same process does not change.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from .._version import PACKAGE, __version__
from ..errors import VendoringError

if TYPE_CHECKING:
    from importlib.metadata import Distribution, PackagePath

#: The file that lists what a copy consists of; it does not list itself.
MANIFEST = "vendored.json"
#: What a file of a copy is called while it is written.
NEW = f"{MANIFEST}.new"
#: Where a copy keeps what is not its own.
PRIVATE = "_vendor"
WEBSOCKET = "websocket-client"

_FORMAT = 1
_LICENSE = "LICENSE"
_LICENSE_ID = "Apache-2.0"
_PYTHON = ">=3.9"
_PRIVATE_INIT = f"{PRIVATE}/__init__.py"
_PRIVATE_TEXT = '"""Packages of others, as they were released, for this package alone."""\n'
# websocket-client's own tests, and its command line, which imports it by its public name.
_LEFT_OUT = frozenset(["tests", "_wsdump.py"])


class Component(NamedTuple):
    """One project of which a copy has files.

    Args:
        name: of the project, as package indexes have it.
        version: its release.
        license: its licence, as the project itself calls it.
        python: the releases of Python it is for.
        license_files: where in the copy its licence is.
    """

    name: str
    version: str
    license: str
    python: str
    license_files: Tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Parcel(NamedTuple):
    """The files of a copy, by their paths below its folder with `/`, and whose they are."""

    components: Tuple[Component, ...]
    files: Mapping[str, bytes]

    def manifest(self, name: str) -> bytes:
        """The manifest of a copy called `name`: the same for the same files, wherever and whenever made."""
        content = {
            "format": _FORMAT,
            "name": name,
            "components": [component._asdict() for component in self.components],
            "files": {path: digest(self.files[path]) for path in sorted(self.files)},
        }
        return (json.dumps(content, indent=1) + "\n").encode()


class Manifest(NamedTuple):
    """What a manifest says.

    Args:
        components: as in the Parcel.
        files: paths and the SHA-256 of each file's content, in hexadecimal.
    """

    components: Tuple[Component, ...]
    files: Mapping[str, str]


def collect(*, websocket: bool, distribution: Optional[Distribution] = None) -> Parcel:
    """What a copy made now would consist of.

    Args:
        websocket: whether to include websocket-client, which Gradio 3.x needs.
        distribution: where to take it from; None takes the private copy of this package, if it has one, else
            the installed one.

    Raises:
        VendoringError: the files of this package cannot be read, or websocket-client is not installed, was
            changed since, or came without a licence.
    """
    manifest = _own_manifest()
    # Of a copy, what it was made with: not what its program has put beside it.
    own = {path: content for path, content in _own_files() if manifest is None or path in manifest.files}
    private = {path: own.pop(path) for path in list(own) if is_private(path)}
    name = manifest.components[0].name if manifest else PACKAGE.rpartition(".")[2]
    ours = Component(name, __version__, _LICENSE_ID, _PYTHON, (_LICENSE,))
    if not websocket:
        return Parcel((ours,), own)
    if private and distribution is None:
        if manifest is None:
            raise VendoringError(f"{PRIVATE} has no {MANIFEST} that says what it is.")
        return Parcel((ours, *manifest.components[1:]), {**own, **private})
    component, files = _of_distribution(distribution or _installed())
    init = {_PRIVATE_INIT: _PRIVATE_TEXT.encode()}
    return Parcel((ours, component), {**own, **init, **files})


def read_manifest(content: bytes) -> Manifest:
    """Understand a manifest.

    Raises:
        VendoringError: it is none, is damaged, or was written by a version that is not known here.
    """
    try:
        raw = json.loads(content)
        if raw["format"] != _FORMAT:
            raise VendoringError(f"The manifest has format {raw['format']!r}; this version knows {_FORMAT}.")
        components = [
            Component(**{**entry, "license_files": tuple(entry["license_files"])})
            for entry in raw["components"]
        ]
        files = {_checked(path): str(value) for path, value in raw["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        if isinstance(exc, VendoringError):
            raise
        raise VendoringError(f"{MANIFEST} is damaged ({exc}).") from exc
    return Manifest(tuple(components), files)


def digest(content: bytes) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def is_private(path: str) -> bool:
    """Whether a file of a copy belongs to a package of others."""
    return path.startswith(f"{PRIVATE}/")


def is_left_out(name: str) -> bool:
    """Whether a file or folder of this name is no part of a copy, but left there by others."""
    return name in ("__pycache__", NEW) or name.endswith((".pyc", ".pyo"))


def _checked(path: Any) -> str:
    """A path of a manifest, which must stay below the copy's folder."""
    # Windows takes "\\" for "/", and leaves out dots and blanks at the end of a name.
    if set("\\:\0") & set(path) or not all(part and part[-1] not in ". " for part in path.split("/")):
        raise VendoringError(f"{MANIFEST} is damaged: it lists {path!r}.")
    return str(path)


def _own_files() -> Iterator[Tuple[str, bytes]]:
    from importlib.resources import files

    try:
        root: Any = files(PACKAGE)
        yield from _walk(root, "")
    except (OSError, TypeError, ValueError, NotImplementedError) as exc:
        raise VendoringError(
            f"The files of this package cannot be read ({exc}). A frozen program has no sources to copy."
        ) from exc


def _walk(folder: Any, prefix: str) -> Iterator[Tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: str(entry.name)):
        if is_left_out(entry.name) or prefix + entry.name == MANIFEST:
            continue
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.read_bytes()


def _own_manifest() -> Optional[Manifest]:
    """The manifest of this package, if it is a copy itself; then it also tells the project's name."""
    from pkgutil import get_data

    try:
        content = get_data(PACKAGE, MANIFEST)
    except OSError:
        return None
    return None if content is None else read_manifest(content)


def _installed() -> Distribution:
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        return distribution(WEBSOCKET)
    except PackageNotFoundError as exc:
        raise VendoringError(
            f"{WEBSOCKET} is not installed here. Install it (pip install {WEBSOCKET}), or leave it out with "
            "--without websocket: then apps of Gradio 3.x cannot be called."
        ) from exc


def _of_distribution(distribution: Distribution) -> Tuple[Component, Dict[str, bytes]]:
    files: Dict[str, bytes] = {}
    licenses: List[str] = []
    for entry in distribution.files or ():
        if entry.parts[0] == "websocket" and not _LEFT_OUT & set(entry.parts) and not _is_cached(entry):
            files[f"{PRIVATE}/{entry.as_posix()}"] = _verified(entry)
        elif entry.parts[0].endswith(".dist-info") and entry.name.upper().startswith(("LICEN", "COPYING")):
            path = f"{PRIVATE}/{WEBSOCKET}-{entry.name}"
            licenses.append(path)
            files[path] = _verified(entry)
    if f"{PRIVATE}/websocket/__init__.py" not in files or not licenses:
        raise VendoringError(
            f"The installed {WEBSOCKET} does not list its files, or came without its licence. "
            f"Install a release of it: pip install --force-reinstall {WEBSOCKET}"
        )
    about = dict(distribution.metadata.items())  # type: ignore[attr-defined]
    license_id = about.get("License-Expression") or about.get("License") or "see its licence"
    python = about.get("Requires-Python", "")
    return Component(WEBSOCKET, str(distribution.version), license_id, python, tuple(licenses)), files


def _is_cached(entry: PackagePath) -> bool:
    return any(is_left_out(part) for part in entry.parts)


def _verified(entry: PackagePath) -> bytes:
    """The content of a file of a distribution, which must be what was released."""
    from base64 import urlsafe_b64encode

    content = entry.read_binary()
    if entry.hash is not None:
        found = hashlib.new(entry.hash.mode, content).digest()
        if urlsafe_b64encode(found).rstrip(b"=").decode() != entry.hash.value:
            raise VendoringError(f"{entry} is not as it was released; install {WEBSOCKET} anew.")
    return content
