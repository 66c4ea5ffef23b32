"""Tests `connection.py`, `inflate.py` and `response.py`: where bodies end, compression, and limits."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
import zlib

import pytest

from gradio_client_lite.errors import ConnectionLost, ProtocolError, ResponseTooLarge
from gradio_client_lite.limits import Bound
from gradio_client_lite.transport.headers import Headers
from gradio_client_lite.transport.inflate import inflater_for
from gradio_client_lite.transport.response import Response

from .peers import always, answer, chunk

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"


def once(data):
    """A script: one answer as raw bytes, then the end."""

    def script(peer):
        peer.request()
        peer.send(data)

    return script


@pytest.mark.parametrize(
    "data",
    [
        CHUNKED + b"3\r\nabc\r\n3;name=value\r\ndef\r\n0\r\n\r\n",
        CHUNKED + b"6\r\nabcdef\r\n0\r\ntrailer: x\r\n\r\n",
        OK + b"content-length: 6\r\n\r\nabcdef",
        OK + b"\r\nabcdef",
        b"HTTP/1.0 200 OK\r\n\r\nabcdef",
    ],
    ids=["chunks", "trailer", "length", "until-close", "http10"],
)
def test_every_framing_gives_the_body(serve, connect_to, data):
    server = serve(once(data))
    assert connect_to(server.url).request("GET", server.url).body == b"abcdef"


@pytest.mark.parametrize("size", [1, 4, 5, 6, 7, 100])
def test_chunks_that_have_arrived_are_read_together(serve, connect_to, size):
    pieces = [b"ab", b"c", b"defg", b"h" * 30_000, b"i", b"jk"]
    data = CHUNKED + b"".join(map(chunk, pieces)) + b"1;odd\r\nl\r\n" + chunk(b"m") + b"0\r\n\r\n"
    server = serve(always(lambda _: data))
    transport = connect_to(server.url)
    with transport.stream("GET", server.url) as stream:
        read = list(iter(lambda: stream.read_some(size), b""))
    assert b"".join(read) == b"".join(pieces) + b"lm"
    assert max(map(len, read)) <= size
    assert "idle=1 active=0" in repr(transport)


def test_a_chunked_answer_keeps_the_connection(serve, connect_to):
    server = serve(always(lambda _: CHUNKED + b"3\r\nabc\r\n0\r\n\r\n"))
    transport = connect_to(server.url)
    for _ in range(3):
        assert transport.request("GET", server.url).body == b"abc"
    assert server.connections == 1


@pytest.mark.parametrize(
    "data",
    [
        OK + b"content-length: 10\r\n\r\nabc",
        OK + b"content-length: 10\r\n\r\n",
        CHUNKED + b"5\r\nabc",
        CHUNKED + b"3\r\nabc\r\n",
        CHUNKED + b"3\r\nabc",
        CHUNKED + b"3\r\nabc\r\n0\r\n",
        CHUNKED + b"3",
        CHUNKED,
        OK + b"content-type: text/plain\r\n",
        OK,
        b"HTTP/1.1 200",
        b"HTTP",
        b"H",
        b"",
        OK + b"content-encoding: gzip\r\n\r\n" + gzip.compress(b"abcdef" * 100)[:-12],
    ],
    ids=[
        "length",
        "length-empty",
        "in-chunk",
        "after-chunk",
        "after-chunk-data",
        "in-trailers",
        "in-chunk-size",
        "no-chunk",
        "in-headers",
        "no-header",
        "in-status",
        "in-name",
        "in-first-byte",
        "nothing",
        "in-gzip",
    ],
)
def test_a_truncated_answer_is_never_a_short_body(serve, connect_to, data):
    server = serve(once(data))
    transport = connect_to(server.url)
    with pytest.raises(ConnectionLost):
        transport.request("GET", server.url)
    assert "idle=0 active=0" in repr(transport)


@pytest.mark.parametrize(
    "data",
    [
        CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n",
        CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n",
        CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n",
        CHUNKED + b"0\r\n" + b"a: b\r\n" * 200,
        CHUNKED + b"3;" + b"x" * 20000 + b"\r\nabc\r\n0\r\n\r\n",
        OK + b"content-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        OK + b"content-length: +3\r\n\r\nabc",
        OK + b"content-length: -3\r\n\r\nabc",
        OK + b"content-length: 0_3\r\n\r\nabc",
        OK + b"content-length: \xb3\r\n\r\nabc",
        OK + b"content-length: " + b"9" * 5000 + b"\r\n\r\nabc",
        OK + b"content-length: " + b"0" * 5000 + b"3\r\n\r\nabc",
        OK + b"transfer-encoding: gzip\r\n\r\nabc",
        OK + b"content-encoding: br\r\ncontent-length: 3\r\n\r\nabc",
        OK + b"x: " + b"y" * 70000 + b"\r\n\r\n",
        OK + b"x: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 50,
        OK + b"transfer-encoding: chunked\r\ntransfer-encoding: gzip\r\n\r\n0\r\n\r\n",
        OK + b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        OK + b"no colon\r\ncontent-length: 3\r\n\r\nabc",
        OK + b": no name\r\ncontent-length: 3\r\n\r\nabc",
        OK + b"x: y\rcontent-length: 4\r\ncontent-length: 3\r\n\r\nabc",
        b"HTTP/2.0 200 OK\r\ncontent-length: 3\r\n\r\nabc",
        b"HTTP/1.1 99 Odd\r\ncontent-length: 3\r\n\r\nabc",
    ],
    ids=[
        "size",
        "negative-size",
        "long-chunk",
        "trailers",
        "long-size-line",
        "two-lengths",
        "signed-length",
        "negative-length",
        "underscored-length",
        "superscript-length",
        "length-of-5000-digits",
        "length-of-5000-zeros",
        "coding",
        "content-coding",
        "long-header",
        "headers",
        "informational",
        "two-codings",
        "space-before-colon",
        "no-colon",
        "no-name",
        "lone-cr",
        "http2",
        "status-of-two-digits",
    ],
)
def test_malformed_answers_are_protocol_errors(serve, connect_to, data):
    server = serve(once(data))
    with pytest.raises(ProtocolError):
        connect_to(server.url).request("GET", server.url)


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_header_fields_are_read_as_they_may_be_written(serve, connect_to, end):
    lines = [
        "HTTP/1.1  200",
        " ignored: x",
        "A:b",
        "long: one",
        "  two",
        "\tthree \t",
        "None:",
        "a:\t c: d ",
        "X: \xe9\x85",
    ]
    head = end.join([*lines, "Content-Length:\t3 ", "", ""]).encode("latin-1")
    server = serve(once(head + b"abc"))
    response = connect_to(server.url).request("GET", server.url)
    assert (dict(response.headers), response.body) == (
        {"a": "b, c: d", "long": "one two three", "none": "", "x": "\xe9\x85", "content-length": "3"},
        b"abc",
    )


@pytest.mark.parametrize(
    ("version", "said", "kept"),
    [
        ("1.1", "", True),
        ("1.1", "connection: keep-alive", True),
        ("1.1", "Connection: Close", False),
        ("1.1", "connection: x, close", False),
        ("1.1", "connection: x\r\nconnection: close", False),
        ("1.0", "", False),
        ("1.0", "connection: Keep-Alive", True),
        ("0.9", "", False),
    ],
)
def test_the_server_says_whether_the_connection_is_kept(serve, connect_to, version, said, kept):
    lines = [f"HTTP/{version} 200 OK", *filter(None, [said]), "content-length: 0", "", ""]
    server = serve(always(lambda _: "\r\n".join(lines).encode()))
    transport = connect_to(server.url)
    transport.request("GET", server.url)
    assert f"idle={int(kept)} active=0" in repr(transport)


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_answers_without_body_keep_the_connection(serve, connect_to, status):
    head = f"HTTP/1.1 {status}\r\ncontent-encoding: gzip\r\n\r\n".encode()
    server = serve(always(lambda _: head))
    transport = connect_to(server.url)
    assert [transport.request("GET", server.url).body for _ in range(2)] == [b"", b""]
    assert server.connections == 1


def test_an_answer_to_head_has_no_body(serve, connect_to):
    server = serve(always(lambda _: OK + b"content-length: 10\r\ncontent-encoding: gzip\r\n\r\n"))
    transport = connect_to(server.url)
    response = transport.request("HEAD", server.url)
    assert (response.body, response.headers["content-length"]) == (b"", "10")
    transport.request("HEAD", server.url)
    assert server.connections == 1


def raw_deflate(data):
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(data) + engine.flush()


@pytest.mark.parametrize(
    ("coding", "data"),
    [
        ("gzip", gzip.compress(b"abc" * 1000)),
        ("x-gzip", gzip.compress(b"abc" * 1000)),
        ("GZIP", gzip.compress(b"abc" * 400) + gzip.compress(b"abc" * 600)),
        ("gzip", gzip.compress(b"abc" * 1000) + b"\0" * 20),
        ("deflate", zlib.compress(b"abc" * 1000)),
        ("deflate", zlib.compress(b"abc" * 1000) + b"\0\0\0"),
        ("deflate", raw_deflate(b"abc" * 1000)),
        ("identity", b"abc" * 1000),
    ],
    ids=["gzip", "x-gzip", "members", "padded", "deflate", "padded-deflate", "raw-deflate", "identity"],
)
@pytest.mark.parametrize("chunk", [1, 7, 100000])
def test_compressed_bodies_are_decompressed(serve, connect_to, coding, data, chunk):
    pieces = [data[i : i + chunk] for i in range(0, len(data), chunk)]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    head = OK + f"transfer-encoding: chunked\r\ncontent-encoding: {coding}\r\n\r\n".encode()
    server = serve(always(lambda _: head + framed))
    transport = connect_to(server.url)
    assert transport.request("GET", server.url).body == b"abc" * 1000
    assert "idle=1 active=0" in repr(transport)


@pytest.mark.parametrize("size", [1, 2, 100_000])
@pytest.mark.parametrize("padding", [b"\0", b"\0" * 9, b"\x1f\0"])
def test_what_follows_padding_is_padding_however_it_arrives(padding, size):
    """It was another part of the answer where it arrived behind the padding, and none where with it."""
    arriving = io.BytesIO(gzip.compress(b"abc") + padding + gzip.compress(b"def"))
    inflater = inflater_for("gzip", "gzip", "http://host/")
    body = list(iter(lambda: inflater.read(lambda _: arriving.read(size), 100), b""))
    assert b"".join(body) == b"abc"


def test_corrupt_compressed_data_is_a_protocol_error(serve, connect_to):
    data = bytearray(gzip.compress(bytes(range(256)) * 20))
    data[20] ^= 0xFF
    server = serve(always(lambda _: answer(bytes(data), content_encoding="gzip")))
    transport = connect_to(server.url)
    with pytest.raises(ProtocolError, match="corrupt"):
        transport.request("GET", server.url)
    assert "active=0" in repr(transport)


def test_an_empty_body_may_claim_to_be_compressed(serve, connect_to):
    server = serve(always(lambda _: answer(b"", content_encoding="gzip")))
    assert connect_to(server.url).request("GET", server.url).body == b""


@pytest.mark.parametrize(
    "reply",
    [
        answer(b"x" * 1001),
        CHUNKED + b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n",
        answer(gzip.compress(b"x" * 1001), content_encoding="gzip"),
        answer(gzip.compress(b"x" * 10_000_000), content_encoding="gzip"),
        # The limit is known to be broken before anything of the body is read.
        OK + b"content-length: 99999999999\r\n\r\n",
    ],
    ids=["length", "chunks", "gzip", "bomb", "announced"],
)
def test_a_body_over_the_limit_is_refused(serve, connect_to, reply):
    server = serve(always(lambda _: reply))
    transport = connect_to(server.url)
    with pytest.raises(ResponseTooLarge):
        transport.request("GET", server.url, max_bytes=1000)
    assert "active=0" in repr(transport)


@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_a_body_at_the_limit_is_taken(serve, connect_to, coding):
    body = gzip.compress(b"x" * 1000) if coding == "gzip" else b"x" * 1000
    server = serve(always(lambda _: answer(body, content_encoding=coding)))
    assert connect_to(server.url).request("GET", server.url, max_bytes=1000).body == b"x" * 1000


def test_a_large_body_arrives_whole(serve, connect_to):
    body = bytes(range(256)) * 40_000
    server = serve(always(lambda _: answer(body)))
    assert connect_to(server.url).request("GET", server.url).body == body


@pytest.mark.parametrize("asked", ["identity", "deflate", ""])
def test_a_coding_that_was_not_asked_for_is_refused(serve, connect_to, asked):
    server = serve(always(lambda _: answer(gzip.compress(b"abc"), content_encoding="gzip")))
    transport = connect_to(server.url)
    with pytest.raises(ProtocolError, match="'gzip', which was not asked for"):
        transport.stream("GET", server.url, headers={"accept-encoding": asked})
    assert "active=0" in repr(transport)


def test_an_event_stream_must_not_be_compressed(serve, connect_to):
    server = serve(always(lambda _: answer(gzip.compress(b"data: x"), content_encoding="gzip")))
    with pytest.raises(ProtocolError, match="not asked for"):
        connect_to(server.url).stream("GET", server.url, headers={"accept": "text/event-stream"})


@pytest.mark.parametrize("asked", ["gzip", "br, GZIP;q=0.5", "*"])
def test_a_coding_that_the_caller_asked_for_is_undone(serve, connect_to, asked):
    server = serve(always(lambda _: answer(gzip.compress(b"abc"), content_encoding="gzip")))
    response = connect_to(server.url).request("GET", server.url, headers={"accept-encoding": asked})
    assert response.body == b"abc"


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_an_answer_that_grows_more_than_any_honest_one_is_refused(serve, connect_to, coding):
    body = (gzip if coding == "gzip" else zlib).compress(b"[]," * 13_000_000)
    server = serve(always(lambda _: answer(body, content_encoding=coding)))
    tracemalloc.start()
    try:
        with pytest.raises(ResponseTooLarge, match="identity"):
            connect_to(server.url).request("GET", server.url, max_bytes=None)
        assert tracemalloc.get_traced_memory()[1] < 45 << 20
    finally:
        tracemalloc.stop()


def test_a_table_of_zeros_is_an_honest_answer(serve, connect_to):
    table = json.dumps([[0.0] * 50] * 60_000).encode()
    body = gzip.compress(table)
    assert len(table) > 200 * len(body)
    server = serve(always(lambda _: answer(body, content_encoding="gzip")))
    assert connect_to(server.url).request("GET", server.url, max_bytes=None).body == table


def test_a_large_answer_may_grow_as_much_as_ordinary_ones_do(serve, connect_to):
    text = b"".join(b"%d: [0.0, 0.0, 0.0, 0.0], " % number for number in range(1_000_000))
    server = serve(always(lambda _: answer(gzip.compress(text), content_encoding="gzip")))
    assert connect_to(server.url).request("GET", server.url, max_bytes=None).body == text


def test_many_small_members_cost_no_more_than_their_size(serve, connect_to):
    members = gzip.compress(b"x") * 100_000
    server = serve(always(lambda _: answer(members, content_encoding="gzip")))
    assert connect_to(server.url).request("GET", server.url).body == b"x" * 100_000


def test_the_limit_that_is_passed_is_named(serve, connect_to):
    server = serve(always(lambda _: answer(b"x" * 1001)))
    limit = Bound(1000, "Limits(answer_bytes=1000)")
    with pytest.raises(ResponseTooLarge, match=r"larger than Limits\(answer_bytes=1000\); make the client"):
        connect_to(server.url).request("GET", server.url, max_bytes=limit)


def test_an_answer_of_nobody_is_bounded_too(serve, connect_to):
    server = serve(always(lambda _: OK + b"content-length: 16777217\r\n\r\n"))
    with pytest.raises(ResponseTooLarge):
        connect_to(server.url).request("GET", server.url)


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("utf-8", "é"),
        ("UTF8", "é"),
        ("", "é"),
        ("iso-8859-1", "Ã©"),
        ("Latin-1", "Ã©"),
        ("us-ascii", "\ufffd\ufffd"),
        ("punycode", "é"),
        ("utf-7", "é"),
        ("idna", "é"),
        ("cp037", "é"),
        ("rot13", "é"),
        ("nonsense", "é"),
    ],
)
def test_texts_are_in_one_of_three_charsets(charset, text):
    headers = Headers([("content-type", f'text/html; charset="{charset}"')])
    assert Response(200, headers, "http://host/", "é".encode()).text == text


def test_a_body_of_countless_chunks_takes_little_more_than_its_size(serve, connect_to):
    size = 100_000
    data = CHUNKED + chunk(b"x") * size + chunk(b"")
    server = serve(once(data))
    transport = connect_to(server.url)
    tracemalloc.start()
    try:
        body = transport.request("GET", server.url).body
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert body == b"x" * size
    assert peak < 10 * size
