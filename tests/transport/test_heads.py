"""Heads of answers are read as `http.client` reads them, but for what may be meant in two ways."""

from __future__ import annotations

import io
import re
import socket
from http.client import HTTPException, HTTPResponse
from typing import Any, Dict, List, Tuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gradio_client_lite.transport.connection import BodyReader, Connection
from gradio_client_lite.transport.sockets import Deadline

# What a value comes to: how the body is framed, whether the connection is kept, and the fields.
Understood = Tuple[int, Any, bool, Dict[str, List[str]]]

names = st.one_of(
    st.sampled_from(["Transfer-Encoding", "content-length", "Connection", "Set-Cookie", "x"]),
    st.text("abcXYZ019!#$%&'*+-.^_`|~()<>@;\\/[]?={}\"", min_size=1, max_size=12),
)
values = st.one_of(
    st.sampled_from(["chunked", "Chunked", "identity", "close", "Keep-Alive", "0", "3", "a, close"]),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=20),
)
folds = st.lists(st.sampled_from([" more", "\tmore", " ", "  a: b"]), max_size=2)
fields = st.tuples(names, st.sampled_from([":", ": ", ":\t", ":  "]), values, folds)
odd_lines = st.sampled_from(
    ["no colon", "a : b", "a\t: b", ": b", "\xe9: b", "a: b\rc: d", "From me", "\x00: a"]
)
ends = st.sampled_from(["\r\n", "\n"])
versions = st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/0.9"])
statuses = st.sampled_from(
    ["200 OK", "200", "200 ", " 404  Not: Found", "503 \xe9", "204 x", "304 y", "599\tz"]
)


def written(first: str, fields: List[Any], end: str) -> bytes:
    lines = [
        each if isinstance(each, str) else f"{each[0]}{each[1]}{end.join([each[2], *each[3]])}"
        for each in fields
    ]
    return end.join([first, *lines, "", ""]).encode("latin-1")


def by_the_standard_library(head: bytes) -> Understood:
    class Arrived(io.BytesIO):
        def makefile(self, _mode: str) -> io.BytesIO:
            return self

    # It leaves spaces around a value, and lines that go on, as they are, and then knows no such coding.
    head = re.sub(rb"[ \t]+(?=\r?\n)", b"", re.sub(rb"\r?\n[ \t]+", b" ", head))
    response = HTTPResponse(Arrived(head))  # type: ignore[arg-type]
    response.begin()
    received: Dict[str, List[str]] = {}
    for name, value in response.headers.items():
        received.setdefault(name.lower(), []).append(value)
    bodiless = response.status in (204, 304)
    framing = 0 if bodiless else "chunked" if response.chunked else response.length
    return response.status, framing, not response.will_close, received


def by_this_package(head: bytes, cut: int = 0) -> Understood:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = Connection(ours, None)
        connection.prepare(10, Deadline(10))
        pieces = [piece for piece in (head[:cut], head[cut:]) if piece]
        theirs.send(pieces[0])
        if len(pieces) > 1:  # as it is read line by line where it has not arrived whole
            connection.reader.peek(1)
            theirs.send(pieces[1])
        found = connection.read_head()
        body = BodyReader(connection, "GET", found)
        framing = "chunked" if body._chunked else None if body.until_close else body.left
        keep = not found.will_close and not body.until_close
        return found.status, framing, keep, {name: found.fields.get_all(name) for name in found.fields}


@settings(max_examples=400, deadline=None)
@given(versions, statuses, st.lists(fields, max_size=5), ends, st.integers(0, 60))
@example("HTTP/1.1", "200 OK", [("Transfer-Encoding", ": ", "chunked", [])] * 2, "\r\n", 0)
@example("HTTP/1.1", "200 OK", [("a", ":", "", [" ", " b"])], "\r\n", 0)
@example(
    "HTTP/1.0", "200 OK", [("Connection", ":", "keep-alive", []), ("Content-Length", ":", "3", [])], "\n", 9
)
def test_what_is_well_formed_is_understood_as_the_standard_library_does(
    version: str, status: str, lines: List[Any], end: str, cut: int
) -> None:
    head = written(f"{version} {status}", lines, end)
    status_read, framing, keep, received = by_the_standard_library(head)
    lengths = received.get("content-length", ["0"])
    guessed = len(set(lengths)) > 1 or not re.fullmatch("[0-9]{1,18}", lengths[0])
    codings = ", ".join(received.get("transfer-encoding", ["identity"])).lower()
    odd = codings not in ("identity", "chunked", "chunked, chunked")
    try:
        understood = by_this_package(head, cut)
    except HTTPException as exc:
        refusal = str(exc)
    else:
        refusal = ""
        assert (understood[0], understood[1], understood[3]) == (status_read, framing, received)
        # All that it says counts, where the library looks at the first field; and a server of HTTP/1.0 has to
        # say that it keeps a connection.
        if len(received.get("connection", [])) < 2:
            assert understood[2] == keep or (version < "HTTP/1.1" and not understood[2])
    assert refusal in ("", "bad content length" if guessed else "", "unknown transfer coding" if odd else "")


@settings(max_examples=200, deadline=None)
@given(st.lists(fields, max_size=3), odd_lines, st.lists(fields, max_size=3), ends, st.integers(0, 60))
def test_a_line_that_is_no_field_is_refused_wherever_it_stands(
    before: List[Any], odd: str, behind: List[Any], end: str, cut: int
) -> None:
    head = written("HTTP/1.1 200 OK", [*before, odd, *behind], end)
    with pytest.raises(HTTPException, match="malformed headers"):
        by_this_package(head, cut)
