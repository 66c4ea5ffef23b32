"""Tests `generations.py`, and that no other module compares a protocol or a version."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest
from copies import PACKAGE, copy_into

from gradio_client_lite.errors import UnsupportedAppError
from gradio_client_lite.generations import dialect_of, plan_cancel
from gradio_client_lite.wire.config import AppSpec, ComponentSpec, parse_config
from gradio_client_lite.wire.dialect import CancelPlan, Dialect


def app(version: str, protocol: str | None, **fields: Any) -> AppSpec:
    """An app with one function; `fields` are the config's, or under `function` the function's."""
    function = fields.pop("function", {})
    raw = {
        "version": version,
        "protocol": protocol,
        "components": [{"id": 1, "type": "json"}, {"id": 2, "type": "textbox"}],
        "dependencies": [{"backend_fn": True, "inputs": [], "outputs": [2], **function}],
        **fields,
    }
    return parse_config(raw, "http://host/")


def spoken(spec: AppSpec) -> Dialect:
    return dialect_of(spec, "http://host/")


def runs_directly(spec: AppSpec) -> bool:
    return 0 in spoken(spec).direct_calls


@pytest.mark.parametrize(
    ("version", "protocol", "expected"),
    [
        ("3.23.0", None, ("socket", False)),
        ("3.50.2", "ws", ("socket", False)),
        ("4.0.2", "sse", ("stream", False)),
        ("4.16.0", "sse_v1", ("session", False)),
        ("4.19.2", "sse_v2", ("session", True)),
        ("4.21.0", "sse_v2.1", ("session", True)),
        ("6.31.0", "sse_v3", ("session", True)),
    ],
)
def test_each_protocol_has_its_driver(version: str, protocol: str | None, expected: Tuple[str, bool]) -> None:
    dialect = spoken(app(version, protocol))
    assert (dialect.queue, dialect.diffs) == expected


@pytest.mark.parametrize(("version", "expected"), [("4.15.0", False), ("4.16.0", True), ("6.31.0", True)])
def test_stream_is_opened_ahead_where_that_was_tried(version: str, expected: bool) -> None:
    assert spoken(app(version, "sse_v1")).streams_ahead is expected


def test_unknown_protocol_is_named_with_the_app_and_its_release() -> None:
    with pytest.raises(UnsupportedAppError, match=r"http://host/ runs Gradio 9\.1 with .*'sse_v9'.*newer"):
        dialect_of(app("9.1", "sse_v9"), "http://host/")


@pytest.mark.parametrize(
    ("enable_queue", "queue", "expected"),
    [
        (True, None, False),
        (True, True, False),
        (True, False, True),
        (False, None, True),
        (False, False, True),
        # Such an app cannot even be launched by the later 3.x; without a queue there is no socket.
        (False, True, True),
        (None, None, True),
    ],
)
def test_3_x_function_is_queued_when_the_app_has_a_queue_and_the_function_joins_it(
    enable_queue: bool | None, queue: bool | None, expected: bool
) -> None:
    spec = app("3.50.2", None, enable_queue=enable_queue, function={"queue": queue})
    assert runs_directly(spec) is expected


def test_queue_of_3_1_0_is_gone_around() -> None:
    for version, expected in (("3.1.0", True), ("3.1.5", False)):
        spec = app(version, None, enable_queue=True)
        assert runs_directly(spec) is expected


@pytest.mark.parametrize(
    "function",
    [{"queue": False, "types": {"generator": True}}, {"queue": False, "batch": True}],
    ids=["generator", "batch"],
)
@pytest.mark.parametrize(("version", "protocol"), [("3.50.2", "ws"), ("4.0.2", "sse"), ("6.31.0", "sse_v3")])
def test_what_the_direct_route_gets_wrong_is_queued(version: str, protocol: str, function: Any) -> None:
    spec = app(version, protocol, enable_queue=True, function=function)
    assert not runs_directly(spec)


@pytest.mark.parametrize(
    ("version", "protocol", "expected"),
    [
        ("3.50.2", "ws", True),
        ("4.0.2", "sse", False),
        ("5.50.0", "sse_v3", False),
        ("6.31.0", "sse_v3", True),
    ],
)
def test_json_output_goes_the_way_that_keeps_it_whole(version: str, protocol: str, expected: bool) -> None:
    spec = app(version, protocol, enable_queue=True, function={"queue": False, "outputs": [1]})
    assert runs_directly(spec) is expected


@pytest.mark.parametrize(
    ("version", "protocol", "expected"),
    [
        ("3.1.0", None, "api/predict"),
        ("3.8.2", None, "api/predict"),
        ("3.9", None, "run/predict"),
        ("3.50.2", "ws", "run/predict"),
        ("4.0.2", "sse", "run/predict"),
        ("6.31.0", "sse_v3", "run/predict"),
    ],
)
def test_direct_calls_go_where_the_server_takes_them(version: str, protocol: str, expected: str) -> None:
    assert spoken(app(version, protocol)).direct_route == expected


@pytest.mark.parametrize(("version", "expected"), [("3.1.7", True), ("3.2.0", False), ("3.50.2", False)])
def test_first_sockets_wait_for_the_clients_word(version: str, expected: bool) -> None:
    assert spoken(app(version, None)).greets is expected


@pytest.mark.parametrize(
    ("version", "protocol", "fields", "expected"),
    [
        ("3.50.2", "ws", {}, False),
        ("4.0.2", "sse", {}, False),
        ("4.31.5", "sse_v3", {}, True),
        ("6.31.0", "sse_v3", {"connect_heartbeat": False}, False),
        ("6.31.0", "sse_v3", {"connect_heartbeat": True}, True),
    ],
)
def test_heartbeat_is_for_servers_that_have_one(
    version: str, protocol: str, fields: Any, expected: bool
) -> None:
    spec = app(version, protocol, components=[{"id": 1, "type": "state"}], **fields)
    assert spoken(spec).heartbeat is expected


@pytest.mark.parametrize(("version", "there"), [("3.18.0", False), ("3.19", True), ("3.50.2", True)])
def test_uploads_came_with_3_19(version: str, there: bool) -> None:
    assert spoken(app(version, None)).upload_route is there


# --- cancelling


def app_that_cancels(version: str, *cancels: Any) -> AppSpec:
    """An app with functions named a, b, …; each argument lists what that function cancels."""
    dependencies: Any = [
        {"id": index, "api_name": "abcdef"[index], "backend_fn": True, "cancels": list(cancelled)}
        for index, cancelled in enumerate(cancels)
    ]
    protocol = "ws" if version.startswith("3.") else "sse_v3"
    config: Dict[str, Any] = {"version": version, "protocol": protocol, "dependencies": dependencies}
    return parse_config(config, "http://host/")


def plan(spec: AppSpec, fn_index: int = 0) -> CancelPlan:
    return plan_cancel(spec, spoken(spec), spec.endpoints[fn_index])


@pytest.mark.parametrize("version", ["4.29.1", "4.30.0", "5.0.0b1", "6.13.0"])
def test_newer_server_has_the_route(version: str) -> None:
    assert plan(app_that_cancels(version, [], [0])) == CancelPlan(route=True)


@pytest.mark.parametrize("version", ["6.14.0", "6.31.0"])
def test_newest_server_takes_a_waiting_job_from_its_queue(version: str) -> None:
    assert plan(app_that_cancels(version, [], [0])) == CancelPlan(route=True, unqueues=True)


@pytest.mark.parametrize(
    ("version", "limit", "closes", "reruns"),
    [
        ("6.31.0", None, True, False),
        ("6.0.0", 30, True, False),
        ("5.50.0", 30, True, True),
        ("5.50.0", None, False, True),  # it would only be run again
    ],
)
def test_stream_is_ended_where_that_ends_the_job(
    version: str, limit: Any, closes: bool, reruns: bool
) -> None:
    spec = app(version, "sse_v3", function={"connection": "stream", "time_limit": limit})
    assert (plan(spec).closes, plan(spec).reruns) == (closes, reruns)


def test_other_jobs_have_no_stream_to_end() -> None:
    spec = app("5.50.0", "sse_v3", function={"connection": "sse", "time_limit": None})
    assert (plan(spec).closes, plan(spec).reruns) == (False, False)


@pytest.mark.parametrize("version", ["4.16.0", "4.28.3", "4.29.0"])
def test_older_server_cancels_by_the_function_that_says_so(version: str) -> None:
    assert plan(app_that_cancels(version, [], [0])) == CancelPlan(route=False, fn_index=1, reset="event")


@pytest.mark.parametrize("cancels", [[], [0]])
def test_3_x_is_told_nothing_of_a_job_with_a_session_of_its_own(cancels: Any) -> None:
    assert plan(app_that_cancels("3.50.2", [], cancels)).reset is None


@pytest.mark.parametrize("cancels", [[], [0]])
def test_3_x_is_told_by_session_and_function_where_there_is_state(cancels: Any) -> None:
    spec = app_that_cancels("3.50.2", [], cancels)
    component = ComponentSpec(1, "state", "", skip=True, is_state=True, value_is_file=False)
    endpoint = spec.endpoints[0]._replace(outputs=(component,))
    assert plan_cancel(spec, spoken(spec), endpoint).reset == "function"


def test_of_several_the_one_that_cancels_fewest_others_is_chosen() -> None:
    spec = app_that_cancels("4.16.0", [], [0, 2], [], [0])
    assert plan(spec) == CancelPlan(route=False, fn_index=3, reset="event")


def test_what_else_is_cancelled_is_told() -> None:
    chosen = plan(app_that_cancels("4.16.0", [], [0, 2], []))
    assert chosen.fn_index == 1
    assert chosen.warning is not None
    assert "/c" in chosen.warning
    assert "/a" not in chosen.warning


def test_function_that_does_not_exist_is_no_other_job() -> None:
    assert plan(app_that_cancels("4.16.0", [], [0, 99])).warning is None


def test_where_nothing_cancels_the_caller_is_told() -> None:
    chosen = plan(app_that_cancels("4.16.0", [], [1]))
    assert (chosen.route, chosen.fn_index) == (False, None)
    assert chosen.warning is not None
    assert "will not stop the server" in chosen.warning


# --- where it stands


#: These say which release they speak to, or name one; what differs stands in the fields of a Dialect.
NAMES = frozenset(("protocol", "version", "app_version", "gradio_version"))


def compared(node: ast.AST) -> Iterator[ast.expr]:
    """What is compared in a comparison, or in a call that tells what a text begins with."""
    if isinstance(node, ast.Compare):
        yield from (node.left, *node.comparators)
    called = node.func if isinstance(node, ast.Call) else None
    if isinstance(called, ast.Attribute) and called.attr in ("startswith", "endswith", "parse"):
        yield called.value


def name_of(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def comparisons(path: Path) -> List[str]:
    """Where a module compares a protocol or version, or makes a Version."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [(node, name_of(one)) for node in ast.walk(tree) for one in compared(node)]
    return [f"{path.name}:{node.lineno}" for node, name in found if name in NAMES or name == "Version"]  # type: ignore[attr-defined]


def test_a_comparison_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text("if app.protocol == 'ws' or Version.parse('4') < 1 or version.startswith('4.'): pass")
    assert len(comparisons(path)) == 3


def test_no_other_module_compares_a_protocol_or_a_version() -> None:
    known = {
        "generations.py",
        "wire/dialect.py",
        "wire/config.py",  # reads the version
        "spaces/discord/render.py",  # of the Gradio that a bot's Space is built with
    }
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        if name not in known and not name.startswith("embed/"):  # which compares copies of this package
            assert comparisons(path) == []


CALL = """
import sys
from {package} import Client
from {package}.testing import serve
def echo(x: str) -> str: return x
with serve({{"/echo": echo}}) as app, Client(app.url, verbose=False) as client:
    assert client.predict("a", api_name="/echo") == "a"
    job = client.submit(x="b", api_name="/echo")
    assert (job.result(), list(job)) == ("b", ["b"])
    print([name for name in sys.modules if "{package}.files" in name or "{package}.legacy" in name])
"""
WITH_FILE = """
import sys, types
from {package} import Client
from {package}.wire.provenance import FileArgument
from {package}.testing import serve
def echo(x: str) -> str: return x
with serve({{"/echo": echo}}) as app, Client(app.url, verbose=False) as client:
    value = FileArgument(path="/x")
    value.source = object()
    try:
        client.predict(value, api_name="/echo")
    except ModuleNotFoundError as exc:
        print(exc.name)
"""


def run(folder: Path, code: str) -> str:
    """What a copy of the package without the rooms of files and old servers prints."""
    copy_into(folder, "copied")
    for room in ("files", "legacy"):
        shutil.rmtree(folder / "copied" / room)
    command = [sys.executable, "-c", code.format(package="copied")]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_calls_without_files_need_neither_the_room_of_files_nor_that_of_old_servers(tmp_path: Path) -> None:
    assert run(tmp_path, CALL) == "[]"


def test_a_call_with_files_says_that_the_room_is_missing(tmp_path: Path) -> None:
    assert run(tmp_path, WITH_FILE) == "copied.files"
