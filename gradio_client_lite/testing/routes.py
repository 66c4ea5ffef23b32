"""From a request to its answer: what each address of the app does. No sockets here.

Addresses, statuses and bodies are those of gradio/routes.py 6.31.0.
"""

from __future__ import annotations

import html
import json
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Callable, Dict, Generator, List, Mapping, Optional, Tuple, Union
from urllib.parse import unquote, urlsplit

from . import description
from .description import API_PREFIX
from .execution import Execution
from .queue import Queue
from .request import CANCEL, PREDICT, RESET, Logins, Refused, Request, missing_field, parse_json, parse_login

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
