"""Calls of every kind, each of which knows its right result: what runs while faults strike.

The app is `tests/apps/faulted_app.py`. A call raises what went wrong: the client's own error; `Wrong` for a
result that is not the right one; `Lost` for an end as if all had come, when it has not; `Late` where its
caller gave it up.
"""

from __future__ import annotations

import asyncio
import hashlib
from concurrent.futures import TimeoutError as WaitTimeout
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple

from gradio_client_lite import Client, Job, handle_file
from gradio_client_lite.errors import AppError, DeadlineExceeded, GradioClientError
from gradio_client_lite.updates import OutputUpdate

#: Seconds that a caller waits for a job, which takes a tenth of one.
LIMIT = 12.0
_STEPS = 8  # of a generator


class Wrong(AssertionError):
    """A value that nobody may get."""


class Lost(AssertionError):
    """An end without a result and without an error."""


class Late(Exception):
    """A job did not end within its caller's limit."""


class Use(NamedTuple):
    """One call's own.

    Args:
        tag: a text that no other call has.
        folder: for files that are sent.
        twice: whether something on the way may send a request twice.
    """

    client: Client
    tag: str
    folder: Path
    twice: bool = False

    def result(self, *args: Any, api_name: str, **options: Any) -> Any:
        """The result of a call, within the limit."""
        job = self.client.submit(*args, api_name=api_name, **options)
        with _given_up(job):
            return job.result(LIMIT)


@contextmanager
def _given_up(job: Job) -> Iterator[None]:
    """Tell the limit of who waits for a job from the errors that are its own."""
    try:
        yield
    except (TimeoutError, WaitTimeout) as exc:
        if job.done():
            raise
        job.cancel()
        raise Late(f"no end within {LIMIT} seconds") from exc


def _outputs(job: Job) -> Iterator[Any]:
    """The values of a generator as they come."""
    with _given_up(job):
        for update in job.updates(total=LIMIT):
            if isinstance(update, OutputUpdate) and not update.final:
                yield update.outputs


def same(got: Any, right: Any) -> None:
    """Compare a result with the right one."""
    if got != right:
        raise Wrong(f"{got!r} instead of {right!r}")


def _follow(seen: List[Any], right: List[Any]) -> None:
    """Compare what was seen of a generator with its values, in order; a cut may leave some out."""
    left = iter(right)
    if not all(value in left for value in seen):
        raise Wrong(f"{seen!r} are no values of {right!r}")


def text(use: Use) -> None:
    same(use.result(use.tag, api_name="/echo"), use.tag)


def named(use: Use) -> None:
    """An argument by its name, which the description says."""
    described = use.client.view_api(print_info=False, return_format="dict")
    name = described["named_endpoints"]["/echo"]["parameters"][0].get("parameter_name")
    if name is None:  # old releases name none
        text(use)
    else:
        same(use.result(**{name: use.tag}, api_name="/echo"), use.tag)


def direct(use: Use) -> None:
    for turn in "ab":
        same(use.result(use.tag + turn, api_name="/direct"), use.tag + turn)


def growing(use: Use) -> None:
    """A generator whose values come as edits of each other."""
    right = [""]
    for step in range(_STEPS):
        right.append(f"{right[-1]}{step} \u0085 é ")
    job = use.client.submit(_STEPS, api_name="/grow")
    _follow(list(_outputs(job)), right[1:])
    same(job.result(0), right[-1])
    _follow(job.outputs(), right[1:])


def counting(use: Use) -> None:
    """A generator, by `async for`."""

    async def values() -> List[Any]:
        job = use.client.submit(5, 0.02, api_name="/count")
        updates = [update async for update in job if isinstance(update, OutputUpdate)]
        same(await job, 4)
        return [update.outputs for update in updates if not update.final]

    async def limited() -> List[Any]:
        try:
            return await asyncio.wait_for(values(), LIMIT)
        except asyncio.TimeoutError as exc:
            if isinstance(exc, DeadlineExceeded):
                raise
            raise Late(f"no end within {LIMIT} seconds") from exc

    _follow(asyncio.run(limited()), list(range(5)))


def state(use: Use) -> None:
    """What the server counts in this session: no call runs twice.

    The count may begin anew where the session was lost.
    """
    for turn in range(1, 3):
        said, number = use.result(use.tag, api_name="/count_calls")
        if number not in range(1, turn + 1) and not use.twice:
            raise Wrong(f"{number!r} calls instead of {turn}")
        same(said, f"{use.tag} {int(number)}")


def upload(use: Use) -> None:
    path = use.folder / f"{use.tag}.bin"
    content = use.tag.encode() * 3000
    path.write_bytes(content)
    same(use.result(handle_file(path), api_name="/digest"), hashlib.sha256(content).hexdigest())


def content_of(tag: str) -> str:
    """What is in the file that a call fetches."""
    return tag * 2000


def download(use: Use) -> None:
    content = content_of(use.tag)
    path = use.result(content, api_name="/written")
    same(Path(path).read_text(encoding="utf-8"), content)


def error(use: Use) -> None:
    try:
        got = use.result(use.tag, api_name="/fail")
    except AppError as exc:
        if use.tag not in str(exc):
            raise
    else:
        raise Wrong(f"{got!r} instead of an error")


def cancel(use: Use) -> None:
    job = use.client.submit(1000, 0.05, api_name="/endless")
    first = next(_outputs(job), None)
    if first is None:
        job.result(0)  # raises why
        raise Lost("a generator of 1000 values has ended without one")
    job.cancel(wait=0.5)
    if not job.cancelled():
        job.result(0)  # raises why; it ended just before
        raise Lost("a generator of 1000 values has ended")


def mapped(use: Use) -> None:
    inputs = [f"{use.tag} {number}" for number in range(6)]
    errors: List[BaseException] = []
    for row in use.client.map(inputs, api_name="/echo", rows=True, on_error="return", max_in_flight=3):
        if row.error is None:
            same(row.result, inputs[row.number])
        else:
            errors.append(row.error)
    # An error of another kind tells more than the first.
    errors.sort(key=lambda error: isinstance(error, GradioClientError))
    if errors:
        raise errors[0]


CALLS: Dict[str, Callable[[Use], None]] = {
    "text": text,
    "named": named,
    "direct": direct,
    "growing": growing,
    "counting": counting,
    "state": state,
    "upload": upload,
    "download": download,
    "error": error,
    "cancel": cancel,
    "map": mapped,
}
