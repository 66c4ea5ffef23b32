"""The targets run without a fuzzer: over the corpus, and over mutations of it that are the same each time."""

from __future__ import annotations

from itertools import chain
from random import Random
from typing import List, Tuple

import pytest

from . import corpus
from .mutation import mutate
from .target import pieces_of
from .targets import ROOMS, TARGETS

NAMES = sorted(TARGETS)
#: So many for each target, where the fuzzer has some hundred thousand.
MUTATIONS = 100


@pytest.mark.parametrize("name", NAMES)
def test_the_corpus_of_a_target_shows_no_fault(name: str) -> None:
    for data in corpus.read(name):
        TARGETS[name].run(data)


@pytest.mark.parametrize("name", NAMES)
def test_mutations_of_the_corpus_show_no_fault(name: str) -> None:
    for data in mutations(name):
        TARGETS[name].run(data)


def mutations(name: str, count: int = MUTATIONS) -> List[bytes]:
    target, inputs, random = TARGETS[name], corpus.read(name), Random(name)
    return [mutate(target, random.choice(inputs), inputs, random) for _ in range(count)]


@pytest.mark.parametrize("name", NAMES)
def test_the_mutations_are_the_same_each_time_and_no_longer_than_they_may_be(name: str) -> None:
    made = mutations(name)
    assert made == mutations(name)
    assert len(set(made)) > MUTATIONS / 3
    assert max(map(len, made)) <= TARGETS[name].longest


@pytest.mark.parametrize("name", NAMES)
def test_nothing_at_all_is_an_input_too(name: str) -> None:
    TARGETS[name].run(b"")


def test_each_target_has_a_corpus_and_each_corpus_a_target() -> None:
    assert [path.stem for path in sorted(corpus.FOLDER.iterdir())] == NAMES
    assert all(corpus.read(name) for name in NAMES)


def test_the_corpus_is_small() -> None:
    assert sum(path.stat().st_size for path in corpus.FOLDER.iterdir()) <= corpus.MOST_BYTES


def test_no_room_is_without_targets() -> None:
    rooms = {target.room for target in TARGETS.values()}
    assert rooms == {room.__name__.rpartition(".")[2] for room in ROOMS}


@pytest.mark.parametrize("data", [b"", b"a", b"\r\n", bytes(range(256)) * 3])
def test_pieces_are_the_bytes_cut(data: bytes) -> None:
    pieces = pieces_of(data)
    assert b"".join(pieces) == data
    assert all(pieces)
    assert pieces == pieces_of(data)


def test_inputs_are_cut_in_many_ways() -> None:
    inputs = list(chain.from_iterable(corpus.read(name) for name in NAMES))
    ways: List[Tuple[int, bool]] = [
        (len(pieces_of(data)), len(pieces_of(data)) == len(data)) for data in inputs
    ]
    assert len({count for count, _ in ways}) > 5
    assert 0.05 < sum(single for _, single in ways) / len(ways) < 0.5
