"""Where our requests to the Hub mean to differ from those of the real libraries; see docs/differences.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Tuple

from .hub_calls import TOKEN

Json = Dict[str, Any]
Requests = List[Json]


@dataclass(frozen=True)
class HubDifference:
    """One deliberate difference.

    Attributes:
        calls: the names of the operations and methods that show it.
        reason: why ours is the better behaviour.
        expected: the requests that ours must make, given theirs.
        library: the libraries that show it, by the beginning of their names.
    """

    calls: Tuple[str, ...]
    reason: str
    expected: Callable[[Requests], Requests]
    library: str = ""


def private(theirs: Requests) -> Requests:
    """With `private` in place of `visibility`."""
    (request,) = theirs
    body = dict(request["body"])
    body["private"] = body.pop("visibility") == "private"
    return [{**request, "body": body}]


def without_second_looks(theirs: Requests) -> Requests:
    """Without asking for the state of a Space that is known."""
    asked, kept = set(), []
    for request in theirs:
        space = request["path"].replace("/runtime", "")
        is_answered = request["path"].endswith("/runtime") and space in asked
        if request["method"] == "GET":
            asked.add(space)
        if not is_answered:
            kept.append(request)
    return kept


def at_once(**body: Any) -> Callable[[Requests], Requests]:
    """With these wishes in the request that makes the copy, and no others."""

    def expected(theirs: Requests) -> Requests:
        kept = []
        for request in without_second_looks(theirs):
            if request["path"].endswith("/duplicate"):
                kept.append({**request, "body": {**request["body"], **body}})
            elif request["method"] == "GET":
                kept.append(request)
        return kept

    return expected


def sleeping_with_hardware(theirs: Requests) -> Requests:
    """With the sleep time in the request for the hardware."""
    kept = [r for r in without_second_looks(theirs) if not r["path"].endswith("/sleeptime")]
    return [
        {**r, "body": {**r["body"], "sleepTimeSeconds": 300}} if r["path"].endswith("/hardware") else r
        for r in kept
    ]


def deployed(theirs: Requests) -> Requests:
    """Up to making the Space the same, always with the token; then the secret, then one commit."""
    made = next(i for i, request in enumerate(theirs) if request["path"] == "/api/repos/create")
    same = [{**r, "authorization": f"Bearer {TOKEN}"} for r in without_second_looks(theirs[: made + 1])]
    space = "/api/spaces/me/app-gradio-discord-bot"
    sent = {"method": "POST", "authorization": f"Bearer {TOKEN}"}
    secret = {"key": "DISCORD_TOKEN", "value": "discord-token"}
    files = {"summary": "Deploy Discord Bot", "files": ["README.md", "app.py", "requirements.txt"]}
    return [
        *same,
        {**sent, "path": f"{space}/secrets", "body": secret, "content-type": "application/json"},
        {**sent, "path": f"{space}/commit/main", "body": files, "content-type": "application/x-ndjson"},
    ]


HUB_DIFFERENCES = [
    HubDifference(
        ("create", "duplicate"),
        "`private` is understood by old and new Hubs, `visibility` by new ones",
        private,
        library="huggingface_hub-1",
    ),
    HubDifference(
        ("connect", "duplicate", "duplicate again"),
        "what the Hub says of a Space has its state, which is asked for again only while it does not run",
        without_second_looks,
        library="gradio_client",
    ),
    HubDifference(
        ("duplicate with secrets",),
        "secrets are there when the copy is first built, and are never half of them there",
        at_once(secrets=[{"key": "S", "value": "s"}, {"key": "T", "value": "t"}]),
    ),
    HubDifference(
        ("duplicate with hardware",),
        "hardware and sleep time are set from the start, so the copy is built once",
        at_once(hardware="t4-small", sleepTimeSeconds=600),
    ),
    HubDifference(
        ("duplicate again with hardware",),
        "hardware that costs money is never there without its sleep time",
        sleeping_with_hardware,
    ),
    HubDifference(
        ("duplicate from paid hardware",), "what costs money is ordered when it is asked for", at_once()
    ),
    HubDifference(
        ("deploy", "deploy with a token that is not saved"),
        "every request has the token; secrets are there before the bot starts; one commit has all files",
        deployed,
    ),
]


def hub_difference_for(name: str, library: str) -> Optional[HubDifference]:
    """The difference that an operation or a method shows, if any."""
    for difference in HUB_DIFFERENCES:
        if name in difference.calls and library.startswith(difference.library):
            return difference
    return None
