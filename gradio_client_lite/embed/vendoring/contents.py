"""What a copy of this package consists of, with or without some features, and how its manifest tells it.

The files are read through the import system, so this package may itself lie in a zip, a wheel or a copy.
websocket-client comes along in a private folder, from which the copy alone imports it.

A feature is one folder or module. A copy made without it has a stub in its place, which raises
`MissingFeature` when imported; all other modules import a feature only when it is used.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Collection, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from ..._version import PACKAGE, __version__
from ...errors import ArgumentError, VendoringError

if TYPE_CHECKING:
    from importlib.metadata import Distribution

#: The file that lists what a copy consists of; it does not list itself.
MANIFEST = "vendored.json"
#: What a file is called while it is written into the folder of a copy.
NEW = f"{MANIFEST}.new"
#: Where a copy keeps websocket-client.
PRIVATE = "_vendor/"
#: What a copy can be made without: where it is, and what needs it.
FEATURES: Mapping[str, Tuple[str, str]] = {
    "legacy": ("legacy/", "apps of Gradio 3.x and 4.0 to 4.8"),
    "spaces": ("spaces/", "Spaces by name, duplicate and deploy_discord"),
    "discord": ("spaces/discord/", "deploy_discord"),
    "files": ("files/", "files in arguments and results"),
    "testing": ("testing/", "testing.serve and the command demo"),
    "typed": ("typed/", "the commands typed and snippet"),
    "map": ("batch/", "Client.map and the command map"),
    "compat": ("compat/", "compat.install"),
    "utils": ("utils/", "the official client's utils"),
    "cli": ("cli/", "the command line"),
    "vendoring": ("embed/vendoring/", "the command vendor"),
    "pickling": ("embed/pickling.py", "pickling clients"),
    "websocket": (PRIVATE, "apps of Gradio 3.x, unless websocket-client is installed"),
}
_STUB = '''"""Stands for {feature}, which this copy was made without."""

from {dots}errors import MissingFeature

raise MissingFeature(
    "This copy was made without {feature}, which is needed for {use}. "
    "Make it anew with the command vendor, and without `--without {feature}`."
)
'''
_FORMAT = 1
_WEBSOCKET = "websocket-client"


class Component(NamedTuple):
    """A project of which a copy has files; `license_files` are their paths in the copy."""

    name: str
    version: str
    license: str
    python: str
    license_files: Tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Manifest(NamedTuple):
    """What a manifest says; `files` are SHA-256 digests by path below the copy's folder, with `/`."""

    components: Tuple[Component, ...]
    without: Tuple[str, ...]
    files: Mapping[str, str]


class Contents(NamedTuple):
    """What a copy consists of; `files` are the contents by path."""

    components: Tuple[Component, ...]
    without: Tuple[str, ...]
    files: Mapping[str, bytes]

    def with_manifest(self, name: str) -> Dict[str, bytes]:
        """All files of a copy called `name`, the manifest last; equal contents give equal bytes."""
        content = {
            "format": _FORMAT,
            "name": name,
            "without": self.without,
            "components": [component._asdict() for component in self.components],
            "files": dict(sorted(digests(self.files).items())),
        }
        return {**self.files, MANIFEST: (json.dumps(content, indent=1) + "\n").encode()}

    def compiled(self, name: str) -> Contents:
        """The same with bytecode beside each module, where zipimport looks first.

        It is marked as unchecked, so that the source is not read. Other releases of Python take the source.
        """
        from importlib.util import MAGIC_NUMBER, source_hash
        from marshal import dumps

        files = dict(self.files)
        for path, source in self.files.items():
            if path.endswith(".py"):
                code = compile(source, f"{name}/{path}", "exec", dont_inherit=True, optimize=0)
                files[f"{path}c"] = MAGIC_NUMBER + b"\1\0\0\0" + source_hash(source) + dumps(code)
        return self._replace(files=files)


def collect(without: Collection[str] = (), distribution: Optional[Distribution] = None) -> Contents:
    """What a copy made now would consist of.

    Args:
        without: the features to leave out. Those that this package was itself made without are missing too,
            but for websocket-client, which may be installed.
        distribution: where to take websocket-client from; None takes the private copy of this package, if it
            has one, else the installed one.

    Raises:
        ArgumentError: there is no such feature.
        VendoringError: the files of this package cannot be read, or websocket-client is not installed, was
            changed since, or came without a licence.
    """
    unknown = sorted(set(without) - FEATURES.keys())
    if unknown:
        raise ArgumentError(f"There is no {', '.join(unknown)} to leave out; there is {', '.join(FEATURES)}.")
    own = _own_files()
    missing = set(without)
    ours = Component(PACKAGE.rpartition(".")[2], __version__, "Apache-2.0", ">=3.9", ("LICENSE",))
    others: Tuple[Component, ...] = ()
    if MANIFEST in own:  # This package is a copy, of which the program may have added files.
        manifest = parse_manifest(own[MANIFEST])
        own = {path: content for path, content in own.items() if path in manifest.files}
        ours = ours._replace(name=manifest.components[0].name)
        others = manifest.components[1:]
        missing |= set(manifest.without) - {"websocket"}
    if "legacy" in missing:
        missing.add("websocket")  # nothing else imports it
    rooms = tuple(FEATURES[feature][0] for feature in missing)
    files = {path: content for path, content in own.items() if not path.startswith(rooms)}
    files.update(_stub(feature) for feature in missing - {"websocket"})
    if "websocket" in missing:
        others = ()
    elif distribution or not others:
        component, private = _websocket(distribution)
        others, files = (component,), {**private, **files}  # what no clone of this package has comes first
    return Contents((ours, *others), tuple(sorted(missing)), files)


def parse_manifest(content: bytes) -> Manifest:
    """Understand a manifest.

    Raises:
        VendoringError: it is none, is damaged, or was written by a version that is not known here.
    """
    try:
        raw = json.loads(content)
        if raw["format"] != _FORMAT:
            raise ValueError(f"format {raw['format']!r}")
        components = [Component(**entry) for entry in raw["components"]]
        files = {str(path): str(digest) for path, digest in raw["files"].items()}
        for path in files:  # None may lead out of the copy's folder.
            # Windows takes "\\" for "/", and leaves out dots and blanks at the end of a name.
            if set("\\:\0") & set(path) or not all(part and part[-1] not in ". " for part in path.split("/")):
                raise ValueError(f"it lists {path!r}")
        return Manifest(
            tuple(each._replace(license_files=tuple(each.license_files)) for each in components),
            tuple(str(feature) for feature in raw.get("without", ())),
            files,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise VendoringError(f"{MANIFEST} is damaged, or of another version ({exc}).") from exc


def digests(files: Mapping[str, Optional[bytes]]) -> Dict[str, str]:
    """The SHA-256 of each file that has a content, in hexadecimal."""
    found = files.items()
    return {path: hashlib.sha256(content).hexdigest() for path, content in found if content is not None}


def walk(folder: Any, prefix: str = "") -> Iterator[Tuple[str, Any]]:
    """The files below a folder, unread, by their paths; links are followed, broken ones are listed.

    Args:
        folder: a `pathlib.Path` or a resource of `importlib`.
        prefix: what the paths begin with.
    """
    for entry in sorted(folder.iterdir(), key=lambda entry: str(entry.name)):
        if is_cache(entry.name):
            continue
        if entry.is_dir():
            yield from walk(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry


def is_cache(name: str) -> bool:
    """Whether interpreters, or an update that was killed, leave a file or folder of this name in a copy."""
    return name in ("__pycache__", NEW) or name.endswith((".pyc", ".pyo"))


def _own_files() -> Dict[str, bytes]:
    from importlib.resources import files

    try:
        return {path: entry.read_bytes() for path, entry in walk(files(PACKAGE)) if entry.is_file()}
    except (OSError, TypeError, ValueError, NotImplementedError) as exc:
        raise VendoringError(
            f"The files of this package cannot be read ({exc}). A frozen program has no sources to copy."
        ) from exc


def _stub(feature: str) -> Tuple[str, bytes]:
    """The path and the text of the module that stands for a feature."""
    room, use = FEATURES[feature]
    path = f"{room}__init__.py" if room.endswith("/") else room
    return path, _STUB.format(feature=feature, use=use, dots="." * (path.count("/") + 1)).encode()


def _websocket(distribution: Optional[Distribution]) -> Tuple[Component, Dict[str, bytes]]:
    """websocket-client, but not its tests, nor its command line, which imports it by its public name."""
    from importlib import metadata

    try:
        distribution = distribution or metadata.distribution(_WEBSOCKET)
    except metadata.PackageNotFoundError as exc:
        raise VendoringError(
            f"{_WEBSOCKET} is not installed here. Install it (pip install {_WEBSOCKET}), or leave it out "
            "with --without websocket: then apps of Gradio 3.x cannot be called."
        ) from exc
    files = {f"{PRIVATE}__init__.py": b'"""Packages of others, as released, for this package alone."""\n'}
    licenses: List[str] = []
    for entry in distribution.files or ():
        left_out = any(is_cache(part) or part in ("tests", "_wsdump.py") for part in entry.parts)
        if entry.parts[0] == "websocket" and not left_out:
            files[PRIVATE + entry.as_posix()] = _released(entry)
        elif entry.parts[0].endswith(".dist-info") and entry.name.upper().startswith(("LICEN", "COPYING")):
            licenses.append(f"{PRIVATE}{_WEBSOCKET}-{entry.name}")
            files[licenses[-1]] = _released(entry)
    if f"{PRIVATE}websocket/__init__.py" not in files or not licenses:
        raise VendoringError(
            f"The installed {_WEBSOCKET} does not list its files, or came without its licence. "
            f"Install a release of it: pip install --force-reinstall {_WEBSOCKET}"
        )
    about = dict(distribution.metadata.items())  # type: ignore[attr-defined]
    license_id = about.get("License-Expression") or about.get("License") or "see its licence"
    python = about.get("Requires-Python", "")
    return Component(_WEBSOCKET, str(distribution.version), license_id, python, tuple(licenses)), files


def _released(entry: Any) -> bytes:
    """The content of a distribution's file, which must have the hash that the distribution lists."""
    from base64 import urlsafe_b64encode

    content: bytes = entry.read_binary()
    if entry.hash is not None:
        found = hashlib.new(entry.hash.mode, content).digest()
        if urlsafe_b64encode(found).rstrip(b"=").decode() != entry.hash.value:
            raise VendoringError(f"{entry} is not as it was released; install {_WEBSOCKET} anew.")
    return content
