"""What a deliberate difference from the official client is, and the answers that are expected instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Tuple

from .oracle_worker import encode

Json = Dict[str, Any]

HIDDEN = (
    "The upstream Gradio app has raised an exception but has not enabled verbose error reporting. "
    "To enable, set show_error=True in launch()."
)


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
    since: str = "3"
    before: str = "1000"
    sometimes: bool = False


def finished(*outputs: Any) -> Callable[[Json], Json]:
    """The answer of one call that succeeded with these outputs, the last being its result."""
    answer = _success(*outputs)
    return lambda official: {"calls": [answer]}


def all_finished(*results: Any) -> Callable[[Json], Json]:
    """The answer of several calls that succeeded, each with one output."""
    answers = [_success(result) for result in results]
    return lambda official: {"calls": answers}


def iterated(*outputs: Any) -> Callable[[Json], Json]:
    """The answer of one call that was iterated and yielded these outputs."""
    answer = {"iterated": encode(list(outputs)), **_success(*outputs)}
    return lambda official: {"calls": [answer]}


def _success(*outputs: Any) -> Json:
    ended = {"outputs": encode(list(outputs)), "status": ["FINISHED", {"bool": "True"}]}
    return {"result": encode(outputs[-1]), **ended}


def failed(message: str, *outputs: Any) -> Callable[[Json], Json]:
    """The answer of one call whose function failed after these outputs."""
    ended = {"outputs": encode(list(outputs)), "status": ["FINISHED", {"bool": "False"}]}
    return lambda official: {"calls": [{"error": _app_error(message), **ended}]}


def app_error(official: Json) -> Json:
    """The official answer, but with the exception that apps' errors have from Gradio 4 on."""
    return {"calls": [{**call, "error": _app_error(call["error"]["message"])} for call in official["calls"]]}


def _app_error(message: str) -> Json:
    fields = {"duration": 10, "visible": True, "title": "Error", "print_exception": True}
    bases = ["AppError", "ValueError", "Exception", "BaseException", "object"]
    return {"class": "AppError", "bases": bases, "message": message, "fields": encode(fields)}


def with_outputs(*outputs: Any) -> Callable[[Json], Json]:
    """The official answer of one call, but with these outputs."""
    return lambda official: {"calls": [{**official["calls"][0], "outputs": encode(list(outputs))}]}


def refused(message: str) -> Callable[[Json], Json]:
    """The answer of one call whose arguments are wrong."""
    bases = ["TypeError", "Exception", "BaseException", "object"]
    error = {"class": "TypeError", "bases": bases, "message": message, "fields": encode({})}
    return lambda official: {"calls": [{"submit": error}]}


def with_advice(official: Json) -> Json:
    """The official answer, but with more after the text of its error."""
    if "connect" in official:
        return {"connect": _advised(official["connect"])}
    return {"calls": [{"submit": _advised(call["submit"])} for call in official["calls"]]}


def _advised(error: Json) -> Json:
    return {**error, "message": {"begins": error["message"]}}


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
