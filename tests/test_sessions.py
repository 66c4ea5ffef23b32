from __future__ import annotations

from typing import Any, Callable, Dict

import pytest

from gradio_client_lite.sessions import Sessions


class Queue:
    """As much of a queue driver as sessions touch."""

    def __init__(self, session_hash: str) -> None:
        self.session_hash = session_hash
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Lab:
    """Sessions, and what cuts the stream of one of them."""

    def __init__(self, *, stateful: bool) -> None:
        self.cut: Dict[str, Callable[[], None]] = {}
        self.sessions = Sessions(self._make_queue, None, stateful, "first")

    def _make_queue(self, session_hash: str, on_cut: Callable[[], None]) -> Any:
        self.cut[session_hash] = on_cut
        return Queue(session_hash)

    @property
    def current(self) -> str:
        return self.sessions.current.session_hash


def test_a_cut_of_its_stream_makes_new_calls_belong_to_another_session() -> None:
    lab = Lab(stateful=False)
    lab.cut["first"]()
    assert lab.current != "first"


def test_a_cut_of_a_session_that_was_left_changes_nothing() -> None:
    lab = Lab(stateful=False)
    lab.sessions.open("second")
    lab.cut["first"]()
    assert lab.current == "second"


def test_a_session_that_calls_depend_on_stays() -> None:
    lab = Lab(stateful=True)
    lab.cut["first"]()
    assert lab.current == "first"


@pytest.mark.parametrize(("chosen", "stays"), [(True, True), (False, False)])
def test_a_session_that_the_caller_chose_stays(chosen: bool, stays: bool) -> None:
    lab = Lab(stateful=False)
    lab.sessions.open("second", chosen=chosen)
    lab.cut["second"]()
    assert (lab.current == "second") is stays


def test_no_session_is_opened_once_all_were_closed() -> None:
    lab = Lab(stateful=False)
    lab.sessions.close()
    lab.cut["first"]()
    assert lab.current == "first"
