"""How much a lane may have under way, and when it rests."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, List, Optional

import pytest

from gradio_client_lite.batch.lane import Call, Ended, Lane, arguments
from gradio_client_lite.errors import ConnectionLost, QueueError
from gradio_client_lite.updates import Status, StatusUpdate


class Job:
    """A job in some state."""

    def __init__(self) -> None:
        self.has_ended = False
        self._status = StatusUpdate(Status.STARTING)
        self.watch = lambda listener: None


class Client:
    """Makes such jobs."""

    def __init__(self, timeout: Optional[float] = None) -> None:
        self._calls = SimpleNamespace(
            timeout=timeout, live=SimpleNamespace(closed=False), begin=lambda job: None
        )

    def _prepare(self, *call: Any) -> Job:
        self.call = call
        return Job()


def running(lane: Lane, calls: int) -> List[Call]:
    """Begin so many."""
    made = [Call(number, number, Ended()) for number in range(calls)]
    for call in made:
        lane.begin(call, 0.0)
    return made


def lane_of(most: int, timeout: Optional[float] = None) -> Lane:
    return Lane(Client(timeout), ("/f", None, None), most)


def error(seconds: Optional[float] = None, kind: Any = QueueError) -> Exception:
    made: Exception = kind("busy")
    made.retry_after = seconds  # type: ignore[attr-defined]
    return made


def test_it_has_room_for_as_many_as_it_may() -> None:
    lane = lane_of(2)
    assert lane.has_room(0.0)
    running(lane, 2)
    assert not lane.has_room(0.0)


def test_call_is_due_after_the_timeout_of_the_client() -> None:
    (call,), (other,) = running(lane_of(1, 2.5), 1), running(lane_of(1), 1)
    assert (call.due, other.due, call.attempts) == (2.5, float("inf"), 1)


def test_refused_call_leaves_room_for_those_that_were_taken() -> None:
    lane = lane_of(10)
    for call in running(lane, 10)[4:]:
        del lane.running[call]
        lane.failed(error(), 0.0, 600.0, pause=False)
    assert not lane.has_room(0.0)
    del lane.running[next(iter(lane.running))]
    assert lane.has_room(0.0)


def test_there_is_always_room_for_one() -> None:
    lane = lane_of(10)
    lane.failed(error(), 0.0, 600.0, pause=False)
    running(lane, 1)
    assert not lane.has_room(0.0)
    lane.running.clear()
    assert lane.has_room(0.0)


def test_one_more_is_dared_for_each_such_number_that_goes_well() -> None:
    lane = lane_of(3)
    lane.failed(error(), 0.0, 600.0, pause=False)
    rooms = []
    for _ in range(6):
        lane.succeeded()
        rooms.append(int(lane._room))
    assert rooms == [2, 2, 2, 3, 3, 3]


def test_lost_connection_says_nothing_about_how_much_the_server_takes() -> None:
    lane = lane_of(3)
    lane.failed(error(kind=ConnectionLost), 0.0, 600.0, pause=False)
    running(lane, 2)
    assert lane.has_room(0.0)


def test_it_rests_for_as_long_as_the_server_asked() -> None:
    lane = lane_of(3)
    assert lane.failed(error(7.0), 100.0, 600.0, pause=False) == 7.0
    assert lane.failed(error(5.0), 100.0, 600.0, pause=False) == 5.0
    assert (lane.has_room(106.9), lane.has_room(107.0)) == (False, True)


def test_it_rests_no_longer_than_it_may() -> None:
    lane = lane_of(3)
    assert lane.failed(error(86400.0), 100.0, 600.0, pause=True) == 86400.0
    assert lane.rests_until == 700.0


def test_it_rests_ever_longer_where_the_server_did_not_say() -> None:
    lane, now, rests = lane_of(3), 100.0, []
    for _ in range(8):
        rests.append(lane.failed(error(), now, 600.0, pause=True))
        assert lane.failed(error(), now, 600.0, pause=True) == 0.0  # for the same reason
        assert lane.rests_until == now + rests[-1]
        now = lane.rests_until
    assert rests == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    lane.succeeded()
    assert lane.failed(error(), now, 600.0, pause=True) == 1.0


def test_it_does_not_rest_unasked_where_nothing_is_tried_again() -> None:
    lane = lane_of(3)
    assert lane.failed(error(), 100.0, 600.0, pause=False) == 0.0
    assert lane.has_room(100.0)


@pytest.mark.parametrize(
    ("status", "busy"),
    [
        (StatusUpdate(Status.IN_QUEUE, rank=50), 51),
        (StatusUpdate(Status.IN_QUEUE, rank=0), 2),
        (StatusUpdate(Status.IN_QUEUE), 2),
        (StatusUpdate(Status.PROCESSING, rank=50), 2),
    ],
)
def test_it_is_as_busy_as_the_server_says_of_the_newest_call(status: StatusUpdate, busy: int) -> None:
    lane = lane_of(10)
    assert lane.busy() == 0
    _, newest = running(lane, 2)
    assert newest.job is not None
    newest.job._status = status
    assert lane.busy() == busy


def test_call_tells_of_its_end_once_its_job_has_ended() -> None:
    ended, told = Ended(), []
    ended.tell = lambda: told.append(1)
    call = Call(0, "a", ended)
    call.changed()
    lane_of(1).begin(call, 0.0)
    call.changed()
    assert ended.calls.empty()
    assert call.job is not None
    call.job.has_ended = True  # type: ignore[misc]
    call.changed()
    assert (ended.calls.get_nowait(), told) == (call, [1])


def test_arguments_go_to_the_endpoint_with_the_headers() -> None:
    client = Client()
    lane = Lane(client, ("/f", 3, {"x": "1"}), 1)
    lane.begin(Call(0, {"text": "a"}, Ended()), 0.0)
    assert client.call == ("/f", 3, {"x": "1"}, (), {"text": "a"})
    assert arguments([1, 2]) == (([1, 2],), {})
