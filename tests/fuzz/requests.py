"""Requests: what a server can make of the next one: cookies, URLs, redirects, waits, refusals and forms."""

from __future__ import annotations

import re
from email import message_from_bytes
from ipaddress import ip_address
from typing import Any, Dict, cast
from urllib.parse import quote, urljoin, urlsplit

from gradio_client_lite.errors import ArgumentError, GradioClientError, ProtocolError
from gradio_client_lite.secrecy import SHORTEST, Secrets
from gradio_client_lite.spaces.rest import Question, message_of
from gradio_client_lite.spaces.rest import refusal as hub_refusal
from gradio_client_lite.spaces.runtime import space_info, space_runtime, who_am_i
from gradio_client_lite.transport.headers import CookieJar, encode_head
from gradio_client_lite.transport.reach import HARMLESS, KINDS, PUBLIC, Hop, next_hop, reach_of
from gradio_client_lite.transport.sockets import Deadline
from gradio_client_lite.transport.url import Target, parse_url, same_place
from gradio_client_lite.wire.multipart import MultipartBody, Part
from gradio_client_lite.wire.refusal import LONGEST_WAIT, epoch, refusal, stated_wait, status_error
from gradio_client_lite.wire.texts import in_words, page_in_words
from gradio_client_lite.wire.urls import origin_of_url

from .target import assert_short, target, value_of

_URL = "http://host:7860/app/"
_APP = parse_url(_URL)
_NEVER = Deadline(None)

_COOKIE_WORDS = (
    b"; Path=/",
    b"; Domain=host",
    b"; Secure",
    b"; Max-Age=0",
    b"; Expires=Thu, 01 Jan 2099 00:00:00 GMT",
    b"\n",
    b"a=b",
)


@target(words=_COOKIE_WORDS)
def cookies(data: bytes) -> None:
    """Lines that set cookies: what is sent for them goes to this host and port alone, fits into one line of a
    head, is bounded, and says nothing that no line has said.
    """
    lines = data.decode("latin-1").split("\n")
    jar = CookieJar("host", {"own": "1"}, port=7860, clock=lambda: 1e9)
    jar.store(_APP, lines)
    assert jar["own"] == "1" or any(line.lstrip().startswith("own") for line in lines)
    assert jar.header(parse_url("http://other:7860/app/")) == ""
    assert jar.header(parse_url("http://host:7861/app/")) == ""
    assert jar.header(parse_url("http://sub.host:7860/app/")) == ""
    sent = jar.header(_APP)
    assert len(sent) <= 40_000
    assert not re.search(r"[\x00-\x1f\x7f]", sent)
    for pair in filter(None, sent.split("; ")):
        assert pair == "own=1" or any(_says(line, pair) for line in lines), pair
    head = encode_head("GET", "/", "host", {"cookie": sent})
    assert head.count(b"\r\n") == 4
    assert not [value for value in jar.values() if value and value in repr(jar) and len(value) > 8]


def _says(line: str, pair: str) -> bool:
    name, _, value = line.partition(";")[0].partition("=")
    return f"{name.strip()}={value.strip()}" == pair


_URL_WORDS = (
    b"http://",
    b"https://",
    b"//",
    b"@",
    b"[::1]",
    b":80",
    b"?",
    b"#",
    b"\\",
    b"%",
    b"%00",
    b"127.0.0.1",
    "。".encode(),
)


@target(words=_URL_WORDS)
def urls(data: bytes) -> None:
    """A URL is refused, or split as urllib splits it, into what cannot be taken for another request, host or
    place; the URL that is made of it is the same one.
    """
    url = (
        data.decode("utf-8", "surrogatepass" if len(data) % 2 else "replace")
        if _is_utf8(data)
        else data.decode("latin-1")
    )
    origin = origin_of_url(url)
    assert origin is None or origin[0] in ("http", "https")
    try:
        found = parse_url(url)
    except ArgumentError as exc:
        assert_short(exc)
        return
    _check_target(found)
    # urllib has no zones, which may be empty in the form "%25", and counts the brackets in passwords.
    odd = "%" in url.rpartition("]")[0] or re.search(r"[\[\]]", "".join(found.userinfo or ()))
    if url.isascii() and not odd:
        parts = urlsplit(url)
        assert (parts.scheme, parts.hostname) == (found.scheme, found.host)
        assert parts.port in (found.port, None)
        assert origin is not None
        assert origin == found.origin
    again = parse_url(found.url)
    assert again._replace(userinfo=None) == found._replace(
        userinfo=None, host=again.host, origin=again.origin
    )
    assert same_place(found, found)
    _check_reach(found.host)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except ValueError:
        return False
    return True


def _check_target(found: Target) -> None:
    """What goes into a request and into texts is one line each, and shows no secret part."""
    assert found.scheme in ("http", "https")
    assert 0 <= found.port <= 65535
    assert re.fullmatch(r"[!-~]+", found.path)
    assert found.path.startswith("/")
    assert re.fullmatch(r"[a-z0-9._-]+|[0-9a-f:.]+(%[^/]*)?", found.host, re.IGNORECASE), found.host
    assert re.fullmatch(r"[!-~]+", found.netloc)
    assert not re.search(r"[@/?#\\ ]", found.netloc)
    assert "?" not in found.label
    head = encode_head("GET", found.path, found.netloc, {})
    assert head == f"GET {found.path} HTTP/1.1\r\nhost: {found.netloc}\r\n\r\n".encode()


def _check_reach(host: str) -> None:
    """A global address of the standard library's is public, and no other."""
    reach = reach_of(host)
    assert reach in range(len(KINDS))
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return
    if address.is_loopback or address.is_link_local or address.is_unspecified:
        assert reach != PUBLIC


@target(words=(*_URL_WORDS, b"../", b"file:", b"http:", b"///"))
def redirects(data: bytes) -> None:
    """A Location leads to an http(s) URL, or is a ProtocolError. Another place gets no body, and no header,
    cookie or password that could be a secret.
    """
    location = data.decode("latin-1")
    secret = {"authorization": "Bearer s3cr3t", "x-key": "s3cr3t", "accept": "*/*"}
    for status, body in ((302, None), (307, None), (307, b"s3cr3t"), (303, b"s3cr3t")):
        asked = Hop("GET" if body is None else "POST", _APP, secret, body)
        try:
            onward = next_hop(asked, status, location)
        except ProtocolError as exc:
            assert_short(exc)
            continue
        there = onward.target
        _check_target(there)
        assert there.userinfo is None
        if re.fullmatch("[!-~]*", location):
            assert there.url == parse_url(urljoin(_APP.url, location)).url
        if not same_place(_APP, there):
            assert onward.body is None
            assert not onward.auth
            assert set(onward.fields) <= HARMLESS
        else:
            assert (there.scheme, there.host, there.port) == _APP.origin


@target(
    words=(
        b"retry-after: ",
        b"date: ",
        b"Wed, 21 Oct 2015 07:28:00 GMT",
        b"-1",
        b"1e9",
        b"\n",
        b"+0000",
        b"9" * 30,
    )
)
def retry_after(data: bytes) -> None:
    """Lines of a head: the seconds to wait are not told, or at most a day, whatever the dates."""
    headers: Dict[str, str] = {}
    for line in data.decode("latin-1").split("\n"):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    for now in (None, 1e9):
        wait = stated_wait(headers, now)
        assert wait is None or 0 <= wait <= LONGEST_WAIT
    for value in headers.values():
        moment = epoch(value)
        assert moment is None or moment == moment  # no NaN


@target(
    words=(
        b"503\n",
        b'{"detail": ',
        b'{"error": ',
        b"queue is full",
        b"<html>",
        b"<script>",
        b"&#x41;",
        b"422\n",
    )
)
def refusals(data: bytes) -> None:
    """A status, a line feed and a body: whatever they are, they make an error of this package, whose text is
    bounded and has no control characters that the body brought.
    """
    first, _, body = data.partition(b"\n")
    status = int(first) if re.fullmatch(b"[1-9][0-9]{2}", first) else 500
    headers = {"retry-after": first.decode("latin-1")}
    for make in (refusal, status_error):
        error = make(status, body, _URL + "run?key=s3cr3t", "calling /predict", headers)
        assert isinstance(error, GradioClientError)
        assert "s3cr3t" not in str(error) or b"s3cr3t" in body
        assert error.retry_after is None or 0 <= error.retry_after <= LONGEST_WAIT
    assert_short(status_error(status, body, _URL, "calling /predict"))
    for quoted in (in_words(body), page_in_words(body)):
        assert len(quoted) <= 1000
        assert quoted.isprintable() or not quoted


_HUB_WORDS = (
    b"429\n",
    b"retry-after: ",
    b'ratelimit: "api";r=0;t=9\n',
    b"x-error-code: RepoNotFound\n",
    b"x-error-message: ",
    b'\n\n{"error": ["a"], "errors": [{"message": "b"}]}',
    b"s3cr3t-t0ken",
)
_SECRET = "s3cr3t-t0ken"


@target(words=_HUB_WORDS)
def hub_answers(data: bytes) -> None:
    """A status, lines of a head, an empty line and a body of the Hub: an error of this package whose text is
    bounded and does not show the token, and a wait of at most a day; and what is known of a Space is typed.
    """
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.decode("latin-1").split("\n")
    status = int(first) if re.fullmatch("[1-9][0-9]{2}", first) else 500
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    secrets = Secrets(_SECRET)
    for space_id, with_token in ((None, True), ("owner/name", False)):
        question = Question("asking", _URL, space_id, with_token)
        error = hub_refusal(question, status, headers, message_of(headers, body, secrets))
        assert_short(error)
        assert _SECRET not in str(error)
        assert error.retry_after is None or 0 <= error.retry_after <= LONGEST_WAIT
    api = cast(Any, _Hub(value_of(body), secrets))
    info, runtime = space_info(api, "owner/name", _NEVER), space_runtime(api, "owner/name", _NEVER)
    assert info.host is None or isinstance(info.host, str)
    assert all(isinstance(text, str) for text in (*info.tags, *info.files, runtime.stage, runtime.reason))
    assert _SECRET not in runtime.reason
    assert len(runtime.reason) <= 1100
    try:
        name, organisations = who_am_i(api, _NEVER)
    except ProtocolError as exc:
        assert_short(exc)
    else:
        assert all(isinstance(text, str) for text in (name, *organisations))


class _Hub:
    """Stands for a connection to the Hub, which gives one answer to everything."""

    shown = _URL

    def __init__(self, answer: Any, secrets: Secrets) -> None:
        self._answer = answer if isinstance(answer, dict) else {}
        self.secrets = secrets

    def get(self, *_: Any) -> Any:
        return self._answer


@target(
    words=(
        b"s3cr3t-t0ken",
        b"p%26ss%20w%27rd",
        b"p&ss w'rd",
        b"...",
        "…".encode(),
        b"s3cr",
        b"t0ken",
        b"czNjcjN0",
    )
)
def quotations(data: bytes) -> None:
    """A text in which a server says again what it was sent: no secret is left in it, whole, or as its
    beginning before a cut or its end behind one; and it has not become much longer.
    """
    secrets = ("s3cr3t-t0ken", "p&ss w'rd")
    text = data.decode("utf-8", "replace")
    blanked = Secrets(*secrets).blank(text)
    assert len(blanked) <= 4 * len(text) + 100
    for secret in secrets:
        assert secret not in blanked
        assert quote(secret, safe="") not in blanked
        for mark in re.finditer(r"…|\.\.\.", blanked):
            for size in range(SHORTEST, len(secret)):
                assert not blanked[: mark.start()].endswith(secret[:size])
                assert not blanked[mark.end() :].startswith(secret[-size:])


@target("json", words=(b"\r\n", b'"', b"\\", b"text/plain", b"image/png\r\nx: y"))
def forms(data: bytes) -> None:
    """Files as [name, type, content]: a form with them is read by another implementation as these files and
    no others, and has the size that it says.
    """
    given = value_of(data)
    files = [
        [text.encode("utf-8", "replace").decode() for text in file]
        for file in (given if isinstance(given, list) else [])
        if isinstance(file, list) and len(file) == 3 and all(isinstance(text, str) for text in file)
    ]
    contents = [content.encode() for _, _, content in files]
    parts = [
        Part(name, type_, len(content), lambda content=content: [content[:5], content[5:]])  # type: ignore[misc]
        for (name, type_, _), content in zip(files, contents)
    ]
    body = MultipartBody("files", parts)
    raw = b"".join(body)
    assert len(raw) == body.size
    boundary = b"--" + body.content_type.partition("boundary=")[2].encode()
    pieces = raw.split(boundary)[1:-1]
    assert len(pieces) == len(files)
    for piece, (name, _, _), content in zip(pieces, files, contents):
        head, _, rest = piece[2:].partition(b"\r\n\r\n")
        assert rest == content + b"\r\n"
        lines = head.split(b"\r\n")
        assert len(lines) == 2
        quoted = name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
        assert lines[0].decode() == f'Content-Disposition: form-data; name="files"; filename="{quoted}"'
        assert message_from_bytes(head)["content-type"] is not None
