"""What tests do with vendored copies."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import posixpath
import zipfile
from pathlib import Path
from typing import Dict

from gradio_client_lite.embed.vendoring.contents import MANIFEST


def files_of(folder: Path) -> Dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def rewrite(copy: Path, **files: str) -> None:
    """Make the copy one of another version, which had these files."""
    manifest = json.loads((copy / MANIFEST).read_text())
    for path, text in files.items():
        name = f"{path}.py"
        (copy / name).write_text(text)
        manifest["files"][name] = hashlib.sha256(text.encode()).hexdigest()
    (copy / MANIFEST).write_text(json.dumps(manifest))


def change(place: Path, zipped: bool, path: str, content: bytes) -> None:
    if not zipped:
        (place / "client" / path).write_bytes(content)
        return
    archive = place / "client.zip"
    with zipfile.ZipFile(archive) as source:
        files = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(archive, "w") as target:
        for name, data in {**files, posixpath.normpath(f"client/{path}"): content}.items():
            target.writestr(name, data)


def not_installed(name: str) -> None:
    raise importlib.metadata.PackageNotFoundError(name)
