"""The light NamedTuple and patterns behave as the originals, but for what they cost."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Any, List, Optional

import pytest

from gradio_client_lite.light import NamedTuple, pattern


class Point(NamedTuple):
    """A place."""

    x: int
    y: int = 2
    names: Optional[List[str]] = None

    @property
    def both(self) -> int:
        return self.x + self.y


class Empty(NamedTuple):
    pass


def test_a_named_tuple_takes_its_fields_by_place_and_by_name() -> None:
    assert Point(1) == Point(1, 2, None) == Point(y=2, x=1) == (1, 2, None)
    assert Point(1, names=["a"]).names == ["a"]
    assert Empty() == ()


@pytest.mark.parametrize("arguments", [{}, {"x": 1, "z": 2}])
def test_a_missing_or_an_unknown_field_is_an_error_that_names_it(arguments: dict[str, int]) -> None:
    with pytest.raises(TypeError, match="x" if not arguments else "z"):
        Point(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("named", [{}, {"y": 5}])
def test_too_many_fields_are_an_error_that_shows_no_value(named: dict[str, int]) -> None:
    values: Any = (1, 2, None, 4) if not named else (1, 2)
    with pytest.raises(TypeError, match=r"^[^0-9]+$"):
        Point(*values, **named)


def test_a_named_tuple_is_a_tuple_that_cannot_be_changed_and_has_room_for_nothing_else() -> None:
    point = Point(1)
    assert isinstance(point, tuple)
    assert point.both == 3
    assert not hasattr(point, "__dict__")
    with pytest.raises(AttributeError):
        point.x = 2  # type: ignore[misc]


def test_a_named_tuple_shows_its_fields_and_can_be_replaced_in_part() -> None:
    assert repr(Point(1)) == "Point(x=1, y=2, names=None)"
    assert repr(Empty()) == "Empty()"
    assert Point._fields == ("x", "y", "names")
    assert Point(1)._replace(y=5) == Point(1, 5)
    assert Point(1)._asdict() == {"x": 1, "y": 2, "names": None}


def test_a_named_tuple_is_pickled_and_copied_as_what_it_is() -> None:
    point = Point(1, names=["a"])
    for copied in (pickle.loads(pickle.dumps(point)), copy.copy(point), copy.deepcopy(point)):
        assert type(copied) is Point
        assert copied == point


def test_a_pattern_is_compiled_at_its_first_use_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: List[str] = []
    original = re.compile

    def compiling(text: str, flags: int) -> re.Pattern[str]:
        compiled.append(text)
        return original(text, flags)

    monkeypatch.setattr(re, "compile", compiling)
    digits = pattern("([0-9]+)x", re.IGNORECASE)
    assert not compiled
    assert [digits.match("12X") is not None, digits.match("a")] == [True, None]
    assert digits.sub("-", "1x2x") == "--"
    assert digits.match("3x") is not None
    assert set(compiled) == {"([0-9]+)x"}
    assert len(compiled) == 2  # for each method that was used
