"""Many inputs for one endpoint of the embedded app."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
import time
import weakref
from concurrent.futures import CancelledError
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest

from gradio_client_lite import Client
from gradio_client_lite.batch import Row, mapping
from gradio_client_lite.batch.mapping import NOT_YET, Batch
from gradio_client_lite.errors import (
    AppError,
    ArgumentError,
    ClientClosed,
    DeadlineExceeded,
    QueueError,
    StreamLost,
    UnknownEndpointError,
)
from gradio_client_lite.testing import App, Function, serve
from gradio_client_lite.testing import AppError as RaisedError

PATIENCE = 10.0


class Desk:
    """What the app's functions have been told, and what lets them go on."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.begun: List[Any] = []
        self.running = self.most = 0
        self.meeting = 0  # how many calls wait for each other at first
        self.met = threading.Event()
        self._lock = threading.Lock()

    def work(self, n: int) -> int:
        with self._lock:
            self.begun.append(n)
            self.running += 1
            self.most = max(self.most, self.running)
        if self.most >= self.meeting:
            self.met.set()
        self.met.wait(PATIENCE)
        time.sleep(0.005)
        with self._lock:
            self.running -= 1
        if n % 10 == 7:
            raise RaisedError(f"no {n}")
        return 2 * n

    def held(self, n: int) -> int:
        self.begun.append(n)
        if n == 0:
            self.let_go.wait(PATIENCE)
        return n

    def stuck(self, n: int) -> int:
        self.begun.append(n)
        self.let_go.wait(PATIENCE)
        return n


def pair(first: str, second: int = 2) -> Tuple[str, int]:
    return first, second


def count(to: int) -> Iterator[int]:
    yield from range(to)


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.let_go.set()


@pytest.fixture
def app(desk: Desk) -> Iterator[App]:
    functions: Dict[str, Any] = {
        "/echo": lambda value: value,
        "/direct": Function(lambda value: value, queue=False),
        "/pair": pair,
        "/count": count,
        "/work": desk.work,
        "/held": desk.held,
        "/stuck": desk.stuck,
    }
    with serve(functions) as made:
        yield made


@pytest.fixture
def client(app: App) -> Iterator[Client]:
    with Client(app.url, verbose=False) as made:
        yield made


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_an_input_that_has_not_come_holds_up_no_result(client: Client) -> None:
    def inputs() -> Iterator[Any]:
        yield 1
        while not come.is_set():
            yield NOT_YET
        yield 2

    def arrive() -> None:
        come.set()
        results.wake()

    come = threading.Event()
    results = Batch([client], inputs(), api_name="/echo")
    assert next(results) == 1
    threading.Timer(0.1, arrive).start()
    assert list(results) == [2]


def begin(results: Batch) -> None:
    """Begin what may begin, and wait for nothing."""
    while results._begin_one():
        pass


def live(client: Client) -> int:
    return len(client._calls.live.jobs)


# --- inputs and results


def test_results_are_those_of_predict_in_the_order_of_the_inputs(client: Client) -> None:
    inputs = [n for n in range(40) if n % 10 != 7]
    assert list(client.map(inputs, api_name="/work")) == [2 * n for n in inputs]
    assert list(client.map([3, 1], api_name="/count")) == [2, 0]


def test_input_is_a_value_a_tuple_or_a_dict_of_names(client: Client) -> None:
    inputs = ["a", ("b",), ("c", 3), {"first": "d"}, {"second": 5, "first": "e"}]
    assert list(client.map(inputs, api_name="/pair")) == [("a", 2), ("b", 2), ("c", 3), ("d", 2), ("e", 5)]


def test_lists_and_files_are_values_and_so_is_a_dict_in_a_tuple(client: Client) -> None:
    file = {"path": "a", "meta": {"_type": "gradio.FileData"}, "url": "http://127.0.0.1:9/a"}
    with pytest.raises(ArgumentError, match=r"`a` is not a valid .* pass a tuple with it"):
        next(client.map([{"a": 1}], api_name="/echo"))
    assert list(client.map([[1, 2], ({"a": 1},)], api_name="/echo")) == [[1, 2], {"a": 1}]
    with Client(client.src, verbose=False, download_files=False) as other:
        (given,) = other.map([file], api_name="/echo")
    assert given["path"] == "a"


def test_parameters_may_have_the_names_of_options(desk: Desk) -> None:
    def f(headers: str, rows: str) -> str:
        return headers + rows

    with serve({"/f": f}) as app, Client(app.url, verbose=False) as client:
        assert list(client.map([{"headers": "a", "rows": "b"}], api_name="/f")) == ["ab"]


def test_functions_without_queue_are_called_too(client: Client) -> None:
    assert list(client.map(range(100), api_name="/direct")) == list(range(100))


def test_no_inputs_give_no_results(client: Client) -> None:
    assert list(client.map([], api_name="/echo")) == []


def test_results_come_as_calls_end_where_order_does_not_count(client: Client, desk: Desk) -> None:
    results = client.map(range(4), api_name="/held", ordered=False)
    assert sorted(next(results) for _ in range(3)) == [1, 2, 3]
    desk.let_go.set()
    assert list(results) == [0]


def test_rows_tell_which_input_it_was_and_what_became_of_it(client: Client) -> None:
    rows = list(client.map(iter([6, 7]), api_name="/work", rows=True, on_error="return"))
    assert rows[0] == Row(0, 6, 12, None, 1)
    assert (rows[1][:3], rows[1].attempts) == ((1, 7, None), 1)
    assert isinstance(rows[1].error, AppError)


# --- bounds


def test_no_more_calls_run_at_once_than_were_asked_for(client: Client, desk: Desk) -> None:
    desk.meeting = 3
    assert len(list(client.map(range(50), api_name="/work", max_in_flight=3, on_error="return"))) == 50
    assert desk.most == 3


def test_inputs_are_taken_only_as_results_are(client: Client) -> None:
    taken: List[int] = []
    results = client.map(map(taken.append, itertools.count()), api_name="/echo", max_in_flight=4)
    assert not taken
    unordered = client.map(
        (n for n in itertools.count() if not taken.append(n)),  # type: ignore[func-returns-value]
        api_name="/echo",
        max_in_flight=4,
        ordered=False,
    )
    for given in range(1, 20):
        next(unordered)
        assert len(taken) == given + 4
    unordered.close()
    results.close()


def test_one_slow_call_does_not_hold_the_next_ones_up_but_bounds_them(client: Client, desk: Desk) -> None:
    def let_go_at(done: int, failed: int, total: Any) -> None:
        if done == 15:  # of 4 times 4, one of which is held
            desk.let_go.set()

    results = client.map(itertools.count(), api_name="/held", max_in_flight=4, on_progress=let_go_at)
    assert next(results) == 0
    assert desk.let_go.is_set()
    assert len(desk.begun) <= 16
    assert [next(results) for _ in range(30)] == list(range(1, 31))
    results.close()


@pytest.mark.parametrize(
    ("inputs", "ordered"), [pytest.param(10_000, True, marks=pytest.mark.whole), (1_000, False)]
)
def test_jobs_and_memory_do_not_grow_with_the_inputs(client: Client, inputs: int, ordered: bool) -> None:
    most, kept = 0, []
    results = client.map(itertools.repeat("a", inputs), api_name="/direct", ordered=ordered)
    for given, _ in enumerate(results):
        most = max(most, live(client))
        if given in (inputs // 5, inputs - 50):
            gc.collect()
            kept.append(
                sum(type(item).__module__.startswith("gradio_client_lite") for item in gc.get_objects())
            )
    assert given == inputs - 1
    assert most <= 10
    assert kept[1] < kept[0] + 100


# --- errors


def test_first_error_is_raised_at_its_place_and_ends_it(client: Client) -> None:
    results = client.map(itertools.count(), api_name="/work")
    assert [next(results) for _ in range(7)] == [0, 2, 4, 6, 8, 10, 12]
    with pytest.raises(AppError, match="no 7"):
        next(results)
    assert live(client) == 0
    assert list(results) == []


def test_errors_are_returned_in_place_of_results_where_asked_for(client: Client) -> None:
    results = list(client.map(range(20), api_name="/work", on_error="return", retries=3))
    errors = [n for n, result in enumerate(results) if isinstance(result, AppError)]
    assert errors == [7, 17]


def test_wrong_arguments_are_the_error_of_their_input(client: Client) -> None:
    inputs = ["a", {}, {"value": "b"}]
    results = list(client.map(inputs, api_name="/echo", on_error="return"))
    assert (results[0], results[2]) == ("a", "b")
    assert isinstance(results[1], ArgumentError)


def test_what_the_iterable_raises_comes_after_the_results_before_it(client: Client) -> None:
    def inputs() -> Iterator[int]:
        yield from range(3)
        raise OSError("the disk is gone")

    results = client.map(inputs(), api_name="/echo")
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="the disk is gone"):
        next(results)
    assert list(results) == []


def test_job_that_the_app_cancels_is_an_error(client: Client, desk: Desk) -> None:
    results = client.map([1], api_name="/stuck", on_error="return", on_progress=lambda *_: None)
    begin(results)
    (job,) = client._calls.live.jobs
    job.cancel()
    (error,) = results
    assert isinstance(error, CancelledError)


def test_each_call_may_take_the_timeout_of_the_client(app: App, desk: Desk) -> None:
    with Client(app.url, verbose=False, timeout=0.5) as client:
        results = client.map([0, 1, 2], api_name="/held", on_error="return")
        error, *others = list(results)
        assert isinstance(error, DeadlineExceeded)
        assert "/held gave no result within 0.5 seconds; it was cancelled." in str(error)
        assert others == [1, 2]
        assert live(client) == 0


def test_call_that_ends_just_as_it_is_due_has_its_result(app: App) -> None:
    with Client(app.url, verbose=False, timeout=PATIENCE) as client:
        results = client.map([1], api_name="/echo")
        begin(results)
        (job,) = client._calls.live.jobs
        assert job.result(PATIENCE) == 1
        (lane,) = results._lanes
        (call,) = lane.running
        results._ended.calls.get(timeout=PATIENCE)
        call.due = 0.0
        assert list(results) == [1]


@pytest.mark.parametrize(
    "options",
    [
        {"inputs": "abc"},
        {"inputs": b"abc"},
        {"inputs": {"text": "a"}},
        {"inputs": 3},
        {"max_in_flight": 0},
        {"max_in_flight": True},
        {"max_in_flight": 1.5},
        {"retries": -1},
        {"max_pause": 0},
        {"on_error": "ignore"},
        {"headers": "a"},
        {"clients": ["http://127.0.0.1:9"]},
        {"clients": [[]]},
        {"clients": None},
        {"on_progress": 1},
    ],
)
def test_wrong_options_are_refused_at_once(client: Client, options: Dict[str, Any]) -> None:
    with pytest.raises(ArgumentError) as caught:
        client.map(**{"inputs": [1], "api_name": "/echo", **options})
    assert next(iter(options)) in str(caught.value)


def test_one_client_is_no_list_of_clients(client: Client) -> None:
    with pytest.raises(ArgumentError, match="clients must be a list"):
        client.map([1], api_name="/echo", clients=client)  # type: ignore[arg-type]


def test_unknown_endpoint_is_refused_at_once(client: Client) -> None:
    with pytest.raises(UnknownEndpointError, match="/ecko"):
        client.map([1], api_name="/ecko")


def test_values_that_cannot_be_sent_are_the_error_of_their_input(client: Client) -> None:
    first, second = client.map([object(), "b"], api_name="/echo", on_error="return")
    assert isinstance(first, ArgumentError)
    assert second == "b"


def test_calls_are_made_again_in_the_order_of_their_inputs(client: Client) -> None:
    results = client.map(range(5), api_name="/stuck", retries=1)
    begin(results)
    (lane,) = results._lanes
    calls = list(lane.running)
    for number in (3, 4, 1, 0, 2):
        calls[number].job.cancel()
        results._end(lane, calls[number], None, QueueError("Queue is full."))
    again = [results._next_call() for _ in calls]
    assert again == calls


# --- progress


def test_progress_is_told_after_each_call_on_the_thread_that_asks(client: Client) -> None:
    told: List[Any] = []
    results = client.map(
        range(8),
        api_name="/work",
        on_error="return",
        on_progress=lambda *n: told.append((*n, threading.get_ident())),
    )
    assert not told
    list(results)
    me = threading.get_ident()
    assert [(done, total, thread) for done, _, total, thread in told] == [(n, 8, me) for n in range(1, 9)]
    assert told[-1][:3] == (8, 1, 8)
    list(client.map(iter([1]), api_name="/echo", on_progress=lambda *n: told.append(n)))
    assert told[-1] == (1, 0, None)


def test_what_the_progress_function_raises_ends_it(client: Client) -> None:
    def refuse(*_: Any) -> None:
        raise LookupError("mine")

    results = client.map(itertools.count(), api_name="/echo", on_progress=refuse)
    with pytest.raises(LookupError, match="mine"):
        next(results)
    assert live(client) == 0


def test_it_is_not_asked_for_a_result_by_two_at_once(client: Client, desk: Desk) -> None:
    found: List[Any] = []

    def ask(*_: Any) -> None:
        try:
            found.append(next(results))
        except ValueError as exc:
            found.append(str(exc))

    results = client.map(range(3), api_name="/echo", on_progress=ask)
    assert list(results) == [0, 1, 2]
    waits = threading.Event()
    results = client.map(iter(lambda: waits.set() or 0, 1), api_name="/stuck", max_in_flight=1)
    first = threading.Thread(target=list, args=(results,))
    first.start()
    assert waits.wait(PATIENCE)
    ask()
    with pytest.raises(ValueError, match="already"):
        asyncio.run(results.__anext__())
    results.close()
    first.join(PATIENCE)
    assert [text for text in found if "already" in text] == found
    assert len(found) == 4


# --- the end


def test_closing_it_cancels_what_is_under_way_and_takes_no_more(client: Client, desk: Desk) -> None:
    results = client.map(itertools.count(), api_name="/held", ordered=False)
    assert next(results) > 0
    jobs = list(client._calls.live.jobs)
    results.close()
    assert all(job.done() for job in jobs)
    assert any(job.cancelled() for job in jobs)
    assert list(results) == []
    results.close()


def test_closing_it_ends_a_wait_for_the_end_of_a_rest(client: Client) -> None:
    results = client.map([1], api_name="/echo")
    results._lanes[0].rests_until = time.monotonic() + 10 * PATIENCE
    waiting = threading.Thread(target=list, args=(results,), daemon=True)
    waiting.start()
    wait_until(results._asked.locked)
    results.close()
    waiting.join(PATIENCE)
    assert not waiting.is_alive()


def test_closing_it_before_it_began_calls_nothing(client: Client, desk: Desk) -> None:
    client.map(iter([1]), api_name="/work").close()
    assert not desk.begun


def test_leaving_the_loop_cancels_what_is_under_way(client: Client, desk: Desk) -> None:
    for result in client.map(itertools.count(), api_name="/held", ordered=False):
        assert result
        break
    wait_until(lambda: live(client) == 0)


def test_forgotten_one_is_collected_at_once_and_cancels(client: Client, desk: Desk) -> None:
    results = client.map(range(5), api_name="/stuck")
    begin(results)
    wait_until(lambda: len(desk.begun) == 5)
    gone = weakref.ref(results)
    gc.disable()
    try:
        del results
        assert gone() is None
    finally:
        gc.enable()
    wait_until(lambda: live(client) == 0)


def test_exception_thrown_into_it_closes_it(client: Client) -> None:
    results = client.map(itertools.count(), api_name="/echo")
    assert next(results) == 0
    with pytest.raises(KeyError, match="mine"):
        results.throw(KeyError("mine"))
    with pytest.raises(KeyError, match="mine"):
        results.throw(KeyError, KeyError("mine"))
    with pytest.raises(KeyError):
        results.throw(KeyError)
    assert live(client) == 0


def test_interruption_cancels_what_is_under_way(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: Batch) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Batch, "_wait", interrupt)
    results = client.map(range(3), api_name="/stuck")
    with pytest.raises(KeyboardInterrupt):
        next(results)
    assert live(client) == 0


def test_closed_client_is_the_error_of_each_input(client: Client) -> None:
    results = client.map(range(30), api_name="/echo", on_error="return")
    assert next(results) == 0
    client.close()
    rest = list(results)
    assert len(rest) == 29
    assert isinstance(rest[-1], ClientClosed)


def test_jobs_that_ended_without_a_word_are_heard_of_as_the_interpreter_ends(
    client: Client, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = client.map([1], api_name="/stuck", on_error="return")
    begin(results)
    (job,) = client._calls.live.jobs
    job.end_with_process()
    monkeypatch.setattr(mapping, "at_the_end", lambda: True)
    (error,) = results
    assert isinstance(error, ClientClosed)


def test_jobs_that_ended_without_a_word_are_heard_of_in_a_fork(client: Client, desk: Desk) -> None:
    results = client.map([1], api_name="/stuck", on_error="return")
    begin(results)
    (job,) = client._calls.live.jobs
    results.after_fork()
    job.after_fork()  # in whatever order
    (error,) = results
    assert isinstance(error, StreamLost)


# --- event loops


def test_event_loop_iterates_it_and_goes_on_meanwhile(client: Client, desk: Desk) -> None:
    async def main() -> List[int]:
        asyncio.get_running_loop().call_later(0.05, desk.let_go.set)
        return [result async for result in client.map(range(20), api_name="/held")]

    assert asyncio.run(main()) == list(range(20))


def test_event_loop_has_turns_between_calls_that_are_begun_and_between_results(client: Client) -> None:
    turns: List[str] = []

    async def take_turns() -> None:
        while True:
            turns.append("other")
            await asyncio.sleep(0)

    async def main() -> None:
        other = asyncio.ensure_future(take_turns())
        results = client.map(range(90), api_name="/echo", max_in_flight=90)
        async for result in results:
            turns.append("row")
            if result == 0:  # from here on all are there
                await asyncio.to_thread(wait_until, lambda: live(client) == 0)
        other.cancel()

    asyncio.run(main())
    assert turns.index("row") > 90
    assert "row,row" not in ",".join(turns)


def test_event_loop_is_told_of_errors(client: Client) -> None:
    async def main() -> None:
        async for _ in client.map(range(20), api_name="/work"):
            pass

    with pytest.raises(AppError, match="no 7"):
        asyncio.run(main())
    assert live(client) == 0


def test_cancelling_its_task_cancels_what_is_under_way(client: Client, desk: Desk) -> None:
    async def main() -> None:
        async for _ in client.map(range(3), api_name="/stuck"):
            pass

    async def within() -> None:
        await asyncio.wait_for(main(), 0.2)

    with pytest.raises((asyncio.TimeoutError, TimeoutError)):
        asyncio.run(within())
    assert live(client) == 0


def test_event_loop_hears_of_a_deadline(app: App, desk: Desk) -> None:
    async def main(client: Client) -> List[Any]:
        results = client.map([0, 1], api_name="/held", on_error="return")
        found = [result async for result in results]
        await results.aclose()
        return found

    with Client(app.url, verbose=False, timeout=0.3) as client:
        error, one = asyncio.run(main(client))
    assert isinstance(error, DeadlineExceeded)
    assert one == 1


def test_event_loop_may_be_closed_under_it(
    client: Client, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    results = client.map([0, 1], api_name="/held", ordered=False)

    async def main() -> Any:
        return await results.__anext__()

    assert asyncio.run(main()) == 1
    assert results._ended.tell is not None
    results._ended.tell()  # as the thread does that reads what the server says
    desk.let_go.set()
    assert list(results) == [0]
    assert not caplog.records


# --- several clients


def test_calls_go_to_the_app_that_is_the_least_busy(desk: Desk) -> None:
    asked: Dict[str, List[int]] = {"quick": [], "slow": []}

    def quick(n: int) -> int:
        asked["quick"].append(n)
        return n

    def slow(n: int) -> int:
        asked["slow"].append(n)
        desk.let_go.wait(PATIENCE)
        return n

    with (
        serve({"/f": quick}) as one,
        serve({"/f": Function(slow, concurrency=1)}) as two,
        Client(one.url, verbose=False) as a,
        Client(two.url, verbose=False) as b,
    ):
        results = a.map(range(100), api_name="/f", clients=[b, a], ordered=False, max_in_flight=8)
        assert len([next(results) for _ in range(90)]) == 90
        assert (len(asked["quick"]) >= 90, len(asked["slow"])) == (True, 1)
        desk.let_go.set()
        assert len(list(results)) == 10


def test_no_more_calls_run_at_once_over_several_clients(app: App, desk: Desk) -> None:
    with Client(app.url, verbose=False) as a, Client(app.url, verbose=False) as b:
        desk.meeting = 3
        results = a.map(range(30), api_name="/work", clients=[b], max_in_flight=3, on_error="return")
        assert len(list(results)) == 30
    assert desk.most == 3


def test_client_that_is_closed_is_left_out(app: App) -> None:
    with Client(app.url, verbose=False) as a, Client(app.url, verbose=False) as b:
        b.close()
        assert list(a.map(range(20), api_name="/echo", clients=[b])) == list(range(20))
