from __future__ import annotations

import doctest
from typing import Any, Dict, List

import pytest

from gradio_client_lite.errors import ArgumentError
from gradio_client_lite.testing import Fault, faults
from gradio_client_lite.testing.faults import STEPS


def struck(fault: Fault, times: int = 8) -> List[int]:
    """The times of so many at which it strikes."""
    return [met for met in range(times) if fault.strikes(met)]


def test_every_kind_can_strike_at_each_of_its_steps() -> None:
    assert sum(len(steps) for steps in STEPS.values()) > 50
    for kind, steps in STEPS.items():
        for step in steps:
            assert Fault(kind, step).kind == kind


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"kind": "explode"}, "kind of a fault must be one of close, .*, not 'explode'"),
        ({"kind": "swap", "step": "join"}, "step of a fault must be one of event for 'swap', not 'join'"),
        ({"step": "evnet"}, "step of a fault must be one of cancel, "),
        ({"nth": -1}, "nth of a fault"),
        ({"nth": True}, "nth of a fault"),
        ({"times": 0}, "times of a fault"),
        ({"times": 1.5}, "times of a fault"),
        ({"step": "config", "endpoint": "/echo"}, "None, as the step 'config' is no endpoint's, not '/echo'"),
        ({"step": "opening", "endpoint": "/echo"}, "no endpoint's"),
        ({"step": "join", "message": "log"}, "message of a fault must be None, or for the step 'event'"),
        ({"message": "process_complete"}, "one of .*process_completed.*, not 'process_complete'"),
        ({"seconds": -0.1}, "seconds of a fault"),
        ({"seconds": "1"}, "seconds of a fault"),
        ({"seconds": float("nan")}, "seconds of a fault"),
        ({"seconds": float("inf")}, "seconds of a fault"),
        ({"status": 200}, "status of a fault must be a status of HTTP from 400 on, not 200"),
        ({"status": 599}, "status of a fault"),
        ({"status": "503"}, "status of a fault"),
        ({"retry_after": -1}, "retry_after of a fault"),
        ({"retry_after": 0.5}, "retry_after of a fault"),
        ({"chance": 0}, "chance of a fault must be above 0, and 1 at most, not 0"),
        ({"chance": 1.1}, "chance of a fault"),
        ({"chance": None}, "chance of a fault"),
    ],
)
def test_a_wrong_argument_is_an_error_that_says_what_it_may_be(options: Dict[str, Any], text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        Fault(**{"kind": "delay", "step": "event", **options})


def test_it_strikes_once_unless_it_says_otherwise() -> None:
    assert struck(Fault("delay", "join")) == [0]
    assert struck(Fault("delay", "join", nth=2)) == [2]
    assert struck(Fault("delay", "join", nth=2, times=3)) == [2, 3, 4]
    assert struck(Fault("delay", "join", nth=5, times=None)) == [5, 6, 7]


def test_by_chance_the_same_seed_strikes_at_the_same_places() -> None:
    often = [struck(Fault("delay", "join", times=None, chance=0.5, seed=seed), 200) for seed in (1, 1, 2)]
    assert often[0] == often[1] != often[2]
    assert 70 < len(often[0]) < 130


def test_its_text_is_what_makes_it() -> None:
    assert repr(Fault("delay", "join")) == "Fault('delay', 'join')"
    fault = Fault("refuse", "join", 1, endpoint="/echo", status=429)
    assert repr(fault) == "Fault('refuse', 'join', nth=1, endpoint='/echo', status=429)"
    assert eval(repr(fault)) == fault


def test_the_example_runs() -> None:
    assert doctest.testmod(faults) == (0, 2 + 1)
