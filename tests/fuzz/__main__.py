"""Runs the targets with atheris, whose inputs are led by what of the package they reach.

From the folder `tests`, or by `tox -e fuzz`::

    python -m fuzz --seconds 600 --jobs 2              # all of them, two at a time; the counts as a table
    python -m fuzz events answers                      # some, a minute each
    python -m fuzz answers --reproduce ../build/fuzz/answers/crash-1f…
    python -m fuzz --minimise                          # the least corpus that reaches as much

What a run finds is in `build/fuzz/<target>`: inputs that reach something new, those that show a fault, and
the log. An input that shows a fault ends the run of its target.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import SystemRandom
from typing import Dict, List

from . import corpus
from .seeds import seeds_of
from .targets import TARGETS, Target

_TESTS = Path(__file__).parents[1]
_FOUND = _TESTS.parent / "build" / "fuzz"
#: What one input may take: seconds, beside whatever else runs, and megabytes of the whole process.
_TIMEOUT, _MEMORY = 30, 1024
#: Bytes of a seed that is kept beside what reaches as much.
_SMALL = 160
_COLUMNS = ("target", "seconds", "executions", "a second", "new inputs", "branches", "MB", "faults")


def main() -> int:
    options = _options()
    targets: List[Target] = options.targets or [TARGETS[name] for name in sorted(TARGETS)]
    if options.reproduce is not None:
        targets[0].run(options.reproduce.read_bytes())
        return 0
    if options.minimise:
        for target in targets:
            _minimise(target, options.found)
        return 0
    options.seed = options.seed or SystemRandom().randrange(1, 1 << 31)
    print(f"{len(targets)} targets, {options.seconds} seconds each, with --seed {options.seed}", flush=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        rows = list(pool.map(lambda target: _fuzz(target, options), targets))
    widths = [max(map(len, column)) for column in zip(_COLUMNS, *rows)]
    for name, *cells in (_COLUMNS, *rows):
        print(name.ljust(widths[0]), *[cell.rjust(width) for cell, width in zip(cells, widths[1:])], sep="  ")
    return int(any(row[-1] != "0" for row in rows))


def _target(name: str) -> Target:
    if name not in TARGETS:
        raise argparse.ArgumentTypeError(f"no target {name}; there are {', '.join(sorted(TARGETS))}")
    return TARGETS[name]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Run the targets with atheris.")
    parser.add_argument("targets", nargs="*", type=_target, metavar="target", help="all without any")
    parser.add_argument("--seconds", type=int, default=60, help="how long each runs (60)")
    parser.add_argument("--jobs", type=int, default=1, help="how many run at a time (1)")
    parser.add_argument("--seed", type=int, default=0, help="of the mutations; 0 for another one each time")
    parser.add_argument("--found", type=Path, default=_FOUND, help="where what is found goes (build/fuzz)")
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--reproduce", type=Path, metavar="FILE", help="run the target once, without atheris")
    modes.add_argument(
        "--minimise", action="store_true", help="make the corpus anew of seeds and of what was found"
    )
    return parser.parse_args()


def _fuzz(target: Target, options: argparse.Namespace) -> List[str]:
    """Run one target; its row of the table."""
    folder = options.found.resolve() / target.name
    inputs = folder / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as given:
        _lay_out(Path(given), [*corpus.read(target.name), *_seeds(target)])
        log = _run(
            target,
            [str(inputs), given],
            folder,
            f"-max_total_time={options.seconds}",
            f"-seed={options.seed}",
        )
    (folder / "log").write_text(log, encoding="utf-8")
    faults = re.findall(r"Test unit written to (.+)", log)
    counts = dict(re.findall(r"stat::(\w+): +(\d+)", log))
    covered = re.findall(r"cov: (\d+)", log)
    for path in faults:
        print(
            f"{target.name} fails: python -m fuzz {target.name} --reproduce {path}\n{_last_words(log)}",
            flush=True,
        )
    seconds = re.findall(r"Done \d+ runs in (\d+) second", log)  # which is said where nothing fails
    if not faults and not seconds:
        print(f"{target.name} did not run to its end:\n{_last_words(log)}", flush=True)
    return [
        target.name,
        *(seconds[-1:] or ["-"]),
        counts.get("number_of_executed_units", "-"),
        counts.get("average_exec_per_sec", "-"),
        counts.get("new_units_added", "-"),
        *(covered[-1:] or ["-"]),
        counts.get("peak_rss_mb", "-"),
        str(len(faults) or int(not seconds)),
    ]


def _run(target: Target, folders: List[str], artifacts: Path, *flags: str) -> str:
    """Run atheris with a target, in a process of its own; what it printed."""
    command = [
        *(sys.executable, "-m", "fuzz.worker", target.name, *folders),
        *(f"-max_len={target.longest}", f"-timeout={_TIMEOUT}", f"-rss_limit_mb={_MEMORY}"),
        *(f"-artifact_prefix={artifacts}{os.sep}", "-print_final_stats=1", *flags),
    ]
    env: Dict[str, str] = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, cwd=_TESTS, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return done.stdout.decode("utf-8", "replace")


def _last_words(log: str) -> str:
    """The traceback in a log, or its end."""
    text = log[log.rfind("=== Uncaught Python exception") :] if "=== Uncaught" in log else log
    return "\n".join(text.splitlines()[-40:])[-4000:]


def _seeds(target: Target) -> List[bytes]:
    return [seed for seed in seeds_of(target.name) if len(seed) <= target.longest]


def _lay_out(folder: Path, inputs: List[bytes]) -> None:
    folder.mkdir(exist_ok=True)
    for number, data in enumerate(inputs):
        (folder / f"{number:05}").write_bytes(data)


def _minimise(target: Target, found: Path) -> None:
    """Put the least inputs that reach all that seeds, corpus and found inputs reach into the corpus."""
    faults, kept = corpus.read_both(target.name)
    inputs = found.resolve() / target.name / "inputs"
    others = [path.read_bytes() for path in sorted(inputs.iterdir())] if inputs.exists() else []
    with tempfile.TemporaryDirectory() as work:
        whole, least = Path(work, "whole"), Path(work, "least")
        _lay_out(whole, [*kept, *_seeds(target), *others])
        least.mkdir()
        program = Path(work, "program")
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fuzz.worker {target.name} "$@"\n')
        program.chmod(0o700)
        log = _run(target, [str(least), str(whole)], Path(work), f"-program={program}", "-set_cover_merge=1")
        chosen = sorted((path.read_bytes() for path in least.iterdir()), key=lambda data: (len(data), data))
    if not chosen:
        raise SystemExit(f"nothing came of {target.name}:\n{_last_words(log)}")
    # Small seeds too, and where there is room others, since mutations begin with what is there.
    small = [seed for seed in _seeds(target) if len(seed) <= _SMALL]
    corpus.write(target.name, faults, [*small, *chosen, *_seeds(target)])
    made = corpus.read(target.name)
    print(f"{target.name}: {len(made)} of {len(chosen)} inputs, {sum(map(len, made))} bytes", flush=True)


if __name__ == "__main__":
    sys.exit(main())
