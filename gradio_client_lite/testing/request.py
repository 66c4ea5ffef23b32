"""A request: what it asks for, the fields of its body or the 422 that FastAPI answers, and who sent it."""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, Type
from urllib.parse import parse_qs, urlsplit


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
