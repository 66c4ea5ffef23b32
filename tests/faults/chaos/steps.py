"""The steps of a session that a fault may meet, told by what is requested."""

from __future__ import annotations

from typing import Dict, FrozenSet, Tuple

from apps.servers import release

#: At `join` a queued job's arguments are sent, at `opening` a stream is requested and answered; `middle` is
#: within an event of it, and `between` before one.
STEPS = (
    "config",
    "info",
    "login",
    "upload",
    "join",
    "opening",
    "middle",
    "between",
    "direct",
    "download",
    "cancel",
    "heartbeat",
)
#: Which an answer meets event by event.
WITHIN_STREAMS = frozenset(("middle", "between"))
#: What no call waits for.
ASIDE = frozenset(("heartbeat", "cancel"))

_BY_LAST_WORD = {
    "config": "config",
    "info": "info",
    "login": "login",
    "upload": "upload",
    "join": "join",
    "predict": "direct",
    "cancel": "cancel",
    "reset": "cancel",
}


def step_of(method: str, path: str) -> str:
    """The step of a request; "" for one that is none, such as a probe.

    On 4.0 joining is a GET that becomes the stream, and the arguments are posted to what later is the route
    of streams. On 3.x a WebSocket is both, whose messages come and go as events do.
    """
    words = path.partition("?")[0].strip("/").split("/")
    if "heartbeat" in words:
        return "heartbeat"
    if any(word.startswith("file=") for word in words):
        return "download"
    if words[-2:] in (["queue", "join"], ["queue", "data"]):
        return "opening" if method == "GET" else "join"
    return _BY_LAST_WORD.get(words[-1], "")


#: The release whose app keeps no State: there another session is begun after a cut.
STATELESS = "5.50.0"
#: Which a release does not have: descriptions are made from the config of 3.x, jobs are cancelled there by
#: closing their sockets and by a direct call, and State needs no heartbeat before 4.1.
_MISSING: Tuple[Tuple[str, FrozenSet[str]], ...] = (
    ("4.0", frozenset(("info", "cancel"))),
    ("4.1", frozenset(("heartbeat",))),
)


def steps_of(version: str) -> Tuple[str, ...]:
    """The steps that a Gradio release has."""
    missing: FrozenSet[str] = frozenset(("heartbeat",) if version == STATELESS else ())
    for before, steps in _MISSING:
        if release(version) < release(before):
            missing |= steps
    return tuple(step for step in STEPS if step not in missing)


#: A call of the workload that comes to a step, where not every one does.
NEEDS: Dict[str, str] = {
    "upload": "upload",
    "join": "text",
    "opening": "text",
    "middle": "growing",
    "between": "growing",
    "direct": "direct",
    "download": "download",
    "cancel": "cancel",
    "heartbeat": "state",
    "info": "named",
}
