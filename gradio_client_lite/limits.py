"""What a server may cost the program that calls it, in time, memory and disk."""

from __future__ import annotations

import threading
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

from .errors import ArgumentError
from .light import NamedTuple

_MIB = 1 << 20

#: In the order of `repr`.
_DEFAULTS: Dict[str, Optional[float]] = {
    "connecting": 60.0,
    "describing": 60.0,
    "joining": 600.0,
    "answering": 600.0,
    "uploading": 3600.0,
    "downloading": 3600.0,
    "answer_bytes": 16 * _MIB,
    "result_bytes": 256 * _MIB,
    "event_bytes": 64 * _MIB,
    "early_bytes": 64 * _MIB,
    "job_bytes": 1024 * _MIB,
    "progress_updates": 1000,
    "playlist_bytes": _MIB,
    "max_download_size": 16 << 30,
    "json_values": 10_000_000,
}
_SECONDS = frozenset(name for name, default in _DEFAULTS.items() if isinstance(default, float))
#: Bytes that a value takes at least in the configs and descriptions of real apps; see `Limits.answer_values`.
_BYTES_OF_VALUE = 8


class Bound(NamedTuple):
    """One limit.

    Args:
        value: in seconds, bytes, values or updates; None for no limit.
        name: for error texts, as users write it: "Limits(joining=600.0)".
    """

    value: Any
    name: str


class Limits:
    """The limits of one client; whatever exceeds one, but `progress_updates`, ends with a typed error.

    Each is a number above 0, or None for no limit.

    Args:
        connecting: seconds that `Client(…)` may take for login, config and page together. Waiting for a Space
            has `space_timeout`.
        describing: seconds for fetching the API description.
        joining: seconds until the server has taken a call into its queue.
        answering: seconds from the first byte of a direct call's answer to its last.
        uploading: seconds for one request that sends files, or one message to an app of Gradio 3.x.
        downloading: seconds for one file of a result.
        answer_bytes: the largest answer to anything but a direct call: the config, the description, a join.
        result_bytes: the largest answer to a direct call.
        event_bytes: the largest event of a stream, and the largest message of a WebSocket.
        early_bytes: what a session keeps of messages that come before the answer to their call. Where there
            is more, the messages of the call with most of it are dropped, and that call fails.
            As many bytes of large messages may wait until smaller ones that came after them are handled.
        job_bytes: what one job keeps of all its messages: the values of a generator, progress and logs, which
            can be asked for as long as the job is referenced. Counted as about what they take in memory.
        progress_updates: how many of the app's updates of progress one job keeps for those who read them
            late; the oldest ones are dropped. Who keeps up gets all.
        playlist_bytes: the largest playlist of streamed media.
        max_download_size: the largest file of a result, in bytes.
        json_values: how many values (numbers, texts, lists, objects and the names in them; empty ones count
            twice) a direct call's answer or an event may hold. An answer that `answer_bytes` is for may hold
            one for every 8 bytes of that limit.

    Raises:
        ArgumentError: an unknown name, or a value of the wrong kind.

    Example:
        >>> Limits(max_download_size=10**9, downloading=None).max_download_size
        1000000000
    """

    __slots__ = (*_DEFAULTS, "bound")

    #: Returns the limit of a name, with how error texts call it. Every call asks for some.
    bound: Callable[[str], Bound]

    connecting: Optional[float]
    describing: Optional[float]
    joining: Optional[float]
    answering: Optional[float]
    uploading: Optional[float]
    downloading: Optional[float]
    answer_bytes: Optional[int]
    result_bytes: Optional[int]
    event_bytes: Optional[int]
    early_bytes: Optional[int]
    job_bytes: Optional[int]
    progress_updates: Optional[int]
    playlist_bytes: Optional[int]
    max_download_size: Optional[int]
    json_values: Optional[int]

    def __init__(self, **limits: Optional[float]) -> None:
        unknown = sorted(limits.keys() - _DEFAULTS.keys())
        if unknown:
            raise ArgumentError(
                f"There is no limit called {', '.join(unknown)}; there are {', '.join(_DEFAULTS)}."
            )
        for name, value in limits.items():
            _check(name, value)
        values = {**_DEFAULTS, **limits}
        for name, value in values.items():
            object.__setattr__(self, name, value)
        bounds = {name: Bound(value, f"Limits({name}={value})") for name, value in values.items()}
        object.__setattr__(self, "bound", bounds.__getitem__)

    @property
    def answer_values(self) -> Optional[int]:
        """How many values an answer of `answer_bytes` may hold: no more than fit into it in real apps."""
        if self.answer_bytes is None:
            return self.json_values
        densest = self.answer_bytes // _BYTES_OF_VALUE + 1
        return densest if self.json_values is None else min(densest, self.json_values)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} cannot be changed; make another one.")

    def __iter__(self) -> Iterator[Tuple[str, Optional[float]]]:
        return ((name, getattr(self, name)) for name in _DEFAULTS)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Limits) and dict(self) == dict(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __reduce__(self) -> Tuple[Any, ...]:
        return _remake, (dict(self),)

    def __repr__(self) -> str:
        return f"Limits({', '.join(f'{name}={value}' for name, value in self)})"


def _remake(limits: Dict[str, Optional[float]]) -> Limits:
    return Limits(**limits)


def _check(name: str, value: Any) -> None:
    kinds = (int, float) if name in _SECONDS else (int,)
    longest = threading.TIMEOUT_MAX if name in _SECONDS else 1 << 62
    if value is not None and (
        isinstance(value, bool) or not isinstance(value, kinds) or not 0 < value <= longest
    ):
        unit = "number of seconds" if name in _SECONDS else "whole number"
        raise ArgumentError(f"The limit {name} must be a {unit} above 0, or None; it is {value!r}.")


#: The limits of a client that is made without any.
DEFAULT_LIMITS = Limits()
