from __future__ import annotations

import copy
import json
import pickle
import threading
from typing import Any, Callable, List, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradio_client_lite.wire.longlist import LONG, LongList, copy_json


def messages(count: int = LONG) -> List[Any]:
    return [{"content": [{"text": f"message {number}"}]} for number in range(count)]


@pytest.mark.parametrize(
    ("value", "kind"),
    [(messages(), LongList), (messages(LONG - 1), list), (["text"] * LONG, list), ([[]] * LONG, LongList)],
)
def test_long_lists_of_containers_are_copied_lazily(value: Any, kind: type) -> None:
    copied = copy_json({"chat": value}, lazily=True)
    assert type(copied["chat"]) is kind
    assert copied == {"chat": value}
    assert type(copy_json(value)) is list


def test_only_what_is_looked_at_is_copied() -> None:
    items = messages()
    copied = copy_json(items, lazily=True)
    assert copied[-1] is copied[LONG - 1] is not items[-1]
    assert [one is other for one, other in zip(items, list.__iter__(copied))] == [True] * (LONG - 1) + [False]


def test_long_lists_within_long_lists_are_copied_lazily_too() -> None:
    copied = copy_json([messages()] * LONG, lazily=True)
    assert type(copied[0]) is LongList


#: What gets at items, or changes the list; each is done to a LongList and to a list of the same items.
ACTIONS: List[Callable[[List[Any], int], Any]] = [
    lambda items, place: items[place],
    lambda items, place: items[-place - 1],
    lambda items, place: items[place : place + 3],
    lambda items, place: items[::-1],
    lambda items, _: list(items),
    lambda items, _: [*items],
    lambda items, _: tuple(items),
    lambda items, _: list(reversed(items)),
    lambda items, _: items.copy(),
    lambda items, _: items + [{}],  # noqa: RUF005
    lambda items, _: [{}] + items,  # noqa: RUF005
    lambda items, _: items * 2,
    lambda items, _: 2 * items,
    lambda items, _: sorted(items, key=str),
    lambda items, place: items.pop(place),
    lambda items, place: items.insert(place, {"new": []}),
    lambda items, place: items.__setitem__(place, {"new": []}),
    lambda items, place: items.__delitem__(place),
    lambda items, place: items.remove(items[place]),
    lambda items, _: items.append({"new": []}),
    lambda items, _: items.extend([{"new": []}]),
    lambda items, _: items.__iadd__([{"new": []}]),
    lambda items, _: items.reverse(),
    lambda items, _: items.sort(key=str),
    lambda items, place: items.index(items[place]),
    lambda items, place: items[place] in items,
    lambda items, _: (len(items), json.dumps(items), repr(items)),
    lambda items, _: pickle.loads(pickle.dumps(items)),
    lambda items, _: copy.deepcopy(items),
    lambda items, _: copy.copy(items),
    lambda items, _: items.clear(),
]


def wreck(value: Any) -> None:
    """Change all that can be changed."""
    if isinstance(value, (list, tuple, dict)):
        for item in list(value.values() if isinstance(value, dict) else value):
            wreck(item)
        if not isinstance(value, tuple):
            value.clear()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(ACTIONS), st.integers(0, LONG - 10), st.booleans()), min_size=1, max_size=8
    )
)
def test_it_does_what_a_list_does_and_never_changes_what_it_copies(
    actions: List[Tuple[Callable[[List[Any], int], Any], int, bool]],
) -> None:
    original = messages()
    lazy, plain = copy_json(original, lazily=True), copy.deepcopy(original)
    for action, place, changing in actions:
        if place >= len(plain):
            break
        got, expected = action(lazy, place), action(plain, place)
        assert got == expected
        if changing:
            wreck(got)
            wreck(expected)
        assert lazy == plain
    assert original == messages()


def test_what_was_put_into_it_is_what_it_gives() -> None:
    copied, new = copy_json(messages(), lazily=True), {"new": []}
    first = copied[0]
    copied.append(new)
    assert copied[-1] is new
    assert copied[0] is first


def test_index_out_of_range_is_an_error() -> None:
    with pytest.raises(IndexError):
        copy_json(messages(), lazily=True)[LONG]


@pytest.mark.parametrize("add", [lambda items: items + (), lambda items: () + items])  # noqa: RUF005
def test_it_adds_to_lists_alone(add: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError):
        add(copy_json(messages(), lazily=True))


def test_threads_get_the_same_copies() -> None:
    for _ in range(20):
        copied, seen = copy_json(messages(), lazily=True), []
        start = threading.Barrier(4)

        def read(copied: Any = copied, seen: Any = seen, start: Any = start) -> None:
            start.wait(10)
            seen.append(list(map(id, copied)))

        readers = [threading.Thread(target=read) for _ in range(4)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        assert len(set(map(tuple, seen))) == 1
