"""Logging in again, by one request for all."""

from __future__ import annotations

import threading
from typing import Any, Callable, List, Optional

import pytest

from gradio_client_lite.app import login as login_module
from gradio_client_lite.app.login import Renewal
from gradio_client_lite.errors import AuthenticationError, ConnectFailed, DeadlineExceeded
from gradio_client_lite.transport.sockets import Deadline
from gradio_client_lite.transport.url import parse_url

PATIENCE = 10.0
APP = parse_url("http://app.test/")
NEVER = Deadline(None)


class HeldLogin:
    """Logins that wait until the test says what becomes of them, one after the other."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.count = 0
        self._ends: List[Optional[BaseException]] = []
        self._ended = threading.Semaphore(0)

    def end(self, error: Optional[BaseException] = None) -> None:
        self._ends.append(error)
        self._ended.release()

    def __call__(self, seconds: Optional[float]) -> None:
        self.count += 1
        self.begun.release()
        assert self._ended.acquire(timeout=PATIENCE)
        error = self._ends.pop(0)
        if error is not None:
            raise error


class Request:
    """One that was refused, on a thread of its own."""

    def __init__(self, renewal: Renewal, deadline: Deadline = NEVER) -> None:
        self.outcome: Any = None
        self._thread = threading.Thread(target=self._renew, args=(renewal, deadline), daemon=True)
        self._thread.start()

    def _renew(self, renewal: Renewal, deadline: Deadline) -> None:
        try:
            self.outcome = renewal.renew(0, APP, deadline)
        except BaseException as exc:
            self.outcome = exc

    def wait(self) -> Any:
        self._thread.join(PATIENCE)
        return self.outcome


Refused = Callable[..., List[Request]]


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> Refused:
    """Make requests of which the first one logs in, while the others wait for it."""
    waiting = threading.Semaphore(0)
    outcome = login_module._outcome

    def noted(future: Any, deadline: Deadline) -> Any:
        waiting.release()
        return outcome(future, deadline)

    monkeypatch.setattr(login_module, "_outcome", noted)

    def make(login: HeldLogin, *deadlines: Deadline) -> List[Request]:
        renewal = Renewal(APP, login)
        requests = [Request(renewal, deadlines[0])]
        assert login.begun.acquire(timeout=PATIENCE)
        for deadline in deadlines[1:]:
            requests.append(Request(renewal, deadline))
            assert waiting.acquire(timeout=PATIENCE)
        return requests

    return make


def test_one_login_serves_all_that_were_refused(refused: Refused) -> None:
    login = HeldLogin()
    requests = refused(login, NEVER, NEVER, NEVER)
    login.end()
    assert [request.wait() for request in requests] == [True, True, True]
    assert login.count == 1


def test_request_that_was_sent_before_the_login_needs_none_of_its_own() -> None:
    login = HeldLogin()
    login.end()
    renewal = Renewal(APP, login)
    mark = renewal.mark()
    assert renewal.renew(mark, APP, NEVER)
    assert renewal.renew(mark, APP, NEVER)
    assert login.count == 1
    assert renewal.mark() != mark


def test_refused_password_is_told_to_all(refused: Refused) -> None:
    login = HeldLogin()
    requests = refused(login, NEVER, NEVER)
    login.end(AuthenticationError("wrong"))
    first, second = (request.wait() for request in requests)
    assert type(first) is type(second) is AuthenticationError
    assert first is not second


@pytest.mark.parametrize("failure", [DeadlineExceeded("late"), ConnectFailed("refused"), KeyboardInterrupt()])
def test_failure_of_one_requests_login_is_not_that_of_the_next(
    refused: Refused, failure: BaseException
) -> None:
    login = HeldLogin()
    first, second = refused(login, NEVER, NEVER)
    login.end(failure)
    login.end()
    assert (first.wait(), second.wait()) == (failure, True)


def test_login_that_keeps_failing_is_told(refused: Refused) -> None:
    login = HeldLogin()
    requests = refused(login, NEVER, NEVER, NEVER)
    for _ in range(3):
        login.end(ConnectFailed("refused"))
    assert {type(request.wait()) for request in requests} == {ConnectFailed}
    assert login.count <= 3


def test_request_waits_no_longer_than_its_deadline(refused: Refused) -> None:
    login = HeldLogin()
    first, second = refused(login, NEVER, Deadline(0.05))
    assert isinstance(second.wait(), DeadlineExceeded)
    login.end()
    assert first.wait() is True


def test_login_has_no_longer_than_its_request() -> None:
    given: List[Optional[float]] = []
    renewal = Renewal(APP, given.append)
    assert renewal.renew(0, APP, Deadline(30.0))
    assert given[0] is not None
    assert given[0] <= 30.0
    with pytest.raises(DeadlineExceeded):
        renewal.renew(1, APP, Deadline(-1.0))


def test_login_that_is_refused_itself_makes_no_other() -> None:
    answers: List[bool] = []
    renewal = Renewal(APP, lambda _: answers.append(renewal.renew(0, APP, NEVER)))
    renewal.renew(0, APP, NEVER)
    assert answers == [False]


@pytest.mark.parametrize("place", ["http://other.test/", "http://app.test:8080/", "https://app.test:8080/"])
def test_password_goes_to_its_own_place_only(place: str) -> None:
    def never(_: Any) -> None:
        raise AssertionError("this must not be called")

    assert not Renewal(APP, never).renew(0, parse_url(place), NEVER)


def test_child_does_not_wait_for_a_login_of_its_parent() -> None:
    login = HeldLogin()
    renewal = Renewal(APP, login)
    Request(renewal)
    assert login.begun.acquire(timeout=PATIENCE)
    renewal.after_fork()  # as in a child
    login.end()
    login.end()
    assert renewal.renew(renewal.mark(), APP, NEVER)
