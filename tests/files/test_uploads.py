from __future__ import annotations

import contextlib
import copy
import io
import json
import pickle
import tracemalloc
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest
from app_of import app_of
from transport.peers import Peer, PeerServer, Request, always, answer

from gradio_client_lite.errors import (
    AuthenticationError,
    ClientClosed,
    ConnectionLost,
    FileTooLarge,
    HTTPStatusError,
    InvalidFile,
    ProtocolError,
)
from gradio_client_lite.files import saving
from gradio_client_lite.files.handle import BytesSource, handle_file
from gradio_client_lite.files.uploads import Uploads
from gradio_client_lite.transport.http import Timeout, Transport
from gradio_client_lite.wire.config import EndpointSpec
from gradio_client_lite.wire.provenance import Origin, ResultFile, ResultPath, V3File, origin_of

Json = Dict[str, Any]
Sent = List[Tuple[str, str, bytes]]


def read_form(request: Request) -> Sent:
    """The files of an upload: name, type and content of each."""
    boundary = b"--" + request.headers["content-type"].partition("boundary=")[2].encode()
    files = []
    for piece in request.body.split(boundary)[1:-1]:
        head, _, content = piece[2:-2].partition(b"\r\n\r\n")
        disposition, kind = head.decode().split("\r\n")
        assert disposition.startswith('Content-Disposition: form-data; name="files"; filename="')
        files.append((disposition.partition('filename="')[2][:-1], kind.partition(": ")[2], content))
    return files


def accept(request: Request) -> bytes:
    """What a server answers: a path for each file."""
    names = [name for name, _, _ in read_form(request)]
    return answer(json.dumps([f"/srv/{index}/{name}" for index, name in enumerate(names)]).encode())


class Bench:
    """Uploads to a server of scripts."""

    def __init__(self, server: PeerServer, uploads: Uploads, spec: EndpointSpec) -> None:
        self.server = server
        self.uploads = uploads
        self.spec = spec

    def __call__(self, *values: Any, **headers: str) -> List[Any]:
        self.uploads.check(values, self.spec)
        return self.uploads.upload(values, self.spec, headers)

    @property
    def sent(self) -> List[Sent]:
        """What each request held."""
        return [read_form(request) for request in self.server.requests]


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    with contextlib.ExitStack() as stack:

        def make(*scripts: Any, headers: Any = None, read: float = 10.0, **options: Any) -> Bench:
            server = stack.enter_context(PeerServer(*(scripts or (always(accept),))))
            config = {key: options.pop(key) for key in list(options) if key == "max_file_size"}
            timeout = Timeout(connect=10.0, read=read)
            transport = Transport(base_url=server.url, trust_env=False, timeout=timeout)
            app = app_of(
                stack.enter_context(contextlib.closing(transport)), server.url, headers or {}, **config
            )
            return Bench(server, Uploads(app, **options), app.spec.endpoints[0])

        yield make


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a b.txt"
    path.write_bytes(b"content")
    return path


def uploaded(path: str, name: str) -> Json:
    return {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}


def test_a_file_is_sent_and_its_place_takes_its_place(bench: Any, path: Path) -> None:
    run = bench()
    value = handle_file(path)
    assert run(value, 7) == [uploaded("/srv/0/a b.txt", "a b.txt"), 7]
    assert run.sent == [[("a b.txt", "text/plain", b"content")]]
    assert value == handle_file(path)
    request = run.server.requests[0]
    assert (request.method, request.path) == ("POST", "/gradio_api/upload")
    assert request.headers["content-length"] == str(len(request.body))


def test_several_files_go_in_one_request(bench: Any, path: Path) -> None:
    run = bench()
    nested = {"text": "t", "files": [handle_file(b"1", name="1"), handle_file(b"2", name="2")]}
    result = run(handle_file(path), nested)
    assert [content for _, _, content in run.sent[0]] == [b"content", b"1", b"2"]
    assert len(run.sent) == 1
    assert [item["path"] for item in (result[0], *result[1]["files"])] == [
        "/srv/0/a b.txt",
        "/srv/1/1",
        "/srv/2/2",
    ]


def test_the_same_file_is_sent_once(bench: Any, path: Path) -> None:
    run = bench()
    content = handle_file(b"x", name="x")
    result = run([handle_file(path), content, handle_file(str(path))], content)
    assert [name for name, _, _ in run.sent[0]] == ["a b.txt", "x"]
    assert [item["path"] for item in result[0]] == ["/srv/0/a b.txt", "/srv/1/x", "/srv/0/a b.txt"]
    assert result[1]["path"] == "/srv/1/x"


def test_the_same_file_under_two_names_is_sent_twice(bench: Any, path: Path) -> None:
    run = bench()
    run([handle_file(path), handle_file(path, name="other")])
    assert [name for name, _, _ in run.sent[0]] == ["a b.txt", "other"]


def test_more_files_than_a_request_may_have_go_in_several(bench: Any) -> None:
    run = bench()
    result = run([handle_file(b"", name=str(number)) for number in range(1001)])
    assert [len(files) for files in run.sent] == [1000, 1]
    assert result[0][1000]["path"] == "/srv/0/1000"


def test_nothing_is_sent_without_files(bench: Any) -> None:
    run = bench()
    values = [{"path": "/etc/passwd"}, "/etc/passwd"]
    assert run(*values) == values
    assert run.server.requests == []


def test_names_and_types_that_were_given_reach_the_server(bench: Any, path: Path) -> None:
    run = bench()
    (result,) = run(handle_file(path, name='we"ird/n\name.png', mime_type="image/x"))
    assert run.sent == [[("weirdname.png", "image/x", b"content")]]
    assert result == {**uploaded("/srv/0/weirdname.png", "weirdname.png"), "mime_type": "image/x"}


def test_a_file_without_a_name_has_that_of_its_path(bench: Any, path: Path) -> None:
    run, given, link = bench(), handle_file(path), handle_file("https://host/a%20b/")
    del given["orig_name"], link["orig_name"]
    assert [file["orig_name"] for file in run([given, link])[0]] == ["a b.txt", "a%20b"]


def test_headers_of_the_client_and_of_the_call(bench: Any, path: Path) -> None:
    run = bench(headers={"x-hf-authorization": "Bearer t", "a": "client"})
    run(handle_file(path), a="call")
    headers = run.server.requests[0].headers
    assert (headers["x-hf-authorization"], headers["a"]) == ("Bearer t", "call")


# --- what stays on the server


def test_a_url_is_left_to_the_server(bench: Any) -> None:
    run = bench()
    (result,) = run(handle_file("https://host/x/a%20b.png?v=1"))
    assert result == uploaded("https://host/x/a%20b.png?v=1", "a%20b.pngv=1")
    assert run.server.requests == []


# --- what handle_file did not make


def test_a_dict_made_by_hand_is_left_alone(bench: Any, path: Path) -> None:
    run = bench()
    by_hand = {"path": str(path), "meta": {"_type": "gradio.FileData"}, "url": None}
    assert run(by_hand, [dict(handle_file(path)), {**handle_file(path)}]) == [
        by_hand,
        [handle_file(path), handle_file(path)],
    ]
    assert run.server.requests == []


def test_what_a_file_says_after_it_was_given_does_not_count(bench: Any, path: Path, tmp_path: Path) -> None:
    run = bench()
    value = handle_file(path)
    value["path"] = str(tmp_path / "secret")
    run(value)
    assert run.sent == [[("a b.txt", "text/plain", b"content")]]


def test_a_copy_and_a_pickle_of_a_file_are_sent(bench: Any, path: Path) -> None:
    run = bench()
    run([copy.deepcopy(handle_file(path)), pickle.loads(pickle.dumps(handle_file(b"x", name="x.txt")))])
    assert [content for _, _, content in run.sent[0]] == [b"content", b"x"]


# --- results, handed on


class Home:
    """The client of another app: a Home."""

    def __init__(self, content: bytes = b"fetched", closed: bool = False) -> None:
        self.content = content
        self.closed = closed
        self.fetched: List[Any] = []

    def fetch(self, file: Any) -> BytesSource:
        self.fetched.append(file)
        return BytesSource(self.content)


ELSEWHERE = "http://elsewhere/"


def served(**fields: Any) -> Json:
    """What a server says of a file that it has."""
    return {**uploaded("/srv/up/a.png", "a.png"), "url": "http://x/y", "size": 3, **fields}


def downloaded(path: Path, src: str, **fields: Any) -> ResultPath:
    return ResultPath(str(path), origin_of(served(**fields), src))


def left(src: str, home: Any, **fields: Any) -> ResultFile:
    return ResultFile.of(served(**fields), origin_of(served(**fields), src), lambda: home)


def test_a_result_goes_back_as_the_server_s_own(bench: Any, tmp_path: Path) -> None:
    run = bench()
    src, gone = run.server.url, tmp_path / "gone"
    chat = [{"role": "user", "content": [{"type": "file", "file": downloaded(gone, src)}]}]
    expected = [{"role": "user", "content": [{"type": "file", "file": served()}]}]
    assert run(chat) == [expected]
    assert run([left(src, None), left(src, Home(closed=True))]) == [[served(), served()]]
    assert run.server.requests == []


def test_a_result_of_another_app_is_uploaded(bench: Any, path: Path) -> None:
    run = bench()
    home = Home()
    result = run([downloaded(path, ELSEWHERE), left(ELSEWHERE, home), downloaded(path, ELSEWHERE)])
    assert run.sent == [[("a b.txt", "text/plain", b"content"), ("a.png", "image/png", b"fetched")]]
    assert [item["path"] for item in result[0]] == ["/srv/0/a b.txt", "/srv/1/a.png", "/srv/0/a b.txt"]
    assert home.fetched == [served()]


@pytest.mark.parametrize("replaced", ["file", "folder"])
@pytest.mark.parametrize("held", [True, False])
def test_a_link_in_place_of_a_download_is_not_opened(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replaced: str, held: bool
) -> None:
    """In a folder that the caller shares, others may have put one there."""
    monkeypatch.setattr(saving, "_HELD", held and saving._HELD)
    secret, place = tmp_path / "secret", tmp_path / "downloads" / "digest"
    secret.mkdir()
    (secret / "a.png").write_bytes(b"secret")
    place.parent.mkdir()
    if replaced == "folder":
        place.symlink_to(secret)
    else:
        place.mkdir()
        (place / "a.png").symlink_to(secret / "a.png")
    run = bench()
    with pytest.raises(InvalidFile, match="cannot be read"):
        run([downloaded(place / "a.png", ELSEWHERE)])
    assert run.server.requests == []


def test_a_stream_is_uploaded_to_its_own_app_too(bench: Any, path: Path) -> None:
    run = bench()
    src = run.server.url
    run([downloaded(path, src, is_stream=True), left(src, Home(), is_stream=True)])
    assert [content for _, _, content in run.sent[0]] == [b"content", b"fetched"]


def test_a_result_of_gradio_3_that_holds_no_content_is_an_error(bench: Any) -> None:
    file = V3File.of({"path": "a.png", "url": "data:image/png;base64,a"}, "as sent")
    with pytest.raises(ProtocolError, match=r"a\.png is no data: URL"):
        bench()(ResultFile.of(file, origin_of(file, ELSEWHERE), None))


def test_files_are_named_in_json_as_their_caller_named_them(bench: Any, path: Path) -> None:
    run = bench()
    given = [handle_file(path), handle_file(path, name="x"), handle_file("http://h/y"), downloaded(path, "")]
    (values,) = run.uploads.unnamed([given], run.spec)
    meta = {"meta": {"_type": "gradio.FileData"}}
    link = {"path": "http://h/y", "orig_name": "y", "url": "http://h/y", **meta}
    assert values == [meta, {"orig_name": "x", **meta}, link, None]


def test_a_result_is_fetched_once_however_often_it_is_given(bench: Any) -> None:
    run = bench()
    home = Home()
    first = left(ELSEWHERE, home)
    run([first, copy.deepcopy(first), left(ELSEWHERE, home)])
    assert len(home.fetched) == 1
    assert len(run.sent[0]) == 1


@pytest.mark.parametrize("home", [None, Home(closed=True)])
def test_a_result_that_nobody_can_fetch_is_refused_before_anything_is_sent(bench: Any, home: Any) -> None:
    run = bench()
    with pytest.raises(InvalidFile, match=r"a\.png is a file of http://elsewhere/.* Download it first"):
        run([handle_file(b"x"), left(ELSEWHERE, home)])
    assert run.server.requests == []


def test_a_result_that_came_through_a_pickle_is_refused_too(bench: Any) -> None:
    run = bench()
    with pytest.raises(InvalidFile, match="in another process"):
        run([pickle.loads(pickle.dumps(ResultFile.of(served(), origin_of(served(), ELSEWHERE), None)))])
    own = ResultFile.of(served(), origin_of(served(), run.server.url), None)
    assert run([pickle.loads(pickle.dumps(own))]) == [[served()]]


def test_a_stream_that_came_through_a_pickle_is_fetched_by_the_client_it_is_given_to(bench: Any) -> None:
    home = Home()
    run = bench(home=home)
    copied = pickle.loads(pickle.dumps(ResultFile.of(served(), Origin(run.server.url, None), None)))
    run(copied)
    assert home.fetched == [served()]
    assert run.sent == [[("a.png", "image/png", b"fetched")]]


def test_a_client_that_is_closed_meanwhile(bench: Any) -> None:
    class Closing(Home):
        def fetch(self, file: Any) -> BytesSource:
            raise ClientClosed("closed")

    with pytest.raises(InvalidFile, match="Download it first"):
        bench()([left(ELSEWHERE, Closing())])


def test_a_path_in_json_is_only_a_path(bench: Any, path: Path) -> None:
    run = bench()
    src = run.server.url
    as_json = run(None, {"deep": [downloaded(path, src), left(src, None), downloaded(path, ELSEWHERE)]})[1]
    assert json.dumps(as_json) == json.dumps({"deep": [str(path), served(), str(path)]})
    assert run.server.requests == []


def test_a_text_that_equals_such_a_path_is_only_a_text(bench: Any, path: Path) -> None:
    run = bench()
    result = downloaded(path, run.server.url)
    for text in (str(path), str(result), result + "", pickle.loads(pickle.dumps(result))):
        assert text == result
        assert run(text) == [str(path)]


def test_a_copy_of_a_result_that_is_gone_is_named(bench: Any, path: Path) -> None:
    run = bench()
    result = downloaded(path, ELSEWHERE)
    path.unlink()
    with pytest.raises(InvalidFile, match=r"a b\.txt does not exist"):
        run(result)
    assert run.server.requests == []


def test_results_of_another_app_have_a_limit_too(bench: Any, path: Path) -> None:
    run = bench(max_file_size=6)
    with pytest.raises(FileTooLarge, match=r"a b\.txt exceeds .* 6 bytes set in Your file component"):
        run(downloaded(path, ELSEWHERE))
    with pytest.raises(FileTooLarge, match=r"a\.png exceeds .* 6 bytes"):
        run(left(ELSEWHERE, Home(b"1234567")))
    assert run.server.requests == []


def test_a_name_of_another_server_is_made_harmless(bench: Any) -> None:
    run = bench()
    run(left(ELSEWHERE, Home(), orig_name='..\\..\\x"\r\n.txt'))
    assert [name for name, _, _ in run.sent[0]] == ["x.txt"]


# --- the app's own files, by URL


def serve_files(request: Request) -> bytes:
    return accept(request) if request.method == "POST" else answer(b"its own")


@pytest.mark.parametrize(
    ("url", "asked", "name"),
    [
        ("file=/srv/x.txt", "file=/srv/x.txt", "x.txt"),
        ("file=/srv/a%20b.txt?download=1#top", "file=/srv/a%20b.txt?download=1", "a b.txt"),
        ("proxy=https://other.hf.space/file=/x.txt", "proxy=https://other.hf.space/file=/x.txt", "x.txt"),
        ("stream/s/1/2/playlist-file", "stream/s/1/2/playlist-file", "playlist-file"),
    ],
)
def test_an_own_file_is_fetched_and_sent(bench: Any, url: str, asked: str, name: str) -> None:
    run = bench(always(serve_files), headers={"x-hf-authorization": "Bearer t"})
    (result,) = run(handle_file(run.server.url + "gradio_api/" + url))
    fetched, sent = run.server.requests
    assert fetched.path == "/gradio_api/" + asked
    assert fetched.headers["x-hf-authorization"] == "Bearer t"
    assert [(name, content) for name, _, content in read_form(sent)] == [(name, b"its own")]
    assert result == uploaded(f"/srv/0/{name}", name)


def test_a_name_that_the_caller_gave_to_an_own_file_stays(bench: Any) -> None:
    run = bench(always(serve_files))
    (result,) = run(handle_file(run.server.url + "gradio_api/file=/srv/x.txt", name="y.txt"))
    assert result["orig_name"] == "y.txt"


def test_an_own_file_of_the_cache_is_named_by_its_path(bench: Any) -> None:
    run = bench()
    path = "/tmp/gradio/" + "0a" * 32 + "/a b.txt"
    (result,) = run(handle_file(run.server.url + "gradio_api/file=" + path.replace(" ", "%20")))
    assert result == uploaded(path, "a b.txt")
    assert run.server.requests == []


def test_an_own_file_that_is_elsewhere_is_named_by_its_url(bench: Any) -> None:
    run = bench()
    (result,) = run(handle_file(run.server.url + "gradio_api/file=https://web/x.png"))
    assert result["path"] == "https://web/x.png"
    assert run.server.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere/gradio_api/file=/x",
        "http://127.0.0.1:1/gradio_api/file=/x",
        "{app}other",
        "{app}file=/x",
        "{app}gradio_api/info",
    ],
)
def test_other_urls_are_left_to_the_server(bench: Any, url: str) -> None:
    run = bench()
    url = url.replace("{app}", run.server.url)
    assert run(handle_file(url))[0]["path"] == url
    assert run.server.requests == []


def test_an_own_url_that_handle_file_did_not_make_is_left_to_the_server(bench: Any) -> None:
    run = bench()
    value = uploaded(run.server.url + "gradio_api/file=/srv/x.txt", "x.txt")
    assert run(value, dict(handle_file(value["path"]))) == [value, {**value, "url": value["path"]}]
    assert run.server.requests == []


def test_an_own_file_that_redirects_is_an_error(bench: Any) -> None:
    """Followed, it would make this client fetch whatever the redirect names."""
    run = bench(always(lambda _: answer(b"", "302 Found", location="http://127.0.0.1:1/")))
    with pytest.raises(HTTPStatusError, match="302"):
        run(handle_file(run.server.url + "gradio_api/file=/x"))
    assert len(run.server.requests) == 1


def test_an_own_file_that_is_too_large_is_not_sent(bench: Any) -> None:
    run = bench(always(serve_files), max_file_size=3)
    with pytest.raises(FileTooLarge, match="3 bytes"):
        run(handle_file(run.server.url + "gradio_api/file=/srv/x.txt"))
    assert [request.method for request in run.server.requests] == ["GET"]


# --- checks before anything is sent


def test_a_file_over_the_limit_is_named(bench: Any, path: Path) -> None:
    run = bench(max_file_size=6)
    with pytest.raises(FileTooLarge) as caught:
        run(handle_file(path))
    assert str(caught.value) == (
        f"File {path} exceeds the maximum file size of 6 bytes set in Your file component."
    )
    with pytest.raises(FileTooLarge, match=r"File x\.txt .* set in Data component"):
        run(None, [handle_file(b"1234567", name="x.txt")])
    assert run.server.requests == []


def test_a_file_at_the_limit_is_sent(bench: Any, path: Path) -> None:
    assert bench(max_file_size=7)(handle_file(path))


def test_a_missing_file_is_named(bench: Any, path: Path) -> None:
    run = bench()
    value = handle_file(path)
    path.unlink()
    with pytest.raises(ValueError, match=r"a b\.txt does not exist"):
        run(value)
    assert run.server.requests == []


# --- progress


def test_progress_is_told(bench: Any) -> None:
    told: List[Tuple[int, int]] = []
    run = bench(progress=lambda sent, total: told.append((sent, total)))
    run([handle_file(b"x" * 600_000), handle_file(io.BytesIO(b"y" * 400_000))])
    assert told[0] == (0, 1_000_000)
    assert told[-1] == (1_000_000, 1_000_000)
    assert len(told) > 3
    assert told == sorted(told)


def test_progress_can_end_an_upload(bench: Any) -> None:
    def stop(sent: int, total: int) -> None:
        if sent:
            raise KeyboardInterrupt

    run = bench(lambda peer: peer.request(), progress=stop)
    with pytest.raises(KeyboardInterrupt):
        run(handle_file(b"x" * 1_000_000))


# --- answers


@pytest.mark.parametrize(
    "body", [b"<html>", b"{}", b"[]", b'["a", "b"]', b"[1]", b"[null]", b'"/srv/x"', b"", b"[" * 100_000]
)
def test_an_answer_that_is_no_list_of_paths_is_an_error(bench: Any, path: Path, body: bytes) -> None:
    with pytest.raises(ProtocolError):
        bench(always(body))(handle_file(path))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("400 Bad Request", HTTPStatusError),
        ("401 Unauthorized", AuthenticationError),
        ("404 Not Found", HTTPStatusError),
        ("413 Too Large", FileTooLarge),
        ("500 Error", HTTPStatusError),
        ("503 Unavailable", HTTPStatusError),
    ],
)
def test_a_refusal_is_typed(bench: Any, path: Path, status: str, error: Any) -> None:
    run = bench(always(lambda _: answer(b"no", status)))
    with pytest.raises(error):
        run(handle_file(path))
    assert len(run.server.requests) == 1


def test_an_upload_is_tried_again_once_when_the_connection_dies(bench: Any, path: Path) -> None:
    run = bench(lambda peer: peer.request() and peer.reset(), always(accept))
    assert run(handle_file(path))[0]["path"] == "/srv/0/a b.txt"
    assert run.sent[0] == run.sent[1]


def test_an_upload_is_not_tried_for_ever(bench: Any, path: Path) -> None:
    run = bench(lambda peer: peer.request() and peer.reset())
    with pytest.raises(ConnectionLost):
        run(handle_file(path))
    assert len(run.server.requests) == 2


def test_an_answer_that_is_cut_short_is_not_asked_for_again(bench: Any, path: Path) -> None:
    run = bench(lambda peer: peer.request() and peer.send(answer(b"[]", content_length="9")))
    with pytest.raises(ConnectionLost):
        run(handle_file(path))
    assert len(run.server.requests) == 1


# --- memory


def test_memory_does_not_grow_with_the_file(bench: Any, tmp_path: Path) -> None:
    size = 64 << 20
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(size)

    def swallow(peer: Peer) -> None:
        head = peer.head()
        assert head is not None
        peer.skip(int(head.headers["content-length"]), pause=0)
        peer.send(answer(b'["/srv/large"]'))

    run = bench(swallow)
    value = handle_file(path)
    tracemalloc.start()
    try:
        run(value)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20
