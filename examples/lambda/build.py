"""Make the zip of a Lambda function, or of a layer, from wheels.

    pip wheel --no-deps --wheel-dir wheels ../..
    python build.py function.zip wheels/*.whl
    python build.py --layer layer.zip wheels/*.whl

A zip for a function holds `handler.py` as well; its handler is `handler.handler`. A source is a wheel, or a
folder that `pip install --target` filled. It needs no network and no pip, and the same sources make the same
bytes; not so with --bytecode, which adds what the running Python compiles, to start faster where the function
runs on the same release of Python.
"""

from __future__ import annotations

import argparse
import py_compile
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Iterator, List, Tuple

_HANDLER = Path(__file__).with_name("handler.py")
#: What an installer makes anew and Lambda does not read.
_LEFT_OUT = ("__pycache__", "bin")
_DATE = (2020, 1, 1, 0, 0, 0)

_File = Tuple[str, bytes]


def build(output: Path, sources: List[Path], *, layer: bool = False, bytecode: bool = False) -> int:
    """Write the zip and return its size in bytes.

    Args:
        output: the zip.
        sources: wheels, and folders with installed packages.
        layer: whether it is for a layer: below `python/`, and without the handler.
        bytecode: whether to add bytecode for the Python that runs this.
    """
    files = [file for source in sources for file in _files(source)]
    if not layer:
        files.append((_HANDLER.name, _HANDLER.read_bytes()))
    if bytecode:
        files += [_compiled(*file) for file in files if file[0].endswith(".py")]
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        for name, content in sorted(files):
            entry = zipfile.ZipInfo(f"python/{name}" if layer else name, _DATE)
            entry.external_attr = 0o644 << 16  # Lambda's user must be able to read it
            target.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return output.stat().st_size


def _files(source: Path) -> Iterator[_File]:
    if source.is_dir():
        found = ((path.relative_to(source).as_posix(), path) for path in source.rglob("*") if path.is_file())
        yield from ((name, path.read_bytes()) for name, path in found if _belongs(name))
        return
    with zipfile.ZipFile(source) as wheel:
        for name in wheel.namelist():
            if not name.endswith("/") and _belongs(name):
                yield name, wheel.read(name)


def _compiled(name: str, source: bytes) -> _File:
    """The bytecode of a module, which Python takes without looking at the source's date."""
    folder, _, module = name.rpartition("/")
    with tempfile.TemporaryDirectory() as scratch:
        path, made = Path(scratch, "source.py"), Path(scratch, "source.pyc")
        path.write_bytes(source)
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        py_compile.compile(str(path), str(made), dfile=name, doraise=True, invalidation_mode=mode)
        content = made.read_bytes()
    cached = f"__pycache__/{module[:-3]}.{sys.implementation.cache_tag}.pyc"
    return f"{folder}/{cached}" if folder else cached, content


def _belongs(name: str) -> bool:
    parts = name.split("/")
    return not set(parts) & set(_LEFT_OUT) and not parts[0].endswith(".data")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("sources", type=Path, nargs="+", metavar="source")
    parser.add_argument("--layer", action="store_true", help="for a layer, without the handler")
    parser.add_argument("--bytecode", action="store_true", help="add bytecode for this release of Python")
    given = parser.parse_args()
    size = build(given.output, given.sources, layer=given.layer, bytecode=given.bytecode)
    print(f"{given.output}: {size:,} bytes")


if __name__ == "__main__":
    main()
