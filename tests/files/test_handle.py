from __future__ import annotations

import base64
import copy
import io
import json
import os
import pickle
import tempfile
import threading
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gradio_client_lite import FileData, files
from gradio_client_lite.errors import InvalidFile
from gradio_client_lite.files.handle import (
    Link,
    file,
    guess_type,
    handle_file,
    source_of,
)
from gradio_client_lite.wire.provenance import FileArgument

META = {"_type": "gradio.FileData"}


def source(argument: Any) -> Any:
    """Where the content of a file argument is."""
    assert isinstance(argument, FileArgument)
    return source_of(argument)


def content(argument: Any) -> bytes:
    """What would be sent for a file argument, checked against the size announced."""
    found = source(argument)
    data = b"".join(found.read())
    assert found.size() == len(data)
    return data


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "my picture.png"
    path.write_bytes(b"picture")
    return path


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_gives_the_official_dict(path: Path, kind: Any) -> None:
    given = handle_file(kind(path))
    assert given == {"path": str(path), "meta": META, "orig_name": "my picture.png"}
    assert content(given) == b"picture"


def test_a_relative_path_stays_as_it_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    assert handle_file(path.name)["path"] == path.name


@pytest.mark.parametrize(
    ("url", "name"),
    [("https://host/a/b.png", "b.png"), ("http://host/b.png?x=/y", "y"), ("https://host/", "")],
)
def test_a_url_gives_the_official_dict(url: str, name: str) -> None:
    given = handle_file(url)
    assert given == {"path": url, "meta": META, "orig_name": name, "url": url}
    assert source(given) == Link(url)


@pytest.mark.parametrize("missing", ["no/such/file.png", "", "ftp://host/x", "x\0y", "z" * 5000, None])
def test_a_missing_file_is_an_error_at_once(missing: Any) -> None:
    with pytest.raises(ValueError, match="does not exist on local filesystem and is not a valid URL"):
        handle_file(missing)


def test_the_error_for_a_missing_file_has_the_official_text() -> None:
    with pytest.raises(InvalidFile) as caught:
        handle_file("no.png")
    assert str(caught.value) == "File no.png does not exist on local filesystem and is not a valid URL."


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_are_content(kind: Any) -> None:
    given = handle_file(kind(b"abc"), name="x.txt")
    assert given == {"path": "x.txt", "meta": META, "orig_name": "x.txt"}
    assert content(given) == content(given) == b"abc"


def test_a_large_content_is_read_in_chunks() -> None:
    data = os.urandom(700_000)
    chunks = list(source(handle_file(data)).read())
    assert b"".join(chunks) == data
    assert len(chunks) > 1


@pytest.mark.parametrize(
    ("name", "mime_type", "expected"),
    [
        (None, None, "file"),
        (None, "image/png", "file.png"),
        (None, "no/such", "file"),
        ("a.txt", "image/png", "a.txt"),
        ("../a/b.txt", None, "..ab.txt"),
        ("..", None, "file"),
    ],
)
def test_content_gets_a_name(name: Any, mime_type: Any, expected: str) -> None:
    given = handle_file(b"", name=name, mime_type=mime_type)
    assert given["orig_name"] == given["path"] == expected
    assert given.get("mime_type") == mime_type


def test_a_name_and_a_type_can_be_given_for_a_path(path: Path) -> None:
    given = handle_file(path, name="other.png", mime_type="image/x")
    assert given == {"path": str(path), "meta": META, "orig_name": "other.png", "mime_type": "image/x"}


@pytest.mark.parametrize(
    ("url", "data", "name", "mime_type"),
    [
        (
            "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode(),
            b"\x89PNG",
            "file.png",
            "image/png",
        ),
        ("DATA:text/plain;charset=utf-8;BASE64,aGk=", b"hi", "file.txt", "text/plain"),
        ("data:,a%20b", b"a b", "file.txt", "text/plain"),
        ("data:text/html,<p>%C3%A9", "<p>é".encode(), "file.html", "text/html"),
        ("data:;base64,", b"", "file.txt", "text/plain"),
    ],
)
def test_a_data_url_is_content(url: str, data: bytes, name: str, mime_type: str) -> None:
    given = handle_file(url)
    assert (content(given), given["orig_name"], given["mime_type"]) == (data, name, mime_type)


@pytest.mark.parametrize("url", ["data:image/png;base64", "data:image/png;base64,abc", "data:;base64,aaaaa"])
def test_a_malformed_data_url_is_an_error(url: str) -> None:
    with pytest.raises(InvalidFile, match="not a data: URL"):
        handle_file(url)


def test_a_file_object_is_read_from_where_it_stands(path: Path) -> None:
    with path.open("rb") as stream:
        stream.read(3)
        given = handle_file(stream)
        stream.seek(0, os.SEEK_END)
        assert content(given) == content(given) == b"ture"
        assert given["orig_name"] == "my picture.png"


def test_a_file_object_in_memory() -> None:
    given = handle_file(io.BytesIO(b"abc"), name="x.bin")
    assert (content(given), given["orig_name"]) == (b"abc", "x.bin")


def test_two_readers_of_one_file_object_do_not_mix() -> None:
    data = os.urandom(2_000_000)
    shared = source(handle_file(io.BytesIO(data)))
    together = threading.Barrier(2)
    read = []

    def reader() -> None:
        chunks = []
        for chunk in shared.read():
            chunks.append(chunk)
            if len(chunks) <= 4:
                together.wait(10)
        read.append(b"".join(chunks))

    threads = [threading.Thread(target=reader) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert read == [data, data]


def test_a_pipe_is_read_at_once() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as sender:
        sender.write(b"through a pipe")
    with os.fdopen(reading, "rb") as stream:
        given = handle_file(stream, name="p.txt")
    assert content(given) == content(given) == b"through a pipe"


def test_an_object_with_no_more_than_read() -> None:
    class Reader:
        left = 3

        def read(self, size: int) -> bytes:
            if not size or not self.left:
                return b""
            self.left -= 1
            return b"x" * size

    data = content(handle_file(Reader()))  # type: ignore[arg-type]
    assert set(data) == {ord("x")}
    assert len(data) > 3


def test_a_temporary_file() -> None:
    with tempfile.TemporaryFile() as stream:
        stream.write(b"abc")
        stream.seek(0)
        given = handle_file(stream)
        assert (content(given), given["orig_name"]) == (b"abc", "file")


@pytest.mark.parametrize(
    "stream", [io.StringIO("text"), io.TextIOWrapper(io.BytesIO(b"text"), encoding="utf-8")]
)
def test_a_text_file_object_is_an_error(stream: Any) -> None:
    with pytest.raises(InvalidFile, match="must give bytes"):
        handle_file(stream)


def test_a_closed_file_object_is_an_error() -> None:
    stream = io.BytesIO(b"x")
    given = handle_file(stream)
    stream.close()
    with pytest.raises(InvalidFile, match="Keep it open"):
        source(given).size()
    with pytest.raises(InvalidFile, match="Keep it open"):
        list(source(given).read())
    with pytest.raises(InvalidFile, match="Keep it open"):
        handle_file(stream)


def test_a_file_object_that_breaks_while_it_is_read_at_once_is_an_error() -> None:
    class Reader:
        def read(self, size: int) -> bytes:
            if size:
                raise OSError("gone")
            return b""

    with pytest.raises(InvalidFile, match=r"cannot be read \(gone\)"):
        handle_file(Reader())  # type: ignore[arg-type]


def test_content_never_goes_into_json() -> None:
    given = handle_file(b"secret", name="x")
    assert "secret" not in json.dumps(given) + repr(given)


def test_a_file_that_vanished_is_an_error(path: Path) -> None:
    found = source(handle_file(path))
    path.unlink()
    with pytest.raises(InvalidFile, match="does not exist"):
        found.size()
    with pytest.raises(InvalidFile, match="cannot be read: No such file"):
        list(found.read())


def test_a_folder_is_not_sent(tmp_path: Path) -> None:
    given = handle_file(tmp_path)
    assert given["orig_name"] == tmp_path.name
    with pytest.raises(InvalidFile, match="not a regular file"):
        source(given).size()


def test_the_old_name_warns_and_delegates(path: Path) -> None:
    with pytest.warns(UserWarning, match=r"file\(\) is deprecated and will be removed") as caught:
        assert file(path) == handle_file(path)
    assert caught[0].filename == __file__


def test_the_room_hands_on_what_users_call() -> None:
    assert (files.handle_file, files.file, files.FileData) == (handle_file, file, FileData)
    assert not hasattr(files, "PathSource")


def test_handle_file_does_not_warn(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        handle_file(path)


def test_the_type_of_a_file_is_guessed_from_its_name() -> None:
    assert guess_type("x.png") == "image/png"
    assert guess_type("x.no-such") == "application/octet-stream"


# --- a kind of dict


def by_pickle(value: Any, protocol: int) -> Any:
    return pickle.loads(pickle.dumps(value, protocol))


@pytest.mark.parametrize(
    "make",
    [
        copy.copy,
        copy.deepcopy,
        lambda value: value.copy(),
        lambda value: copy.deepcopy([value])[0],
        *(partial(by_pickle, protocol=protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)),
    ],
)
@pytest.mark.parametrize("kind", ["path", "bytes", "url"])
def test_a_copy_is_a_file_too(path: Path, make: Any, kind: str) -> None:
    given = handle_file({"path": path, "bytes": b"picture", "url": "http://host/x"}[kind])  # type: ignore[arg-type]
    copied = make(given)
    assert copied is not given
    assert copied == given == dict(given)
    assert repr(copied) == repr(dict(given))
    assert json.dumps(copied) == json.dumps(dict(given))
    if kind == "url":
        assert source(copied) == Link("http://host/x")
    else:
        assert content(copied) == b"picture"


def test_a_copy_shares_nothing_that_can_be_changed(path: Path) -> None:
    given = handle_file(path)
    copied = copy.deepcopy(given)
    copied["meta"]["_type"] = "other"
    copied["path"] = "/other"
    assert given == handle_file(path)


def test_a_copy_of_a_file_object_is_a_file_too_but_cannot_be_pickled() -> None:
    given = handle_file(io.BytesIO(b"abc"))
    assert content(copy.deepcopy(given)) == b"abc"
    with pytest.raises(TypeError, match=r"file object cannot be pickled; pass its content"):
        pickle.dumps(given)


def test_what_is_sent_was_bound_when_the_file_was_given(path: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    given = handle_file(path)
    given.update(path=str(secret), url="file://" + str(secret))
    assert content(given) == b"picture"


def test_what_is_built_anew_is_an_ordinary_dict(path: Path) -> None:
    given = handle_file(path)
    for built in ({**given}, dict(given), type(given)(given), json.loads(json.dumps(given))):
        assert built == given
        assert getattr(built, "source", None) is None
