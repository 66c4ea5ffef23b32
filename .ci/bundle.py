"""Builds the bundled wheel: this package with websocket-client in a private folder, and no requirements.

    python .ci/bundle.py [FOLDER]

hatchling builds the plain wheel; what `bundled.txt` pins is downloaded and checked against its hash; the
package itself, imported from its wheel, says what a copy with both consists of. The same sources, Python and
tools give the same bytes. The version gets the local label `bundled`, which tells the two wheels apart. A
bill of materials in its metadata (PEP 770) tells scanners what is in it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from base64 import urlsafe_b64encode
from importlib import import_module
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Dict, Sequence
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

PACKAGE = "gradio_client_lite"
LABEL = "bundled"
ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Build it, and say what came of it."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "dist").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        wheel = bundle(build_plain(Path(work, "plain")), fetch_websocket(Path(work, "fetched")), folder)
    content = wheel.read_bytes()
    print(f"{wheel}: {len(content) / 1000:.0f} KB, sha256 {hashlib.sha256(content).hexdigest()}")


def build_plain(folder: Path) -> Path:
    """The wheel as it is released."""
    run("hatchling", "build", "--target", "wheel", "--directory", str(folder))
    (wheel,) = folder.glob("*.whl")
    return wheel


def fetch_websocket(folder: Path) -> Path:
    """The pinned wheel of websocket-client."""
    pins = str(ROOT / ".ci" / "bundled.txt")
    options = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--disable-pip-version-check"]
    run("pip", "download", "--quiet", *options, "--requirement", pins, "--dest", str(folder))
    (wheel,) = folder.glob("websocket_client-*.whl")
    return wheel


def run(module: str, *arguments: str) -> None:
    """Run a tool of this interpreter's environment; what it says goes to standard error."""
    subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, stdout=sys.stderr, check=True)


def bundle(plain: Path, websocket: Path, folder: Path) -> Path:
    """Put the two wheels together into a third, in `folder`."""
    sys.path.insert(0, str(plain))
    vendoring: Any = import_module(f"{PACKAGE}.embed.vendoring")
    (distribution,) = distributions(name="websocket-client", path=[str(websocket)])
    copy = vendoring.collect(distribution=distribution)

    ours = copy.components[0]
    version = f"{ours.version}+{LABEL}"
    info, bundled_info = (f"{PACKAGE}-{each}.dist-info" for each in (ours.version, version))
    files = {f"{PACKAGE}/{path}": content for path, content in copy.with_manifest(PACKAGE).items()}
    with zipfile.ZipFile(plain) as archive:
        for name in ("WHEEL", "entry_points.txt"):
            files[f"{bundled_info}/{name}"] = archive.read(f"{info}/{name}")
        metadata = archive.read(f"{info}/METADATA").decode()
    licenses = [path for component in copy.components for path in component.license_files]
    for path in licenses:
        files[f"{bundled_info}/licenses/{path}"] = copy.files[path]
    digest = hashlib.sha256(websocket.read_bytes()).hexdigest()
    files[f"{bundled_info}/sboms/{PACKAGE}.cdx.json"] = bill_of_materials(copy.components, version, digest)
    files[f"{bundled_info}/METADATA"] = changed_metadata(metadata, version, licenses).encode()
    files[f"{bundled_info}/RECORD"] = record(files, f"{bundled_info}/RECORD")

    wheel = folder / f"{PACKAGE}-{version}-py3-none-any.whl"
    wheel.write_bytes(vendoring.zip_of(files))
    return wheel


def changed_metadata(metadata: str, version: str, licenses: list[str]) -> str:
    """The metadata with another version, with the licences and without requirements."""
    head, _, body = metadata.partition("\n\n")
    lines = []
    for line in head.split("\n"):
        name = line.partition(": ")[0]
        if name == "Version":
            lines.append(f"Version: {version}")
        elif name != "Requires-Dist":
            lines.append(line)
        if name == "License-Expression":
            lines += [f"License-File: {path}" for path in licenses]
    return "\n".join([*lines, "", body])


def bill_of_materials(components: Sequence[Any], version: str, digest: str) -> bytes:
    """What the wheel consists of, in CycloneDX.

    Args:
        components: this package and websocket-client, as `vendor` tells of them.
        version: of the bundled wheel.
        digest: the SHA-256 of websocket-client's own wheel.
    """
    ours, websocket = components
    root = described(ours.name, version, ours.license)
    content = HashType(alg=HashAlgorithm.SHA_256, content=digest)
    carried = described(websocket.name, websocket.version, websocket.license, [content])
    # Neither a time nor a random number, which would make each build another one.
    bom = Bom(
        components=[carried], serial_number=uuid5(NAMESPACE_URL, f"{root.purl}#{carried.purl}#{digest}")
    )
    bom.metadata = BomMetaData(component=root)
    bom.metadata.timestamp = None
    bom.register_dependency(root, [carried])
    return f"{JsonV1Dot6(bom).output_as_string(indent=1)}\n".encode()


def described(name: str, version: str, license_: str, hashes: Sequence[HashType] = ()) -> Component:
    """A project of the Python Package Index."""
    purl = PackageURL("pypi", None, name.replace("_", "-"), version)
    licenses = [LicenseFactory().make_from_string(license_)]
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        purl=purl,
        bom_ref=str(purl),
        licenses=licenses,
        hashes=hashes,
    )


def record(files: Dict[str, bytes], path: str) -> bytes:
    """The list of files that installers check and uninstall by."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for name, content in sorted(files.items()):
        hash_ = urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        writer.writerow([name, f"sha256={hash_}", len(content)])
    writer.writerow([path, "", ""])
    return text.getvalue().encode()


if __name__ == "__main__":
    main()
