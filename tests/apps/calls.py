"""The calls that are made with both clients, and where the answers may differ."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Dict, List, Optional, Tuple

Json = Dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One request to both clients.

    Attributes:
        name: the test's id.
        calls: the arguments of each call made in turn with one client: {"args": [...], "kwargs": {...}}.
        api_name, fn_index, headers: as `Client.submit` takes them.
        method: "submit" compares result, outputs and status; "predict" the result; "iterate" also what
            iterating the job yields; "cancel" cancels after the first output; "view_api" the description.
        client: options of `Client`.
        fresh: a client, and so a session, of its own.
        since, before: the releases whose app has the endpoint; `before` itself is not among them.
        but: releases between them whose app has not.
        fixture: the server fixture it is for.
    """

    name: str
    calls: Tuple[Json, ...]
    api_name: Optional[str] = None
    fn_index: Optional[int] = None
    headers: Optional[Dict[str, str]] = None
    method: str = "submit"
    client: Json = field(default_factory=dict)
    fresh: bool = False
    since: str = "3"
    before: str = "1000"
    but: Tuple[str, ...] = ()
    fixture: str = "server"

    def request(self, url: str) -> Json:
        """What `oracle_worker.Caller.perform` takes."""
        return {**asdict(self), "url": url}


def given(*args: Any, **kwargs: Any) -> Json:
    """The arguments of one call."""
    return {"args": list(args), "kwargs": kwargs}


def call(endpoint: str, *args: Any, case: str = "", **kwargs: Any) -> Call:
    """One call of an endpoint by name."""
    return Call(f"{endpoint}-{case}" if case else endpoint, (given(*args, **kwargs),), f"/{endpoint}")


def calls_of(endpoint: str, *calls: Json, case: str = "", **options: Any) -> Call:
    """Several calls of an endpoint, or one that needs options."""
    return Call(f"{endpoint}-{case}" if case else endpoint, calls, f"/{endpoint}", **options)


UNICODE = 'naïve ‰ 日本語 🙂 next\u0085line sep\u2028arator \x00 \x7f tab\t quote" back\\slash \r\n'

VALUES = [
    call("noop", "text"),
    call("echo", UNICODE),
    call("echo", "", case="empty"),
    call("echo", None, case="none"),
    call("echo", 7, case="number"),
    call("echo", case="default"),
    call("echo", text="by keyword", case="keyword"),
    call("unicode"),
    call("large"),
    call("large", 2_000_000, case="number"),
    call("calculate", 4, "multiply", 5),
    call("calculate", 4, "multiply", case="default"),
    call("calculate", num1=4, num2=2, operation="divide", case="keywords"),
    calls_of(
        "calculate",
        given(second_number=2, first_number=4, operation="divide"),
        case="labels",
        before="4",  # has no other names
    ),
    calls_of("calculate", given(4, num2=0, operation="divide"), case="divide_by_zero", since="4"),
    call("calculate", 4, "divide", 0, case="divide_by_zero_in_order"),
    call("calculate", 4, "power", 2, case="not_a_choice"),
    call("swap", "left", 2),
    call("no_output", "x"),
    call("no_input"),
    call("nothing"),
    call("returns_none", "x"),
    call("json", {"a": [1, 2.5, None, True, {"b": "é"}], "": {}}),
    call("json", [1, "two"], case="list"),
    call("json", None, case="none"),
    calls_of("json_path", given(), since="4.44.1"),  # older servers take it for a file themselves
    call("dataframe", {"headers": ["name", "n"], "data": [["x", 1], ["y", 2.5]]}),
    call("make_dataframe"),
    call("label"),
    call("highlighted"),
    call("dropdown"),
    call("dropdown", "z", ["x", "z"], case="given"),
    call("dropdown", "other", [], case="not_a_choice"),
    call("checkboxes", ["p", "q"]),
    call("checkboxes", case="default"),
    call("controls"),
    call("controls", False, 9, case="given"),
    call("controls", False, 99, case="out_of_range"),
    call("update", "u"),
    call("markdown", "title"),
    call("code", "x = 1"),
    calls_of("batched", given("ab", 3), but=("4.0.2",)),  # which gets no further in its queue after a batch
]

STREAMS = [
    call("count"),
    call("count", 5, 0, case="fast"),
    call("count", 0, 0, case="none"),
    calls_of("count", given(4, 0.05), case="iterated", method="iterate"),
    calls_of("count", given(4, 0), case="predicted", method="predict"),
    call("grow", 30),
    call("edit_json"),
    call("delete_items"),
    call("two_streams"),
    calls_of("two_streams", given(), case="iterated", method="iterate"),
    calls_of("noop", given("text"), case="iterated", method="iterate"),
    call("fail_midway", 3),
    call("fail_midway_gr"),
    call("generate_nothing"),
    calls_of("chat", given("hello"), since="3.50.2"),
    calls_of("chat", given("one"), given("two"), case="twice", fresh=True, since="3.50.2"),
]

JOBS = [
    call("slow", 0.1),
    call("one_at_a_time", 0.05),
    calls_of("tell", given("spoken"), since="3.50.2"),
    call("progress"),
    calls_of("forever", given(20), case="cancelled", method="cancel"),
]

ERRORS = [
    call("value_error", "x"),
    call("gr_error", "shown to the user"),
    call("gr_error", "", case="empty"),
    call("detailed_error"),
    call("wrong_output_count"),
    call("direct", UNICODE),
    call("direct_two", "x"),
    call("direct_json", {"a": [1, None]}),
    call("direct_json", 7, case="number"),
    call("direct_label"),
    call("direct_dataframe"),
    call("direct_highlighted"),
    call("direct_checkboxes", ["q"]),
    call("direct_count", 3, 0),
    call("direct_gr_error", "direct failure"),
    call("direct_value_error", "direct"),
]

SESSIONS = [
    calls_of("count_calls", given("a", "b"), given("c"), given(before="d", after="e"), fresh=True),
    calls_of("only_state", given(), fresh=True),
    calls_of("header", given("x-mine"), headers={"x-mine": "per call"}),
    calls_of("header", given("x-mine"), case="of_client", client={"headers": {"x-mine": "of the client"}}),
    calls_of(
        "header",
        given("x-mine"),
        case="of_both",
        client={"headers": {"x-mine": "of the client"}},
        headers={"x-mine": "per call"},
    ),
    calls_of("direct_header", given("x-mine"), headers={"x-mine": "per call"}),
    call("header", "x-gradio-user", case="gradio_user"),
    call("direct_header", "x-gradio-user", case="gradio_user"),
    call("user"),
]

ARGUMENTS = [
    call("calculate", case="missing"),
    call("calculate", 1, "add", 2, 3, case="too_many"),
    call("calculate", 1, nope=2, case="unknown_keyword"),
    call("calculate", 1, "add", 2, num1=5, case="given_twice"),
    calls_of("calculate", given(1, "add", 2, first_number=5), case="label_given_twice", before="4"),
    call("calculate", "one", "add", 2, case="wrong_type"),
    call("no_such_endpoint", 1),
    Call("no_slash", (given("x"),), api_name="echo"),
    Call("unnamed_endpoint", (given("x"),)),
    Call("fn_index", (given("x"),), fn_index=0),
    Call("fn_index_too_large", (given("x"),), fn_index=9999),
    Call("api_name_beats_fn_index", (given("x"),), api_name="/markdown", fn_index=0),
    call("undocumented", "x"),
    call("echo_1", "second of its name"),
    call("echo_2", "third of its name"),
    calls_of("named_by_function", given("x"), since="4"),
    calls_of("lambda", given("x"), since="4"),
    call("same_labels", "x", "y"),
    call("odd_labels", "x"),
    calls_of("javascript_only", given("x"), since="4"),  # before, the answer has the function's number
]

NEWER = [
    calls_of("direct_batched", given("ab", 2), since="5.50.0"),
    calls_of("typed", given("ab"), since="5.50.0"),
    calls_of("typed", given("ab", flags=[True], times=3), case="keywords", since="5.50.0"),
    calls_of("typed_stream", given(3), since="5.50.0"),
    calls_of("validated", given(20), since="5.50.0"),
    calls_of("validated", given(7), case="refused", since="5.50.0"),
    calls_of("success", given("x"), since="5.50.0"),
]

DESCRIPTIONS = [
    Call("view_api-text", (given(return_format="str"),), method="view_api", since="4"),
    Call("view_api-all", (given(return_format="str", all_endpoints=True),), method="view_api", since="4"),
    Call("view_api-named", (given(return_format="str", all_endpoints=False),), method="view_api", since="4"),
    Call("view_api-dict", (given(return_format="dict"),), method="view_api", since="4"),
]

_USER = {"auth": ["user", "pass"]}

VARIANTS = [
    Call("auth-right", (given("x"),), "/echo", client=_USER, fixture="auth_server"),
    Call("auth-user", (given(),), "/user", client=_USER, fixture="auth_server"),
    Call("auth-unicode", (given(),), "/user", client={"auth": ["ünï", "p@ss wörd&="]}, fixture="auth_server"),
    Call("auth-missing", (given("x"),), "/echo", fixture="auth_server"),
    Call("auth-wrong", (given("x"),), "/echo", client={"auth": ["user", "no"]}, fixture="auth_server"),
    Call("subpath-echo", (given("x"),), "/echo", fixture="subpath_server"),
    Call("subpath-direct", (given("x"),), "/direct", fixture="subpath_server"),
    Call("subpath-count", (given(),), "/count", fixture="subpath_server"),
    Call(
        "subpath-view_api",
        (given(return_format="str"),),
        method="view_api",
        since="5",
        fixture="subpath_server",
    ),
    Call("https-unverified", (given("x"),), "/echo", client={"ssl_verify": False}, fixture="https_server"),
    Call("https-direct", (given("x"),), "/direct", client={"ssl_verify": False}, fixture="https_server"),
    Call("https-count", (given(),), "/count", client={"ssl_verify": False}, fixture="https_server"),
    Call("hidden-value_error", (given("x"),), "/value_error", fixture="hide_errors_server"),
    Call("hidden-gr_error", (given("x"),), "/gr_error", fixture="hide_errors_server"),
    Call("hidden-direct_value_error", (given("x"),), "/direct_value_error", fixture="hide_errors_server"),
    Call("hidden-fail_midway", (given(2),), "/fail_midway", fixture="hide_errors_server"),
    Call("hidden-direct_gr_error", (given("x"),), "/direct_gr_error", fixture="hide_errors_server"),
    Call("single-unnamed", (given(0.05),), fixture="small_queue_server"),
    Call(
        "single-view_api",
        (given(return_format="str"),),
        method="view_api",
        since="4",
        fixture="small_queue_server",
    ),
]

QUEUELESS = [
    Call("no_queue-echo", (given(UNICODE),), "/echo", fixture="no_queue_server"),
    Call("no_queue-default", (given(4, "multiply"),), "/calculate", fixture="no_queue_server"),
    Call("no_queue-two", (given("left", 2),), "/swap", fixture="no_queue_server"),
    Call("no_queue-no_output", (given("x"),), "/no_output", fixture="no_queue_server"),
    Call("no_queue-json", (given({"a": [1, None]}),), "/json", fixture="no_queue_server"),
    Call("no_queue-label", (given(),), "/label", fixture="no_queue_server"),
    Call("no_queue-direct", (given("x"),), "/direct", fixture="no_queue_server"),
    Call("no_queue-gr_error", (given("shown"),), "/gr_error", fixture="no_queue_server"),
    Call("no_queue-value_error", (given("x"),), "/value_error", fixture="no_queue_server"),
    Call(
        "no_queue-state",
        (given("a", "b"), given("c", "d")),
        "/count_calls",
        fresh=True,
        fixture="no_queue_server",
    ),
    Call(
        "no_queue-header",
        (given("x-mine"),),
        "/header",
        headers={"x-mine": "per call"},
        fixture="no_queue_server",
    ),
]

CALLS: List[Call] = [
    *VALUES,
    *STREAMS,
    *JOBS,
    *ERRORS,
    *SESSIONS,
    *ARGUMENTS,
    *NEWER,
    *DESCRIPTIONS,
    *VARIANTS,
    *QUEUELESS,
]
