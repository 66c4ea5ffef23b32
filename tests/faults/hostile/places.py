"""Places that a server names, where nobody should go: redirects, URLs of files, cookies of others."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Tuple

from transport.peers import PeerServer, Request, always, answer

from gradio_client_lite.errors import (
    AuthenticationError,
    ForbiddenAddress,
    HTTPStatusError,
    ProtocolError,
    StreamLost,
    TooManyRedirects,
    UnsupportedAppError,
)

from ..badserver import Behaviour, config, reply
from .case import FILE, ROUTES, Act, Case, Options, Stage, downloading
from .server import saying

#: What no other server may be sent.
_SECRETS = ("s3cr3t-token", "s3cr3t-cookie", "s3cr3t-header", "s3cr3t-password", "s3cr3t-argument")
_CREDENTIALS: Options = {
    "hf_token": _SECRETS[0],
    "headers": {"x-key": _SECRETS[2]},
    "httpx_kwargs": {"cookies": {"session": _SECRETS[1]}},
}


def moved(location: str, status: str = "302 Found") -> Behaviour:
    return saying(b"", status, location=location)


def _round(peer: Any, request: Request) -> None:
    """Redirect to the same place."""
    peer.send(answer(b"", "307 Temporary Redirect", location=request.path))


# --- redirects on the app's own machine

#: Where a redirect may not lead at all.
_NOWHERE = {
    "file:": "file:///etc/passwd",
    "ftp:": "ftp://127.0.0.1/",
    "javascript:": "javascript:alert(1)",
    "data:": "data:text/plain,a",
    "gopher:": "gopher://127.0.0.1:1/x",
    "a host with a control character": "http://a\x01b/",
    "no host": "https://",
    "a port that is none": "http://127.0.0.1:99999/",
}


def _redirects() -> List[Case]:
    rows = []
    for kind, location in _NOWHERE.items():
        for route in ("login", "config", "page", "info", "join", "stream", "direct call", "upload", "file"):
            ends: Any = ["/echo", "/direct"] if route == "info" else ProtocolError
            act = ROUTES[route][0](moved(location), {})
            rows.append(Case("redirects", f"to {kind}", route, act, ends, "redirects|no URL"))
    for route in ("login", "config", "page", "info", "join", "direct call", "upload", "file"):
        act = ROUTES[route][0](_round, {})
        rows.append(Case("redirects", "without end", route, act, TooManyRedirects, "More than 20 redirects"))
    return rows


# --- another server, which must see no secret


class Elsewhere(PeerServer):
    """Another server, which notes what it is asked for."""

    def __init__(self, body: bytes = b"elsewhere") -> None:
        super().__init__(always(body))

    def saw_no_secret(self) -> None:
        for request in self.requests:
            for secret in _SECRETS:
                assert secret.encode() not in request.raw + request.body, request.raw


def _abroad(route: str, status: str) -> Act:
    """The app redirects one route to another server."""

    def act(stage: Stage) -> Callable[[], Any]:
        other = stage.start(Elsewhere())
        stage.then(other.saw_no_secret)
        behaviour = moved(other.url.replace("//", "//somebody:else@"), status)
        return ROUTES[route][0](behaviour, _CREDENTIALS)(stage)

    return act


def _abroad_rows() -> List[Case]:
    """With 302 the other server is asked by GET, and with 307 it would get what was sent, too."""
    no_app = (UnsupportedAppError, "Check that the URL is that of a Gradio app")
    lost = (StreamLost, "keeps closing it without a message for a job")
    no_body = (ProtocolError, "another server")
    no_json = (ProtocolError, "not JSON|instead of JSON")
    ends: Dict[str, Tuple[Any, Any]] = {
        "login": (("connected", ""), (AuthenticationError, "another server")),
        "config": (no_app, no_app),
        "page": (no_app, no_app),
        "info": ((["/echo", "/direct"], ""),) * 2,
        "join": (no_json, no_body),
        "direct call": (no_json, no_body),
        "upload": (no_json, no_body),
        "stream": (lost, lost),
        "file": ((b"elsewhere", ""),) * 2,
    }
    return [
        Case("redirects", f"{status[:3]} to another host", route, _abroad(route, status), *end)
        for route, both in ends.items()
        for status, end in zip(("302 Found", "307 Temporary Redirect"), both)
    ]


# --- places inside, from an app that is public

#: Addresses that a public app cannot reach and this machine may.
INSIDE = {
    "loopback": "127.0.0.2",
    "loopback of IPv6": "[::1]",
    "this machine": "0.0.0.0",
    "link-local": "169.254.169.254",
    "link-local of IPv6": "[fe80::5]",
    "link-local, mapped": "[::ffff:169.254.169.254]",
    "private": "10.0.0.5",
    "a name of loopback": "inside.test",
    "a name of link-local": "metadata.test",
}


def _public(route: str, behaviours: Callable[[str], Dict[str, Behaviour]], host: str) -> Act:
    """An app that pretends to be public names something inside, on one route."""

    def act(stage: Stage) -> Callable[[], Any]:
        calls: Dict[str, Any] = {
            "config": lambda client: client and "connected",
            "info": lambda client: list(
                client.view_api(print_info=False, return_format="dict")["named_endpoints"]
            ),
            "join": lambda client: client.predict("a", api_name="/echo"),
        }
        net = stage.net(**behaviours(f"http://{host}/latest/meta-data"))
        net.names.update({"inside.test": ["127.0.0.2"], "metadata.test": ["169.254.169.254"]})
        stage.then(lambda: _only_outside(net.dialled))

        def call() -> Any:
            client = stage.client("http://app.test/", download_files=stage.folder)
            return calls.get(route, lambda client: client.predict("a", api_name="/direct"))(client)

        return call

    return act


def _only_outside(dialled: List[str]) -> None:
    assert set(dialled) == {"8.8.8.8"}, dialled


def _inside() -> List[Case]:
    rows = []
    ways: Dict[str, Any] = {
        "config": lambda url: {"config": moved(url)},
        "info": lambda url: {"info": moved(url)},
        "join": lambda url: {"join": moved(url, "303 See Other")},
        "direct call": lambda url: {"predict": moved(url, "303 See Other")},
        "file": lambda url: {"config": _PLAIN, "predict": reply({"data": [{**FILE, "path": url}]})},
        "redirected file": lambda url: {"predict": reply({"data": [FILE]}), "a.bin": moved(url)},
    }
    for kind, host in INSIDE.items():
        for route, behaviours in ways.items():
            ends: Any = ["/echo", "/direct"] if route == "info" else ForbiddenAddress
            act = _public(route, behaviours, host)
            rows.append(Case("places inside", kind, route, act, ends))
    return rows


# --- URLs of files

#: An app of a release that does not hand on files of other servers.
_PLAIN = reply(config(version="6.19.0"))


def _file_urls() -> List[Case]:
    wrong = (ProtocolError, "no URL")
    missing = (HTTPStatusError, "answered 404 while a file was downloaded")  # the app is asked for it
    fields: Dict[str, Tuple[Dict[str, str], Tuple[Any, str]]] = {
        "file: in the URL": ({"url": "file:///etc/passwd"}, missing),
        "an open bracket": ({"path": "http://["}, wrong),
        "a line feed": ({"path": "http://127.0.0.1/\r\nx: y"}, wrong),
        "file: in the path": ({"path": "file:///etc/passwd"}, missing),
        "a UNC path": ({"path": "\\\\127.0.0.1\\share\\x"}, missing),
        "a path outside": ({"path": "/../../../etc/passwd"}, missing),
    }
    return [
        Case("URLs of files", does, "file", downloading({}, {**FILE, **named}, config=_PLAIN), *end)
        for does, (named, end) in fields.items()
    ]


# --- cookies


def _cookies(*lines: str, most: int, allowed: bool) -> Act:
    """The app sets cookies; what is sent back later is counted."""

    def act(stage: Stage) -> Callable[[], Any]:
        body = json.dumps(config()).encode()
        head = "".join(f"set-cookie: {line}\r\n" for line in lines)
        whole = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n{head}\r\n".encode("latin-1") + body
        server = stage.serve(config=lambda peer, request: peer.send(whole))

        def check() -> None:
            sent = [request.headers.get("cookie", "") for request in server.requests]
            assert max(map(len, sent)) <= most, max(map(len, sent))
            assert allowed or not any(sent), sent

        stage.then(check)
        return lambda: stage.client(server.url).predict("a", api_name="/direct")

    return act


def _cookie_rows() -> List[Case]:
    foreign = [f"a{n}=1; Domain={d}" for n, d in enumerate(("com", ".test", "elsewhere.test", "127.0.0.2"))]
    return [
        Case("cookies", "of other domains", "config", _cookies(*foreign, most=0, allowed=False), "a"),
        Case(
            "cookies", "of another path", "config", _cookies("a=1; Path=/other", most=0, allowed=False), "a"
        ),
        Case("cookies", "for TLS alone", "config", _cookies("a=1; Secure", most=0, allowed=False), "a"),
        Case(
            "cookies", "that have run out", "config", _cookies("a=1; Max-Age=0", most=0, allowed=False), "a"
        ),
        Case(
            "cookies",
            "with control characters",
            "config",
            _cookies("a=\x01; Path=/", most=0, allowed=False),
            "a",
        ),
        Case(
            "cookies",
            "without name and value",
            "config",
            _cookies("", ";;;=", "=", most=0, allowed=False),
            "a",
        ),
        Case(
            "cookies",
            "1,000 of them",
            "config",
            _cookies(*(f"c{n}=x" for n in range(1000)), most=0, allowed=False),
            ProtocolError,
            "did not answer in HTTP/1.1",
        ),
        Case(
            "cookies",
            "90 of 1 kB",
            "config",
            _cookies(*(f"c{n}=" + "x" * 1000 for n in range(90)), most=40_000, allowed=True),
            "a",
        ),
        Case("cookies", "of 60 kB", "config", _cookies("a=" + "x" * 60_000, most=20_000, allowed=True), "a"),
        Case(
            "cookies",
            "with 20,000 attributes",
            "config",
            _cookies("a=1" + ";x" * 20_000, most=10, allowed=True),
            "a",
        ),
    ]


CASES = [*_redirects(), *_abroad_rows(), *_inside(), *_file_urls(), *_cookie_rows()]
