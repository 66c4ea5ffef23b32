"""Corpus: the inputs of each target that are kept, one file for each target.

A file has two lists: "faults", inputs that have each shown a fault once, which are put there by hand and
stay; and "reached", the least inputs that reach what the seeds and the fuzzers of before have reached, which
`--minimise` puts there. They are texts whose characters stand for bytes, so that a change can be read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import List, Sequence, Tuple

FOLDER = Path(__file__).with_name("corpus")
#: What all files may take together, and what the inputs of one target may.
MOST_BYTES, MOST_OF_TARGET = 200_000, 6_000


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.json"


def read_both(name: str) -> Tuple[List[bytes], List[bytes]]:
    """The inputs of a target that have shown faults, and those that reach much; none without a file."""
    if not path_of(name).exists():
        return [], []
    kept = json.loads(path_of(name).read_text(encoding="ascii"))
    return tuple([text.encode("latin-1") for text in kept[part]] for part in ("faults", "reached"))  # type: ignore[return-value]


def read(name: str) -> List[bytes]:
    """All inputs of a target."""
    faults, reached = read_both(name)
    return faults + reached


def write(name: str, faults: Sequence[bytes], reached: Sequence[bytes]) -> None:
    """Keep these inputs of a target, as many of those that reach much as fit, the first ones first."""
    kept: List[bytes] = []
    for each in reached:
        if each not in (*faults, *kept) and sum(map(len, kept)) + len(each) <= MOST_OF_TARGET:
            kept.append(each)
    parts = {"faults": list(faults), "reached": kept}
    texts = {part: [each.decode("latin-1") for each in inputs] for part, inputs in parts.items()}
    path_of(name).write_text(json.dumps(texts, indent=0) + "\n", encoding="ascii", newline="\n")
