"""Tests how `diff.py` mends deletions."""

from __future__ import annotations

from typing import Any, List

import pytest

from gradio_client_lite.wire.diff import mend_deletions


def delete(*path: Any) -> List[Any]:
    return ["delete", list(path), None]


def test_indexes_before_any_deletion_are_put_right() -> None:
    assert mend_deletions([1, 2, 3, 4], [delete(2), delete(3)]) == [delete(2), delete(2)]


def test_indexes_counted_once_more_for_every_list_around_are_put_right() -> None:
    edits = [delete(0, 1), delete(1, 0), delete(0)]
    assert mend_deletions([[1, 2], [3, 4], 5], edits) == [delete(0, 1), delete(1, 1), delete(2)]


def test_lists_within_objects_are_not_around_each_other() -> None:
    edits = [delete("a", 2), delete("a", 3), delete("b", 1), delete("c")]
    value = {"a": [1, 2, 3, 4], "b": [1, 2], "c": 0}
    assert mend_deletions(value, edits) == [delete("a", 2), delete("a", 2), *edits[2:]]


def test_other_edits_keep_their_places_and_the_argument_is_not_changed() -> None:
    edits = [["append", [0], "x"], delete(1), delete(2), ["add", ["k"], 1]]
    before = [list(edit) for edit in edits]
    assert mend_deletions(["", 1, 2], edits) == [edits[0], delete(1), delete(1), edits[3]]
    assert edits == before


@pytest.mark.parametrize(
    "edits",
    [
        [],
        [delete(0)],
        [["add", [0], 1], ["append", [], []]],
        [delete(3), delete(3)],
        [delete(0), delete(2)],
        [delete("x"), delete("y")],
        [delete(0), delete("k")],
        [delete("k", 0), delete("k", 1)],
        [delete(0, 0), delete(0, 1)],
        [delete(), delete()],
        [["delete", None, None], ["delete", [[]], None]],
        [delete(True), delete(True)],
        [delete(3), delete(4), delete(5)],
    ],
)
def test_right_foreign_and_invalid_edits_come_back_as_they_are(edits: List[Any]) -> None:
    assert mend_deletions([1, 2, 3, 4, 5], edits) is edits
