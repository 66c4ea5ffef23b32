"""Mutation: an input becomes another one, the same for the same seed.

JSON is changed as a value: what becomes of a text whose brackets do not match any more is soon known.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any, List, Sequence, Tuple

from .target import Target, value_of

#: What stands where something else is expected.
ODD_VALUES: Tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**63,
    10**30,
    0.5,
    -0.0,
    float("inf"),
    float("nan"),
    "",
    "0",
    "x",
    "\x00",
    "\n",
    "\x1b[31m",
    "\u202e",
    "\ud83d",
    "é",
    "..",
    "/",
    "../../x",
    "http://[::1/x",
    "data:,x",
    [],
    {},
    [[]],
    [{}],
    {"": None},
)
_ODD_BYTES = (
    b"\x00",
    b"\xff",
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b":",
    b";",
    b"\xef\xbb\xbf",
    b"0",
    b"9" * 20,
)


def mutate(target: Target, data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """Change an input of a target; `others` are more inputs of it."""
    for _ in range(random.choice((1, 1, 2, 4))):
        if target.form == "json" and random.random() < 0.9:
            data = _mutated_json(data, others, random, target.words)
        elif target.form == "lines" and random.random() < 0.9:
            data = _mutated_lines(data, others, random, target.words)
        else:
            data = _mutated_bytes(data, others, random, target.words)
    return data[: target.longest]


def _mutated_bytes(data: bytes, others: Sequence[bytes], random: Random, words: Sequence[bytes]) -> bytes:
    start = random.randint(0, len(data))
    end = min(len(data), start + random.choice((0, 1, 2, 8, 64)))
    kind = random.randrange(5)
    if kind == 0:
        new = bytes(random.randrange(256) for _ in range(random.choice((1, 2, 4))))
    elif kind == 1:
        new = random.choice(words or _ODD_BYTES)
    elif kind == 2:
        new = random.choice(_ODD_BYTES)
    elif kind == 3:
        new = data[start:end] * random.choice((0, 2, 3, 50))
    else:
        other = random.choice(others) if others else data
        place = random.randint(0, len(other))
        new = other[place : place + random.choice((1, 8, 64, 512))]
    return data[:start] + new + data[end:]


def _mutated_lines(data: bytes, others: Sequence[bytes], random: Random, words: Sequence[bytes]) -> bytes:
    lines = data.split(b"\n")
    place = random.randrange(len(lines))
    kind = random.randrange(8)
    if kind == 0:
        lines.insert(random.randint(0, len(lines)), lines[place])
    elif kind == 1:
        del lines[place]
    elif kind == 2:
        random.shuffle(lines)
    elif kind == 3 and others:
        lines.insert(place, random.choice(random.choice(others).split(b"\n")))
    else:
        lines[place] = _mutated_json(lines[place], [], random, words)
    return b"\n".join(lines)


def _mutated_json(data: bytes, others: Sequence[bytes], random: Random, words: Sequence[bytes]) -> bytes:
    root = [value_of(data)]
    places = _places(root)
    container, key = random.choice(places)
    kind = random.randrange(8)
    if kind == 0 and len(places) > 1:
        container, key = random.choice(places[1:])
        del container[key]
    elif kind == 1:
        donor, place = random.choice(places)
        container[key] = json.loads(json.dumps(donor[place]))
    elif kind == 2 and others:
        donor, place = random.choice(_places([value_of(random.choice(others))]))
        container[key] = donor[place]
    elif kind == 3 and isinstance(container, dict):
        container[random.choice((*container, *_texts(words), "x"))] = container.pop(key)
    elif kind == 4 and isinstance(container[key], list):
        container[key] *= random.choice((0, 2, 3))
    elif kind == 5:
        container[key] = random.choice(([container[key]], {"x": container[key]}, json.dumps(container[key])))
    elif kind == 6 and isinstance(container[key], str):
        text = container[key]
        place = random.randint(0, len(text))
        odd = random.choice([value for value in ODD_VALUES if isinstance(value, str)])
        container[key] = text[:place] + odd + text[place + random.randrange(3) :]
    else:
        container[key] = random.choice((*ODD_VALUES, *_texts(words)))
    return json.dumps(root[0], ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")


def _texts(words: Sequence[bytes]) -> List[str]:
    return [word.decode() for word in words]


def _places(root: List[Any]) -> List[Tuple[Any, Any]]:
    """Each value in a value, and the container and the key that it is under; the whole first."""
    places: List[Tuple[Any, Any]] = []
    todo: List[Any] = [root]
    while todo:
        container = todo.pop()
        keys = list(container) if isinstance(container, dict) else range(len(container))
        places += [(container, key) for key in keys]
        todo += [container[key] for key in keys if isinstance(container[key], (list, dict))]
    return places
