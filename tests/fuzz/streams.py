"""Streams: events, JSON, messages, edits and WebSocket frames."""

from __future__ import annotations

import copy
import json
import re
from datetime import datetime
from typing import Any, Iterator, List, Optional, Tuple

from gradio_client_lite.errors import EventTooLarge, GradioClientError, ProtocolError, ResponseTooLarge
from gradio_client_lite.legacy.websocket import load_library
from gradio_client_lite.legacy.wire.frames import Frame, FrameDecoder
from gradio_client_lite.wire.decoding import SSEDecoder, count_values, read_first_json, read_json
from gradio_client_lite.wire.diff import apply_diff, mend_deletions
from gradio_client_lite.wire.lifecycle import (
    CancelledByServer,
    Failed,
    Lifecycle,
    NewOutput,
    OutputLog,
    Succeeded,
)
from gradio_client_lite.wire.messages import LEAST_COST, StreamCut, cost_of, decode

from .target import assert_short, parts_of, pieces_of, same, target, value_of

_NOW = datetime(2026, 1, 1)
_WEBSOCKET = load_library()
#: Limits that small inputs reach.
_EVENT_BYTES, _VALUES = 64, 20
_DEEP = 100


# -- events


@target(words=(b"data: ", b"data", b"\n\n", b"\r\n\r\n", b"\r\r", b":\n", b"event: x\n", b"\xef\xbb\xbf"))
def events(data: bytes) -> None:
    """The events of a stream are those of the standard, however its bytes are cut; with a limit, they are the
    first ones of these, none of them over it, until the one that is.
    """
    found = list(_events_of_standard(data))
    assert SSEDecoder().feed(data) == found
    decoder = SSEDecoder()
    assert [event for piece in pieces_of(data) for event in decoder.feed(piece)] == found
    limited, bounded = SSEDecoder(_EVENT_BYTES), []
    try:
        for piece in [*pieces_of(data), b""]:
            bounded += limited.feed(piece)
    except EventTooLarge as exc:
        assert_short(exc)
        assert not limited.unfinished
        assert _raises_again(limited)
    else:
        assert bounded == found
    assert bounded == found[: len(bounded)]
    assert all(len(event) <= _EVENT_BYTES for event in bounded)


def _events_of_standard(data: bytes) -> Iterator[str]:
    """The data of each event, by the letter of the HTML standard, from all bytes at once."""
    text = data.decode("utf-8", "replace").removeprefix("\ufeff") if data[:3] == b"\xef\xbb\xbf" else None
    lines = re.split("\r\n|\n|\r", data.decode("utf-8", "replace") if text is None else text)
    buffer: List[str] = []
    for line in lines[:-1]:
        field, _, value = line.partition(":")
        if field == "data":
            buffer.append(value.removeprefix(" "))
        elif not line and buffer:
            yield "\n".join(buffer)
            buffer = []


def _raises_again(decoder: SSEDecoder) -> bool:
    try:
        decoder.feed(b"data: x\n\n")
    except EventTooLarge:
        return True
    return False


# -- JSON


@target("json", words=(b"[", b"{", b'"', b"\\", b"\\u", b"\\ud83d", b"1e999", b"NaN", b"1" * 50, b" "))
def json_texts(data: bytes) -> None:
    """A text is the JSON that it is to the standard library, or a ProtocolError; and one of more values than
    the limit is refused, none of fewer.
    """
    expected = _read_by_the_standard_library(data)
    try:
        value = read_json(data, "The text", None)
    except ProtocolError as exc:
        assert_short(exc)
        assert not expected
        return
    assert same([value], expected)
    # With the values that others of the same name replace.
    told = parts_of(
        json.loads(
            data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogatepass"), object_pairs_hook=_flat
        )
    )
    assert parts_of(value) <= told <= count_values(data, 1 << 30) <= 2 * told
    try:
        read_json(data, "The text", _VALUES, "json_values")
    except ResponseTooLarge as exc:
        assert_short(exc)
        assert 2 * told > _VALUES
    else:
        assert told <= _VALUES
    try:
        assert same(
            read_first_json(data.decode("utf-8", "surrogatepass").strip(" \t\r\n") + "]x", "It", None), value
        )
    except ProtocolError:
        assert data.startswith(b"\xef\xbb\xbf")


def _flat(pairs: List[Tuple[str, Any]]) -> List[Any]:
    return [part for pair in pairs for part in pair]


def _read_by_the_standard_library(data: bytes) -> List[Any]:
    """The value alone; nothing where it is no JSON."""
    try:
        return [json.loads(data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogatepass"))]
    except (ValueError, RecursionError):
        return []


# -- messages


@target("lines", words=(b"msg", b"event_id", b"output", b"data", b"error", b"success", b"process_completed"))
def messages(data: bytes) -> None:
    """Each line is the data of an event for one job. It has no value but one that a message says it has, is
    cancelled only by the message that says so, and ends once; a wrong message is a ProtocolError.
    """
    jobs = [Lifecycle(diffs=True, now=_NOW), Lifecycle(diffs=False, now=_NOW)]
    for line in data.split(b"\n"):
        text = line.decode("utf-8", "replace")
        try:
            envelope = decode(text, 1000)
        except ProtocolError as exc:
            assert_short(exc)
            for job in jobs:  # as a stream that breaks
                job.feed(StreamCut(), _NOW)
            continue
        if envelope is None:
            continue
        assert envelope.event_id is None or isinstance(envelope.event_id, str)
        assert cost_of(envelope.message, text) >= LEAST_COST
        for job in jobs[:]:
            if not _takes(job, envelope.message, json.loads(text)):
                jobs.remove(job)
    for job in jobs:
        _read(job.outputs)


def _takes(job: Lifecycle, message: Any, raw: Any) -> bool:
    """Feed a job a message, and check what becomes of it; False if it fails by an error."""
    before = job.outcome
    try:
        steps = job.feed(message, _NOW)
    except ProtocolError as exc:
        assert_short(exc)
        return False
    places = [step.place for step in steps if isinstance(step, NewOutput)]
    assert all(place == len(job.outputs) - 1 for place in places)
    if before is not None:
        assert not steps
        assert job.outcome is before
    elif job.outcome is not None:
        _check_outcome(job.outcome, raw)
    return True


def _check_outcome(outcome: Any, raw: Any) -> None:
    output, success = raw.get("output"), raw.get("success", True)
    if isinstance(outcome, Succeeded):
        assert raw["msg"] in ("process_completed", "process_streaming")
        assert success is True
        assert same(outcome.data, output.get("data") or [])
        assert raw["msg"] == "process_streaming" or "error" not in output
    elif isinstance(outcome, CancelledByServer):
        assert (raw["msg"], output, success) == ("process_completed", {}, True)
        assert "success" in raw
    else:
        assert isinstance(outcome, Failed)
        assert isinstance(outcome.error, GradioClientError)


def _read(outputs: OutputLog) -> List[Any]:
    """Read the values that a log has, up to one whose edits do not apply."""
    found: List[Any] = []
    cursor = outputs.cursor()
    try:
        for values in cursor:
            assert isinstance(values, list)
            found.append(values)
    except ProtocolError as exc:
        assert_short(exc)
    assert len(found) <= len(outputs)
    return found


@target("json")
def outputs(data: bytes) -> None:
    """Values that come whole, in a list, are read as they came, although a log keeps what changes in them;
    and what a reader does to one of them shows in no other.
    """
    given = value_of(data)
    if not isinstance(given, list):
        return
    log, sent = OutputLog(), []
    for values in given:
        if isinstance(values, list):
            log.append(json.loads(json.dumps(values)), diff=False)
            sent.append(values)
    assert same(log.values(), sent)
    for values, expected in zip(log.cursor(), sent):
        assert same(values, expected)
        for value in values:
            if isinstance(value, (list, dict)):
                value.clear()


# -- edits


@target("json", words=(b"replace", b"append", b"add", b"delete", b"path"))
def edits(data: bytes) -> None:
    """A value and an edit list: the edits do what they do one by one, or are a ProtocolError. The value stays
    as it was, and what comes of it is no larger than the value and the edits together.
    """
    given = value_of(data)
    if not (isinstance(given, list) and len(given) == 2):
        return
    value, edit_list = given
    try:
        made: Tuple[Any, ...] = (apply_diff(value, edit_list),)
    except ProtocolError as exc:
        assert_short(exc)
        made = ()
    assert same(given, value_of(data))
    if made:
        assert parts_of(made[0]) <= parts_of(given)
    if _depth(given) <= _DEEP:
        expected = _applied_one_by_one(value, edit_list)
        assert bool(made) == bool(expected)
        assert same(list(made), list(expected))


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level and depth <= _DEEP:
        depth += 1
        level = [
            part
            for each in level
            if isinstance(each, (list, dict))
            for part in (each.values() if isinstance(each, dict) else each)
        ]
    return depth


def _applied_one_by_one(value: Any, edit_list: Any) -> Tuple[Any, ...]:
    """The new value, as the plainest implementation gives it; () for edits that it refuses."""
    try:
        if not isinstance(edit_list, list) or any(
            len(each) != 3 or type(each) is not list for each in edit_list
        ):
            return ()
        root = [copy.deepcopy(value)]
        whole = len(edit_list) == 1 and edit_list[0][:2] == ["replace", []]
        for edit in edit_list if whole else mend_deletions(value, edit_list):
            _apply(root, *copy.deepcopy(edit))
    except (_Unfit, TypeError):
        return ()
    return (root[0],)


class _Unfit(Exception):
    """An edit does not fit."""


def _apply(root: List[Any], action: Any, path: Any, operand: Any) -> None:
    if type(path) is not list or action not in ("replace", "append", "add", "delete"):
        raise _Unfit
    holder: Any = root
    *steps, last = [0, *path]
    for step in steps:
        holder = holder[_key(holder, step)]
        if not isinstance(holder, (list, dict)):
            raise _Unfit
    if action == "add":
        if not path:
            raise _Unfit
        if isinstance(holder, list):
            index = _index(last)
            if not 0 <= index <= len(holder):
                raise _Unfit
            holder.insert(index, operand)
        else:
            holder[_name(last)] = operand
        return
    key = _key(holder, last)
    if action == "replace":
        holder[key] = operand
    elif action == "append":
        if type(holder[key]) is not type(operand) or not isinstance(operand, (str, list)):
            raise _Unfit
        holder[key] = holder[key] + operand
    elif path:
        del holder[key]
    else:
        raise _Unfit


def _key(holder: Any, step: Any) -> Any:
    key = _name(step) if isinstance(holder, dict) else _index(step)
    if key not in holder if isinstance(holder, dict) else not -len(holder) <= key < len(holder):
        raise _Unfit
    return key


def _name(step: Any) -> str:
    if isinstance(step, str) or (type(step) is int and abs(step) < 10**18):
        return str(step)
    raise _Unfit


def _index(step: Any) -> int:
    if type(step) is int or (isinstance(step, str) and re.fullmatch("[0-9]{1,18}", step)):
        return int(step)
    raise _Unfit


# -- frames


@target(words=(b"\x81\x00", b"\x89\x00", b"\x01\x01a\x80\x01b", b"\x88\x02\x03\xe8", b"\x81\x7e\x00\x7e"))
def frames(data: bytes) -> None:
    """The frames of a WebSocket are those of RFC 6455, however its bytes are cut, up to the first that is a
    ProtocolError; with a limit no message is longer.
    """
    whole, failed = _decoded([data])
    assert _decoded(pieces_of(data)) == (whole, failed)
    expected = _frames_of_rfc(data)
    assert whole == expected[: len(whole)]
    assert failed or whole == expected
    limited, _ = _decoded(pieces_of(data), _EVENT_BYTES)
    assert limited == whole[: len(limited)]
    assert all(len(frame.data) <= max(_EVENT_BYTES, 125) for frame in limited)


def _decoded(pieces: List[bytes], most: Optional[int] = None) -> Tuple[List[Frame], bool]:
    """The frames in these bytes, and whether an error came behind them."""
    decoder, found = FrameDecoder(_WEBSOCKET, most), []
    try:
        for piece in [*pieces, b""]:
            found += decoder.feed(piece)
    except ProtocolError as exc:
        assert_short(exc)
        return found, True
    return found, False


def _frames_of_rfc(data: bytes) -> List[Frame]:
    """The frames up to the first that is not whole, or may not stand there; what they hold is not judged."""
    found: List[Frame] = []
    begun: Optional[bytes] = None
    place = 0
    while len(data) >= place + 2:
        first, second = data[place : place + 2]
        extended = {126: 2, 127: 8}.get(second & 127, 0)
        size = int.from_bytes(data[place + 2 : place + 2 + extended], "big") if extended else second & 127
        start = place + 2 + extended + (4 if second & 128 else 0)
        payload = data[start : start + size]
        if start > len(data) or len(payload) < size:
            break
        if second & 128:
            mask = data[start - 4 : start]
            payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        place, final, opcode = start + size, first & 128, first & 15
        if opcode == 8:
            found.append(
                Frame("close", payload[2:], int.from_bytes(payload[:2], "big") if size > 1 else None)
            )
        elif opcode in (9, 10):
            found.append(Frame("ping" if opcode == 9 else "pong", payload))
        elif (opcode == 1) == (begun is None) and opcode < 2:
            begun = (begun or b"") + payload
            if final:
                found.append(Frame("text", begun))
                begun = None
        else:
            break
    return found
