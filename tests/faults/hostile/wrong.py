"""Wrong fields, of configs, descriptions and messages: each removed, or of another kind.

One row of the table is a family: changes of one recorded config or description, or of the messages of one
protocol, one after the other, against one server and in one process. Each has to end with a typed error or a
right result. There are some tens of thousands, so a row takes so many of its family, evenly spread.
"""

from __future__ import annotations

import concurrent.futures
import json
import time
from itertools import islice
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple

from gradio_client_lite import Client
from gradio_client_lite.errors import GradioClientError

from ..badserver import config
from .app import JOB, App
from .case import Act, Case, Stage
from .mutation import Mutation, count, mutations

_SAMPLES = Path(__file__).parents[2] / "samples"
#: The endpoints of the recorded app that are looked at; the first two are called, one queued and one direct.
_ENDPOINTS = ("no_default", "direct", "stateful", "files", "stream")
#: Seconds that one change may take, and a call.
_SECONDS = 5.0
ENDED = "each with a typed error or a right result"

_OUTPUT = {"data": ["a", "b"], "is_generating": False, "duration": 1.5, "average_duration": 1.5}
_DONE = {"msg": "process_completed", "event_id": JOB, "output": _OUTPUT, "success": True}
#: What comes before: servers of old protocols ask for what is sent.
_GREETING: Dict[str, List[Any]] = {
    "ws": [{"msg": "send_hash"}, {"msg": "send_data"}],
    "sse": [{"msg": "send_data", "event_id": JOB}],
}
#: Gradio releases that speak each protocol.
PROTOCOLS = {
    "ws": "3.50.2",
    "sse": "4.0.2",
    "sse_v1": "4.16.0",
    "sse_v2": "4.21.0",
    "sse_v2.1": "4.44.1",
    "sse_v3": "6.31.0",
}
MESSAGES: Dict[str, Dict[str, Any]] = {
    "estimation": {"rank": 0, "queue_size": 1, "rank_eta": 1.5, "avg_event_process_time": 1.5},
    "process_starts": {"eta": 1.5},
    "progress": {"progress_data": [{"index": 0, "length": 1, "unit": "s", "progress": 0.5, "desc": "d"}]},
    "log": {"log": "text", "level": "info", "title": "T", "duration": 3, "visible": True},
    "process_generating": {"output": {"data": ["a"], "is_generating": True}, "success": True},
    "process_completed": {"output": {"data": ["a"], "changed_state_ids": []}, "success": True, "title": None},
    "failure": {
        "msg": "process_completed",
        "output": {"error": "e", "duration": 10, "visible": True, "title": "E"},
        "success": False,
    },
    "heartbeat": {},
    "close_stream": {},
    "queue_full": {},
    "unexpected_error": {"message": "m", "session_not_found": False, "success": False},
}


class Changes(NamedTuple):
    """Some changes of what is said: every `stride`th, from `first` on."""

    said: List[Any]
    most: int
    first: int

    @property
    def total(self) -> int:
        return sum(map(count, self.said))

    @property
    def text(self) -> str:
        return f"{min(self.most, self.total):,} of {self.total:,} changes"

    def made(self) -> Iterator[Mutation]:
        stride = max(1, -(-self.total // self.most))
        every = (change for said in self.said for change in mutations(said))
        return islice(every, self.first % stride, None, stride)


def _one_by_one(changes: Iterator[Mutation], attempt: Callable[[Any], None]) -> Callable[[], str]:
    def call() -> str:
        for change in changes:
            began = time.monotonic()
            try:
                attempt(change.value)
            except Exception as exc:
                raise AssertionError(f"{change.name}: {exc!r}") from exc
            assert time.monotonic() - began < _SECONDS, change.name
        return ENDED

    return call


# --- messages


def _messages_of(protocol: str) -> List[Any]:
    said = [{"msg": kind, "event_id": JOB, **fields} for kind, fields in MESSAGES.items()]
    return said + _GREETING.get(protocol, [])


def _conversation(protocol: str, message: Any) -> List[Any]:
    """All that a job is told: a wrong message, in its place, and a good end."""
    kind = message.get("msg") if isinstance(message, dict) else None
    greeting = [message if good["msg"] == kind else good for good in _GREETING.get(protocol, [])]
    if any(told is message for told in greeting):
        return [*greeting, {**_DONE, "output": {"data": ["a"]}}]
    done = [] if kind == "process_completed" else [{**_DONE, "output": {"data": ["a"]}}]
    return [*greeting, message, *done]


def _messages(protocol: str, changes: Changes) -> Act:
    def act(stage: Stage) -> Callable[[], Any]:
        app = stage.start(App())
        api_prefix = "/gradio_api" if protocol == "sse_v3" else ""
        app.say(
            config=config(
                version=PROTOCOLS[protocol], protocol=protocol, enable_queue=True, api_prefix=api_prefix
            )
        )
        client = stage.client(app.url, timeout=_SECONDS, stream_grace=0.1, max_workers=2)

        def attempt(message: Any) -> None:
            app.messages = _conversation(protocol, message)
            _end_well(client, message)

        return _one_by_one(changes.made(), attempt)

    return act


def _end_well(client: Client, message: Any) -> None:
    """Call once: an error, or the value that was sent; cancelled only where the server says so."""
    fields = message if isinstance(message, dict) and message.get("msg") == "process_completed" else {}
    output = fields.get("output")
    job = client.submit("a", api_name="/echo")
    try:
        value = job.result(_SECONDS)
    except GradioClientError:
        return
    except concurrent.futures.CancelledError:
        assert output == {}
        assert fields.get("success", True) is True
        return
    said = output.get("data") if isinstance(output, dict) else ["a"]
    assert repr(said) == repr([value]), value
    for update in job.updates():
        _check_kinds(update)


#: What the fields of updates are, where they are not None.
_KINDS = {
    **dict.fromkeys(("rank", "queue_size", "eta", "duration", "index", "length", "progress"), (int, float)),
    **dict.fromkeys(("unit", "desc", "title"), (str,)),
    **dict.fromkeys(("success", "visible"), (bool,)),
}


def _check_kinds(update: Any) -> None:
    """Whatever a message said, a user finds values of the kinds that are documented."""
    for part in (update, *(getattr(update, "progress_data", None) or ())):
        for name, kinds in _KINDS.items():
            value = getattr(part, name, None)
            assert value is None or isinstance(value, kinds), (name, value)


# --- configs and descriptions


def _sample(version: str, name: str) -> Any:
    """A recorded config or info, of some endpoints alone."""
    said = json.loads((_SAMPLES / version / f"{name}.json").read_text(encoding="utf-8"))
    if name == "info":
        wanted = {f"/{endpoint}" for endpoint in _ENDPOINTS}
        named = {key: value for key, value in said["named_endpoints"].items() if key in wanted}
        return {**said, "named_endpoints": named, "unnamed_endpoints": {}}
    functions = [function for function in said["dependencies"] if function.get("api_name") in _ENDPOINTS]
    used = {number for function in functions for number in function["inputs"] + function["outputs"]}
    components = [component for component in said["components"] if component["id"] in used]
    return {**said, "components": components, "dependencies": functions}


def _said_wrong(version: str, name: str, changes: Changes) -> Act:
    def act(stage: Stage) -> Callable[[], Any]:
        app = stage.start(App())
        good = {name: changes.said[0]}
        good.setdefault("config", _sample(version, "config"))
        app.say(**good, predict={"data": ["a", "b"]})
        app.messages = [*_GREETING.get(good["config"].get("protocol", "ws"), []), _DONE]

        def attempt(value: Any) -> None:
            app.say(**{name: value})
            _use(app.url)

        return _one_by_one(changes.made(), attempt)

    return act


def _use(url: str) -> None:
    """Do with an app what people do."""
    try:
        client = Client(url, verbose=False, download_files=False, timeout=_SECONDS, stream_grace=0.1)
    except GradioClientError:
        return
    with client:
        for form in ("dict", "str"):
            _try(lambda form=form: client.view_api(print_info=False, return_format=form, all_endpoints=True))
        for name in _ENDPOINTS[:2]:
            for args, named in ((("x", 1), {}), ((), {"text": "x", "param_1": 1})):
                value = _try(lambda a=args, n=named, to=name: client.predict(*a, **n, api_name=f"/{to}"))
                assert _parts(value) <= {"a", "b"}, value


def _try(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except GradioClientError as exc:
        if "gave no result within" in str(exc):
            raise AssertionError("it would have waited for ever") from exc
        return None


def _parts(value: Any) -> set[str]:
    if isinstance(value, (list, tuple)):
        return set().union(*map(_parts, value))
    return set() if value is None else {value}


# --- the rows


def cases(messages: int, said: int) -> List[Case]:
    """Rows with so many changes of the messages of each protocol, and of each config and description."""
    rows = []
    for first, (protocol, version) in enumerate(PROTOCOLS.items()):
        changes = Changes(_messages_of(protocol), messages, first)
        does = f"{changes.text} of the messages of {version} ({protocol})"
        seconds = 30 + messages * 0.5
        act = _messages(protocol, changes)
        rows.append(Case("wrong fields", does, "a call", act, ENDED, seconds=seconds, megabytes=16.0))
    whole = [("config", version) for version in ("3.50.2", "4.0.2", "4.44.1", "5.50.0", "6.31.0")]
    whole += [("info", version) for version in ("4.0.2", "6.31.0")]
    for first, (name, version) in enumerate(whole):
        changes = Changes([_sample(version, name)], said, first)
        does, seconds = f"{changes.text} of the {name} of {version}", 30 + said * 1.0
        act = _said_wrong(version, name, changes)
        rows.append(
            Case("wrong fields", does, "all of a client", act, ENDED, seconds=seconds, megabytes=24.0)
        )
    return rows
