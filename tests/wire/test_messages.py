from __future__ import annotations

import gc
import json
import sys
import tracemalloc
from datetime import datetime
from typing import Any, Dict, List, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.errors import ProtocolError
from gradio_client_lite.updates import ProgressUnit
from gradio_client_lite.wire.lifecycle import Lifecycle
from gradio_client_lite.wire.messages import (
    CloseStream,
    Completed,
    Envelope,
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
    UnexpectedError,
    cost_of,
    decode,
    text_bytes,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
KINDS = (
    "send_hash",
    "send_data",
    "estimation",
    "process_starts",
    "progress",
    "process_generating",
    "process_streaming",
    "log",
    "heartbeat",
    "close_stream",
    "queue_full",
    "unexpected_error",
    "Server stopped unexpectedly.",
    "process_completed",
)
FIELDS = ("event_id", "rank", "queue_size", "rank_eta", "eta", "output", "success", "progress_data", "log")
MORE_FIELDS = ("level", "title", "duration", "visible", "message", "session_not_found")


def message(raw: Dict[str, Any]) -> Message:
    envelope = decode(json.dumps(raw))
    assert envelope is not None
    return envelope.message


# --- each kind, as servers send it


def test_what_old_servers_ask_for() -> None:
    assert decode('{"msg": "send_hash"}') == Envelope(None, SendHash())
    assert decode('{"msg": "send_data"}') == Envelope(None, SendData())
    assert decode('{"msg": "send_data", "event_id": "e0"}') == Envelope("e0", SendData())


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            {"msg": "estimation", "rank": 2, "queue_size": 3, "rank_eta": 1.5, "event_id": "e"},
            Estimation(2, 3, 1.5),
        ),
        ({"msg": "estimation", "rank": 0, "queue_size": 1, "rank_eta": None}, Estimation(0, 1, None)),
        ({"msg": "process_starts", "eta": 0.25}, ProcessStarts(0.25)),
        ({"msg": "process_starts"}, ProcessStarts(None)),
        (
            {"msg": "progress", "progress_data": [{"index": 1, "length": 4, "unit": "steps", "desc": "d"}]},
            Progress((ProgressUnit(1, 4, "steps", None, "d"),)),
        ),
        (
            {"msg": "process_generating", "output": {"data": ["a"]}, "success": True},
            Generating(["a"], True, streaming=False),
        ),
        (
            {"msg": "process_streaming", "output": {"data": ["a"]}, "success": True},
            Generating(["a"], True, streaming=True),
        ),
        ({"msg": "log", "log": "hi", "level": "info"}, Log("hi", "info", None, None, True)),
        (
            {"msg": "log", "log": "hi", "level": "warning", "duration": 3, "visible": False, "title": "T"},
            Log("hi", "warning", "T", 3, False),
        ),
        ({"msg": "heartbeat"}, Heartbeat()),
        ({"msg": "close_stream"}, CloseStream()),
        ({"msg": "queue_full"}, QueueFull()),
        ({"msg": "unexpected_error", "message": "boom"}, UnexpectedError("boom", False)),
        ({"msg": "unexpected_error", "message": "Server stopped unexpectedly."}, StopMessage()),
        (
            {"msg": "process_completed", "output": {"data": [1]}, "success": True},
            Completed({"data": [1]}, True),
        ),
        (
            {"msg": "process_completed", "output": {"error": None}, "success": False},
            Completed({"error": None}, False),
        ),
    ],
)
def test_kind_is_read(raw: Dict[str, Any], expected: Message) -> None:
    assert message(raw) == expected
    assert type(message(raw)) is type(expected)


@pytest.mark.parametrize("text", ["404: Session not found", "Session not found.", "404"])
def test_lost_session_is_recognised_by_the_text_of_old_servers(text: str) -> None:
    assert message({"msg": "unexpected_error", "message": text}) == UnexpectedError(text, True)


def test_lost_session_is_recognised_by_the_flag() -> None:
    raw = {"msg": "unexpected_error", "message": "404: ", "session_not_found": True}
    assert message(raw) == UnexpectedError("404: ", True)


@pytest.mark.parametrize(
    ("text", "before", "stumble"),
    [
        ("'e0'", "e0", True),
        ("'e0'", "e1", False),
        ("'e0'", None, False),
        ("e0", "e0", False),
        ("", None, False),
        ("None", None, False),
        ("404: Session not found.", "e0", False),
    ],
)
def test_stumble_is_the_key_error_of_the_job_before(text: str, before: Optional[str], stumble: bool) -> None:
    assert UnexpectedError(text, False).is_stumble(before) is stumble


# --- tolerance


def test_unknown_kind_is_no_message() -> None:
    assert decode(json.dumps({"msg": "from_the_future", "event_id": "e"})) is None


def test_unknown_fields_are_ignored() -> None:
    assert isinstance(message({"msg": "heartbeat", "mood": "good"}), Heartbeat)


def test_event_id_is_kept() -> None:
    assert decode(json.dumps({"msg": "heartbeat", "event_id": "abc"})) == Envelope("abc", Heartbeat())


@pytest.mark.parametrize("event_id", [5, True, ["abc"], {}])
def test_event_id_that_is_no_text_is_refused(event_id: Any) -> None:
    with pytest.raises(ProtocolError, match="no text"):
        decode(json.dumps({"msg": "process_completed", "event_id": event_id, "output": {"data": []}}))


@pytest.mark.parametrize("value", [None, "3", True, [], {}])
def test_number_of_the_wrong_kind_counts_as_unknown(value: Any) -> None:
    raw = {"msg": "estimation", "rank": value, "queue_size": value, "rank_eta": value}
    assert message(raw) == Estimation(None, None, None)


def test_progress_units_of_the_wrong_kind_are_left_out() -> None:
    raw = {"msg": "progress", "progress_data": [None, 3, {"index": 1}]}
    assert message(raw) == Progress((ProgressUnit(1, None, None, None, None),))


@pytest.mark.parametrize("value", ["3", True, [], {}])
def test_numbers_of_a_progress_unit_of_the_wrong_kind_count_as_unknown(value: Any) -> None:
    unit = {"index": value, "length": value, "progress": value, "unit": 3, "desc": ["ü"]}
    raw = {"msg": "progress", "progress_data": [unit]}
    assert message(raw) == Progress((ProgressUnit(None, None, "3", None, '["ü"]'),))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (True, "true"),
        (["ü"], '["ü"]'),
        ({}, "{}"),
        ({"__type__": "translation_metadata", "key": "name"}, "name"),
    ],
)
def test_what_is_no_text_is_its_json(value: Any, text: str) -> None:
    raw = {"msg": "log", "log": value, "level": value, "title": value, "duration": "3", "visible": 0}
    assert message(raw) == Log(text, text, text, None, True)
    assert message({"msg": "unexpected_error", "message": value}) == UnexpectedError(text, False)


def test_texts_that_are_not_there_are_empty() -> None:
    raw = {"msg": "log", "log": None, "level": None, "title": None}
    assert message(raw) == Log("", "", None, None, True)
    assert message({"msg": "unexpected_error", "message": None}) == UnexpectedError("", False)


@pytest.mark.parametrize("output", [{}, {"data": None}])
def test_generating_without_data_has_none(output: Any) -> None:
    assert message({"msg": "process_generating", "output": output}) == Generating([], True)


# --- what decides what a job gets must be right


MALFORMED = [
    *(
        {"msg": "process_generating", "output": {"data": data}}
        for data in ("text", {"a": 1}, 5, "", 0, False)
    ),
    *({"msg": "process_completed", "output": output} for output in (None, [], "text", 0, False)),
    *({"msg": "process_generating", "output": output} for output in (None, [], "text")),
    *({"msg": "process_completed", "output": {}, "success": success} for success in ("yes", 1, 0, [], {})),
    {"msg": "process_completed"},
    {"msg": "process_completed", "success": True},
]


@pytest.mark.parametrize("raw", MALFORMED, ids=str)
def test_malformed_message_that_names_a_job_is_that_jobs(raw: Dict[str, Any]) -> None:
    envelope = decode(json.dumps({**raw, "event_id": "e0"}))
    assert envelope is not None
    assert envelope.event_id == "e0"
    assert isinstance(envelope.message, Malformed)
    assert isinstance(envelope.message.error, ProtocolError)


@pytest.mark.parametrize("raw", MALFORMED, ids=str)
def test_malformed_message_that_names_no_job_is_refused(raw: Dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        decode(json.dumps(raw))


def test_success_that_is_null_is_none() -> None:
    # 3.50 to 4.16 send what `response and …` gave.
    assert message({"msg": "process_completed", "output": {"error": "x"}, "success": None}) == Completed(
        {"error": "x"}, False
    )


def test_an_empty_output_alone_is_no_success() -> None:
    # With one it would be the end of a job that somebody cancelled.
    assert message({"msg": "process_completed", "output": {}}) == Completed({}, False)


@pytest.mark.parametrize("text", ["", "{", "nonsense", "[1, 2]", "3", "null", '"msg"', "{}", '{"msg": 3}'])
def test_what_is_no_message_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        decode(text)


def test_refusal_quotes_a_bounded_part_of_what_came() -> None:
    with pytest.raises(ProtocolError) as caught:
        decode("x" * 100_000)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "raw",
    [
        {"output": {"data": "x" * 1_000_000}, "msg": "process_generating"},
        {"output": ["x" * 1000] * 1000, "msg": "process_completed"},
        {"event_id": {str(number): "x" * 100 for number in range(1000)}, "msg": "log"},
        {"x": [[["deep"] * 1000] * 1000] * 10},
    ],
    ids=["text", "list", "object", "deep"],
)
def test_refusal_of_much_is_short(raw: Any) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(json.dumps(raw))
    assert len(str(caught.value)) < 400


def test_text_of_a_broken_stream_is_bounded() -> None:
    broken = message({"msg": "unexpected_error", "message": "x" * 1_000_000})
    assert isinstance(broken, UnexpectedError)
    assert len(broken.message) < 300


@pytest.mark.parametrize(
    "data",
    ['{"msg": \x1b[2J\u202e', '{"msg": "unexpected_error", "event_id": 1, "message": "\\u001b[2J\\u202e"}'],
    ids=["broken", "malformed"],
)
def test_refusal_holds_nothing_that_moves_a_terminal(data: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(data)
    assert str(caught.value).isprintable()


def test_text_of_a_broken_stream_holds_nothing_that_moves_a_terminal() -> None:
    broken = message({"msg": "unexpected_error", "message": "red: \x1b[31m\u202e"})
    assert isinstance(broken, UnexpectedError)
    assert broken.message == "red: [31m"


def test_text_with_unusual_line_separators_survives() -> None:
    text = "a\u0085b\u2028c\u2029d"
    assert decode(json.dumps({"msg": "log", "log": text})) == Envelope(None, Log(text, "", None, None, True))


@pytest.mark.parametrize("depth", [*range(100, 1100, 50), 5_000, 100_000])
@pytest.mark.parametrize(
    "template",
    [
        "{}",
        '{{"msg":"log","log":{}}}',
        '{{"msg":"unexpected_error","message":{}}}',
        '{{"msg":"process_generating","output":{{"data":{{"a":{}}}}}}}',
    ],
)
def test_nesting_of_any_depth_is_a_message_or_a_protocol_error(template: str, depth: int) -> None:
    try:
        envelope = decode(template.format("[" * depth + "]" * depth))
    except ProtocolError:
        return
    assert isinstance(envelope, Envelope)


# --- properties


@given(st.text())
def test_text_that_is_no_json_object_is_refused(text: str) -> None:
    # By chance no text becomes an object with a `msg`.
    with pytest.raises(ProtocolError):
        decode(text)


@given(json_values)
def test_any_json_is_a_message_or_a_protocol_error(value: Any) -> None:
    try:
        envelope = decode(json.dumps(value))
    except ProtocolError:
        return
    assert envelope is None or isinstance(envelope, Envelope)


@given(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(FIELDS + MORE_FIELDS), json_values))
def test_known_kind_with_any_fields_is_a_message_or_a_protocol_error(
    kind: str, fields: Dict[str, Any]
) -> None:
    try:
        envelope = decode(json.dumps({**fields, "msg": kind}))
    except ProtocolError:
        return
    assert envelope is not None


# --- what keeping a message costs

BAR = {"index": 300.5, "length": 1000, "unit": "steps", "progress": 0.25, "desc": "step"}
#: What takes much memory for its text.
COSTLY: Dict[str, Any] = {
    "log": {"msg": "log"},
    "process_starts": {"msg": "process_starts", "eta": 1.5},
    "estimation": {"msg": "estimation", "rank": 1000, "queue_size": 3000, "rank_eta": 3.5},
    "bar": {"msg": "progress", "progress_data": [BAR]},
    "bars": {"msg": "progress", "progress_data": [BAR] * 100},
    "empty bars": {"msg": "progress", "progress_data": [{}] * 100},
    "objects": [{}] * 100,
    "objects of one": [{"a": 1}] * 100,
    "lists": [[]] * 100,
    "lists in lists": json.loads("[" * 50 + "]" * 50),
    "objects in objects": json.loads('{"":' * 50 + "0" + "}" * 50),
    "numbers": list(range(1000, 1100)),
    "fractions": [number + 0.5 for number in range(100)],
    "texts": [chr(300 + number) for number in range(100)],
    "wide text": "a" * 1000 + "\N{GRINNING FACE}",
    "text": "a" * 1000,
    "nothing": None,
}


@pytest.mark.whole
@pytest.mark.parametrize("kind", COSTLY)
def test_cost_of_a_message_is_no_less_than_what_keeping_it_takes(kind: str) -> None:
    raw = COSTLY[kind]
    if not (isinstance(raw, dict) and "msg" in raw):
        raw = {"msg": "process_streaming", "output": {"data": [raw]}}
    text = json.dumps({**raw, "event_id": "e0"}, separators=(",", ":"))
    count = 100

    def keep() -> List[Any]:
        kept: List[Any] = [Lifecycle(diffs=False, now=datetime.now())]
        for _ in range(count):
            envelope = decode(text)
            assert envelope is not None
            kept.append(kept[0].feed(envelope.message, datetime.now()))
        return kept

    keep()
    gc.collect()
    tracemalloc.start()
    try:
        kept = keep()
        size = tracemalloc.get_traced_memory()[0] / count
    finally:
        tracemalloc.stop()
    envelope = decode(text)
    assert kept
    assert envelope is not None
    assert size <= cost_of(envelope.message, text)


@pytest.mark.parametrize("text", ["", "a" * 100, "é" * 100, "€" * 100, "\N{GRINNING FACE}"])
def test_a_text_takes_no_more_than_is_said(text: str) -> None:
    assert sys.getsizeof(text) <= text_bytes(text) + 64  # a head, however short the text is
