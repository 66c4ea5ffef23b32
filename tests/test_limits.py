from __future__ import annotations

import pickle
from typing import Any

import pytest

from gradio_client_lite import Client, Limits
from gradio_client_lite.errors import ArgumentError


def test_what_is_not_given_has_its_default() -> None:
    limits = Limits(downloading=5)

    assert (limits.downloading, limits.connecting, limits.answer_bytes) == (5, 60.0, 16 << 20)


def test_none_means_no_limit() -> None:
    assert Limits(max_download_size=None).max_download_size is None


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(ArgumentError, match=r"no limit called dowloading; there are connecting, "):
        Limits(dowloading=5)


@pytest.mark.parametrize("value", [0, -1, True, "5", float("nan"), float("inf")])
def test_what_is_no_span_of_time_is_refused(value: Any) -> None:
    with pytest.raises(ArgumentError, match="The limit connecting must be a number of seconds above 0"):
        Limits(connecting=value)


@pytest.mark.parametrize("value", [0, -1, True, 5.5, 1 << 63])
def test_what_is_no_number_of_bytes_is_refused(value: Any) -> None:
    with pytest.raises(ArgumentError, match="The limit event_bytes must be a whole number above 0"):
        Limits(event_bytes=value)


def test_limits_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="make another one"):
        Limits().connecting = 5.0


def test_equal_limits_are_equal_and_pickled_ones_too() -> None:
    limits = Limits(joining=1)

    assert pickle.loads(pickle.dumps(limits)) == limits == Limits(joining=1.0)
    assert hash(limits) == hash(Limits(joining=1))
    assert limits != Limits()


def test_an_unknown_limit_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'connectin'"):
        Limits().connectin  # noqa: B018 - read on purpose


def test_a_bound_is_named_as_users_write_it() -> None:
    assert Limits(joining=5).bound("joining") == (5, "Limits(joining=5)")
    assert Limits(result_bytes=None).bound("result_bytes").value is None


def test_the_text_of_a_bound_is_made_once() -> None:
    limits = Limits()

    assert limits.bound("job_bytes") is limits.bound("job_bytes")


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ({}, (2 << 20) + 1),
        ({"answer_bytes": 800}, 101),
        ({"json_values": 7}, 7),
        ({"answer_bytes": None}, 10_000_000),
        ({"json_values": None}, (2 << 20) + 1),
        ({"answer_bytes": None, "json_values": None}, None),
    ],
)
def test_answers_hold_a_value_for_every_eight_bytes_they_may_have(given: Any, values: Any) -> None:
    assert Limits(**given).answer_values == values


def test_a_client_wants_limits_of_that_kind() -> None:
    with pytest.raises(ArgumentError, match="limits must be a Limits"):
        Client("http://127.0.0.1:1", limits={"connecting": 5})  # type: ignore[arg-type]


def test_limits_show_how_they_are_made() -> None:
    limits = Limits(joining=5, answer_bytes=None)

    assert eval(repr(limits)) == limits
