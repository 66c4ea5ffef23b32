"""Tests the event streams of `decoding.py`."""

from __future__ import annotations

import tracemalloc
from typing import Any, Iterable, List, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradio_client_lite.errors import EventTooLarge, ProtocolError
from gradio_client_lite.wire import decoding
from gradio_client_lite.wire.decoding import MAX_EVENT_BYTES, SSEDecoder


class Outcome(NamedTuple):
    events: List[str]
    too_large: bool = False


def decode(chunks: Iterable[bytes], limit: int = MAX_EVENT_BYTES) -> Outcome:
    decoder = SSEDecoder(limit)
    events: List[str] = []
    try:
        for chunk in chunks:
            events += decoder.feed(chunk)
        events += decoder.feed(b"")  # an error that had to wait for its turn
    except EventTooLarge:
        return Outcome(events, too_large=True)
    return Outcome(events)


def one_by_one(stream: bytes) -> List[bytes]:
    return [stream[i : i + 1] for i in range(len(stream))]


def data(stream: bytes) -> List[str]:
    """The data of the events of a stream, which must be the same whole and a byte at a time."""
    whole = decode([stream])
    assert decode(one_by_one(stream)) == whole
    return whole.events


def reference_lines(stream: bytes) -> List[str]:
    """The ended lines of a stream, character by character."""
    text = stream.decode("utf-8", "replace")
    if text.startswith("\ufeff"):
        text = text[1:]
    lines, line, position = [], "", 0
    while position < len(text):
        if text[position] == "\r" and text[position + 1 : position + 2] == "\n":
            position += 1
        if text[position] in "\r\n":
            lines.append(line)
            line = ""
        else:
            line += text[position]
        position += 1
    return lines


def reference(stream: bytes) -> Outcome:
    """The specification's steps, in its own order and with its own buffer."""
    events: List[str] = []
    data_buffer = ""
    for line in reference_lines(stream):
        if line == "":
            if data_buffer != "":
                events.append(data_buffer[:-1] if data_buffer.endswith("\n") else data_buffer)
            data_buffer = ""
            continue
        field, colon, value = line.partition(":")
        value = value[1:] if colon and value.startswith(" ") else value
        if field == "data":
            data_buffer += value + "\n"
    return Outcome(events)


# --- from the specification's own examples


def test_lines_of_one_event_are_joined_by_line_feeds() -> None:
    assert data(b"data: YHOO\ndata: +2\ndata: 10\n\n") == ["YHOO\n+2\n10"]


def test_comments_and_unknown_fields_are_ignored() -> None:
    stream = b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event"
    outcome = decode([stream])
    assert outcome.events == ["first event", "second event"]
    assert decode([b"DATA: no\n data: no\nnonsense\ndata: yes\n\n"]).events == ["yes"]


def test_data_without_colon_is_an_empty_line_of_data() -> None:
    assert data(b"data\n\ndata\ndata\n\ndata:") == ["", "\n"]


def test_only_one_leading_space_is_removed() -> None:
    assert data(b"data:test\n\ndata: test\n\ndata:  test\n\ndata:\ttest\n\n") == [
        "test",
        "test",
        " test",
        "\ttest",
    ]


# --- line ends


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_every_line_end_is_one_line_end(end: bytes) -> None:
    assert data(end.join([b"data: a", b"data: b", b"", b"data: c", b"", b""])) == ["a\nb", "c"]


def test_event_ended_by_two_carriage_returns_is_not_held_back() -> None:
    decoder = SSEDecoder()
    assert decoder.feed(b"data: a\r\r") == ["a"]


def test_line_feed_after_a_dispatching_carriage_return_is_not_another_line() -> None:
    decoder = SSEDecoder()
    assert decoder.feed(b"data: a\r\n\r") == ["a"]
    assert decoder.feed(b"") == []
    assert decoder.feed(b"\ndata: b\n") == []
    assert decoder.feed(b"\n") == ["b"]


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"])
def test_other_separators_are_data(character: str) -> None:
    assert data(f"data: a{character}b\n\n".encode()) == [f"a{character}b"]


# --- id, event, retry: nothing of a Gradio server's depends on them


def test_other_fields_change_no_event() -> None:
    stream = b"id: 3\nevent: x\nretry: 15\n\nid: 1\nid: 2\0\nevent: a\ndata: 1\n\nevent\ndata: 2\n\n"
    assert data(stream) == ["1", "2"]


# --- what is held


def test_a_part_of_an_event_or_line_is_unfinished() -> None:
    decoder = SSEDecoder()
    held = []
    for chunk in (b"", b"data: a", b"\n", b"\n", b": comment", b"\n"):
        decoder.feed(chunk)
        held.append(decoder.unfinished)
    assert held == [False, True, True, False, True, False]


# --- text


def test_byte_order_mark_is_removed_once_and_only_at_the_start() -> None:
    mark = b"\xef\xbb\xbf"
    assert data(mark + b"data: a\n\n") == ["a"]
    assert data(mark + mark + b"data: a\n\ndata: b\n\n") == ["b"]
    assert data(b"\n" + mark + b"data: a\n\n") == []
    assert data(b"data: " + mark + b"a\n\n") == ["\ufeffa"]


def test_invalid_utf8_becomes_the_replacement_character() -> None:
    assert data(b"data: a\xffb\xe2\x82\n\ndata: \xed\xa0\x80\n\n") == ["a\ufffdb\ufffd", "\ufffd" * 3]


def test_character_cut_by_a_chunk_boundary_is_whole() -> None:
    assert data("data: \U0001f600é\n\n".encode()) == ["\U0001f600é"]


# --- the end of the stream


def test_unfinished_event_is_dropped() -> None:
    assert data(b"data: a\n\ndata: b\n") == ["a"]


# --- arbitrary streams

TOKENS = [
    *(b"\n", b"\r", b"\r\n", b"\n\n", b":", b" ", b"\0", b"x", b"data", b"data:", b"data: ", b"data: {}\n\n"),
    *(b"id", b"id: ", b"id: 1\n", b"event: ", b"event: e\n", b"retry: ", b"retry: 12\n", b"\nretry: 1x\n"),
    *("\u2028".encode(), "\u0085".encode(), b"\x0b", "\u0663".encode(), "\U0001f600".encode()),
    *(b"\xef\xbb\xbf", b"\xef", b"\xbb", b"\xff", b"\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90"),
]
streams = st.lists(st.sampled_from(TOKENS), max_size=30).map(b"".join) | st.binary(max_size=60)


def split_at(stream: bytes, cuts: Iterable[int]) -> List[bytes]:
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[start:end] for start, end in zip(places, places[1:])]


@settings(max_examples=400, deadline=None)
@given(streams, st.lists(st.integers(0, 400), max_size=8))
def test_any_cut_gives_what_the_specification_says(stream: bytes, cuts: List[int]) -> None:
    expected = reference(stream)
    assert decode([stream]) == expected
    assert decode(one_by_one(stream)) == expected
    assert decode(split_at(stream, cuts)) == expected


CHUNKS = [
    *(
        b"data: {}\n\n",
        b"data: a\rb\n\n",
        b"data: a\ndata: b\n\n",
        b"data: a\r\n\r\n",
        b"data: a\n\r",
        b"data: ",
    ),
    *(b"event: e\n", b"id: 1\n", b"x", b"\n", b"\r", b"data: \n\n\n", b"data: c\n\ndata: d\n\n", b"data: \n"),
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(CHUNKS), max_size=8))
def test_chunks_that_are_whole_events_are_nothing_special(chunks: List[bytes]) -> None:
    assert decode([b"\n", *chunks]) == reference(b"".join([b"\n", *chunks]))


@settings(max_examples=200, deadline=None)
@given(streams, streams, st.lists(st.integers(0, 400), max_size=8))
def test_what_follows_does_not_change_what_came(stream: bytes, more: bytes, cuts: List[int]) -> None:
    before = decode([stream]).events
    assert decode([*split_at(stream, cuts), more]).events[: len(before)] == before
    assert decode([stream + more]) == decode([stream, more])


@settings(max_examples=300, deadline=None)
@given(streams, st.integers(0, 40), st.lists(st.integers(0, 400), max_size=8))
def test_limit_does_not_depend_on_the_cuts(stream: bytes, limit: int, cuts: List[int]) -> None:
    whole = decode([stream], limit)
    assert decode(one_by_one(stream), limit) == whole
    assert decode(split_at(stream, cuts), limit) == whole
    assert whole.events == reference(stream).events[: len(whole.events)]


# --- the limit


def test_event_of_exactly_the_limit_passes() -> None:
    line = b"data: 0123456789"
    for chunks in ([line + b"\n\n"], one_by_one(line + b"\n\n"), [b"\n", line + b"\n\n"]):
        assert decode(chunks, len(line)).events == ["0123456789"]
        assert decode(chunks, len(line) - 1).too_large


def test_many_small_lines_of_data_count_together() -> None:
    assert decode([b"data: 12345\n" * 10], limit=50).too_large
    assert decode([b"data\n" * 100], limit=50).too_large
    assert not decode([b"data: 12345\n\n" * 10], limit=50).too_large


def test_comments_between_events_never_add_up() -> None:
    assert decode([b": keep-alive\n"] * 100 + [b"data: a\n\n"], limit=20).events == ["a"]


def test_events_before_one_that_is_too_large_are_returned_first() -> None:
    decoder = SSEDecoder(max_event_bytes=20)
    assert decoder.feed(b"data: a\n\ndata: " + b"b" * 50 + b"\n\ndata: c\n\n") == ["a"]
    for _ in range(2):
        with pytest.raises(EventTooLarge):
            decoder.feed(b"data: c\n\n")


def test_error_says_the_limit_and_what_to_do() -> None:
    with pytest.raises(
        ProtocolError, match=r"larger than Limits\(event_bytes=20\).*return a file.*make the client"
    ):
        SSEDecoder(max_event_bytes=20).feed(b"data: " + b"b" * 50)


# --- cost


class Work:
    bytes = 0


def counted(base: type) -> Any:
    """A kind of bytes or bytearray that adds up how many bytes it, and what is cut from it, goes through."""

    def counting(name: str) -> Any:
        method = getattr(base, name)

        def call(self: Any, *args: Any) -> Any:
            Work.bytes += len(args[0]) if name in ("__iadd__", "extend") else len(self)
            result = method(self, *args)
            return kind(result) if type(result) is base else result

        return call

    def __init__(self: Any, *args: Any) -> None:
        if base is bytearray:
            base.__init__(self, *args)
        Work.bytes += len(self)

    names = "__add__ __iadd__ __contains__ __getitem__ __iter__ find rfind index split splitlines partition"
    names += " startswith endswith replace translate decode extend copy"
    methods = {name: counting(name) for name in names.split() if hasattr(base, name)}
    kind = type("Counted", (base,), {**methods, "__init__": __init__})
    return kind


@pytest.mark.parametrize(("size", "chunk"), [(20_000, 1), (500_000, 1024), (500_000, 500_000)])
@pytest.mark.parametrize("filler", [b"x", b"y\rdata: ", b"z\n"])
def test_work_is_linear_in_bytes(
    size: int, chunk: int, filler: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "bytearray", counted(bytearray), raising=False)
    counted_bytes = counted(bytes)
    stream = b"data: " + filler * (size // len(filler)) + b"\n\n"
    decoder = SSEDecoder()
    Work.bytes = 0
    events = []
    for start in range(0, len(stream), chunk):
        events += decoder.feed(counted_bytes(stream[start : start + chunk]))
    assert len(events) == 1
    assert len(stream) < Work.bytes < 20 * len(stream)


@pytest.mark.parametrize("line", [b"data:\n", b"data:ab\n"])
def test_an_event_of_countless_lines_takes_little_more_than_its_size(line: bytes) -> None:
    decoder = SSEDecoder()
    tracemalloc.start()
    try:
        for _ in range(20):
            decoder.feed(line * 10_000)
        decoder.feed(b"\n")
        assert tracemalloc.get_traced_memory()[1] < 5 * 20 * 10_000 * len(line)
    finally:
        tracemalloc.stop()
