"""What this client and the official one take up, and how fast they start: two tables in Markdown.

    python -m benchmarks sizes [--rounds 10] [--write]

--write puts them into vendor_notes.md, and what is installed into the README. The second table has copies
that `vendor --zip` makes without some features, and how long a fresh process takes for a first call from the
zip, with and without bytecode in it.

Sizes are of the package as it is built now, bytecode not counted. Times are medians of fresh processes, the
clients taking turns. The Lambda function is the one in `examples/lambda`, for both clients; its cold start
lasts from the start of the runtime, `awslambdaric`, to the first response. Lambda cannot keep bytecode, and
has none unless the zip brings it; the other processes have it, as after an installation.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Dict, List, Sequence, Tuple

from gradio_client_lite.embed.vendoring.contents import FEATURES
from tests.apps.environments import install_into, official_client_python, tool_python
from tests.runtime_api import RuntimeApi, environment

from .documents import README, ROOT, SIZES_ROW, between
from .laboratory import GRADIO, laboratory

_EXAMPLE = ROOT / "examples" / "lambda"
OURS, OFFICIAL = "this client", "official 2.7.2"
#: So that the same handler runs with the official client.
_STAND_IN = {
    "__init__.py": """
from gradio_client import Client as Official

def Client(src, *, space_timeout, timeout, **options):
    return Official(src, **options)
""",
    "errors.py": "from gradio_client.exceptions import AuthenticationError",
}
_IMPORT = "from {module} import Client"
_CALL = _IMPORT + "; assert Client({url!r}, verbose=False).predict('hello', api_name='/queued') == 'hello'"

_NOTES = ROOT / "vendor_notes.md"
_START, _END = "<!-- sizes: what `python -m benchmarks sizes --write` writes -->\n", "<!-- end of sizes -->\n"
#: Copies, by what they are made without.
PROFILES: Dict[str, Sequence[str]] = {
    "all": (),
    **{f"without `{room}`": (room,) for room in FEATURES},
    "the core alone: SSE protocols and files": tuple(room for room in FEATURES if room != "files"),
    "the core without files": tuple(FEATURES),
}
#: Those of which the time is taken.
_TIMED = ("all", "the core alone: SSE protocols and files")

Row = Tuple[str, Dict[str, str]]


@dataclass(frozen=True)
class Package:
    """A client and all it needs.

    Args:
        module: what has its `Client`.
        folder: where it and its requirements are installed.
        function: the zip of the Lambda function with it.
        code: the same unpacked.
        compiled: one made with bytecode, unpacked.
    """

    module: str
    folder: Path
    function: Path
    code: Path
    compiled: Path


def build_wheel(folder: Path) -> Path:
    """The package's wheel, as it is built now."""
    command = [tool_python("hatchling"), "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def bundle_wheel(folder: Path) -> Path:
    """The wheel with all it needs inside."""
    command = [tool_python("hatchling"), str(ROOT / ".ci" / "bundle.py"), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def size_of(folder: Path) -> int:
    """The bytes of the files in a folder, bytecode not counted."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return sum(path.stat().st_size for path in files)


def _ours(folder: Path, wheel: Path) -> Package:
    installed = folder / "ours"
    install_into(installed, tool_python("awslambdaric"), str(wheel))
    return Package("gradio_client_lite", installed, *_function(folder / "lambda-ours", [wheel]))


def _official(folder: Path) -> Package:
    python = official_client_python("2.7.2")
    probe = [python, "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    installed = Path(subprocess.check_output(probe, text=True).strip())
    shim = folder / "shim"
    (shim / "gradio_client_lite").mkdir(parents=True)
    for name, source in _STAND_IN.items():
        (shim / "gradio_client_lite" / name).write_text(source)
    return Package("gradio_client", installed, *_function(folder / "lambda-official", [installed, shim]))


def _function(folder: Path, sources: Sequence[Path]) -> Tuple[Path, Path, Path]:
    """The zip of the Lambda function, unpacked, and unpacked with bytecode."""
    folder.mkdir()
    command = [tool_python("awslambdaric"), "-I", str(_EXAMPLE / "build.py")]
    code, compiled = folder / "code", folder / "compiled"
    for target, options in ((code, []), (compiled, ["--bytecode"])):
        archive = target.with_suffix(".zip")
        subprocess.run([*command, *options, archive, *sources], check=True, capture_output=True)
        with zipfile.ZipFile(archive) as made:
            made.extractall(target)
    return code.with_suffix(".zip"), code, compiled


def _fresh(package: Package, code: str) -> float:
    """Seconds that a fresh interpreter takes for some code."""
    environ = {"PATH": os.environ.get("PATH", ""), "HF_HUB_OFFLINE": "1"}
    command = [tool_python("awslambdaric"), "-S", "-c", code]
    start = time.perf_counter()
    subprocess.run(
        command, check=True, env={**environ, "PYTHONPATH": str(package.compiled)}, cwd=package.compiled
    )
    return time.perf_counter() - start


def _vendored(package: Package, folder: Path, without: Sequence[str], *options: str) -> Path:
    """A zip that the command `vendor` makes of the installed package."""
    command = [tool_python("awslambdaric"), "-B", "-S", "-m", package.module, "vendor", str(folder), "--zip"]
    command += [f"--without={','.join(without)}"] if without else []
    environ = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(package.folder)}
    subprocess.run([*command, *options], check=True, capture_output=True, env=environ, cwd=package.folder)
    return folder / f"{package.module}.zip"


def _first_call(package: Package, archive: Path, url: str) -> float:
    """Seconds that a fresh interpreter takes for a call with a package from a zip."""
    environ = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(archive)}
    code = _CALL.format(module=package.module, url=url)
    start = time.perf_counter()
    # Not where this is run: there the clone's own package would be found first.
    subprocess.run(
        [tool_python("awslambdaric"), "-S", "-c", code], check=True, env=environ, cwd=archive.parent
    )
    return time.perf_counter() - start


def _profiles(package: Package, url: str, folder: Path, rounds: int) -> str:
    """The table of copies."""
    lines = ["| zip of a copy | size | first call | with bytecode | first call |", "|---|--:|--:|--:|--:|"]
    for number, (name, without) in enumerate(PROFILES.items()):
        cells = []
        for options in ((), ("--compile",)):
            archive = _vendored(package, folder / f"{number}{''.join(options)}", without, *options)
            taken = [_first_call(package, archive, url) for _ in range(rounds if name in _TIMED else 0)]
            cells += [_size(archive), f"{median(taken) * 1000:,.0f} ms" if taken else ""]
        lines.append(f"| {name} | {' | '.join(cells)} |")
        print(f"zip: {name}", file=sys.stderr, flush=True)
    return "\n".join(lines)


def _cold_start(code: Path, url: str, log: Path) -> float:
    """Seconds from the start of the Lambda runtime to the first response."""
    variables = {"GRADIO_URL": url, "PYTHONDONTWRITEBYTECODE": "1", "HF_HUB_OFFLINE": "1"}
    with RuntimeApi() as api:
        start = time.perf_counter()
        with environment(tool_python("awslambdaric"), code, api, log, **variables):
            outcome = api.invoke({"api_name": "/queued", "args": ["hello"]})
            seconds = time.perf_counter() - start
    assert outcome.body == {"result": "hello"}, outcome
    return seconds


def _times(packages: Dict[str, Package], url: str, folder: Path, rounds: int) -> List[Row]:
    seconds: Dict[str, Dict[str, List[float]]] = {}
    for number in range(rounds):
        for name, package in packages.items():
            module = package.module
            measured = {
                "a process: the interpreter alone": _fresh(package, ""),
                "… and import": _fresh(package, _IMPORT.format(module=module)),
                "… and first call": _fresh(package, _CALL.format(module=module, url=url)),
                "Lambda: cold start": _cold_start(package.code, url, folder / "lambda.log"),
                "… with bytecode in the zip": _cold_start(package.compiled, url, folder / "lambda.log"),
            }
            for row, taken in measured.items():
                seconds.setdefault(row, {}).setdefault(name, []).append(taken)
        print(f"fresh processes, round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    return [
        (row, {name: f"{median(taken) * 1000:,.0f} ms" for name, taken in by_name.items()})
        for row, by_name in seconds.items()
    ]


def _sizes(packages: Dict[str, Package], wheel: Path, bundled: Path) -> List[Row]:
    def each(measure: str) -> Dict[str, str]:
        return {name: _size(getattr(package, measure)) for name, package in packages.items()}

    counts = {name: str(len(list(package.folder.glob("*.dist-info")))) for name, package in packages.items()}
    return [
        ("wheel", {OURS: _size(wheel)}),
        ("wheel with its requirements inside", {OURS: _size(bundled)}),
        ("installed, with requirements", each("folder")),
        ("packages installed", counts),
        ("Lambda: zip", each("function")),
        ("Lambda: zip unpacked", each("code")),
    ]


def _size(path: Path) -> str:
    size = size_of(path) if path.is_dir() else path.stat().st_size
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.0f} KB"


def table(rows: Sequence[Row]) -> str:
    """The table in Markdown."""
    lines = [f"| | {OURS} | {OFFICIAL} |", "|---|--:|--:|"]
    lines += [f"| {name} | {cells.get(OURS, '–')} | {cells.get(OFFICIAL, '–')} |" for name, cells in rows]
    return "\n".join(lines)


def readme_row(rows: Sequence[Row], ratio: float) -> str:
    """The row of the README; `ratio` is how much more the official client takes."""
    by_name = dict(rows)
    ours, official = (
        f"{by_name['packages installed'][name]}, {by_name['installed, with requirements'][name]}"
        for name in (OURS, OFFICIAL)
    )
    return f"{SIZES_ROW} {ours} | | {official} | 1/{ratio:.0f} |"


def main(argv: Sequence[str]) -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks sizes")
    parser.add_argument("--rounds", type=int, default=10, help="fresh processes of each kind (default 10)")
    parser.add_argument("--write", action="store_true", help="put the tables into the documents")
    given = parser.parse_args(argv)
    rounds = given.rounds
    with laboratory() as lab:
        folder = lab.folder
        wheel = build_wheel(folder)
        packages = {OURS: _ours(folder, wheel), OFFICIAL: _official(folder)}
        rows = _sizes(packages, wheel, bundle_wheel(folder / "bundled"))
        row = readme_row(rows, size_of(packages[OFFICIAL].folder) / size_of(packages[OURS].folder))
        rows += _times(packages, lab.gradio, folder, rounds)
        profiles = _profiles(packages[OURS], lab.gradio, folder / "profiles", rounds)
    python = subprocess.check_output([tool_python("awslambdaric"), "--version"], text=True).strip()
    what = "bytecode is not counted, times are medians of fresh processes"
    text = f"Gradio {GRADIO}; clients on {python}; {what}.\n\n{table(rows)}\n\n{profiles}"
    print(text)
    if given.write:
        notes = _NOTES.read_text(encoding="utf-8")
        _NOTES.write_text(between(notes, text, _START, _END), encoding="utf-8")
        readme = README.read_text(encoding="utf-8")
        README.write_text(
            re.sub(rf"^{re.escape(SIZES_ROW)}.*$", row, readme, flags=re.MULTILINE), encoding="utf-8"
        )
