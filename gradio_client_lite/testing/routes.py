"""A request: what it asks for, the fields of its body or the 422 that FastAPI answers, and who sent it.

From a request to its answer: what each address of the app does. No sockets here.

Addresses, statuses and bodies are those of gradio/routes.py 6.31.0.
"""

from __future__ import annotations

import hmac
import html
import json
import secrets
import threading
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Callable, Dict, Generator, List, Mapping, Optional, Tuple, Type, Union
from urllib.parse import parse_qs, unquote, urlsplit

from . import description
from .description import API_PREFIX
from .execution import Execution
from .queue import Queue


@dataclass(frozen=True)
class Request:
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

    def query(self, name: str) -> Optional[str]:
        """A parameter of the query, or None."""
        return next(iter(parse_qs(urlsplit(self.target).query).get(name, ())), None)


class Refused(Exception):
    """The request gets this status, these headers and `{"detail": detail}`."""

    def __init__(self, status: int, detail: Any, *headers: Tuple[str, str]) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.headers = headers


_EXPECTED = {
    list: ("list_type", "Input should be a valid list"),
    str: ("string_type", "Input should be a valid string"),
    int: ("int_type", "Input should be a valid integer"),
}

# The models of gradio/data_classes.py 6.31.0, as far as this app reads them: the type of each field, and
# whether it must be there (else None will do).
Fields = Mapping[str, Tuple[Type[Any], bool]]
PREDICT: Fields = {"data": (list, True), "fn_index": (int, False), "session_hash": (str, False)}
CANCEL: Fields = {"session_hash": (str, True), "fn_index": (int, True), "event_id": (str, True)}
RESET: Fields = {"event_id": (str, True)}


def parse_json(body: bytes, fields: Fields) -> Dict[str, Any]:
    """The fields of a JSON body, None where one is absent; others are ignored.

    Raises:
        Refused: 422, with the reasons as FastAPI states them.
    """
    raw = _load(body)
    if not isinstance(raw, dict):
        message = "Input should be a valid dictionary or object to extract fields from"
        raise Refused(422, [_reason("model_attributes_type", ["body"], message, raw)])
    reasons = [reason for name in fields for reason in _check(raw, name, *fields[name])]
    if reasons:
        raise Refused(422, reasons)
    return {name: raw.get(name) for name in fields}


def parse_login(body: bytes) -> Tuple[str, str]:
    """The user name and the password of a login form.

    Raises:
        Refused: 422, if one is missing.
    """
    form = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    missing = [name for name in ("username", "password") if not form.get(name, [""])[0]]
    if missing:
        raise Refused(422, [missing_field("body", name) for name in missing])
    return form["username"][0].strip(), form["password"][0]


def missing_field(place: str, name: str, value: Any = None) -> Dict[str, Any]:
    """FastAPI's reason for refusing a request without the field `name` in `place`."""
    return _reason("missing", [place, name], "Field required", value)


def _load(body: bytes) -> Any:
    if not body:
        raise Refused(422, [_reason("missing", ["body"], "Field required", None)])
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        reason = _reason("json_invalid", ["body", error.pos], "JSON decode error", {})
        raise Refused(422, [{**reason, "ctx": {"error": error.msg}}]) from error
    except UnicodeDecodeError as error:
        raise Refused(400, "There was an error parsing the body") from error


def _check(raw: Dict[str, Any], name: str, kind: Type[Any], required: bool) -> List[Dict[str, Any]]:
    if name not in raw:
        return [missing_field("body", name, raw)] if required else []
    value = raw[name]
    if value is None and not required:
        return []
    if isinstance(value, kind) and not isinstance(value, bool):
        return []
    return [_reason(_EXPECTED[kind][0], ["body", name], _EXPECTED[kind][1], value)]


def _reason(kind: str, place: List[Any], message: str, value: Any) -> Dict[str, Any]:
    return {"type": kind, "loc": place, "msg": message, "input": value}


class Logins:
    """Checks credentials and cookies.

    Args:
        auth: user name and password; None lets everybody in.
    """

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
        """A new token, or None if the credentials are wrong."""
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
        """Who sent this `Cookie` header, or None."""
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


Headers = Tuple[Tuple[str, str], ...]
Pieces = Generator[bytes, None, None]


@dataclass(frozen=True)
class Response:
    """An answer; a body that is no bytes is streamed, piece by piece, and closed if the client leaves."""

    status: int
    headers: Headers
    body: Union[bytes, Pieces]


Handler = Callable[[Request, str], Response]


class Routes:
    """Answers requests for one app.

    Args:
        executions: the functions, by index.
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
            ("HEAD", "/", False): (self._page, False),
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

    def answer(self, request: Request) -> Response:
        """The answer to a request; never raises."""
        try:
            handler, protected, argument = self._find(request)
            if protected and not self._logins.allow(request.headers.get("cookie", "")):
                raise Refused(401, {"error": "Not authenticated", "auth_message": None})
            return handler(request, argument)
        except Refused as refused:
            return _json(refused.status, {"detail": refused.detail}, *refused.headers)

    def _find(self, request: Request) -> Tuple[Handler, bool, str]:
        path = unquote(urlsplit(request.target).path)
        path = path.rstrip("/") or "/"
        parent, _, last = path.rpartition("/")
        for key, argument in (((path, False), ""), ((parent, True), last)):
            found = self._table.get((request.method, *key))
            if found is not None:
                return (*found, argument)
            allowed = [method for method in ("GET", "POST") if (method, *key) in self._table]
            if allowed:
                raise Refused(405, "Method Not Allowed", ("Allow", allowed[0]))
        raise Refused(404, "Not Found")

    def _page(self, _request: Request, _: str) -> Response:
        names = [html.escape(execution.endpoint.api_name) for execution in self._executions.values()]
        items = "".join(f"<li>/{name}</li>" for name in names)
        page = f"<!doctype html><title>Gradio</title><p>API functions of this app:</p><ul>{items}</ul>"
        return Response(200, (("Content-Type", "text/html; charset=utf-8"),), page.encode())

    def _get_config(self, request: Request, _: str) -> Response:
        user = self._logins.user(request.headers.get("cookie", ""))
        return _json(200, {**self._config, "username": user, "root": request.root})

    def _info(self, request: Request, _: str) -> Response:
        endpoints = [execution.endpoint for execution in self._executions.values()]
        return _json(200, description.info(endpoints, all_endpoints=bool(request.query("all_endpoints"))))

    def _login(self, request: Request, _: str) -> Response:
        user, password = parse_login(request.body)
        if not self._logins.required:
            return Response(302, (("Location", request.root),), b"")
        token = self._logins.log_in(user, password)
        if token is None:
            raise Refused(400, "Incorrect credentials.")
        cookies = [("Set-Cookie", cookie) for cookie in self._logins.cookies(token)]
        return _json(200, {"success": True}, *cookies)

    def _join(self, request: Request, _: str) -> Response:
        body = parse_json(request.body, PREDICT)
        if body["session_hash"] is None:
            raise Refused(400, "Session hash not found.")
        if self._queue.is_stopped:
            raise Refused(503, "Queue is stopped.")
        if body["fn_index"] is None:
            raise Refused(400, "No function index provided.")
        if body["fn_index"] not in self._executions:
            return _internal_error()
        event_id = self._queue.join(body["fn_index"], body["session_hash"], body["data"])
        return _json(200, {"event_id": event_id})

    def _data(self, request: Request, _: str) -> Response:
        session_hash = request.query("session_hash")
        if session_hash is None:
            raise Refused(422, [missing_field("query", "session_hash")])
        return _events(self._messages(session_hash, request.is_gone))

    def _messages(self, session_hash: str, is_gone: Callable[[], bool]) -> Pieces:
        with closing(self._queue.stream(session_hash, is_gone)) as batches:
            for batch in batches:
                yield b"".join(b"data: %b\n\n" % encode(message) for message in batch)

    def _cancel(self, request: Request, _: str) -> Response:
        body = parse_json(request.body, CANCEL)
        self._queue.cancel(body["session_hash"], body["event_id"])
        return _json(200, {"success": True})

    def _reset(self, request: Request, _: str) -> Response:
        parse_json(request.body, RESET)  # nothing else: /cancel has done the work
        return _json(200, {"success": True})

    def _beat(self, request: Request, _: str) -> Response:
        return _events(self._beats(request.is_gone))

    def _beats(self, is_gone: Callable[[], bool]) -> Pieces:
        while not is_gone():
            yield b"data: ALIVE\n\n"
            if self._wait_for_stop(self._heartbeat):
                return

    def _run(self, request: Request, name: str) -> Response:
        body = parse_json(request.body, PREDICT)
        execution = self._named(name) if body["fn_index"] is None else self._executions.get(body["fn_index"])
        if execution is None:
            return _internal_error()
        success, output = execution.direct(body["data"])
        return _json(200 if success else 500, output)

    def _named(self, name: str) -> Optional[Execution]:
        named: List[Execution] = [one for one in self._executions.values() if one.endpoint.api_name == name]
        return named[0] if named else None


def _json(status: int, value: Any, *headers: Tuple[str, str]) -> Response:
    return Response(status, (("Content-Type", "application/json"), *headers), encode(value))


def _events(pieces: Pieces) -> Response:
    return Response(200, (("Content-Type", "text/event-stream; charset=utf-8"),), pieces)


def _internal_error() -> Response:
    """What an unknown function gets: the real server fails there."""
    return Response(500, (("Content-Type", "text/plain; charset=utf-8"),), b"Internal Server Error")


def encode(value: Any) -> bytes:
    """`value`, made of plain values, as compact UTF-8 JSON.

    Text is not escaped to ASCII, because real servers send it as it is; only half surrogates, which
    UTF-8 cannot hold, are written as JSON escapes.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")
