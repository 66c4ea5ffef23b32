"""Frames of WebSockets, at every boundary."""

from __future__ import annotations

import contextlib
from typing import Any, List

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transport.sockets import BINARY, CLOSE, CONT, PING, PONG, close, frame

from gradio_client_lite.errors import EventTooLarge, ProtocolError
from gradio_client_lite.legacy.websocket import load_library
from gradio_client_lite.legacy.wire.frames import Frame, FrameDecoder

LIBRARY = load_library()


def decoded(pieces: List[bytes], **options: Any) -> List[Frame]:
    decoder = FrameDecoder(LIBRARY, **options)
    return [found for piece in pieces for found in decoder.feed(piece)]


WIRE = (
    frame(b"one")
    + frame(b"", PING)
    + frame(b"tw", fin=False)
    + frame(b"data", PING)
    + frame(b"o " + b"x" * 70_000, CONT, fin=False)
    + frame(b"", CONT)
    + frame(b"y" * 300)
    + frame(b"", PONG)
    + close(1001, "bye")
)
FRAMES = [
    Frame("text", b"one"),
    Frame("ping", b""),
    Frame("ping", b"data"),
    Frame("text", b"two " + b"x" * 70_000),
    Frame("text", b"y" * 300),
    Frame("pong", b""),
    Frame("close", b"bye", 1001),
]


@given(st.lists(st.integers(0, len(WIRE)), max_size=12))
def test_frames_are_the_same_however_the_bytes_are_cut(cuts: List[int]) -> None:
    places = [0, *sorted(cuts), len(WIRE)]
    assert decoded([WIRE[a:b] for a, b in zip(places, places[1:])]) == FRAMES


def test_frames_come_byte_by_byte() -> None:
    wire = WIRE[:30] + close()
    assert decoded([wire[n : n + 1] for n in range(len(wire))])[0] == Frame("text", b"one")


def test_close_without_a_code() -> None:
    assert decoded([frame(b"", CLOSE)]) == [Frame("close", b"", None)]


@pytest.mark.parametrize(
    "wire",
    [
        frame(b"\x00\x01", BINARY),
        frame(b"x", CONT),
        frame(b"a", fin=False) + frame(b"b"),
        frame(b"x" * 126, PING),
        frame(b"x", PING, fin=False),
        frame(b"x", 3),
        b"\xf1\x01x",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
    ids=[
        "binary",
        "continuation of nothing",
        "interleaved",
        "long ping",
        "cut ping",
        "opcode",
        "reserved",
        "http",
    ],
)
def test_what_no_gradio_server_sends_is_a_protocol_error(wire: bytes) -> None:
    with pytest.raises(ProtocolError):
        decoded([wire + b" " * 100])


def test_frames_before_a_mistake_are_handed_out_first() -> None:
    decoder = FrameDecoder(LIBRARY)
    assert decoder.feed(frame(b"good") + frame(b"bad", BINARY)) == [Frame("text", b"good")]
    for _ in range(2):
        with pytest.raises(ProtocolError, match="binary"):
            decoder.feed(b"")


def test_message_over_the_limit_is_refused_before_it_has_come() -> None:
    with pytest.raises(EventTooLarge, match=r"larger than Limits\(event_bytes=1000\)"):
        decoded([frame(b"x" * 1001)[:5]], max_bytes=1000)
    assert decoded([frame(b"x" * 1000)], max_bytes=1000) == [Frame("text", b"x" * 1000)]


def test_limit_is_for_all_pieces_of_a_message() -> None:
    with pytest.raises(EventTooLarge):
        decoded([frame(b"x" * 600, fin=False), frame(b"x" * 401, CONT)[:6]], max_bytes=1000)


def test_message_in_countless_pieces_is_refused() -> None:
    with pytest.raises(ProtocolError, match="too many pieces"):
        decoded([frame(b"", fin=False), *[frame(b"", CONT, fin=False) * 1000] * 66])


@given(st.binary(max_size=200))
def test_garbage_raises_nothing_else(data: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        decoded([data[:70], data[70:]], max_bytes=1000)
