"""Request bodies: JSON or form in, fields out, or the 422 that FastAPI answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Tuple
from urllib.parse import parse_qs


class Refused(Exception):
    """The request gets this status, these headers and `{"detail": detail}`."""

    def __init__(self, status: int, detail: Any, *headers: Tuple[str, str]) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.headers = headers


@dataclass(frozen=True)
class Field:
    """A field of a JSON body: its type, and whether it must be there (else None will do)."""

    type: type
    required: bool = False


_EXPECTED = {
    list: ("list_type", "Input should be a valid list"),
    str: ("string_type", "Input should be a valid string"),
    int: ("int_type", "Input should be a valid integer"),
}

# The models of gradio/data_classes.py 6.31.0, as far as this app reads them.
PREDICT = {"data": Field(list, required=True), "fn_index": Field(int), "session_hash": Field(str)}
CANCEL = {
    name: Field(kind, True) for name, kind in (("session_hash", str), ("fn_index", int), ("event_id", str))
}
RESET = {"event_id": Field(str, required=True)}


def parse_json(body: bytes, fields: Mapping[str, Field]) -> Dict[str, Any]:
    """The fields of a JSON body, None where one is absent; others are ignored.

    Raises:
        Refused: 422, with the reasons as FastAPI states them.
    """
    raw = _load(body)
    if not isinstance(raw, dict):
        message = "Input should be a valid dictionary or object to extract fields from"
        raise Refused(422, [_reason("model_attributes_type", ["body"], message, raw)])
    reasons = [reason for name, field in fields.items() for reason in _check(raw, name, field)]
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


def _check(raw: Dict[str, Any], name: str, field: Field) -> List[Dict[str, Any]]:
    if name not in raw:
        return [missing_field("body", name, raw)] if field.required else []
    value = raw[name]
    if value is None and not field.required:
        return []
    if isinstance(value, field.type) and not isinstance(value, bool):
        return []
    kind, message = _EXPECTED[field.type]
    return [_reason(kind, ["body", name], message, value)]


def _reason(kind: str, place: List[Any], message: str, value: Any) -> Dict[str, Any]:
    return {"type": kind, "loc": place, "msg": message, "input": value}
