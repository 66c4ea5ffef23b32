"""Helpers for code written for the official client, with its names, signatures and results.

None is used by calls themselves: those find and replace files without recursion, in `filedata`.
"""

from __future__ import annotations

import copy
from enum import Enum
from typing import Any, Callable

from . import diff as edit_lists
from .filedata import is_marked
from .fileurls import is_url


def traverse(json_obj: Any, func: Callable[[Any], Any], is_root: Callable[[Any], bool]) -> Any:
    """A copy of a JSON value in which `func` has replaced what `is_root` picks.

    What was picked is not searched any further. Tuples become lists.

    Args:
        json_obj: any JSON value; it is not changed.
        func: gives what to put in the place of a picked value.
        is_root: whether to pick a value; asked of every one, from the outside in.

    Example:
        >>> traverse({"a": [1, (2,)]}, lambda number: -number, lambda value: isinstance(value, int))
        {'a': [-1, [-2]]}
    """
    if is_root(json_obj):
        return func(json_obj)
    if isinstance(json_obj, dict):
        return {key: traverse(value, func, is_root) for key, value in json_obj.items()}
    if isinstance(json_obj, (list, tuple)):
        return [traverse(item, func, is_root) for item in json_obj]
    return json_obj


def apply_diff(obj: Any, diff: Any) -> Any:
    """Apply one edit list to a JSON value; the result shares nothing with either.

    Args:
        obj: any JSON value; it is not changed.
        diff: a list of `[action, path, value]`, as a server sends it.

    Raises:
        ProtocolError: an edit is malformed or does not fit the value. It is a ValueError.

    Example:
        >>> apply_diff({"text": "a"}, [["append", ["text"], "b"]])
        {'text': 'ab'}
    """
    edits = [list(edit) if isinstance(edit, tuple) else edit for edit in diff]
    return copy.deepcopy(edit_lists.apply_diff(obj, edits))


def is_file_obj(d: Any) -> bool:
    """Whether a value may be a file of Gradio up to 4.20: a dict with a `path`.

    Example:
        >>> is_file_obj({"path": "a.png"})
        True
    """
    return isinstance(d, dict) and isinstance(d.get("path"), str)


def is_file_obj_with_meta(d: Any) -> bool:
    """Whether a value is a file of Gradio 4.21 and later: a dict with a `path` and the mark of a FileData.

    Example:
        >>> is_file_obj_with_meta({"path": "a.png", "meta": {"_type": "gradio.FileData"}})
        True
    """
    return isinstance(d, dict) and is_marked(d)


def is_http_url_like(possible_url: Any) -> bool:
    """Whether a value is text that begins as an http(s) URL does.

    Example:
        >>> is_http_url_like("https://example.com/a.png"), is_http_url_like("a.png")
        (True, False)
    """
    return isinstance(possible_url, str) and is_url(possible_url)


class ServerMessage(str, Enum):
    """What `msg` says in a message of the queue (gradio/server_messages.py).

    Example:
        >>> "process_completed" == ServerMessage.process_completed
        True
    """

    send_hash = "send_hash"
    queue_full = "queue_full"
    estimation = "estimation"
    send_data = "send_data"
    process_starts = "process_starts"
    process_generating = "process_generating"
    process_completed = "process_completed"
    log = "log"
    progress = "progress"
    heartbeat = "heartbeat"
    server_stopped = "Server stopped unexpectedly."
    unexpected_error = "unexpected_error"
    close_stream = "close_stream"
    process_streaming = "process_streaming"
