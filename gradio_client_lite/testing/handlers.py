"""The addresses of the app: each request is answered by a handler. No sockets here.

Addresses, statuses and bodies are those of gradio/routes.py 6.31.0, but for the words of a 422 and 405, which
is 404 here.
"""

from __future__ import annotations

import hmac
import html
import json
import secrets
import threading
import uuid
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, Callable, Dict, Generator, List, Mapping, Optional, Tuple, Type, Union
from urllib.parse import parse_qs, unquote, urlsplit

from ..wire.diff import apply_diff
from .description import API_PREFIX, info
from .execution import Execution
from .queue import Queue

Pieces = Generator[bytes, None, None]


@dataclass(frozen=True)
class ServerRequest:
    """One HTTP request, with its body read.

    Args:
        target: path and query.
        headers: by lower-case name.
        is_gone: tells whether the client has hung up.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    is_gone: Callable[[], bool]

    @property
    def root(self) -> str:
        """The app's address as this client sees it."""
        return f"http://{self.headers.get('host', 'localhost')}"

    @property
    def cookies(self) -> str:
        """The `Cookie` header."""
        return self.headers.get("cookie", "")

    def query(self, name: str) -> Optional[str]:
        """A parameter of the query, or None."""
        return next(iter(parse_qs(urlsplit(self.target).query).get(name, ())), None)


@dataclass(frozen=True)
class ServerResponse:
    """An answer; a body that is no bytes is streamed, piece by piece, and closed if the client leaves."""

    status: int
    body: Union[bytes, Pieces]
    headers: Tuple[Tuple[str, str], ...]


class Refused(Exception):
    """The request gets this status and `{"detail": detail}`."""

    def __init__(self, status: int, detail: Any) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail


# The models of gradio/data_classes.py 6.31.0, as far as this app reads them: the type of each field, and
# whether it must be there (else None will do).
Fields = Mapping[str, Tuple[Type[Any], bool]]
PREDICT: Fields = {"data": (list, True), "fn_index": (int, False), "session_hash": (str, False)}
CALL: Fields = {"data": (list, True)}
CANCEL: Fields = {"session_hash": (str, True), "fn_index": (int, True), "event_id": (str, True)}
RESET: Fields = {"event_id": (str, True)}


def parse_json(body: bytes, fields: Fields) -> Dict[str, Any]:
    """The fields of a JSON body, None where one is absent; Refused if one is wrong. Others are ignored."""
    try:
        raw = json.loads(body)
    except UnicodeDecodeError as error:
        raise Refused(400, "There was an error parsing the body") from error
    except ValueError as error:
        raise Refused(422, f"The body is not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise Refused(422, "The body is no JSON object.")
    for name, (kind, required) in fields.items():
        value = raw.get(name)
        fits = isinstance(value, kind) and not isinstance(value, bool)
        if not fits and (required or value is not None):
            raise Refused(422, f"The field {name} must be of type {kind.__name__}.")
    return {name: raw.get(name) for name in fields}


class Logins:
    """Checks the credentials, user name and password, and cookies; None lets everybody in."""

    def __init__(self, auth: Optional[Tuple[str, str]]) -> None:
        self._auth = auth
        self._name = secrets.token_urlsafe(8)  # cookies know no ports: two apps on one host differ by name
        self._lock = threading.Lock()  # guards the tokens
        self._users: Dict[str, str] = {}

    @property
    def required(self) -> bool:
        """Whether one has to log in at all."""
        return self._auth is not None

    def log_in(self, user: str, password: str) -> Optional[str]:
        """Make a token; None if the credentials are wrong."""
        if self._auth is None or not all(map(_same, (user, password), self._auth)):
            return None
        token = secrets.token_urlsafe(16)
        with self._lock:
            self._users[token] = user
        return token

    def cookies(self, token: str) -> Tuple[str, str]:
        """The two cookies that carry a token (`login` of gradio/routes.py 6.31.0)."""
        return (
            f"access-token-{self._name}={token}; HttpOnly; Path=/; SameSite=none; Secure",
            f"access-token-unsecure-{self._name}={token}; HttpOnly; Path=/; SameSite=lax",
        )

    def user(self, cookie_header: str) -> Optional[str]:
        """The user who sent this `Cookie` header; None for nobody."""
        pairs = (pair.strip().partition("=") for pair in cookie_header.split(";"))
        sent = {name: value for name, _, value in pairs}
        for name in (f"access-token-{self._name}", f"access-token-unsecure-{self._name}"):
            with self._lock:
                if sent.get(name) in self._users:
                    return self._users[sent[name]]
        return None

    def allow(self, cookie_header: str) -> bool:
        """Whether this `Cookie` header lets its sender in."""
        return not self.required or self.user(cookie_header) is not None


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


Handler = Callable[[ServerRequest, str], ServerResponse]


class Handlers:
    """Answers the requests of one app.

    Args:
        executions: the functions, by number.
        queue: runs queued calls.
        logins: who may use the app.
        config: the answer to `/config`, without `root` and `username`.
        heartbeat: seconds between the lines of `/heartbeat`.
        wait_for_stop: waits that many seconds; True once the app stops.
    """

    def __init__(
        self,
        executions: Mapping[int, Execution],
        queue: Queue,
        logins: Logins,
        config: Dict[str, Any],
        heartbeat: float,
        wait_for_stop: Callable[[float], bool],
    ) -> None:
        self._executions = executions
        self._queue = queue
        self._logins = logins
        self._config = config
        self._heartbeat = heartbeat
        self._wait_for_stop = wait_for_stop
        # (method, path, whether a path segment follows) -> handler, and whether one must be logged in.
        self._table: Dict[Tuple[str, str, bool], Tuple[Handler, bool]] = {
            ("GET", "/", False): (self._page, False),
            ("GET", "/config", False): (self._get_config, True),
            ("POST", "/login", False): (self._login, False),
            ("GET", f"{API_PREFIX}/info", False): (self._info, True),
            ("POST", f"{API_PREFIX}/queue/join", False): (self._join, True),
            ("GET", f"{API_PREFIX}/queue/data", False): (self._data, True),
            ("POST", f"{API_PREFIX}/cancel", False): (self._cancel, False),
            ("POST", f"{API_PREFIX}/reset", False): (self._reset, False),
            ("GET", f"{API_PREFIX}/heartbeat", True): (self._beat, False),
            ("POST", f"{API_PREFIX}/run", True): (self._run, True),
            ("POST", f"{API_PREFIX}/api", True): (self._run, True),
        }
        for number, execution in executions.items():
            route = f"{API_PREFIX}/call/{execution.served.api_name}"
            self._table["POST", route, False] = partial(self._call, number), True
            self._table["GET", route, True] = self._called, True

    def answer(self, request: ServerRequest) -> ServerResponse:
        """Answer a request; never raises."""
        path = unquote(urlsplit(request.target).path).rstrip("/") or "/"
        parent, _, last = path.rpartition("/")
        whole = self._table.get((request.method, path, False))
        found = whole or self._table.get((request.method, parent, True))
        try:
            if found is None:
                raise Refused(404, "Not Found")
            handler, protected = found
            if protected and not self._logins.allow(request.cookies):
                raise Refused(401, {"error": "Not authenticated", "auth_message": None})
            return handler(request, "" if whole else last)
        except Refused as refused:
            return _json({"detail": refused.detail}, status=refused.status)

    def _page(self, _request: ServerRequest, _: str) -> ServerResponse:
        names = [html.escape(execution.served.api_name) for execution in self._executions.values()]
        items = "".join(f"<li>/{name}</li>" for name in names)
        page = f"<!doctype html><title>Gradio</title><p>API functions of this app:</p><ul>{items}</ul>"
        return _answer(200, page.encode(), "text/html; charset=utf-8")

    def _get_config(self, request: ServerRequest, _: str) -> ServerResponse:
        return _json({**self._config, "username": self._logins.user(request.cookies), "root": request.root})

    def _info(self, request: ServerRequest, _: str) -> ServerResponse:
        functions = [execution.served for execution in self._executions.values()]
        return _json(info(functions, all_endpoints=bool(request.query("all_endpoints"))))

    def _login(self, request: ServerRequest, _: str) -> ServerResponse:
        form = parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        user, password = (form.get(name, [""])[0] for name in ("username", "password"))
        if not user or not password:
            raise Refused(422, "The form must have a username and a password.")
        if not self._logins.required:
            return ServerResponse(302, b"", (("Location", request.root),))
        token = self._logins.log_in(user.strip(), password)
        if token is None:
            raise Refused(400, "Incorrect credentials.")
        cookies = [("Set-Cookie", cookie) for cookie in self._logins.cookies(token)]
        return _json({"success": True}, *cookies)

    def _join(self, request: ServerRequest, _: str) -> ServerResponse:
        body = parse_json(request.body, PREDICT)
        if body["session_hash"] is None:
            raise Refused(400, "Session hash not found.")
        if self._queue.stopped:
            raise Refused(503, "Queue is stopped.")
        if body["fn_index"] is None:
            raise Refused(400, "No function index provided.")
        if body["fn_index"] not in self._executions:
            return _internal_error()
        event_id = self._queue.join(body["fn_index"], body["session_hash"], body["data"])
        return _json({"event_id": event_id})

    def _data(self, request: ServerRequest, _: str) -> ServerResponse:
        session_hash = request.query("session_hash")
        if session_hash is None:
            raise Refused(422, "The query must have a session_hash.")
        return _events(self._messages(session_hash, request.is_gone))

    def _messages(self, session_hash: str, is_gone: Callable[[], bool]) -> Pieces:
        with closing(self._queue.stream(session_hash, is_gone)) as batches:
            for batch in batches:
                yield b"".join(b"data: %b\n\n" % encode(message) for message in batch)

    def _call(self, number: int, request: ServerRequest, _: str) -> ServerResponse:
        body = parse_json(request.body, CALL)
        if self._queue.stopped:
            raise Refused(503, "Queue is stopped.")
        session_hash = uuid.uuid4().hex  # of this call alone, so that it can be the call's id as well
        self._queue.join(number, session_hash, body["data"])
        return _json({"event_id": session_hash})

    def _called(self, request: ServerRequest, event_id: str) -> ServerResponse:
        return _events(self._simple_messages(event_id, request.is_gone))

    def _simple_messages(self, event_id: str, is_gone: Callable[[], bool]) -> Pieces:
        """A call's messages as those who call by hand get them."""
        value: Any = None
        with closing(self._queue.stream(event_id, is_gone)) as batches:
            for message in chain.from_iterable(batches):
                kind, output = message["msg"], message.get("output", {})
                if kind == "process_generating":
                    value = _edited(value, output["data"])
                    yield _event("generating", value)
                elif kind == "process_completed":
                    kind, data = ("complete", output.get("data")) if message["success"] else ("error", output)
                    yield _event(kind, data)
                elif kind == "heartbeat":
                    yield _event("heartbeat", None)
                elif kind == "unexpected_error":
                    yield _event("error", message["message"])

    def _cancel(self, request: ServerRequest, _: str) -> ServerResponse:
        body = parse_json(request.body, CANCEL)
        self._queue.cancel(body["session_hash"], body["event_id"])
        return _json({"success": True})

    def _reset(self, request: ServerRequest, _: str) -> ServerResponse:
        parse_json(request.body, RESET)  # nothing else: /cancel has done the work
        return _json({"success": True})

    def _beat(self, request: ServerRequest, _: str) -> ServerResponse:
        return _events(self._beats(request.is_gone))

    def _beats(self, is_gone: Callable[[], bool]) -> Pieces:
        while not is_gone():
            yield b"data: ALIVE\n\n"
            if self._wait_for_stop(self._heartbeat):
                return

    def _run(self, request: ServerRequest, name: str) -> ServerResponse:
        body = parse_json(request.body, PREDICT)
        number = body["fn_index"]
        if number is None:
            named = (n for n, execution in self._executions.items() if execution.served.api_name == name)
            number = next(named, -1)
        execution = self._executions.get(number)
        if execution is None:
            return _internal_error()
        success, output = execution.direct(body["data"])
        return _json(output, status=200 if success else 500)


def _answer(
    status: int, body: Union[bytes, Pieces], content_type: str, *headers: Tuple[str, str]
) -> ServerResponse:
    return ServerResponse(status, body, (("Content-Type", content_type), *headers))


def _json(value: Any, *headers: Tuple[str, str], status: int = 200) -> ServerResponse:
    return _answer(status, encode(value), "application/json", *headers)


def _events(pieces: Pieces) -> ServerResponse:
    return _answer(200, pieces, "text/event-stream; charset=utf-8")


def _event(kind: str, data: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), encode(data))


def _edited(values: Optional[List[Any]], data: List[Any]) -> List[Any]:
    """The values that a generator's message means: the first has them whole, later ones as edits."""
    return data if values is None else [apply_diff(*pair) for pair in zip(values, data)]


def _internal_error() -> ServerResponse:
    """The answer for an unknown function: the real server fails there."""
    return _answer(500, b"Internal Server Error", "text/plain; charset=utf-8")


def encode(value: Any) -> bytes:
    """Write plain values as compact UTF-8 JSON.

    Text is not escaped to ASCII, because real servers send it as it is; only half surrogates, which
    UTF-8 cannot hold, are written as JSON escapes.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")
