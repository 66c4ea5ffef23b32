from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.errors import AppError, ProtocolError, QueueError
from gradio_client_lite.updates import LogUpdate, ProgressUnit, ProgressUpdate, Status, StatusUpdate
from gradio_client_lite.wire.lifecycle import (
    HIDDEN_ERROR,
    CancelledByServer,
    Failed,
    Lifecycle,
    NewOutput,
    Step,
    Succeeded,
    app_error,
)
from gradio_client_lite.wire.messages import (
    CloseStream,
    Completed,
    Estimation,
    Generating,
    Heartbeat,
    Log,
    Malformed,
    Message,
    ProcessStarts,
    Progress,
    QueueFull,
    SendData,
    SendHash,
    StopMessage,
    StreamCut,
    UnexpectedError,
)

START = datetime(2024, 1, 2, 3, 4, 5)
LATER = START + timedelta(seconds=7)


def life(*messages: Message, diffs: bool = True) -> Lifecycle:
    lifecycle = Lifecycle(diffs=diffs, now=START)
    for message in messages:
        lifecycle.feed(message, LATER)
    return lifecycle


def steps(message: Message, *before: Message) -> Tuple[Step, ...]:
    return life(*before).feed(message, LATER)


def outcome_of(output: Any, success: bool = True) -> Any:
    return life(Completed(output, success)).outcome


def failure(output: Any, success: bool = False) -> Any:
    outcome = outcome_of(output, success)
    assert isinstance(outcome, Failed)
    return outcome.error


# --- what each message gives


def test_new_job_is_starting() -> None:
    lifecycle = life()
    assert lifecycle.status == StatusUpdate(Status.STARTING, time=START)
    assert lifecycle.outcome is None
    assert lifecycle.outputs.values() == []


@pytest.mark.parametrize(
    ("message", "code"), [(SendHash(), Status.JOINING_QUEUE), (SendData(), Status.SENDING_DATA)]
)
def test_what_the_server_asks_for_is_a_status(message: Message, code: Status) -> None:
    assert steps(message) == (StatusUpdate(code, time=LATER),)


def test_estimation_is_the_place_in_the_queue() -> None:
    expected = StatusUpdate(Status.IN_QUEUE, rank=2, queue_size=5, eta=1.5, time=LATER)
    assert steps(Estimation(2, 5, 1.5)) == (expected,)


def test_start_is_processing() -> None:
    assert steps(ProcessStarts(3.0)) == (StatusUpdate(Status.PROCESSING, eta=3.0, time=LATER),)


def test_progress_carries_its_units() -> None:
    unit = ProgressUnit(1, 2, "steps", None, "working")
    expected = ProgressUpdate(Status.PROGRESS, time=LATER, progress_data=[unit])
    assert steps(Progress((unit,))) == (expected,)


def test_log_carries_all_its_fields() -> None:
    expected = LogUpdate(Status.LOG, time=LATER, log=("hi", "info"), title="T", duration=3, visible=False)
    assert steps(Log("hi", "info", "T", 3, False)) == (expected,)


def test_value_of_a_generator_is_an_output_and_then_a_status() -> None:
    status = StatusUpdate(Status.ITERATING, time=LATER, success=True)
    assert steps(Generating(["a"], True)) == (NewOutput(0, True), status)


def test_generating_without_values_is_a_status_only() -> None:
    assert steps(Generating([], True)) == (StatusUpdate(Status.ITERATING, time=LATER, success=True),)


@pytest.mark.parametrize(
    "message", [Heartbeat(), CloseStream(), StopMessage(), UnexpectedError("boom", False)]
)
def test_message_about_the_stream_changes_no_job(message: Message) -> None:
    lifecycle = life(Estimation(1, 1, None))
    before = lifecycle.status
    assert lifecycle.feed(message, LATER) == ()
    assert lifecycle.status is before
    assert lifecycle.outcome is None


# --- generators


def test_first_value_is_whole_and_later_ones_are_edits() -> None:
    lifecycle = life(Generating(["a"], True), Generating([[["append", [], "b"]]], True))
    assert lifecycle.outputs.values() == [["a"], ["ab"]]


def test_every_value_is_whole_before_sse_v2() -> None:
    lifecycle = life(Generating(["a"], True), Generating(["ab"], True), diffs=False)
    assert lifecycle.outputs.values() == [["a"], ["ab"]]


def test_value_of_a_stream_that_feeds_the_function_is_the_end() -> None:
    """A call is one chunk of it, and this is what came of that."""
    lifecycle = life(Generating(["a"], True, streaming=True), Generating(["b"], True, streaming=True))
    assert lifecycle.outcome == Succeeded(["a"])
    assert lifecycle.status.code is Status.FINISHED
    assert lifecycle.held


def test_stream_that_the_server_has_ended_is_not_held() -> None:
    assert not life(Completed({"data": ["a"]}, True)).held


def test_edits_of_the_wrong_shape_are_a_protocol_error() -> None:
    with pytest.raises(ProtocolError):
        life(Generating(["a"], True), Generating([["nonsense"]], True))


# --- edits of values that did not come


def replacing(value: Any) -> Generating:
    return Generating([[["replace", [], value]]], True)


def appending(text: str) -> Generating:
    return Generating([[["append", [], text]]], True)


def test_edits_after_a_cut_are_left_out_and_the_end_gives_the_last_value() -> None:
    lifecycle = life(Generating(["a"], True), StreamCut(), appending("c"))
    assert lifecycle.outputs.values() == [["a"]]
    assert lifecycle.feed(Completed({"data": ["abc"]}, True), LATER) == (NewOutput(1, True),)
    assert lifecycle.outputs.values() == [["a"], ["abc"]]


def test_an_output_knows_its_status_only_where_that_is_no_step_of_its_own() -> None:
    assert NewOutput(0, True).status is None
    assert NewOutput(0, False, LATER).status == StatusUpdate(Status.ITERATING, time=LATER, success=False)


def test_edits_whose_first_value_went_with_the_stream_are_no_value() -> None:
    lifecycle = life(StreamCut(), appending("b"))
    assert lifecycle.outputs.values() == []
    assert lifecycle.status.code is Status.ITERATING


def test_whole_values_after_a_cut_are_values() -> None:
    lifecycle = life(StreamCut(), Generating(["a"], True), replacing("c"))
    lifecycle.feed(Completed({"data": ["c"]}, True), LATER)
    assert lifecycle.outputs.values() == [["a"], ["c"]]
    old = life(Generating(["a"], True), StreamCut(), appending("b"), diffs=False)
    assert old.outputs.values() == [["a"], [[["append", [], "b"]]]]


def test_first_value_of_a_server_that_takes_another_run_for_its_base_is_found() -> None:
    lifecycle = life(replacing("a"), appending("b"))
    assert lifecycle.outputs.values() == [["a"], ["ab"]]


def test_edits_of_what_another_run_yielded_are_left_out() -> None:
    lifecycle = life(appending("?"), Generating([[["replace", [], "a"]], []], True), replacing("b"))
    lifecycle.feed(Completed({"data": ["b"]}, True), LATER)
    assert lifecycle.outputs.values() == [["b"]]


@pytest.mark.parametrize("data", [["a"], [5], [None, []], [[["replace", []]]], [[["other", [], 1]]], [[]]])
def test_what_is_neither_edits_nor_whole_after_a_cut_is_left_out(data: Any) -> None:
    lifecycle = life(Generating(["a"], True), StreamCut(), Generating(data, True))
    assert lifecycle.outputs.values() == [["a"]]


def test_empty_lists_are_values() -> None:
    lifecycle = life(Generating([[], []], True), Generating([[["add", [0], 1]], []], True))
    assert lifecycle.outputs.values() == [[[], []], [[1], []]]


def test_last_value_is_not_the_callers_result_itself() -> None:
    lifecycle = life(StreamCut(), appending("b"), Completed({"data": [["a"]]}, True))
    assert isinstance(lifecycle.outcome, Succeeded)
    lifecycle.outcome.data[0].append("changed")
    assert lifecycle.outputs.values()[-1] == [["a"]]


# --- ends


def test_success_holds_the_data() -> None:
    lifecycle = life(Completed({"data": [1, "two"], "duration": 0.1}, True))
    assert isinstance(lifecycle.outcome, Succeeded)
    assert lifecycle.outcome.data == [1, "two"]
    assert lifecycle.status == StatusUpdate(Status.FINISHED, rank=0, success=True, time=LATER)


def test_completion_of_a_generator_adds_no_output() -> None:
    lifecycle = life(Generating(["a"], True), Completed({"data": ["a"]}, True))
    assert lifecycle.outputs.values() == [["a"]]


def test_error_of_the_function_is_an_app_error() -> None:
    error = failure({"error": "bad", "title": "T", "duration": 2, "visible": False})
    assert isinstance(error, AppError)
    assert (str(error), error.message, error.title, error.duration, error.visible) == (
        "bad",
        "bad",
        "T",
        2,
        False,
    )


def test_hidden_error_has_the_known_text() -> None:
    assert str(failure({"error": None})) == HIDDEN_ERROR


def test_failure_is_told_by_the_error_even_without_the_flag() -> None:
    assert isinstance(failure({"error": "bad"}, success=True), AppError)


def test_failed_job_has_finished_without_success() -> None:
    status = life(Completed({"error": "bad"}, False)).status
    assert (status.code, status.success, status.rank) == (Status.FINISHED, False, 0)


def test_empty_completion_is_a_cancellation() -> None:
    assert isinstance(outcome_of({}), CancelledByServer)


@pytest.mark.parametrize("output", [{"data": None}, {"data": "text"}, {"duration": 1}])
def test_completion_without_data_is_a_protocol_error(output: Any) -> None:
    assert isinstance(failure(output, success=True), ProtocolError)


def test_failure_without_an_error_is_a_protocol_error() -> None:
    assert isinstance(failure({}, success=False), ProtocolError)


def test_data_of_a_failure_are_no_result() -> None:
    assert isinstance(failure({"data": ["half"]}, success=False), ProtocolError)


def test_malformed_message_ends_the_job_with_its_error() -> None:
    error = ProtocolError("no output")
    lifecycle = life(ProcessStarts(None), Malformed(error))
    assert lifecycle.outcome == Failed(error)
    assert lifecycle.status == StatusUpdate(Status.FINISHED, rank=0, success=False, time=LATER)


def test_full_queue_ends_the_job() -> None:
    lifecycle = life(QueueFull())
    assert isinstance(lifecycle.outcome, Failed)
    assert isinstance(lifecycle.outcome.error, QueueError)
    assert lifecycle.status.code is Status.QUEUE_FULL


def test_nothing_after_the_end_counts() -> None:
    lifecycle = life(Completed({"data": [1]}, True))
    before = lifecycle.status
    assert lifecycle.feed(Completed({"error": "late"}, False), LATER) == ()
    assert lifecycle.feed(Generating(["late"], True), LATER) == ()
    assert lifecycle.outcome == Succeeded([1])
    assert lifecycle.status is before
    assert lifecycle.outputs.values() == []


# --- app_error


def test_fields_of_newer_servers_are_kept_apart() -> None:
    error = app_error({"error": "bad", "mood": "grim", "args": [1], "message": "x", "self": "y"})
    assert str(error) == "bad"
    assert error.extra == {"mood": "grim", "args": [1]}


def test_error_that_is_no_text_becomes_one() -> None:
    assert app_error({"error": {"code": 3}}).message == '{"code": 3}'


def test_fields_of_the_wrong_kind_are_left_out() -> None:
    error = app_error({"error": "bad", "title": None, "duration": "3", "visible": 0, "print_exception": None})
    assert (error.title, error.duration, error.visible, error.print_exception) == ("Error", 10, True, True)


def test_a_title_that_is_no_text_becomes_one() -> None:
    title = {"_type": "translation_metadata", "key": "failed"}
    assert app_error({"error": "bad", "title": title}).title == "failed"
    assert app_error({"error": "bad", "title": ["T"]}).title == '["T"]'


def test_text_of_an_error_is_bounded() -> None:
    assert len(str(app_error({"error": "x" * 3_000_000}))) < 20_000
    assert len(str(app_error({"error": ["x" * 1000] * 10_000}))) < 20_000


def test_making_an_error_leaves_the_output_as_it_was() -> None:
    output = {"error": "bad", "title": "T"}
    app_error(output)
    assert output == {"error": "bad", "title": "T"}


# --- properties

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
edits = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(["replace", "append", "add", "delete", "other"]),
            st.lists(st.integers(-1, 2) | st.text(max_size=2), max_size=2),
            values,
        ).map(list),
        max_size=3,
    ),
    max_size=2,
)
messages = st.one_of(
    st.builds(Estimation, st.integers(), st.integers(), st.floats()),
    st.builds(ProcessStarts, st.none() | st.floats()),
    st.just(Progress(())),
    st.builds(Log, st.text(), st.text(), st.none(), st.none(), st.booleans()),
    st.builds(Generating, st.lists(values, max_size=2) | edits, st.booleans(), st.booleans()),
    st.just(Heartbeat()),
    st.just(CloseStream()),
    st.just(StreamCut()),
    st.just(Malformed(ProtocolError("malformed"))),
    st.just(QueueFull()),
    st.just(StopMessage()),
    st.builds(UnexpectedError, st.text(), st.booleans()),
    st.builds(
        Completed,
        st.dictionaries(st.sampled_from(["data", "error", "title", "self", "extra"]), values),
        st.booleans(),
    ),
)


@given(st.lists(messages, max_size=12), st.booleans())
def test_any_sequence_of_messages_ends_at_most_once_and_raises_only_protocol_errors(
    sequence: List[Message], diffs: bool
) -> None:
    lifecycle = Lifecycle(diffs=diffs, now=START)
    ends: List[Any] = []
    places: List[int] = []
    for message in sequence:
        try:
            taken = lifecycle.feed(message, LATER)
        except ProtocolError:
            continue
        places += [step.place for step in taken if isinstance(step, NewOutput)]
        if lifecycle.outcome is not None and (not ends or ends[-1] is not lifecycle.outcome):
            ends.append(lifecycle.outcome)
    assert len(ends) <= 1
    assert places == list(range(len(lifecycle.outputs)))
