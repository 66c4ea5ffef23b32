"""One call of a function, run: its outputs as server messages, with the times they took.

The messages are those of `process_events` of gradio/queueing.py 6.31.0 and `process_api` of gradio/blocks.py.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import closing
from typing import Any, Dict, Generator, List, Optional, Tuple

from ..errors import AppError
from .functions import ServedFunction

ServerMessage = Dict[str, Any]
_Path = Tuple[Any, ...]

_logger = logging.getLogger(__name__)


class Execution:
    """Runs one function and keeps the average duration of its steps."""

    def __init__(self, served: ServedFunction, *, show_error: bool) -> None:
        self.served = served
        self._show_error = show_error
        self._lock = threading.Lock()  # guards the two counters
        self._seconds = 0.0
        self._steps = 0

    def messages(self, data: List[Any]) -> Generator[ServerMessage, None, None]:
        """Run the function; yield every output as it comes, the last one as `process_completed`.

        The first output of a stream is whole, those that follow are edits, the last is whole again.
        Closing it early closes a generator that the function returned.
        """
        sent: Optional[List[Any]] = None
        with closing(self._outputs(data)) as outputs:
            while True:
                began = time.perf_counter()
                try:
                    values = next(outputs, None)
                except BaseException as error:  # SystemExit as well: the caller waits for an answer
                    yield self._failed(error, streamed=sent is not None)
                    return
                seconds = time.perf_counter() - began
                if values is None or not self.served.generator:
                    final = values or sent or [None] * len(self.served.outputs)
                    yield completed(self._output(final, seconds, is_generating=False))
                    return
                changed = values if sent is None else [edits(*pair) for pair in zip(sent, values)]
                yield _generating(self._output(changed, seconds, is_generating=True))
                sent = values

    def direct(self, data: List[Any]) -> Tuple[bool, Dict[str, Any]]:
        """Run the function outside the queue; return whether it succeeded, and its first output or error."""
        with closing(self.messages(data)) as messages:
            message = next(messages)
        return message["success"], message["output"]

    def _outputs(self, data: List[Any]) -> Generator[List[Any], None, None]:
        if self.served.generator:
            yield from self.served.iterate(data)
        else:
            yield self.served.call(data)

    def _output(self, data: List[Any], seconds: float, *, is_generating: bool) -> Dict[str, Any]:
        with self._lock:
            self._seconds += seconds
            self._steps += 1
            average = self._seconds / self._steps
        return {
            "data": data,
            "is_generating": is_generating,
            "duration": seconds,
            "average_duration": average,
            "render_config": None,
            "changed_state_ids": [],
            "used_cache": None,
        }

    def _failed(self, error: BaseException, *, streamed: bool) -> ServerMessage:
        if not isinstance(error, AppError):
            _logger.warning("The function /%s raised.", self.served.api_name, exc_info=error)
        output = error_output(error, show_error=self._show_error)
        if streamed:  # the real server leaves the title out here, but not the display time
            return completed(output, success=False)
        return {**completed({}, success=False), "output": output, "title": output.get("title", "Error")}


def error_output(error: BaseException, *, show_error: bool) -> Dict[str, Any]:
    """What a caller is told of an exception: `error_payload` of gradio/utils.py 6.31.0."""
    if isinstance(error, AppError):
        return {
            "error": error.message,
            "duration": error.duration,
            "visible": error.visible,
            "title": error.title,
        }
    return {"error": str(error), "visible": True} if show_error else {"error": None}


def completed(output: Dict[str, Any], *, success: bool = True) -> ServerMessage:
    """The last message of a call. A cancelled one succeeds with the output `{}`."""
    return {
        "msg": "process_completed",
        "output": output,
        "success": success,
        "title": None,
        "used_cache": None,
        "cache_duration": output.get("duration"),
        "avg_time": output.get("average_duration"),
    }


def _generating(output: Dict[str, Any]) -> ServerMessage:
    return {"msg": "process_generating", "output": output, "success": True, "time_limit": None}


def edits(old: Any, new: Any, path: _Path = ()) -> List[List[Any]]:
    """The edits that turn `old` into `new`, as `gradio.utils.diff` 6.31.0 writes them: [action, path, value].

    Actions are replace, append (to a string), add and delete. Unlike the original, nested lists that
    shrink give right indices, and 1 and True are different.
    """
    if type(old) is not type(new):
        return [["replace", list(path), new]]
    if isinstance(old, list):
        return _list_edits(old, new, path)
    if isinstance(old, dict):
        return _dict_edits(old, new, path)
    if old == new:
        return []
    if isinstance(old, str) and new.startswith(old):
        return [["append", list(path), new[len(old) :]]]
    return [["replace", list(path), new]]


def _list_edits(old: List[Any], new: List[Any], path: _Path) -> List[List[Any]]:
    common = min(len(old), len(new))
    found = [edit for i in range(common) for edit in edits(old[i], new[i], (*path, i))]
    # Each deletion moves the rest up, so all of them name the same place.
    found += [["delete", [*path, common], None] for _ in range(common, len(old))]
    found += [["add", [*path, i], new[i]] for i in range(common, len(new))]
    return found


def _dict_edits(old: Any, new: Any, path: _Path) -> List[List[Any]]:
    found: List[List[Any]] = []
    for key in old:
        if key in new:
            found += edits(old[key], new[key], (*path, key))
        else:
            found.append(["delete", [*path, key], None])
    found += [["add", [*path, key], new[key]] for key in new if key not in old]
    return found
