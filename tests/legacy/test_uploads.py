from __future__ import annotations

import base64
import contextlib
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from app_of import app_of, component
from files.test_uploads import Bench, accept, read_form
from transport.peers import PeerServer, Request, always, answer

from gradio_client_lite.errors import HTTPStatusError, InvalidFile
from gradio_client_lite.files.handle import BytesSource, handle_file
from gradio_client_lite.legacy.uploads import V3Uploads, inline_file
from gradio_client_lite.legacy.wire.values import decode, decode_default
from gradio_client_lite.transport.http import Timeout, Transport
from gradio_client_lite.wire.provenance import ResultFile, ResultPath, origin_of

TYPES = ["file", "image", "json", "video", "gallery", "textbox"]
FILE, IMAGE, JSON, VIDEO, GALLERY = range(5)


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    """Uploads to an app of Gradio 3 that has an input of each of TYPES."""
    with contextlib.ExitStack() as stack:

        def make(*scripts: Any, version: str = "3.50.2", headers: Any = None) -> Bench:
            server = stack.enter_context(PeerServer(*(scripts or (always(accept),))))
            timeout = Timeout(connect=10.0, read=10.0)
            transport = Transport(base_url=server.url, trust_env=False, timeout=timeout)
            stack.enter_context(contextlib.closing(transport))
            ids = list(range(len(TYPES)))
            config = {
                "components": [component(id_, type_) for id_, type_ in zip(ids, TYPES)],
                "dependencies": [{"api_name": "f", "backend_fn": True, "inputs": ids, "outputs": []}],
            }
            fields = {"version": version, "protocol": "ws", "api_prefix": "", **config}
            app = app_of(transport, server.url, headers or {}, **fields)
            return Bench(server, V3Uploads(app), app.spec.endpoints[0])

        yield make


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a b.txt"
    path.write_bytes(b"content")
    return path


def at(place: int, value: Any) -> Any:
    """Arguments of which only one is given."""
    return [value if place == number else None for number in range(len(TYPES))]


def sent(path: str, name: str, size: Any = 7, mime_type: Any = "text/plain") -> Any:
    fields = {"name": path, "data": None, "is_file": True, "orig_name": name, "size": size}
    return {**fields, "mime_type": mime_type} if mime_type else fields


def data_url(content: bytes, mime_type: str) -> str:
    return f"data:{mime_type};base64,{base64.b64encode(content).decode()}"


def serve(request: Request) -> bytes:
    """A server with files, that takes uploads too."""
    return accept(request) if request.method == "POST" else answer(b"fetched")


def test_a_file_is_uploaded(bench: Any, path: Path) -> None:
    run = bench()
    assert run(*at(FILE, handle_file(path)))[FILE] == sent("/srv/0/a b.txt", "a b.txt")
    assert run.sent == [[("a b.txt", "text/plain", b"content")]]
    assert run.server.requests[0].path == "/upload"


def test_before_uploads_a_file_goes_within_the_call(bench: Any, path: Path) -> None:
    run = bench(version="3.18.0")
    file = run(*at(FILE, handle_file(path)))[FILE]
    assert file == {
        "name": "a b.txt",
        "data": data_url(b"content", "text/plain"),
        "size": 7,
        "is_file": False,
        "orig_name": "a b.txt",
        "mime_type": "text/plain",
        "is_stream": False,
    }
    assert run.server.requests == []


@pytest.mark.parametrize("version", ["3.18.0", "3.50.2"])
def test_an_image_is_text(bench: Any, version: str) -> None:
    run = bench(version=version)
    image = handle_file(b"pixels", name="a.png")
    assert run(*at(IMAGE, image))[IMAGE] == data_url(b"pixels", "image/png")
    sketch = run(*at(IMAGE, {"image": image, "mask": image}))[IMAGE]
    assert sketch == {"image": data_url(b"pixels", "image/png"), "mask": data_url(b"pixels", "image/png")}
    assert run.server.requests == []


def test_what_the_caller_says_of_the_content_counts_more_than_the_name(bench: Any) -> None:
    image = handle_file(b"pixels", name="a.png", mime_type="image/webp")
    assert bench()(*at(IMAGE, image))[IMAGE] == data_url(b"pixels", "image/webp")


def test_files_in_values_are_uploaded_and_values_take_their_form(bench: Any, path: Path) -> None:
    run = bench()
    file = handle_file(path)
    values = [None, None, None, {"video": file, "subtitles": None}, [{"image": file, "caption": "a"}]]
    one = sent("/srv/0/a b.txt", "a b.txt")
    assert run(*values) == [None, None, None, one, [[one, "a"]]]
    assert len(run.server.requests) == 1


def test_a_json_file_is_what_is_in_it(bench: Any) -> None:
    run = bench()
    assert run(*at(JSON, handle_file(b"[1]", name="a.json")))[JSON] == [1]
    with pytest.raises(InvalidFile, match=r"a\.json is not JSON"):
        run(*at(JSON, handle_file(b"[", name="a.json")))
    assert run.server.requests == []


def test_more_arguments_than_declared_pass_through(bench: Any) -> None:
    assert bench()(*at(FILE, None), 7, {"a": 1})[-2:] == [7, {"a": 1}]


# --- files that are somewhere else


def test_a_url_elsewhere_is_fetched_without_credentials(bench: Any) -> None:
    run = bench(always(serve), headers={"authorization": "Bearer secret", "user-agent": "me"})
    with PeerServer(always(serve)) as other:
        file = run(*at(FILE, handle_file(other.url + "x.txt")))[FILE]
        (request,) = other.requests
    assert file == sent("/srv/0/x.txt", "x.txt")
    assert request.headers["user-agent"] == "me"
    assert "authorization" not in request.headers
    assert read_form(run.server.requests[0]) == [("x.txt", "text/plain", b"fetched")]


def test_a_url_of_the_app_is_fetched_with_credentials(bench: Any) -> None:
    run = bench(always(serve), headers={"authorization": "Bearer secret"})
    image = run(*at(IMAGE, handle_file(run.server.url + "file=/srv/a.png")))[IMAGE]
    assert image == data_url(b"fetched", "image/png")
    assert run.server.requests[0].headers["authorization"] == "Bearer secret"


def test_a_url_that_cannot_be_fetched_is_an_error_of_the_call(bench: Any) -> None:
    run = bench()
    gone = always(lambda _: answer(b"", "404 Not Found"))
    with PeerServer(gone) as other, pytest.raises(HTTPStatusError, match="404"):
        run(*at(FILE, handle_file(other.url + "x.txt")))


# --- results, handed on


GIVEN = {"name": "/srv/up/a.png", "data": None, "is_file": True, "orig_name": "a.png", "size": 3}


class Home:
    """A client that can still fetch."""

    closed = False

    def fetch(self, file: Any) -> BytesSource:
        assert file["path"] == "/srv/up/a.png"
        return BytesSource(b"fetched")


def results(given: Any, kind: str, src: str, path: Any = "/gone") -> Any:
    """A result that was downloaded, and one that was not."""
    file = decode(given, kind)
    origin = origin_of(file, src)
    return ResultPath(str(path), origin), ResultFile.of(file, origin, Home)


@pytest.mark.parametrize("version", ["3.18.0", "3.50.2"])
def test_a_result_goes_back_as_the_server_gave_it(bench: Any, version: str) -> None:
    run = bench(version=version)
    for result in results(GIVEN, "file", run.server.url):
        assert run(*at(FILE, result))[FILE] is GIVEN
        assert run(*at(FILE, [result]))[FILE] == [GIVEN]
        assert run(*at(GALLERY, [{"image": result, "caption": "a"}]))[GALLERY] == [[GIVEN, "a"]]
        assert run(*at(VIDEO, {"video": result, "subtitles": None}))[VIDEO] is GIVEN
    assert run.server.requests == []


@pytest.mark.parametrize("version", ["3.18.0", "3.50.2"])
def test_a_result_as_an_image_is_the_text_of_its_copy(bench: Any, path: Path, version: str) -> None:
    run = bench(version=version)
    downloaded, left = results(GIVEN, "file", run.server.url, path)
    assert run(*at(IMAGE, downloaded))[IMAGE] == data_url(b"content", "text/plain")
    assert run(*at(IMAGE, left))[IMAGE] == data_url(b"fetched", "image/png")
    assert run.server.requests == []


def test_an_earlier_image_is_sent_from_its_text(bench: Any, tmp_path: Path) -> None:
    run = bench()
    url = data_url(b"pixels", "image/png")
    (tmp_path / "image.png").write_bytes(b"pixels")
    for result in results(url, "image", run.server.url, tmp_path / "image.png"):
        assert run(*at(IMAGE, result))[IMAGE] == url
        assert run(*at(FILE, result))[FILE] == sent("/srv/0/image.png", "image.png", 6, "image/png")


def test_a_result_of_another_app_is_uploaded(bench: Any, path: Path) -> None:
    run = bench()
    downloaded, left = results(GIVEN, "file", "http://elsewhere/", path)
    assert run(*at(FILE, [downloaded, left]))[FILE] == [
        sent("/srv/0/a b.txt", "a b.txt"),
        sent("/srv/1/a.png", "a.png", 7, "image/png"),
    ]


def test_json_gets_the_path(bench: Any) -> None:
    run = bench()
    downloaded, left = results(GIVEN, "file", run.server.url)
    assert run(*at(JSON, downloaded))[JSON] == "/gone"
    assert run(*at(JSON, [left]))[JSON] == [dict(left)]


# --- what handle_file did not make


@pytest.mark.parametrize("place", range(len(TYPES)))
@pytest.mark.parametrize("nested", [False, True])
def test_a_dict_from_elsewhere_is_left_alone(bench: Any, path: Path, place: int, nested: bool) -> None:
    run = bench()
    value = {"path": str(path), "url": run.server.url + "x", "meta": {"_type": "gradio.FileData"}}
    given: Any = [value] if nested else value
    assert run(*at(place, given))[place] == given
    assert run.server.requests == []


@pytest.mark.parametrize("place", [FILE, IMAGE, VIDEO])
@pytest.mark.parametrize("name", ["http://127.0.0.1:9/latest", "/etc/hostname"])
def test_a_default_is_neither_fetched_nor_changed(bench: Any, place: int, name: str) -> None:
    run = bench()
    raw = {"name": name, "data": None, "is_file": True}
    app = run.uploads._app
    default = decode_default(raw, TYPES[place], app.routes, app.dialect.file_route)
    assert run(*at(place, default))[place] is raw
    assert run.server.requests == []


def test_a_file_with_its_content_in_it() -> None:
    assert inline_file("a b.txt", None, BytesSource(b"hi")) == {
        "name": "a b.txt",
        "data": "data:text/plain;base64,aGk=",
        "size": 2,
        "is_file": False,
        "orig_name": "a b.txt",
        "mime_type": "text/plain",
        "is_stream": False,
    }
    assert inline_file("file", "x/y", BytesSource(b""))["data"] == "data:x/y;base64,"
