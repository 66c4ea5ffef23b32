"""Where our client means to differ from the official one on Gradio 3, which that hardly serves any more.

What is expected instead is what the official client makes of the same call on Gradio 4.44, except that
servers of Gradio 3 send every number as a float. Each reason has its row in docs/differences.md.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from .calls import UNICODE
from .difference import HIDDEN, Difference, Json, all_finished, app_error, failed, finished, iterated, refused

_JSON_PATH = {"path": "/not/a/file", "nested": [{"path": "also not"}], "n": None}
_LABEL = {
    "label": "cat",
    "confidences": [{"label": "cat", "confidence": 0.75}, {"label": "dog", "confidence": 0.25}],
}
_ADA = {"token": "Ada", "class_or_confidence": "person"}
_EDITS = (
    {"list": [1, 2, 3], "deep": {"text": "a", "gone": True}, "same": "s"},
    {"list": [1, 2, 3, 4], "deep": {"text": "ab", "gone": True}, "same": "s"},
    {"list": [1, 9, 3, 4], "deep": {"text": "abc"}, "same": "s", "new": {"k": None}},
    {"list": [1, 9, 3], "deep": {"text": "zzz", "list": [{"a": 1}, {"b": 2}]}},
    {"list": [1, 9, 0.5], "deep": {"text": "zzz!", "list": [{"b": 2}]}, "a/b": 1},
    [1, {"whole": "other kind"}],
)
_DELETIONS = ({"flat": [1, 2, 3, 4], "nested": [[1, 2], [3, 4]]}, {"flat": [1], "nested": [[1], [3]]})
_TWO_STREAMS = tuple(("ab" * i, {"i": i, "seen": list(range(i))}) for i in range(3))
_HINT = "Please click on 'view API' in the footer of the Gradio app to see usage."


def _rows(reason: str, answers: Dict[str, Callable[[Json], Json]], **limits: Any) -> List[Difference]:
    """A difference of Gradio 3 for each call, by its name."""
    return [
        Difference((name,), reason, expected, **{"since": "3", "before": "4", **limits})
        for name, expected in answers.items()
    ]


_STRUCTURED = "structured values go and come as they are; the official client takes them for files"
_UNQUEUED = "functions with queue=False, and apps without a queue, answer; the official client gets an error"
_CALL_HEADERS = "the headers of a call are sent with it; the official client leaves them out"

GRADIO_3: List[Difference] = [
    *_rows(
        _STRUCTURED,
        {
            "json": finished({"a": [1, 2.5, None, True, {"b": "é"}], "": {}}),
            "json-list": finished([1, "two"]),
            "json_path": finished(_JSON_PATH),
            "dataframe": finished(
                {"headers": ["name", "n"], "data": [["x", 1.0], ["y", 2.5]], "metadata": None}
            ),
            "make_dataframe": finished(
                {"headers": ["name", "n"], "data": [["a", 1], ["b", 2]], "metadata": None}
            ),
            "direct_dataframe": finished({"headers": ["n"], "data": [[1], [2]], "metadata": None}),
            "label": finished(_LABEL),
            "highlighted": finished([_ADA, {"token": " wrote", "class_or_confidence": None}]),
            "dropdown-given": finished(["z", ["x", "z"]]),
            "dropdown-not_a_choice": finished(["other", []]),
            "controls-given": finished([False, 9]),
            "controls-out_of_range": finished([False, 99]),
            "edit_json": finished(*_EDITS),
            "delete_items": finished(*_DELETIONS),
            "two_streams": finished(*_TWO_STREAMS),
            "two_streams-iterated": iterated(*_TWO_STREAMS),
            "direct_json": finished({"a": [1, None]}),
            "direct_json-number": finished(7),
            "no_queue-json": finished({"a": [1, None]}),
        },
    ),
    *_rows(
        _UNQUEUED,
        {
            "direct": finished(UNICODE),
            "direct_two": finished((7.0, "x")),
            "direct_label": finished(_LABEL),
            "direct_highlighted": finished([_ADA]),
            "direct_checkboxes": finished(["q"]),
            "direct_count": finished(0.0, 1.0, 2.0),
            "direct_gr_error": failed("'direct failure'"),
            "direct_value_error": failed("bad value: direct"),
            "direct_header": finished("per call"),
            "https-direct": finished("x"),
            "hidden-direct_gr_error": failed("'x'"),
            "hidden-direct_value_error": failed(HIDDEN),
            "no_queue-echo": finished(UNICODE),
            "no_queue-default": finished(12.0),
            "no_queue-two": finished((2.0, "left")),
            "no_queue-no_output": finished(()),
            "no_queue-label": finished(_LABEL),
            "no_queue-direct": finished("x"),
            "no_queue-gr_error": failed("'shown'"),
            "no_queue-value_error": failed("bad value: x"),
            "no_queue-state": all_finished(("a 1 b", 1.0), ("c 2 d", 2.0)),
            "no_queue-header": finished("per call"),
        },
    ),
    *_rows(
        "parameters have names, those of their labels, and defaults; the official client knows none",
        {
            "echo-default": finished("hello"),
            "echo-keyword": finished("by keyword"),
            "large": finished("x" * 5_000_000),
            "calculate-default": finished(12.0),
            "calculate-labels": finished(2.0),
            "dropdown": finished(["y", ["x"]]),
            "checkboxes-default": finished(["q"]),
            "controls": finished([True, 4]),
            "count": finished(0.0, 1.0, 2.0),
            "progress": finished("done"),
            "count_calls": all_finished(("a 1 b", 1.0), ("c 2 !", 2.0), ("d 3 e", 3.0)),
        },
    ),
    *_rows(
        "wrong arguments are an error of the call; the official client sends what it can, or fails the job",
        {
            "calculate-missing": refused("No value provided for required argument: first_number"),
            "calculate-too_many": finished(3.0),
            "calculate-keywords": refused(f"Parameter `num1` is not a valid key-word argument. {_HINT}"),
            "calculate-given_twice": refused(f"Parameter `num1` is not a valid key-word argument. {_HINT}"),
            "calculate-label_given_twice": refused(
                f"Parameter `first_number` is already set as a positional argument. {_HINT}"
            ),
            "calculate-unknown_keyword": refused(
                f"Parameter `nope` is not a valid key-word argument. {_HINT}"
            ),
        },
    ),
    *_rows(
        "an app's error is an AppError on every server; the official client raises a bare ValueError",
        dict.fromkeys(
            (
                "calculate-divide_by_zero_in_order",
                "calculate-wrong_type",
                "fail_midway",
                "fail_midway_gr",
                "value_error",
                "gr_error",
                "gr_error-empty",
                "detailed_error",
                "hidden-gr_error",
            ),
            app_error,
        ),
    ),
    *_rows(
        "an error that the app hides is described as on Gradio 4; the official client's says None",
        {
            "hidden-value_error": failed(HIDDEN),
            "hidden-fail_midway": failed(HIDDEN, "part 0", "part 1"),
        },
    ),
    *_rows(
        "sockets have the cookies, and so the login, of the client; the official client's have none",
        {"auth-right": finished("x"), "auth-user": finished("user"), "auth-unicode": finished("ünï")},
    ),
    *_rows(
        "ssl_verify holds for sockets too; the official client always verifies them",
        {"https-unverified": finished("x"), "https-count": finished(0.0, 1.0, 2.0)},
    ),
    *_rows(
        "an app mounted below a path is reached; the official client forgets the path",
        {"subpath-count": finished(0.0, 1.0, 2.0)},
    ),
    *_rows(_CALL_HEADERS, {"header": finished("per call")}, before="4.9"),
    *_rows(_CALL_HEADERS, {"direct_header": finished("per call")}, since="4", before="4.9"),
]
