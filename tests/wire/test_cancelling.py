from __future__ import annotations

from typing import Any, Dict

import pytest

from gradio_client_lite.wire.cancelling import CancelPlan, plan_cancel
from gradio_client_lite.wire.config import AppSpec, ComponentSpec, parse_config


def app(version: str, *cancels: Any) -> AppSpec:
    """An app with functions named a, b, …; each argument lists what that function cancels."""
    dependencies: Any = [
        {"id": index, "api_name": "abcdef"[index], "backend_fn": True, "cancels": list(cancelled)}
        for index, cancelled in enumerate(cancels)
    ]
    protocol = "ws" if version.startswith("3.") else "sse_v3"
    config: Dict[str, Any] = {"version": version, "protocol": protocol, "dependencies": dependencies}
    return parse_config(config, "http://host/")


def plan(spec: AppSpec, fn_index: int = 0) -> CancelPlan:
    return plan_cancel(spec, spec.endpoints[fn_index])


@pytest.mark.parametrize("version", ["4.29.1", "4.30.0", "5.0.0b1", "6.13.0"])
def test_newer_server_has_the_route(version: str) -> None:
    assert plan(app(version, [], [0])) == CancelPlan(route=True)


@pytest.mark.parametrize("version", ["6.14.0", "6.31.0"])
def test_newest_server_takes_a_waiting_job_from_its_queue(version: str) -> None:
    assert plan(app(version, [], [0])) == CancelPlan(route=True, unqueues=True)


@pytest.mark.parametrize("version", ["4.16.0", "4.28.3", "4.29.0"])
def test_older_server_cancels_by_the_function_that_says_so(version: str) -> None:
    assert plan(app(version, [], [0])) == CancelPlan(route=False, fn_index=1, reset="event")


@pytest.mark.parametrize("cancels", [[], [0]])
def test_3_x_is_told_nothing_of_a_job_with_a_session_of_its_own(cancels: Any) -> None:
    assert plan(app("3.50.2", [], cancels)).reset is None


@pytest.mark.parametrize("cancels", [[], [0]])
def test_3_x_is_told_by_session_and_function_where_there_is_state(cancels: Any) -> None:
    spec = app("3.50.2", [], cancels)
    component = ComponentSpec(1, "state", "", skip=True, is_state=True, value_is_file=False)
    endpoint = spec.endpoints[0]._replace(outputs=(component,))
    assert plan_cancel(spec, endpoint).reset == "function"


def test_of_several_the_one_that_cancels_fewest_others_is_chosen() -> None:
    spec = app("4.16.0", [], [0, 2], [], [0])
    assert plan(spec) == CancelPlan(route=False, fn_index=3, reset="event")


def test_what_else_is_cancelled_is_told() -> None:
    chosen = plan(app("4.16.0", [], [0, 2], []))
    assert chosen.fn_index == 1
    assert chosen.warning is not None
    assert "/c" in chosen.warning
    assert "/a" not in chosen.warning


def test_function_that_does_not_exist_is_no_other_job() -> None:
    assert plan(app("4.16.0", [], [0, 99])).warning is None


def test_where_nothing_cancels_the_caller_is_told() -> None:
    chosen = plan(app("4.16.0", [], [1]))
    assert (chosen.route, chosen.fn_index) == (False, None)
    assert chosen.warning is not None
    assert "will not stop the server" in chosen.warning
