"""Records what a Gradio server sends for a list of calls, over plain HTTP.

`tests/samples/wire_6.31.0.json` is a real server's recording. Make it again, from the folder `tests`, with::

    python -m testing.wire_recording
"""

from __future__ import annotations

import http.client
import json
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple
from urllib.parse import urlsplit

VERSION = "6.31.0"
SAMPLE = Path(__file__).parents[1] / "samples" / f"wire_{VERSION}.json"

_SESSION = "session"
_MEASURED = ("duration", "average_duration", "cache_duration", "avg_time", "eta", "rank_eta")


class Call(NamedTuple):
    """A queued call; it is cancelled once it has sent that many outputs."""

    name: str
    data: List[Any]
    cancel_after: Optional[int] = None


CALLS = (
    Call("echo", ["a", 2]),
    Call("echo", ["a", 2]),  # estimates are known the second time
    Call("echo", ["ä\x85\u2028", 1, "too many"]),
    Call("echo", ["too few"]),
    Call("pair", [1]),
    Call("nothing", []),
    Call("count", [3]),
    Call("grow", [3]),
    Call("shrink", [3]),
    Call("empty", []),
    Call("forever", [], cancel_after=2),
    Call("crash", ["text"]),
    Call("fail", ["text"]),
    Call("fail_late", [2]),
    Call("log", ["x"]),
)

_CANCEL = {"session_hash": "unknown", "fn_index": 0, "event_id": "unknown"}
_API = "/gradio_api"
REQUESTS: Tuple[Tuple[str, str, Any], ...] = (
    ("GET", f"{_API}/queue/data?session_hash=unknown", None),
    ("GET", f"{_API}/queue/data", None),
    ("POST", f"{_API}/queue/join", None),
    ("POST", f"{_API}/queue/join", [1]),
    ("POST", f"{_API}/queue/join", {"fn_index": 0, "session_hash": "s"}),
    ("POST", f"{_API}/queue/join", {"data": "text", "fn_index": 0, "session_hash": "s"}),
    ("POST", f"{_API}/queue/join", {"data": [], "fn_index": 0}),
    ("POST", f"{_API}/queue/join", {"data": [], "session_hash": "s"}),
    ("POST", f"{_API}/queue/join", {"data": [], "fn_index": 999, "session_hash": "s"}),
    ("POST", f"{_API}/cancel", {}),
    ("POST", f"{_API}/cancel", _CANCEL),
    ("POST", f"{_API}/reset", {}),
    ("POST", f"{_API}/reset", {"event_id": "unknown"}),
    ("POST", f"{_API}/run/direct", {"data": ["a"]}),
    ("POST", f"{_API}/run/direct/", {"data": ["a"], "session_hash": "s"}),
    ("POST", f"{_API}/api/direct", {"data": ["a"], "fn_index": None}),
    ("POST", f"{_API}/run/echo", {"data": ["a", 2]}),
    ("POST", f"{_API}/run/direct_fail", {"data": ["a"]}),
    ("POST", f"{_API}/run/direct_count", {"data": [3], "session_hash": "s"}),
    ("POST", f"{_API}/run/direct", {}),
    ("POST", f"{_API}/run/unknown", {"data": []}),
    ("POST", "/login", None),
    ("GET", "/unknown", None),
    ("POST", f"{_API}/unknown", {}),
    ("GET", "/config/", None),
)


def record(url: str) -> Dict[str, Any]:
    """All calls and requests, with the answers of the server at `url`."""
    config = json.loads(ask(url, "GET", "/config")[2])
    index = {dependency["api_name"]: dependency["id"] for dependency in config["dependencies"]}
    info = json.loads(ask(url, "GET", f"{_API}/info")[2])
    for endpoint in info["named_endpoints"].values():
        endpoint.pop("code_snippets", None)
    return {
        "info": info,
        "calls": [
            {"call": list(call), "messages": list(_messages(url, index[call.name], call))} for call in CALLS
        ],
        "requests": [{"request": list(request), "answer": _answer(url, *request)} for request in REQUESTS],
    }


def _messages(url: str, fn_index: int, call: Call) -> Iterator[Dict[str, Any]]:
    session_hash = f"{_SESSION}-{call.name}"
    body = {"data": call.data, "fn_index": fn_index, "session_hash": session_hash}
    event_id = json.loads(ask(url, "POST", f"{_API}/queue/join", body)[2])["event_id"]
    outputs = 0
    for message in stream(url, f"{_API}/queue/data?session_hash={session_hash}"):
        if message["msg"] == "process_generating":
            outputs += 1
            if outputs == call.cancel_after:
                cancel = {"session_hash": session_hash, "fn_index": fn_index, "event_id": event_id}
                ask(url, "POST", f"{_API}/cancel", cancel)
            elif call.cancel_after is not None and outputs > call.cancel_after:
                continue  # how many more come before the cancel is a matter of luck
        assert message["event_id"] in (event_id, None)
        yield _without_measures(message)


def stream(url: str, target: str) -> Iterator[Dict[str, Any]]:
    """The messages of an event stream, to its end."""
    connection = connect(url)
    try:
        connection.request("GET", target)
        response = connection.getresponse()
        for line in response:
            if line.startswith(b"data: "):
                yield json.loads(line[6:])
        assert response.isclosed()  # the chunked body has its end
    finally:
        connection.close()


def _answer(url: str, method: str, target: str, body: Any) -> Dict[str, Any]:
    status, headers, text = ask(url, method, target, body)
    kind = headers.get("content-type", "")
    answer: Any = text
    if kind.startswith("application/json"):
        answer = _without_measures(json.loads(text))
    if status == 422:
        answer = None  # whose words no user's test can see
    if target == "/config/":
        answer = sorted(answer.keys() & {"version", "protocol", "api_prefix", "components", "dependencies"})
    return {"status": status, "content-type": kind, "body": answer}


def ask(url: str, method: str, target: str, body: Any = None) -> Tuple[int, Dict[str, str], str]:
    """Status, headers by lower-case name, and body of one request with a JSON body."""
    connection = connect(url)
    try:
        headers = {} if body is None else {"Content-Type": "application/json"}
        connection.request(method, target, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        try:
            text = response.read().decode()
        except http.client.IncompleteRead as cut:  # a real server breaks off a stream after an error
            text = cut.partial.decode()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, text
    finally:
        connection.close()


def connect(url: str) -> http.client.HTTPConnection:
    """A connection to the server."""
    return http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)


def _without_measures(message: Any) -> Any:
    """The message with measured seconds, ids and addresses replaced or cut."""
    if not isinstance(message, dict):
        return message
    stated = "error" in message or "log" in message  # a display time is no measure
    shown = {}
    for name, value in message.items():
        if name in _MEASURED and isinstance(value, float) and not stated and not value.is_integer():
            value = "seconds"
        elif name == "error":
            value = value.partition("\n")[0]  # the rest names objects by their addresses
        elif name == "event_id" and value is not None:
            value = "id"
        shown[name] = _without_measures(value)
    return shown


def record_real(folder: Path) -> str:
    """The text of a new sample; the server's log is in the empty folder."""
    from apps.servers import running_server

    with running_server(VERSION, folder, "wire") as server:
        return json.dumps({"gradio": VERSION, **record(server.url)}, indent=1) + "\n"


def main() -> None:
    """Run the real server and write the sample."""
    with tempfile.TemporaryDirectory() as folder:
        SAMPLE.write_text(record_real(Path(folder)), encoding="utf-8")


if __name__ == "__main__":
    main()
