"""Tests `downloads.py` and, with tests/faults/test_file_faults.py, `transfer.py`."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List
from urllib.parse import unquote

import pytest
from app_of import app_of, files_of
from file_names import NAMES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transport.peers import CHUNKED, Peer, PeerServer, Request, always, answer, chunk

from gradio_client_lite.errors import (
    AuthenticationError,
    DeadlineExceeded,
    FolderError,
    HTTPStatusError,
    ProtocolError,
    ResponseTooLarge,
)
from gradio_client_lite.files.downloads import Downloads, JobFiles
from gradio_client_lite.files.saving import Saving, default_folder
from gradio_client_lite.generations import locate
from gradio_client_lite.limits import DEFAULT_LIMITS, Limits
from gradio_client_lite.transport.http import Timeout, Transport
from gradio_client_lite.wire.copies import Slot
from gradio_client_lite.wire.provenance import ResultPath

Json = Dict[str, Any]


def file(path: str, **fields: Any) -> Json:
    return {"path": path, "meta": {"_type": "gradio.FileData"}, **fields}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def echo_path(request: Request) -> bytes:
    """A server whose files hold their own path."""
    return answer(unquote(request.path).encode("utf-8", "surrogatepass"))


class Bench:
    """Downloads from a server of scripts."""

    def __init__(self, server: PeerServer, downloads: Downloads, files: JobFiles, folder: Path) -> None:
        self.server = server
        self.downloads = downloads
        self.files = files
        self.folder = folder

    def __call__(self, *values: Any, chunks: Any = None) -> Any:
        return self.files.fetch(list(values), chunks)[0]

    def saved(self) -> List[Path]:
        """Every file in the folder."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    with contextlib.ExitStack() as stack:

        def make(
            *scripts: Any,
            headers: Any = None,
            folder: Any = None,
            cookies: Any = None,
            limits: Limits = DEFAULT_LIMITS,
            progress: Any = None,
            **config: Any,
        ) -> Bench:
            server = stack.enter_context(PeerServer(*(scripts or (always(echo_path),))))
            timeout = Timeout(connect=10.0, read=10.0)
            transport = Transport(base_url=server.url, trust_env=False, timeout=timeout, cookies=cookies)
            app = app_of(
                stack.enter_context(contextlib.closing(transport)), server.url, headers or {}, **config
            )
            app.limits = limits
            place = tmp_path / "downloads" if folder is None else folder
            downloads = Downloads(app, place, locate, progress=progress)
            return Bench(server, downloads, files_of(downloads), place)

        yield make


def test_a_file_lands_under_its_hash(bench: Any) -> None:
    run = bench(always(b"content"))
    result = run(file("/tmp/gradio/x/my report.txt"))
    assert result == str((run.folder / sha256(b"content") / "my report.txt").resolve())
    assert Path(result).read_bytes() == b"content"
    assert run.saved() == [Path(result)]
    assert run.server.requests[0].path == "/gradio_api/file=/tmp/gradio/x/my%20report.txt"


def test_files_at_any_depth_are_fetched_and_the_rest_stays(bench: Any) -> None:
    run = bench()
    value = {"text": "t", "files": [file("/a"), [file("/b")]], "n": None}
    result = run.files.fetch([value, {"path": "/no"}, file("/state")])
    assert result[0]["text"] == "t"
    paths = [result[0]["files"][0], result[0]["files"][1][0]]
    assert [Path(path).name for path in paths] == ["a", "b"]
    assert result[1:] == [{"path": "/no"}, file("/state")]
    assert value["files"][0] == file("/a")


def test_data_without_files_is_given_back_as_it_is(bench: Any) -> None:
    run = bench()
    data = [{"path": "/x"}, [1, "two"], None]
    assert run.files.fetch(data) is data
    assert not run.folder.exists()


def test_an_empty_file(bench: Any) -> None:
    run = bench(always(b""))
    assert Path(run(file("/x"))).read_bytes() == b""


def test_an_identical_file_is_not_rewritten(bench: Any) -> None:
    run = bench(always(b"content"))
    first = Path(run(file("/x")))
    before = first.stat()
    assert run(file("/y/x")) == str(first)
    assert first.stat().st_ino == before.st_ino
    assert first.stat().st_mtime_ns == before.st_mtime_ns
    assert run.saved() == [first]


@pytest.mark.parametrize("changed", [b"CONTENT", b"longer content"])
def test_a_file_that_somebody_changed_is_replaced(bench: Any, changed: bytes) -> None:
    run = bench(always(b"content"))
    path = Path(run(file("/x")))
    path.write_bytes(changed)
    assert run(file("/y/x")) == str(path)
    assert path.read_bytes() == b"content"


def test_a_job_fetches_a_file_once(bench: Any) -> None:
    run = bench()
    assert run([file("/x"), file("/x")]) == [run(file("/x"))] * 2
    assert len(run.server.requests) == 1


def test_a_file_that_was_removed_is_fetched_again(bench: Any) -> None:
    run = bench()
    path = Path(run(file("/x")))
    path.unlink()
    assert run(file("/x")) == str(path)
    assert path.exists()


def test_files_of_streamed_values_are_located_once_and_fetched_again_where_they_were_removed(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, located, given = bench(), [], [file("/x"), file("/y")]
    locate = run.downloads.locate
    monkeypatch.setattr(run.downloads, "locate", lambda *args: located.append(args) or locate(*args))

    def fill() -> List[Path]:
        holder: List[Any] = [None, None]
        run.files.fill([Slot(holder, place, 0, each) for place, each in enumerate(given)], {})
        assert [type(path) for path in holder] == [ResultPath] * 2
        return [Path(path) for path in holder]

    paths = fill()
    assert fill() == paths
    assert (len(located), len(run.server.requests)) == (2, 2)
    paths[1].unlink()
    assert fill() == paths
    assert paths[1].exists()
    assert (len(located), len(run.server.requests)) == (3, 3)


def test_a_file_that_another_thread_has_fetched_again_is_not_fetched_once_more(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = bench()
    path = Path(run(file("/x")))
    path.unlink()
    real, others = os.path.exists, [lambda: run(file("/x"))]

    def exists(place: Any) -> bool:
        found = real(place)
        if others:
            others.pop()()
        return found

    monkeypatch.setattr(os.path, "exists", exists)
    assert run(file("/x")) == str(path)
    assert len(run.server.requests) == 2


def test_a_failure_is_not_remembered(bench: Any) -> None:
    answers = [answer(b"", "500 Error"), answer(b"content")]
    run = bench(always(lambda _: answers.pop(0)))
    with pytest.raises(HTTPStatusError):
        run(file("/x"))
    assert Path(run(file("/x"))).read_bytes() == b"content"


def test_several_files_are_fetched_side_by_side(bench: Any) -> None:
    together = threading.Barrier(4)

    def meet(request: Request) -> bytes:
        together.wait(10)  # breaks, and so fails the test, unless four requests are under way at once
        return echo_path(request)

    run = bench(always(meet))
    result = run([file(f"/{number}") for number in range(8)])
    assert [Path(path).name for path in result] == [str(number) for number in range(8)]
    assert run.downloads.helpers.threads <= 3


def test_files_are_fetched_without_a_thread_to_spare(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = bench()

    def none_left(*args: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(run.downloads.helpers, "submit", none_left)
    assert [Path(path).name for path in run([file("/1"), file("/2")])] == ["1", "2"]


def test_one_failure_fails_all_and_leaves_nothing_half_done(bench: Any) -> None:
    run = bench(always(lambda r: answer(b"", "404 Not Found") if r.path.endswith("3") else echo_path(r)))
    with pytest.raises(HTTPStatusError, match="404"):
        run([file(f"/{number}") for number in range(8)])
    assert all(path.parent.name == sha256(path.read_bytes()) for path in run.saved())


# --- the folder


def test_the_folder_is_made_when_it_is_first_used(bench: Any, tmp_path: Path) -> None:
    run = bench(folder=tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()
    run(file("/x"))
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize("kind", [str, Path])
def test_a_relative_folder_is_that_of_the_time_of_connecting(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    run = bench(folder=kind("here"))
    monkeypatch.chdir("/")
    assert run(file("/x")).startswith(str((tmp_path / "here").resolve()))


def test_a_path_that_is_no_folder_is_an_error(bench: Any, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match=r"^Path: .*taken is not a directory\.$"):
        bench(folder=tmp_path / "taken")
    with pytest.raises(FolderError, match="cannot be written to"):
        bench(folder=tmp_path / "taken" / "below")


def test_a_folder_that_cannot_be_written_to_is_an_error(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # the tests may run as root
    with pytest.raises(FolderError, match="cannot be written to"):
        bench(folder=tmp_path)


@pytest.mark.parametrize("folder", [True, 7, b"x", "x\0y"])
def test_what_is_no_path_is_an_error(bench: Any, folder: Any) -> None:
    with pytest.raises(FolderError):
        bench(folder=folder)


def test_a_folder_that_went_bad_is_an_error(bench: Any) -> None:
    run = bench()
    run.folder.write_text("somebody's file", encoding="utf-8")
    with pytest.raises(FolderError, match="cannot be saved"):
        run(file("/x"))
    assert run.folder.read_text(encoding="utf-8") == "somebody's file"


def test_a_file_that_cannot_be_put_in_its_place_leaves_nothing(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    run = bench()
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(FolderError, match="No space left on device"):
        run(file("/x"))
    assert list(run.folder.iterdir()) == []


def test_the_default_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", "/somewhere")
    assert default_folder() == "/somewhere"
    monkeypatch.delenv("GRADIO_TEMP_DIR")
    assert default_folder() == os.path.join(tempfile.gettempdir(), f"gradio-{os.geteuid()}")


def test_others_may_read_what_the_umask_lets_them(bench: Any) -> None:
    before = os.umask(0o022)
    try:
        mode = os.stat(bench()(file("/x"))).st_mode
    finally:
        os.umask(before)
    assert stat.S_IMODE(mode) == 0o644


# --- names


def test_letters_that_the_locale_lacks_are_changed_in_names(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from gradio_client_lite.files.saving import DownloadFolder
with DownloadFolder(Path(sys.argv[1])).new() as saving:
    print(sys.getfilesystemencoding(), ascii(Path(saving.keep("a \\u65e5.txt")).name))
"""
    environ = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    # Some systems know no other file names than Unicode.
    assert done.stdout in ("ascii 'a _.txt'\n", "utf-8 'a \\u65e5.txt'\n")


def test_two_hundred_names_from_a_hostile_server(bench: Any) -> None:
    run = bench()
    paths = [f"/srv/{number}/{name}" for number, name in enumerate(NAMES)]
    result = run([file(path) for path in paths])
    for path, local in zip(paths, result):
        assert Path(local).read_bytes().endswith(path.encode())
        assert Path(local).parent.parent == run.folder.resolve()
    assert len(run.saved()) == len(NAMES)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(st.characters(), max_size=80)
    | st.lists(st.sampled_from(["..", "/", "\\", "C:", "\0", "%2e", "x", "\ud800", "http://"])).map("".join)
)
def test_whatever_the_server_says_the_file_lands_inside_the_folder(bench: Any, path: str) -> None:
    run = bench(always(b"content"))
    stream = file("s", is_stream=True, orig_name=path, url=run.server.url + "s")
    for value in (file(f"/srv/{path}"), stream):
        local = Path(run(value))
        assert local.parent == run.folder.resolve() / sha256(b"content")
        assert local.read_bytes() == b"content"


# --- other hosts


@pytest.fixture
def elsewhere() -> Iterator[PeerServer]:
    with PeerServer(always(b"foreign")) as server:
        yield server


SECRETS = {"headers": {"x-hf-authorization": "Bearer t", "user-agent": "me"}, "cookies": {"session": "s"}}


def test_the_app_sees_its_credentials(bench: Any) -> None:
    run = bench(**SECRETS)
    run(file("/x"))
    headers = run.server.requests[0].headers
    assert (headers["x-hf-authorization"], headers["cookie"]) == ("Bearer t", "session=s")


@pytest.mark.parametrize("stream", [False, True])
def test_another_host_sees_no_credentials(bench: Any, elsewhere: PeerServer, stream: bool) -> None:
    run = bench(**SECRETS, version="6.19.0")
    url = elsewhere.url.replace("http://", "http://user:pass@") + "x.bin"
    value = file("s", url=url, is_stream=True) if stream else file(url)
    assert Path(run(value)).read_bytes() == b"foreign"
    assert run.server.requests == []
    headers = elsewhere.requests[0].headers
    assert set(headers) <= {"Host", "host", "user-agent", "accept-encoding", "accept", "authorization"}
    assert headers["user-agent"] == "me"
    assert "Bearer t" not in str(headers)


def test_a_redirect_to_another_host_takes_no_credentials_along(bench: Any, elsewhere: PeerServer) -> None:
    run = bench(always(lambda _: answer(b"", "302 Found", location=elsewhere.url)), **SECRETS)
    assert Path(run(file("/x"))).read_bytes() == b"foreign"
    assert "x-hf-authorization" not in elsewhere.requests[0].headers


# --- streams


def playlist(run: Bench) -> Json:
    path = "s/1/2/playlist.m3u8"
    url = run.server.url + "gradio_api/stream/" + path
    return file(path, url=url, is_stream=True, orig_name="audio-stream.mp3")


class Stream:
    """A server of a stream of segments, which the test makes longer."""

    def __init__(self) -> None:
        self.segments: List[bytes] = []

    def __call__(self, request: Request) -> bytes:
        name = request.path.rpartition("/")[2]
        if name == "playlist.m3u8":
            lines = [f"#EXTINF:1.0,\n{number}.aac\n" for number in range(len(self.segments))]
            return answer("".join(["#EXTM3U\n", *lines]).encode())
        if name == "playlist-file":
            return answer(b"".join(self.segments))
        return answer(self.segments[int(name.partition(".")[0])])


def test_a_result_has_the_whole_of_a_stream(bench: Any) -> None:
    stream = Stream()
    run = bench(always(stream))
    stream.segments = [b"one", b"two"]
    result = Path(run(playlist(run)))
    assert (result.name, result.read_bytes()) == ("audio-stream.mp3", b"onetwo")


def test_values_before_the_result_have_a_chunk_of_the_stream_each(bench: Any) -> None:
    stream = Stream()
    run = bench(always(stream))
    chunks: Dict[str, int] = {}
    contents = []
    for content in (b"one", b"two", b"three"):
        stream.segments.append(content)
        contents.append(Path(run(playlist(run), chunks=chunks)).read_bytes())
    assert contents == [b"one", b"two", b"three"]


def test_each_pass_over_the_values_begins_with_the_first_chunk(bench: Any) -> None:
    stream = Stream()
    run = bench(always(stream))
    stream.segments = [b"one", b"two"]
    for _ in range(2):
        chunks: Dict[str, int] = {}
        contents = [Path(run(playlist(run), chunks=chunks)).read_bytes() for _ in stream.segments]
        assert contents == [b"one", b"two"]
    # The second pass finds all of it at hand.
    assert [request.path.rpartition("/")[2] for request in run.server.requests] == [
        "playlist.m3u8",
        "0.aac",
        "1.aac",
    ]


def test_a_value_whose_chunk_is_not_there_yet_has_the_playlist(bench: Any) -> None:
    stream = Stream()
    run = bench(always(stream))
    chunks: Dict[str, int] = {}
    assert Path(run(playlist(run), chunks=chunks)).name == "playlist.m3u8"
    stream.segments = [b"one", b"two"]
    assert Path(run(playlist(run), chunks=chunks)).read_bytes() == b"two"


def test_nothing_but_the_chunks_stays_on_disk(bench: Any) -> None:
    stream = Stream()
    run = bench(always(stream))
    stream.segments = [b"one"]
    saved = run(playlist(run), chunks={})
    assert run.saved() == [Path(saved)]


def test_a_segment_on_another_host_sees_no_credentials(bench: Any, elsewhere: PeerServer) -> None:
    run = bench(always(f"#EXTM3U\n{elsewhere.url}0.aac\n".encode()), **SECRETS)
    assert Path(run(playlist(run), chunks={})).read_bytes() == b"foreign"
    headers = elsewhere.requests[0].headers
    assert "x-hf-authorization" not in headers
    assert "cookie" not in headers


def test_a_server_that_cannot_join_a_stream_gives_the_playlist(bench: Any) -> None:
    run = bench(always(lambda r: answer(b"", "500 Error") if r.path.endswith("file") else answer(b"#EXTM3U")))
    assert Path(run(playlist(run))).name == "playlist.m3u8"


def test_a_live_stream_is_read_once(bench: Any) -> None:
    run = bench(version="4.44.1", api_prefix="")
    value = file("s/1/2", is_stream=True, orig_name="c.wav")
    assert run(value, chunks={}) == run(value, chunks={}) == run(value)
    assert [request.path for request in run.server.requests] == ["/stream/s/1/2"]


# --- refusals


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("401 Unauthorized", AuthenticationError),
        ("403 Forbidden", HTTPStatusError),
        ("404 Not Found", HTTPStatusError),
        ("503 Unavailable", HTTPStatusError),
        ("204 No Content", HTTPStatusError),
        ("206 Partial Content", ProtocolError),
    ],
)
def test_a_refusal_is_typed(bench: Any, status: str, error: Any) -> None:
    run = bench(always(lambda _: answer(b"" if "204" in status else b"page", status)))
    with pytest.raises(error):
        run(file("/x"))
    assert run.saved() == []


def test_a_page_to_sign_in_at_is_not_taken_for_the_file(bench: Any) -> None:
    def serve(request: Any) -> bytes:
        if "login" in request.path:
            return answer(b"<html>", content_type="text/html; charset=utf-8")
        return answer(b"", "302 Found", location="/login?rd=s3cr3t")

    run = bench(always(serve))
    with pytest.raises(AuthenticationError, match=r"sign-in page http://[0-9.:]+/login\.") as caught:
        run(file("/x.png"))
    assert "s3cr3t" not in str(caught.value)
    assert run.saved() == []


@pytest.mark.parametrize("status", ["403 Forbidden", "408 Request Timeout", "503 Unavailable"])
def test_a_refusal_says_how_long_to_wait(bench: Any, status: str) -> None:
    run = bench(always(lambda _: answer(b"", status, retry_after="7")))
    with pytest.raises(HTTPStatusError) as caught:
        run(file("/x"))
    assert caught.value.retry_after == 7.0


@pytest.mark.parametrize("url", ["http://[", "http://a b/x", "http://host:99999/x", "http://host/\r\nx: y"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_place_that_is_no_url_is_the_servers_mistake(bench: Any, url: str, stream: bool) -> None:
    with pytest.raises(ProtocolError, match="no URL"):
        bench(version="6.19.0")(file(url, is_stream=stream))


def test_a_length_of_thousands_of_digits_is_refused(bench: Any) -> None:
    head = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: " + b"9" * 5000
    run = bench(lambda peer: peer.request() and peer.send(head + b"\r\n\r\nabc"))
    with pytest.raises(ProtocolError):
        run(file("/x"))


# --- progress


def test_progress_is_told(bench: Any) -> None:
    told: List[Any] = []
    run = bench(always(b"x" * 1_000_000), progress=lambda *counts: told.append(counts))
    run(file("/x"))
    assert told[-1] == (1_000_000, 1_000_000)
    assert told == sorted(set(told))
    assert {total for _, total in told} == {1_000_000}
    assert len(told) > 2


def test_progress_of_a_file_whose_size_the_server_does_not_say(bench: Any) -> None:
    def send(peer: Peer) -> None:
        peer.request()
        peer.send(CHUNKED + chunk(b"x" * 300_000) + chunk(b"y" * 300_000) + chunk(b""))

    told: List[Any] = []
    run = bench(send, progress=lambda *counts: told.append(counts))
    run(file("/x"))
    assert told.pop() == (600_000, 600_000)
    assert {total for _, total in told} == {None}


def test_progress_can_end_a_download(bench: Any) -> None:
    def stop(received: int, total: int) -> None:
        raise KeyboardInterrupt

    run = bench(always(b"x" * 1_000_000), progress=stop)
    with pytest.raises(KeyboardInterrupt):
        run(file("/x"))
    assert run.saved() == []


# --- memory


def test_memory_does_not_grow_with_the_file(bench: Any) -> None:
    size, piece = 64 << 20, bytes(1 << 16)

    def send(peer: Peer) -> None:
        peer.request()
        peer.send(f"HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n".encode())
        for _ in range(size // len(piece)):
            peer.send(piece)

    run = bench(send)
    tracemalloc.start()
    try:
        path = run(file("/large"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert os.path.getsize(path) == size
    assert peak < 4 << 20


# --- Gradio 3, where content may come within the result


def test_content_within_the_result_is_saved(bench: Any) -> None:
    run = bench(protocol="ws", version="3.50.2", api_prefix="")
    path = run(file("../im age.png", url="data:image/png;base64,aGk="))
    assert path == str(run.folder.resolve() / sha256(b"hi") / "im age.png")
    assert run.saved() == [Path(path)]
    assert run.server.requests == []


def test_malformed_content_is_an_error(bench: Any) -> None:
    run = bench(protocol="ws", version="3.50.2", api_prefix="")
    with pytest.raises(ProtocolError, match=r"a\.png in the result is no data: URL"):
        run(file("a.png", url="data:image/png;base64,a"))
    assert run.saved() == []


def test_the_route_of_files_before_3_2(bench: Any) -> None:
    run = bench(protocol="ws", version="3.1.7", api_prefix="")
    run(file("/tmp/a b.txt", url=None))
    assert run.server.requests[0].path == "/file//tmp/a%20b.txt"


# --- limits


def chunked(*pieces: bytes) -> Callable[[Peer], Any]:
    """A server that does not say how much it sends."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(CHUNKED + b"".join(map(chunk, pieces)) + chunk(b""))

    return script


@pytest.mark.parametrize("script", [always(b"12345678"), chunked(b"12345678"), chunked(b"1234", b"5678")])
def test_a_file_of_the_largest_size(bench: Any, script: Any) -> None:
    assert Path(bench(script, limits=Limits(max_download_size=8))(file("/x"))).read_bytes() == b"12345678"


@pytest.mark.parametrize("script", [always(b"123456789"), chunked(b"123456789"), chunked(b"12345678", b"9")])
def test_a_larger_file_is_an_error(bench: Any, script: Any) -> None:
    run = bench(script, limits=Limits(max_download_size=8))
    with pytest.raises(ResponseTooLarge, match=r"/x is larger than Limits\(max_download_size=8\); make the"):
        run(file("/x"))
    assert list(run.folder.iterdir()) == []


def test_nothing_is_written_of_a_file_that_says_it_is_too_large(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n1234")
        peer.closed()

    written: List[bytes] = []
    monkeypatch.setattr(Saving, "write", lambda _, data: written.append(data))
    run = bench(begin, limits=Limits(max_download_size=8))
    with pytest.raises(ResponseTooLarge):
        run(file("/x"))
    assert written == []


def test_a_continued_file_does_not_grow_beyond_the_limit(bench: Any) -> None:
    """Each of its parts is within it."""

    def first(peer: Peer) -> None:
        peer.request()
        peer.send(CHUNKED.replace(b"\r\n\r\n", b'\r\netag: "e"\r\n\r\n') + chunk(b"123456"))

    def rest(peer: Peer) -> None:
        peer.request()
        peer.answer(b"7890", "206 Partial Content", content_range="bytes 6-9/10", etag='"e"')

    run = bench(first, rest, limits=Limits(max_download_size=8))
    with pytest.raises(ResponseTooLarge):
        run(file("/x"))
    assert list(run.folder.iterdir()) == []


def test_content_within_a_result_has_the_limit_of_a_file(bench: Any) -> None:
    old = {"version": "3.50.2", "protocol": "ws"}
    content = file("x", url="data:text/plain;base64,MTIzNDU2Nzg5")
    assert Path(bench(**old, limits=Limits(max_download_size=9))(content)).read_bytes() == b"123456789"
    with pytest.raises(ResponseTooLarge, match=r"max_download_size=8"):
        bench(**old, limits=Limits(max_download_size=8))(content)


def test_a_file_that_trickles_has_a_deadline(bench: Any) -> None:
    """Though each of its bytes comes in time."""

    def trickle(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        with contextlib.suppress(OSError):
            while True:
                peer.send(b"x")
                time.sleep(0.01)

    run = bench(trickle, limits=Limits(downloading=0.3))
    with pytest.raises(DeadlineExceeded, match=r"took longer to download than Limits\(downloading=0.3\)"):
        run(file("/x"))
    assert list(run.folder.iterdir()) == []


def test_the_deadline_is_that_of_all_attempts(bench: Any) -> None:
    def cut(peer: Peer) -> None:
        peer.request()
        time.sleep(0.2)
        peer.send(b'HTTP/1.1 200 OK\r\ncontent-length: 100\r\netag: "e"\r\n\r\n' + b"x")

    run = bench(*[cut] * 9, limits=Limits(downloading=0.3))
    with pytest.raises(DeadlineExceeded, match="downloading"):
        run(file("/x"))


def test_a_playlist_that_is_too_long_is_an_error(bench: Any) -> None:
    run = bench(always(b"#EXTM3U\n" + b"0.aac\n" * 100), limits=Limits(playlist_bytes=100))
    with pytest.raises(ResponseTooLarge, match=r"playlist.m3u8 is larger than Limits\(playlist_bytes=100\)"):
        run(playlist(run), chunks={})
    assert run.saved() == []


def test_many_segments_of_a_long_url_take_little(bench: Any) -> None:
    """Each is joined with the playlist's URL when it is wanted, and only then."""
    names = b"".join(b"%d.aac\n" % number for number in range(50_000))
    path = "s/" + "1" * 20_000 + "/playlist.m3u8"
    run = bench(always(lambda r: answer(names if r.path.endswith("m3u8") else b"segment")))
    tracemalloc.start()
    try:
        assert Path(run(file(path, is_stream=True), chunks={})).read_bytes() == b"segment"
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()
