from __future__ import annotations

from email import message_from_bytes
from email.message import Message
from typing import Any, Callable, Iterable, List, Tuple, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.errors import InvalidFile
from gradio_client_lite.wire.multipart import MultipartBody, Part


def reading(*chunks: bytes) -> Callable[[], Iterable[bytes]]:
    return lambda: iter(chunks)


def part(content: bytes, filename: str = "a.txt") -> Part:
    return Part(filename, "text/plain", len(content), reading(content))


def parse(body: MultipartBody) -> List[Message]:
    """The parts, as another implementation reads them."""
    whole = f"Content-Type: {body.content_type}\r\n\r\n".encode() + b"".join(body)
    return cast(List[Message], message_from_bytes(whole).get_payload())


@given(st.lists(st.lists(st.binary(max_size=50), max_size=4), max_size=4))
def test_the_files_arrive_and_the_size_is_known(files: List[List[bytes]]) -> None:
    parts = [Part("x", "text/plain", sum(map(len, chunks)), reading(*chunks)) for chunks in files]
    body = MultipartBody("files", parts)
    raw = b"".join(body)
    assert body.size == len(body) == len(raw)
    boundary = b"--" + body.content_type.partition("boundary=")[2].encode()
    *pieces, end = raw.split(boundary)[1:]
    assert [piece.partition(b"\r\n\r\n")[2][:-2] for piece in pieces] == [b"".join(f) for f in files]
    assert end == b"--\r\n"


def test_a_part_names_its_field_its_file_and_its_type() -> None:
    body = MultipartBody("files", [Part("Größe 🙂.png", "image/png", 1, reading(b"x"))])
    head = b"".join(body).partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    assert head == [
        'Content-Disposition: form-data; name="files"; filename="Größe 🙂.png"',
        "Content-Type: image/png",
    ]


def test_a_name_cannot_add_headers() -> None:
    (read,) = parse(MultipartBody("files", [part(b"x", 'a"\r\nX-Evil: 1\r\n\r\n')]))
    assert read.keys() == ["Content-Disposition", "Content-Type"]
    assert read.get_payload() == "x"


@pytest.mark.parametrize("type_", ["text/plain\r\nX-Evil: 1", "text/\x00", "text/\ud800"])
def test_a_type_cannot_add_headers(type_: str) -> None:
    (read,) = parse(MultipartBody("files", [Part("a", type_, 1, reading(b"x"))]))
    assert read.keys() == ["Content-Disposition", "Content-Type"]
    assert read["Content-Type"] == "application/octet-stream"


def test_every_iteration_reads_from_the_beginning() -> None:
    body = MultipartBody("files", [part(b"one"), part(b"two")])
    assert b"".join(body) == b"".join(body)


def test_two_bodies_have_different_boundaries() -> None:
    assert MultipartBody("files", []).content_type != MultipartBody("files", []).content_type


def test_a_file_that_shrinks_is_an_error() -> None:
    body = MultipartBody("files", [Part("log.txt", "text/plain", 10, reading(b"1234"))])
    with pytest.raises(InvalidFile, match=r"log\.txt has become 6 bytes shorter"):
        b"".join(body)


@pytest.mark.parametrize("size", [0, 3, 4])
def test_what_is_appended_meanwhile_is_left_out(size: int) -> None:
    body = MultipartBody("files", [Part("log.txt", "text/plain", size, reading(b"123", b"456"))])
    assert len(b"".join(body)) == body.size
    assert parse(body)[0].get_payload() == "123456"[:size]


def test_progress_counts_the_bytes_of_files() -> None:
    told: List[Tuple[int, int]] = []
    parts = [Part("a", "text/plain", 5, reading(b"123", b"45")), part(b""), part(b"6789")]
    body = MultipartBody("files", parts, lambda sent, total: told.append((sent, total)))
    b"".join(body)
    assert told == [(0, 9), (3, 9), (5, 9), (9, 9)]


def test_progress_tells_only_of_what_was_taken() -> None:
    told: List[int] = []
    body = iter(MultipartBody("files", [part(b"1234")], lambda sent, _: told.append(sent)))
    next(body)
    assert next(body) == b"1234"
    assert told == [0]
    next(body)
    assert told == [0, 4]


def test_what_progress_raises_ends_the_iteration() -> None:
    def stop(sent: int, total: int) -> Any:
        raise KeyError("enough")

    with pytest.raises(KeyError):
        list(MultipartBody("files", [part(b"x")], stop))
