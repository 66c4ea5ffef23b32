"""Description: what an app says of its API, fetched once, and not on the thread of whoever calls.

The API of an app as text: what `Client.view_api` prints.

The text is that of the official client 2.7.2, character by character, since programs and prompts are made
from it; but where that writes different values alike, they are told apart. The info it is made from comes
from the network, so rendering is total: what is missing or of the wrong kind reads `Any`, and nothing raises.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Callable, Deque, Dict, List, Optional

from ..errors import ConnectionFailed, for_waiters
from ..threads import Threads
from ..transport.http import Transport
from ..wire.info import sanitize_parameter_names
from ..wire.schema import json_schema_to_python_type, with_choices
from ..wire.texts import text_of
from ..workers import call_after_fork

_log = logging.getLogger(__name__)

#: Seconds after which who comes does not wait for a fetch that is under way, but begins another: it may hang,
#: or have been frozen with its Lambda.
_STALE = 10.0

#: Called when a fetch has ended, with what it failed with or None. It returns at once and does not raise.
Then = Callable[[Optional[BaseException]], None]
#: Makes the description; what it raises is the end of that fetch alone.
Make = Callable[[], Dict[str, Any]]


class _Fetch:
    """One fetch: when it began (on a monotonic clock, and by the calendar), and who waits for it."""

    __slots__ = ("begun", "waiters")

    def __init__(self) -> None:
        self.begun = (0.0, 0.0)
        self.waiters: Deque[Then] = deque()


class Description:
    """One fetch serves all who need it; one that failed is tried again by the next who does.

    Args:
        transport: what a fetch uses; closing it ends one.
        threads: which the threads that fetch belong to.

    Attributes:
        local: whether it is made without a request, so that nobody need wait for it.
    """

    def __init__(self, transport: Transport, threads: Threads) -> None:
        self.local = False
        self._transport = transport
        self._threads = threads
        self._known: Optional[Dict[str, Any]] = None
        self.after_fork()
        call_after_fork(self)

    def after_fork(self) -> None:
        """In a child: forget fetches that only threads of the parent will end, and who waits for them."""
        # Guards the fields; nothing is called while it is held. Reentrant, as a signal handler may call, too.
        self._lock = threading.RLock()
        self._fetches: List[_Fetch] = []

    def ready(self) -> bool:
        """Whether `get` neither makes a request nor waits for one."""
        return self.local or self._known is not None

    def begin(self, make: Make, then: Optional[Then] = None) -> None:
        """Fetch it in the background, unless somebody does so already.

        Args:
            make: makes it.
            then: called when it is there, or cannot be had; on any thread, this one too.
        """
        fetch = _Fetch()
        try:
            if self._enter(fetch, then):
                self._threads.start("gradio-description", self._transport.close, self._run, fetch, make)
        except RuntimeError as exc:
            error = ConnectionFailed(f"No thread could be started to fetch the API description: {exc}.")
            error.__cause__ = exc
            self._fail(fetch, error)
        except BaseException as exc:
            self._fail(fetch, exc)
            raise

    def get(self, make: Make) -> Dict[str, Any]:
        """The description, waited for; fetched on this thread unless another does so already.

        Raises:
            ConnectionFailed, DeadlineExceeded, RetryLater: the app cannot be reached or is too busy.
        """
        known = self._known
        if known is not None:
            return known
        told: Future[None] = Future()
        fetch = _Fetch()
        try:
            if self._enter(fetch, lambda error: _tell(told, error)):
                self._end(fetch, make(), None)
        except BaseException as exc:  # wherever it comes: others may wait
            self._fail(fetch, exc)
            raise
        told.result()
        assert self._known is not None  # noqa: S101 - as it was told
        return self._known

    def _enter(self, fetch: _Fetch, then: Optional[Then]) -> bool:
        """Let `then` wait for the fetch under way, or for this one; return whether this one is to be run."""
        with self._lock:
            if self._known is None:
                # A monotonic clock stands still while the machine is suspended, the calendar may be set: the
                # longer reading counts.
                fetch.begun = now, today = time.monotonic(), time.time()
                current = self._fetches[-1] if self._fetches else None
                if current is None or max(now - current.begun[0], today - current.begun[1]) > _STALE:
                    self._fetches.append(fetch)
                    current = fetch
                if then is not None:
                    current.waiters.append(then)
                return current is fetch
        if then is not None:
            then(None)
        return False

    def _run(self, fetch: _Fetch, make: Make) -> None:
        try:
            self._end(fetch, make(), None)
        except BaseException as exc:
            self._fail(fetch, exc)
            _log.debug("the API description could not be fetched: %s", exc)

    def _fail(self, fetch: _Fetch, error: BaseException) -> None:
        self._transport.secrets.blank_error(error)
        self._end(fetch, None, for_waiters(error, "Fetching the API description"))

    def _end(self, fetch: _Fetch, known: Optional[Dict[str, Any]], error: Optional[BaseException]) -> None:
        """Tell those who wait for a fetch, once; all who wait for any when it has brought the description."""
        with self._lock:
            ended, left = [fetch], [other for other in self._fetches if other is not fetch]
            if known is not None:
                self._known = known
                # In the order in which they came, whichever has brought it.
                ended, left = ([] if fetch in self._fetches else [fetch]) + self._fetches, []
            self._fetches = left
            waiters = deque(waiter for other in ended for waiter in other.waiters)
            for other in ended:
                other.waiters = deque()
            fetch.waiters = waiters
            error = None if self._known is not None else error
        # One by one: whatever interrupts this, `_fail` tells the rest.
        while waiters:
            waiters.popleft()(error)


def _tell(told: Future[None], error: Optional[BaseException]) -> None:
    if error is None:
        told.set_result(None)
    else:
        told.set_exception(error)


__all__ = ["json_schema_to_python_type", "render", "sanitize_parameter_names"]

# Nesting after which a default value is cut off with "..."; far above what any component declares.
_MAX_DEPTH = 100
# Characters of a default that is a data: URL (Gradio 3), after which it is cut off with "...".
_MAX_DATA = 40


def render(info: Any, all_endpoints: Optional[bool] = None) -> str:
    """Writes the API of an app for people to read.

    Args:
        info: what `clean_info` or `derive_info` gave.
        all_endpoints: True to describe unnamed endpoints too, False to only count them; None means True
            when the app has no named ones, else False.

    Example:
        >>> print(render({"named_endpoints": {}, "unnamed_endpoints": {}}))
        Client.predict() Usage Info
        ---------------------------
        Named API endpoints: 0
        <BLANKLINE>
        Unnamed API endpoints: 0
        <BLANKLINE>
    """
    named = _mapping(_mapping(info).get("named_endpoints"))
    unnamed = _mapping(_mapping(info).get("unnamed_endpoints"))
    if all_endpoints is None:
        all_endpoints = not named
    text = f"Client.predict() Usage Info\n---------------------------\nNamed API endpoints: {len(named)}\n"
    text += "".join([_endpoint(f'api_name="{name}"', endpoint) for name, endpoint in named.items()])
    if all_endpoints:
        text += f"\nUnnamed API endpoints: {len(unnamed)}\n"
        text += "".join([_endpoint(f"fn_index={index}", endpoint) for index, endpoint in unnamed.items()])
    elif unnamed:
        text += f"\nUnnamed API endpoints: {len(unnamed)}, to view, run Client.view_api(all_endpoints=True)\n"
    return text


def _endpoint(address: str, endpoint: Any) -> str:
    parameters = _items(endpoint, "parameters")
    returns = _items(endpoint, "returns")
    # A lone label without a letter in it leaves no name at all, and then no comma either.
    names = ", ".join([_parameter_name(parameter) for parameter in parameters])
    arguments = names + ", " if names else ""
    results = ", ".join([_label(item) for item in returns])
    if len(returns) > 1:
        results = f"({results})"
    text = f"\n - predict({arguments}{address}) -> {results}\n"
    oauth_token = _mapping(endpoint).get("oauth_token")
    if oauth_token:
        text += (
            "    Acts on your behalf: this endpoint takes your Hugging Face token "
            f"({_shown(oauth_token)}). Pass it with Client(..., oauth_token=...) to grant it.\n"
        )
    text += "    Parameters:\n" + ("".join(map(_parameter, parameters)) or "     - None\n")
    return text + "    Returns:\n" + ("".join(map(_return, returns)) or "     - None\n")


def _parameter(parameter: Dict[str, Any]) -> str:
    default = parameter.get("parameter_default")
    default = repr(default) if _reads_otherwise(default) else _files_as_calls(default, 0)
    type_ = _type(parameter)
    need = "(required)"
    if parameter.get("parameter_has_default"):
        need = f"(not required, defaults to:   {default})"
        if default is None:
            type_ += " | None"
    name = _parameter_name(parameter)
    return f"     - [{_component(parameter)}] {name}: {type_} {need} {_description(parameter)} \n"


def _return(item: Dict[str, Any]) -> str:
    return f"     - [{_component(item)}] {_label(item)}: {_type(item)}{_description(item)} \n"


def _reads_otherwise(value: Any) -> bool:
    """Whether it is a text that would read as a number, a list, None or the like."""
    if not isinstance(value, str):
        return False
    if value in ("None", "True", "False") or value[:1] + value[-1:] in ("[]", "{}", "''", '""'):
        return True
    with suppress(ValueError):
        return bool(value) and float(value) is not None
    return value.startswith("handle_file(")


def _files_as_calls(value: Any, depth: int) -> Any:
    """A default value with each file of the server in it shown as the call that would pass it on."""
    if depth > _MAX_DEPTH:
        return "..."
    if isinstance(value, list):
        return [_files_as_calls(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("path"), str) and _mapping(value.get("meta")).get("_type") == "gradio.FileData":
        return f'handle_file("{_cut(_shown(value.get("url") or value["path"]))}")'
    return {key: _files_as_calls(item, depth + 1) for key, item in value.items()}


def _cut(url: str) -> str:
    """A URL, without the content that a data: URL has in it."""
    return url[:_MAX_DATA] + "..." if url.startswith("data:") and len(url) > _MAX_DATA else url


def _parameter_name(parameter: Dict[str, Any]) -> str:
    name = parameter.get("parameter_name")
    return sanitize_parameter_names(name) if name and isinstance(name, str) else _label(parameter)


def _label(item: Dict[str, Any]) -> str:
    label = text_of(item.get("label"))
    return sanitize_parameter_names("Any" if label is None else label)


def _component(item: Dict[str, Any]) -> str:
    return _shown(item.get("component", "Any"))


def _type(item: Dict[str, Any]) -> str:
    told = _shown(_mapping(item.get("python_type")).get("type", "Any"))
    return with_choices(told, item.get("type")) if "Literal[" in told else told


def _description(item: Dict[str, Any]) -> str:
    """In parentheses after a space, or nothing."""
    text = _mapping(item.get("python_type")).get("description")
    return f" ({text_of(text)})" if text else ""


def _items(endpoint: Any, key: str) -> List[Dict[str, Any]]:
    items = _mapping(endpoint).get(key)
    return [_mapping(item) for item in items] if isinstance(items, list) else []


def _mapping(value: Any) -> Dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _shown(value: Any) -> str:
    """Text as it is; anything else in its place reads `Any`."""
    return value if isinstance(value, str) else "Any"
