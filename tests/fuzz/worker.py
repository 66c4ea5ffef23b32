"""Worker: the process that `python -m fuzz` starts for a target; the only module that needs atheris.

python -m fuzz.worker TARGET [folders and flags of libFuzzer]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from random import Random
from typing import List

import atheris

with atheris.instrument_imports(include=["gradio_client_lite"]):
    from .targets import TARGETS

from .mutation import mutate


def main() -> None:
    os.nice(19)  # what else runs goes first
    name, *arguments = sys.argv[1:]
    target = TARGETS[name]
    folders = [Path(argument) for argument in arguments if not argument.startswith("-")]
    known: List[bytes] = [path.read_bytes() for folder in folders for path in sorted(folder.iterdir())]

    def mutated(data: bytes, most: int, seed: int) -> bytes:
        random = Random(seed)
        if target.form == "bytes" and random.random() < 0.8:
            return bytes(atheris.Mutate(data, most))
        if random.random() < 0.2:
            return bytes(atheris.Mutate(data, most))
        return mutate(target, data, known, random)[:most]

    atheris.Setup([_as_program(arguments), *arguments], target.run, custom_mutator=mutated)
    atheris.Fuzz()


def _as_program(arguments: List[str]) -> str:
    """What libFuzzer starts again, with other arguments, to merge."""
    return next((each.partition("=")[2] for each in arguments if each.startswith("-program=")), sys.argv[0])


if __name__ == "__main__":
    main()
