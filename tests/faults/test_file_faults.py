"""Uploads and downloads (`transfer.py`) through servers that stall, truncate, reset, lie or refuse.

Every case ends in a typed error or in the right file, and leaves no other file behind.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import threading
import time
import zlib
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional

import pytest
from app_of import app_of, files_of
from transport.peers import Peer, PeerServer, Request, always, answer

from gradio_client_lite.errors import (
    ClientClosed,
    ConnectionLost,
    DeadlineExceeded,
    FileTooLarge,
    FolderError,
    InvalidFile,
    ProtocolError,
    ReadTimeout,
    RetryLater,
)
from gradio_client_lite.files.downloads import Downloads
from gradio_client_lite.files.handle import handle_file
from gradio_client_lite.files.saving import Saving
from gradio_client_lite.files.transfer import PACING, Pacing
from gradio_client_lite.files.uploads import Uploads
from gradio_client_lite.generations import locate
from gradio_client_lite.limits import Limits
from gradio_client_lite.transport.http import Timeout, Transport
from gradio_client_lite.transport.url import parse_url
from gradio_client_lite.wire.config import EndpointSpec

CONTENT = bytes(range(256)) * 2000
HALF = len(CONTENT) // 2
ETAG = '"one"'
STALL = 0.3  # seconds of silence that end a wait

Script = Callable[[Peer], Any]


def file(path: str = "/x.bin", **fields: Any) -> Any:
    return {"path": path, "meta": {"_type": "gradio.FileData"}, **fields}


class Bench:
    """One server, and both directions through it."""

    def __init__(
        self, server: PeerServer, transport: Transport, folder: Path, pacing: Pacing, **config: Any
    ) -> None:
        self.server = server
        self.transport = transport
        self.folder = folder
        self.app = app = app_of(transport, server.url, **config)
        self.spec: EndpointSpec = app.spec.endpoints[0]
        self._files = files_of(Downloads(app, folder, locate, pacing))
        self._uploads = Uploads(app)

    def download(self, value: Any = None) -> bytes:
        """Fetch a file; its content, once it is plain that it lies in its place alone."""
        path = Path(self._files.fetch([value or file()])[0])
        content = path.read_bytes()
        assert self.left() == [path]
        assert path.parent.name == hashlib.sha256(content).hexdigest()
        return content

    def upload(self, value: Any) -> Any:
        return self._uploads.upload([value], self.spec, {})[0]

    def left(self) -> List[Path]:
        """What is in the folder."""
        return [path for path in self.folder.rglob("*") if path.is_file()]

    @property
    def ranges(self) -> List[Optional[str]]:
        return [request.headers.get("range") for request in self.server.requests]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    with contextlib.ExitStack() as stack:

        def make(*scripts: Script, pacing: Pacing = PACING, **config: Any) -> Bench:
            server = stack.enter_context(PeerServer(*scripts))
            transport = Transport(
                base_url=server.url, trust_env=False, timeout=Timeout(connect=10.0, read=STALL)
            )
            stack.enter_context(contextlib.closing(transport))
            return Bench(server, transport, tmp_path / "downloads", pacing, **config)

        yield make


def head(length: Optional[int] = len(CONTENT), status: str = "200 OK", **headers: str) -> bytes:
    fields = {} if length is None else {"content-length": str(length)}
    fields.update({name.replace("_", "-"): value for name, value in headers.items()})
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode()


def half(then: Optional[Script] = None, **headers: str) -> Script:
    """Send a good head and half of the content, then do something."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(head(**headers) + CONTENT[:HALF])
        if then is not None:
            then(peer)

    return script


def stall(peer: Peer) -> None:
    peer.closed()


def reset(peer: Peer) -> None:
    # The client reads what was sent before; a reset at once would take it away.
    time.sleep(0.05)
    peer.reset()


def whole(peer: Peer) -> None:
    """A server that knows of no ranges."""
    peer.request()
    peer.send(head(etag=ETAG) + CONTENT)


def rest(
    etag: Optional[str] = ETAG, shift: int = 0, total: int = len(CONTENT), then: Optional[Script] = None
) -> Script:
    """Answer with what a Range asks for, or with something near it."""

    def script(peer: Peer) -> None:
        request = peer.request()
        assert request is not None
        asked = request.headers.get("range")
        if asked is None:
            peer.send(head(etag=ETAG) + CONTENT)
            return
        start = int(asked[len("bytes=") : -1]) + shift
        headers = {"content_range": f"bytes {start}-{total - 1}/{total}"}
        if etag is not None:
            headers["etag"] = etag
        peer.send(head(total - start, "206 Partial Content", **headers) + CONTENT[start:])

    return script


ENDS = pytest.mark.parametrize("end", [None, reset, stall], ids=["truncates", "resets", "stalls"])


# --- downloads


@ENDS
def test_a_broken_download_goes_on_where_it_broke(bench: Any, end: Any) -> None:
    run = bench(half(end, etag=ETAG), rest())
    assert run.download() == CONTENT
    asked = run.server.requests[1].headers
    assert asked["range"] == f"bytes={HALF}-"
    assert asked["if-range"] == ETAG


@ENDS
def test_a_broken_download_starts_again_where_the_server_knows_no_ranges(bench: Any, end: Any) -> None:
    assert bench(half(end, etag=ETAG), whole).download() == CONTENT


@pytest.mark.parametrize("headers", [{}, {"etag": 'W/"weak"'}, {"etag": "unquoted"}])
def test_a_download_that_cannot_be_identified_starts_again(bench: Any, headers: Any) -> None:
    run = bench(half(**headers), whole)
    assert run.download() == CONTENT
    assert run.ranges == [None, None]


@pytest.mark.parametrize(
    "answer_to_range",
    [
        rest(etag='"two"'),
        rest(etag=None),
        rest(shift=1),
        rest(shift=-1),
        rest(total=len(CONTENT) - 1),
        lambda peer: peer.request() and peer.answer(b"", "416 Range Not Satisfiable"),
        lambda peer: peer.request() and peer.answer(CONTENT[HALF:], "206 Partial Content", etag=ETAG),
    ],
    ids=["other-file", "unknown-file", "later", "earlier", "shorter", "unsatisfiable", "unexplained"],
)
def test_a_rest_that_does_not_fit_is_not_used(bench: Any, answer_to_range: Script) -> None:
    run = bench(half(etag=ETAG), answer_to_range, whole)
    assert run.download() == CONTENT
    assert run.ranges == [None, f"bytes={HALF}-", None]


def test_a_rest_that_is_shorter_than_it_says_is_an_error(bench: Any) -> None:
    def shorter(peer: Peer) -> None:
        peer.request()
        span = f"bytes {HALF}-{len(CONTENT) - 1}/{len(CONTENT)}"
        peer.answer(CONTENT[HALF:-1], "206 Partial Content", content_range=span, etag=ETAG)

    run = bench(half(etag=ETAG), shorter)
    with pytest.raises(ProtocolError, match=f"gave {len(CONTENT) - 1} bytes of a file of {len(CONTENT)}"):
        run.download()
    assert run.left() == []


def test_a_file_that_changed_meanwhile_is_the_new_one(bench: Any) -> None:
    run = bench(half(etag=ETAG), lambda peer: peer.request() and peer.answer(b"new", etag='"two"'))
    assert run.download() == b"new"


@ENDS
def test_a_download_that_always_breaks_is_an_error(bench: Any, end: Any) -> None:
    run = bench(half(end))
    with pytest.raises(ReadTimeout if end is stall else ConnectionLost):
        run.download()
    assert run.left() == []
    assert len(run.server.requests) == 2


def test_a_download_goes_on_only_so_often(bench: Any) -> None:
    def drip(peer: Peer) -> None:
        request = peer.request()
        assert request is not None
        start = int(request.headers.get("range", "bytes=0-")[6:-1])
        span = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
        status = "206 Partial Content" if start else "200 OK"
        peer.send(
            head(len(CONTENT) - start, status, etag=ETAG, content_range=span) + CONTENT[start : start + 10]
        )

    run = bench(drip)
    with pytest.raises(ConnectionLost):
        run.download()
    assert len(run.server.requests) == 5
    assert run.left() == []


def test_a_server_that_accepts_and_says_nothing_is_an_error(bench: Any) -> None:
    run = bench(lambda peer: peer.request() and stall(peer))
    began = time.monotonic()
    with pytest.raises(ReadTimeout):
        run.download()
    assert time.monotonic() - began < 5
    assert run.left() == []


def test_a_slow_download_is_no_stalled_one(bench: Any) -> None:
    def slowly(peer: Peer) -> None:
        peer.request()
        peer.send(head(50))
        for number in range(5):
            peer.send(CONTENT[number * 10 : number * 10 + 10])
            time.sleep(STALL / 2)

    assert bench(slowly).download() == CONTENT[:50]


def test_a_length_that_is_too_long_is_an_error(bench: Any) -> None:
    run = bench(lambda peer: peer.request() and peer.send(head(len(CONTENT) + 1) + CONTENT))
    with pytest.raises(ConnectionLost):
        run.download()
    assert run.left() == []


@pytest.mark.parametrize("length", [0, 1, HALF])
def test_a_length_that_is_too_short_is_an_error(bench: Any, length: int) -> None:
    run = bench(lambda peer: peer.request() and peer.send(head(length) + CONTENT))
    with pytest.raises(ProtocolError, match="sent more than"):
        run.download()
    assert run.left() == []


@pytest.mark.parametrize("length", ["-1", "x", "1, 2", "0x10"])
def test_a_length_that_is_none_is_an_error(bench: Any, length: str) -> None:
    run = bench(lambda peer: peer.request() and peer.send(head(None, content_length=length) + CONTENT))
    with pytest.raises((ProtocolError, ConnectionLost)):
        run.download()
    assert run.left() == []


def test_chunks_that_end_too_early_are_an_error(bench: Any) -> None:
    chunked = head(None, transfer_encoding="chunked") + b"5\r\nabcde\r\n"
    run = bench(lambda peer: peer.request() and peer.send(chunked))
    with pytest.raises(ConnectionLost):
        run.download()
    assert run.left() == []


def test_compression_that_nobody_asked_for_is_refused(bench: Any) -> None:
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(CONTENT) + packer.flush()
    run = bench(lambda peer: peer.request() and peer.answer(packed, content_encoding="gzip", etag=ETAG))
    with pytest.raises(ProtocolError, match="not asked for"):
        run.download()
    assert run.left() == []


def test_a_live_stream_is_not_asked_for_twice(bench: Any) -> None:
    run = bench(half(), version="4.44.1", api_prefix="")
    with pytest.raises(ConnectionLost):
        run.download(file("s/1/2", is_stream=True))
    assert len(run.server.requests) == 1
    assert run.left() == []


def test_a_full_disk_is_an_error(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        """A file on a disk with room for nothing."""

        def __init__(self, file: Any) -> None:
            self._file = file

        def write(self, data: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    made = Saving.__init__

    def make(self: Saving, folder: Any, private: bool, name: str, file: Any) -> None:
        made(self, folder, private, name, Full(file))  # type: ignore[arg-type]

    monkeypatch.setattr(Saving, "__init__", make)
    run = bench(whole)
    with pytest.raises(FolderError, match="No space left on device"):
        run.download()
    assert run.left() == []


def test_closing_ends_a_download(bench: Any) -> None:
    begun = threading.Event()

    def script(peer: Peer) -> None:
        half(None)(peer)
        begun.set()
        stall(peer)

    run = bench(script)
    closer = threading.Thread(target=lambda: begun.wait(10) and run.transport.close())
    closer.start()
    with pytest.raises((ClientClosed, ConnectionLost)):
        run.download()
    closer.join(10)
    assert run.left() == []


# --- files that the app is just writing


PNG = b"\x89PNG\r\n\x1a\n" + bytes(100) + b"\0\0\0\0IEND\xaeB`\x82"
WEBP = b"RIFF" + (len(CONTENT) + 4).to_bytes(4, "little") + b"WEBP" + CONTENT
TEXT = file("/x.txt")
OLD = {"date": "Sat, 28 Nov 2026 19:24:13 GMT", "last_modified": "Sat, 28 Nov 2026 19:20:13 GMT"}


#: Pauses are short.
HASTY = Pacing(pauses=(0.001, 0.01, 0.01), settled=0.01)
#: How often a file is asked for at most then.
ASKED = 4


def give(content: bytes, **headers: str) -> Script:
    return lambda peer: peer.request() and peer.answer(content, **headers)


@pytest.mark.parametrize(
    ("value", "part", "content"),
    [
        (file("/x.webp"), b"", WEBP),
        (file("/x"), b"", b"by its type"),
        (file("/x.webp"), WEBP[:-1], WEBP),
        (file("/x.wav"), b"RIFF\xff\0", WEBP),
        (file("/x.png"), PNG[:-1], PNG),
        (file("/x.txt", size=5), b"", b"12345"),
        (file("/x.txt", size=5), b"1234", b"12345"),
        (file("/x.txt", size=5), b"123456", b"12345"),
    ],
)
def test_a_file_that_is_not_whole_is_fetched_again(
    bench: Any, value: Any, part: bytes, content: bytes
) -> None:
    kind = "image/png" if value["path"] == "/x" else "application/octet-stream"
    run = bench(*[give(part, content_type=kind)] * 2, give(content, content_type=kind), pacing=HASTY)
    assert run.download(value) == content
    assert len(run.server.requests) == 3


@pytest.mark.parametrize(
    ("value", "content"),
    [
        (TEXT, b""),
        (file("/x.txt", size=0), b""),
        (file("/x.bin"), b""),
        (file("/x.png"), PNG),
        (file("/x.webp"), WEBP),
        (file("/x.wav"), b"RIFF\xff\xff\xff\xffWAVE"),
        (file("/x.wav"), b"RIFF\0\0\0\0WAVEfmt "),
        (file("/x.png"), b"no picture"),
        (file("/x.txt", size="5"), b"1"),
        (file("/x.txt", size=True), b"123"),
        (file("/x.txt", size=-1), b"123"),
    ],
)
def test_a_file_that_may_be_whole_is_fetched_once(bench: Any, value: Any, content: bytes) -> None:
    run = bench(give(content))
    assert run.download(value) == content
    assert len(run.server.requests) == 1


@pytest.mark.parametrize("value", [file("/x.txt", size=5), file("/x.png")])
def test_a_file_that_was_not_changed_for_long_is_as_it_is(bench: Any, value: Any) -> None:
    run = bench(give(b"", **OLD))
    assert run.download(value) == b""
    assert len(run.server.requests) == 1


@pytest.mark.parametrize("hour", ["99:00:00 +99999999999999", "9" * 30 + ":00:00 GMT"])
def test_a_date_that_cannot_be_is_no_error(bench: Any, hour: str) -> None:
    dates = {"date": OLD["date"], "last_modified": f"Sat, 28 Nov 2026 {hour}"}
    run = bench(give(b"content", **dates), pacing=HASTY)
    assert run.download(file("/x.txt", size=5)) == b"content"


def test_a_file_whose_size_is_stated_wrongly_is_no_error(bench: Any) -> None:
    run = bench(give(b"content"), pacing=HASTY)
    assert run.download(file("/x.txt", size=5)) == b"content"
    assert 1 < len(run.server.requests) <= ASKED


@pytest.mark.parametrize("value", [file("/x.txt", size=5), file("/x.png")])
def test_a_file_that_stays_empty_is_an_error(bench: Any, value: Any) -> None:
    run = bench(give(b""), pacing=HASTY)
    with pytest.raises(RetryLater, match="gave"):
        run.download(value)
    assert run.left() == []
    assert len(run.server.requests) == ASKED


def test_a_file_that_changes_each_time_is_an_error(bench: Any) -> None:
    run = bench(*(give(PNG[:number]) for number in range(20, 30)), pacing=HASTY)
    with pytest.raises(RetryLater, match="gave a part of a file"):
        run.download(file("/x.png"))
    assert len(run.server.requests) == ASKED


def test_a_file_that_is_cut_short_as_it_is_written_is_fetched_again(bench: Any) -> None:
    cut = [half(etag=f'"{number}"') for number in range(3)]
    run = bench(*cut, give(CONTENT, etag='"3"'), pacing=HASTY)
    assert run.download() == CONTENT


def test_a_file_that_is_always_cut_short_as_it_is_written_is_an_error(bench: Any) -> None:
    run = bench(*(half(etag=f'"{number}"') for number in range(2 * ASKED + 8)), pacing=HASTY)
    with pytest.raises(RetryLater, match="cut short"):
        run.download()
    assert run.left() == []


def test_waiting_for_a_file_ends_with_its_time(bench: Any) -> None:
    run = bench(give(b""), pacing=Pacing((60.0,)))
    run.app.limits = Limits(downloading=0.05)
    with pytest.raises(DeadlineExceeded, match="downloading"):
        run.download(file("/x.png"))


def test_closing_ends_the_wait_for_a_file(bench: Any) -> None:
    given, ended = threading.Event(), threading.Event()

    def empty(peer: Peer) -> None:
        give(b"")(peer)
        given.set()

    def download() -> None:
        with pytest.raises(RetryLater):
            run.download(file("/x.png"))
        ended.set()

    run = bench(empty, pacing=Pacing((600.0,)))
    run.app.threads.start("gradio-test", lambda: None, download)
    assert given.wait(10)
    run.app.threads.close()
    assert ended.wait(10)


# --- uploads


@pytest.fixture
def large(tmp_path: Path) -> Any:
    path = tmp_path / "large.bin"
    with path.open("wb") as stream:
        stream.truncate(30 << 20)
    return handle_file(path)


def accept(peer: Peer, pause: float = 0.0) -> None:
    """Take an upload, with a pause after each piece."""
    request = peer.head()
    if request is None:
        return
    peer.skip(int(request.headers["content-length"]), pause)
    peer.send(answer(b'["/srv/x"]'))


def take_some(then: Script) -> Script:
    """Read a little of an upload, then do something."""

    def script(peer: Peer) -> None:
        peer.head()
        peer.sock.recv(1000)
        peer.server.requests.append(Request("POST", "", {}, b"", b""))
        then(peer)

    return script


def test_a_server_that_stops_reading_is_an_error(bench: Any, large: Any) -> None:
    stopped = threading.Event()
    run = bench(take_some(lambda peer: stopped.wait(10)))
    began = time.monotonic()
    with pytest.raises(ReadTimeout):
        run.upload(large)
    assert time.monotonic() - began < 5
    assert len(run.server.requests) == 1
    stopped.set()


class Busy:
    """Of a server that is blocked until it was asked for a sign of life so many times.

    Args:
        times: how many; it goes on then, or is found to be well.
        over: set then.
        more: whether it is waited for all the same.
    """

    def __init__(self, origin: Any, times: int, over: threading.Event, more: Optional[float]) -> None:
        self.origin = origin
        self._left = times
        self._over = over
        self._more = more

    def watch(self, idle: float, beat: Optional[float] = 0.0) -> Callable[[], Optional[float]]:
        return self._wait_on

    def _wait_on(self) -> Optional[float]:
        self._left -= 1
        if self._left:
            return STALL
        self._over.set()
        return self._more


@pytest.mark.parametrize("well", [False, True])
def test_a_server_that_reads_nothing_while_it_is_blocked_is_waited_for(
    bench: Any, large: Any, well: bool
) -> None:
    over = threading.Event()

    def blocked(peer: Peer) -> None:
        assert over.wait(10)
        if not well:
            accept(peer)

    run = bench(blocked)
    usual = run.transport.timeout
    run.transport.timeout = Timeout(usual.connect, usual.read, asks=True)
    origin = parse_url(run.server.url).origin
    run.transport.liveness = Busy(origin, 3, over, None if well else 10.0)
    if well:
        with pytest.raises(ReadTimeout):
            run.upload(large)
    else:
        assert run.upload(large)["path"] == "/srv/x"


def test_a_server_that_takes_all_and_says_nothing_is_an_error(bench: Any) -> None:
    run = bench(lambda peer: peer.request() and stall(peer))
    with pytest.raises(ReadTimeout):
        run.upload(handle_file(b"x"))
    assert len(run.server.requests) == 1


def test_a_slow_upload_is_no_stalled_one(bench: Any, large: Any) -> None:
    began = time.monotonic()
    # Not slower than that: the kernel tells of room only once a good part of its buffer is free.
    run = bench(lambda peer: accept(peer, STALL / 300))
    assert run.upload(large)["path"] == "/srv/x"
    assert time.monotonic() - began > STALL


@pytest.mark.parametrize("end", [Peer.reset, lambda peer: None], ids=["resets", "hangs up"])
def test_an_upload_that_breaks_is_sent_once_more(bench: Any, large: Any, end: Script) -> None:
    assert bench(take_some(end), accept).upload(large)["path"] == "/srv/x"
    run = bench(take_some(end))
    with pytest.raises(ConnectionLost):
        run.upload(large)
    assert len(run.server.requests) == 2


def test_an_upload_that_is_refused_while_it_is_sent_is_an_error(bench: Any, large: Any) -> None:
    def refuse(peer: Peer) -> None:
        peer.send(answer(b"too large", "413 Content Too Large", connection="close"))
        stall(peer)

    run = bench(take_some(refuse))
    with pytest.raises(FileTooLarge, match=r"413.*large\.bin with 31457280 bytes"):
        run.upload(large)
    assert len(run.server.requests) == 1


@pytest.mark.parametrize("length", ["5", "50"], ids=["too short", "too long"])
def test_an_answer_with_a_wrong_length_is_an_error(bench: Any, length: str) -> None:
    body = json.dumps(["/srv/file"]).encode()
    run = bench(lambda peer: peer.request() and peer.send(answer(body, content_length=length)))
    with pytest.raises((ProtocolError, ConnectionLost)):
        run.upload(handle_file(b"x"))


def test_a_file_that_shrinks_while_it_is_sent_is_an_error(bench: Any, large: Any) -> None:
    run = bench(take_some(lambda peer: (Path(large["path"]).write_bytes(b""), peer.skip(40 << 20, 0))))
    with pytest.raises(InvalidFile, match=r"large\.bin has become \d+ bytes shorter"):
        run.upload(large)


def test_a_server_that_answers_with_nonsense_is_an_error(bench: Any) -> None:
    run = bench(always(b"\xff\xfe"))
    with pytest.raises(ProtocolError):
        run.upload(handle_file(b"x"))
