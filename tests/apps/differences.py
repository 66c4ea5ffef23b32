"""Where our client means to differ from the official one; each has its row in docs/differences.md."""

from __future__ import annotations

from typing import Optional

from .difference import (
    Difference,
    cancelled,
    finished,
    iterated,
    with_advice,
    with_outputs,
    wrong_credentials,
)
from .differences_of_3 import GRADIO_3
from .servers import release

_SUBPATH = (
    "an app mounted at a subpath is reached on Gradio 4 as well; the official client forgets the subpath"
)
_LISTED = "the error of a name or number that no endpoint has lists those that there are"
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
        ("noop-iterated",),
        "iterating a job of a function that is no generator gives its value; the official client may miss it",
        iterated("text"),
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
        ("fail_midway_gr",),
        "a first value that the server sends as an edit of a generator that has failed is taken as a value",
        with_outputs(1, 2),
        since="4.17",
        before="6",
        sometimes=True,
    ),
    Difference(
        ("auth-wrong",),
        "a wrong password is an AuthenticationError; the official client raises a bare ValueError",
        wrong_credentials,
    ),
    Difference(("no_such_endpoint", "fn_index_too_large", "unnamed_endpoint"), _LISTED, with_advice),
    Difference(("echo_2",), _LISTED, with_advice, before="6"),  # each release numbers such names in its way
    Difference(("echo_1",), _LISTED, with_advice, since="6"),
    Difference(("auth-missing",), "an error that wants a login says how to log in", with_advice),
    Difference(("subpath-echo", "subpath-direct"), _SUBPATH, finished("x"), before="5"),
    Difference(("subpath-count",), _SUBPATH, finished(0, 1, 2), since="4", before="5"),
    *GRADIO_3,
]


def difference_for(name: str, version: str) -> Optional[Difference]:
    """The difference that a call shows on a Gradio release, if any."""
    for difference in DIFFERENCES:
        if name in difference.calls and release(difference.since) <= release(version) < release(
            difference.before
        ):
            return difference
    return None
