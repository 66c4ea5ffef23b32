"""Where our client means to differ from the official one; each has its row in docs/differences.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Optional, Tuple

from .oracle_worker import encode
from .servers import release

Json = Dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """One deliberate difference.

    Attributes:
        calls: the names of the calls that show it.
        reason: why ours is the better behaviour.
        expected: what ours must answer, given the official answer.
        since, before: the Gradio releases it shows on; `before` itself is not among them.
        sometimes: the official client does it right at times, for instance depending on a race.
    """

    calls: Tuple[str, ...]
    reason: str
    expected: Callable[[Json], Json]
    since: str = "4"
    before: str = "1000"
    sometimes: bool = False


def finished(*outputs: Any) -> Callable[[Json], Json]:
    """The answer of one call that succeeded with these outputs, the last being its result."""
    result, encoded = encode(outputs[-1]), encode(list(outputs))
    answer = {"result": result, "outputs": encoded, "status": ["FINISHED", {"bool": "True"}]}
    return lambda official: {"calls": [answer]}


def wrong_credentials(official: Json) -> Json:
    """The official answer, but with the exception that names the cause."""
    error = official["connect"]
    bases = ["AuthenticationError", *error["bases"]]
    message = f"{error['message']} Invalid credentials."
    return {"connect": {**error, "class": bases[0], "bases": bases, "message": message}}


def cancelled(official: Json) -> Json:
    """The answer of one call that was cancelled."""
    error = {
        "class": "CancelledError",
        "bases": ["CancelledError", "Error", "Exception", "BaseException", "object"],
        "message": "",
        "fields": {"dict": []},
    }
    return {"calls": [{"cancelled": {"bool": "True"}, "error": error}]}


_SUBPATH = (
    "an app mounted at a subpath is reached on Gradio 4 as well; the official client forgets the subpath"
)
_JSON_PATH = {"path": "/not/a/file", "nested": [{"path": "also not"}], "n": None}

DIFFERENCES = [
    Difference(
        ("json_path",),
        "a `path` key in JSON is data unless marked as a file; the official client tries to download it",
        finished(_JSON_PATH),
        since="4.44.1",
    ),
    Difference(
        ("header-of_both",),
        "the headers of a call win over those of the client, as the official documentation says",
        finished("per call"),
    ),
    Difference(
        ("header-gradio_user", "direct_header-gradio_user"),
        "`x-gradio-user: api` is sent to every server, as the official client does from 2.0 on",
        finished("api"),
        before="5.50.0",
    ),
    Difference(
        ("forever-cancelled",),
        "a cancelled job always raises CancelledError; the official client sometimes raises KeyError",
        cancelled,
        sometimes=True,
    ),
    Difference(
        ("delete_items",),
        "several deletions from a list are applied as they are meant; the official client raises IndexError",
        finished({"flat": [1, 2, 3, 4], "nested": [[1, 2], [3, 4]]}, {"flat": [1], "nested": [[1], [3]]}),
        since="4.19.2",
        before="4.44.1",
    ),
    Difference(
        ("auth-wrong",),
        "a wrong password is an AuthenticationError; the official client raises a bare ValueError",
        wrong_credentials,
    ),
    Difference(("subpath-echo", "subpath-direct"), _SUBPATH, finished("x"), before="5"),
    Difference(("subpath-count",), _SUBPATH, finished(0, 1, 2), before="5"),
]


def difference_for(name: str, version: str) -> Optional[Difference]:
    """The difference that a call shows on a Gradio release, if any."""
    for difference in DIFFERENCES:
        if name in difference.calls and release(difference.since) <= release(version) < release(
            difference.before
        ):
            return difference
    return None
