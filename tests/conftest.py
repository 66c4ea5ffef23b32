"""Fixtures that run real Gradio servers, and rules for the whole suite.

`server` runs a test once for each Gradio release; `auth_server`, `subpath_server`, `https_server`,
`hide_errors_server`, `small_queue_server`, `private_file_server` and `chat_server` run it for an older
release or two and the newest; `pages_server` for those that know pages; `file_server` for one release of each
generation of components, `v3_file_server` for those of Gradio 3; `no_queue_server` for Gradio 3, whose apps
need no queue. A server ends after the last test that needs it; pytest puts the tests of one server together,
and the next one starts meanwhile.

`@pytest.mark.servers("5.50.0", "6.31.0")`, or `since="5.0.2"`, `before="4"`, `but=("4.0.2",)`, limits a test
to some releases; `--servers 4.16.0,6.31.0` or `-k 6.31.0` limits a run, and `--half old` or `--half new` is
about a half of it. `@pytest.mark.whole` keeps a test to the interpreter that tests every release (see
GRADIO_TEST_WHOLE_ON below). An environment that cannot be made or a server that does not start is an error,
never a skip; in CI a skip is a failure.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Callable, Dict, Iterator, List

if (3, 12) <= sys.version_info < (3, 12, 3):
    # These keep future iterators that have gone in a list of `_asyncio`, which in a long run of many threads
    # becomes a ring: then the garbage collector goes round in it for ever. asyncio does without that module.
    sys.modules.setdefault("_asyncio", None)  # type: ignore[arg-type]

import pytest
from apps.pins import (
    CHAT_SERVERS,
    COMPONENT_SERVERS,
    FAULTED_SERVERS,
    FILE_SERVERS,
    LABEL_SERVERS,
    MOVING_SERVERS,
    PAGES_SERVERS,
    QUEUELESS_SERVERS,
    RESTARTED_SERVERS,
    SERVERS,
    SMOKE_SERVERS,
    SOAKED_SERVERS,
    V3_FILE_SERVERS,
    VARIANT_SERVERS,
)
from apps.servers import Ahead, Server, release, tail
from apps.surroundings import settle
from hypothesis import HealthCheck, settings

_FIXTURES = {
    "server": "plain",
    "auth_server": "auth",
    "subpath_server": "subpath",
    "https_server": "https",
    "hide_errors_server": "hide_errors",
    "small_queue_server": "small_queue",
    "file_server": "files",
    "chat_server": "chat",
    "pages_server": "pages",
    "label_server": "labels",
    "moving_server": "moving",
    "component_server": "components",
    "private_file_server": "private_files",
    "v3_file_server": "v3_files",
    "no_queue_server": "no_queue",
    "faulted_server": "faulted",
    "soaked_server": "soaked",
    "restart": "auth",  # of tests/apps/test_login_again.py, which starts servers of its own
}
_RELEASES = {
    "server": tuple(SERVERS),
    "file_server": FILE_SERVERS,
    "v3_file_server": V3_FILE_SERVERS,
    "private_file_server": tuple(version for version in VARIANT_SERVERS if version in FILE_SERVERS),
    "chat_server": CHAT_SERVERS,
    "pages_server": PAGES_SERVERS,
    "label_server": LABEL_SERVERS,
    "moving_server": MOVING_SERVERS,
    "component_server": COMPONENT_SERVERS,
    "no_queue_server": QUEUELESS_SERVERS,
    "faulted_server": FAULTED_SERVERS,
    "soaked_server": SOAKED_SERVERS,
    "restart": RESTARTED_SERVERS,
}
_AHEAD = pytest.StashKey[Ahead]()


def _server_fixture(variant: str) -> Callable[..., Any]:
    @pytest.fixture(scope="session")
    def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
        with request.config.stash[_AHEAD].running(
            (variant, request.param), tmp_path_factory.mktemp
        ) as server:
            yield server

    return run


server = _server_fixture("plain")
auth_server = _server_fixture("auth")
subpath_server = _server_fixture("subpath")
https_server = _server_fixture("https")
hide_errors_server = _server_fixture("hide_errors")
small_queue_server = _server_fixture("small_queue")
file_server = _server_fixture("files")
chat_server = _server_fixture("chat")
pages_server = _server_fixture("pages")
moving_server = _server_fixture("moving")
label_server = _server_fixture("labels")
component_server = _server_fixture("components")
private_file_server = _server_fixture("private_files")
v3_file_server = _server_fixture("v3_files")
no_queue_server = _server_fixture("no_queue")
faulted_server = _server_fixture("faulted")
soaked_server = _server_fixture("soaked")


@pytest.fixture(scope="session")
def twin_server(
    request: pytest.FixtureRequest, faulted_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Another like `faulted_server`, which knows nothing of its sessions: what it is after a restart."""
    with request.config.stash[_AHEAD].another(faulted_server, tmp_path_factory.mktemp) as server:
        yield server


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--servers", help="run only these Gradio releases, joined by commas")
    parser.addoption("--schedules", type=int, default=200, help="how many schedules of faults run in all")
    parser.addoption("--soak", help="how many predicts, streams, clients and reconnects: 50000,5000,500,1000")
    parser.addoption("--schedule", help="what runs instead: some of one release, as failures print them")
    parser.addoption(
        "--half", choices=("old", "new"), help="old: tests of a Gradio before 5 alone; new: all others"
    )
    parser.addoption("--stress", action="store_true", help="switch threads and collect wherever that can be")
    parser.addoption("--lock-order", action="store_true", help="watch what the package does with its locks")


def pytest_configure(config: pytest.Config) -> None:
    settle()
    config.addinivalue_line(
        "markers", "servers(*versions, since, before, but): the Gradio releases a test is for"
    )
    config.addinivalue_line("markers", "whole: a test for the interpreter alone that tests every release")
    if config.getoption("--stress"):
        from stress import Stress

        config.pluginmanager.register(Stress())
    # A busy machine is no reason for a property to fail. What hypothesis itself chooses for CI is kept.
    # What holds on the Python that runs the whole is tried with fewer examples on the others.
    examples = 100 if _runs_whole() else 25
    hasty = [HealthCheck.too_slow]
    settings.register_profile("patient", deadline=None, max_examples=examples, suppress_health_check=hasty)
    settings.load_profile("patient")
    if config.getoption("--lock-order"):
        from lock_order import switch_on

        switch_on(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that uses a server fixture once for each release."""
    for name in _FIXTURES.keys() & set(metafunc.fixturenames):
        versions = _RELEASES.get(name, VARIANT_SERVERS)
        metafunc.parametrize(name, list(versions), indirect=True, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: List[pytest.Item]) -> None:
    """Leave out the releases that a test or this run is not about: left out, not skipped."""
    chosen = _chosen_releases(config)
    wanted = [
        item
        for item in items
        if _is_wanted(item, chosen)
        and (_runs_whole() or not _needs_whole(item))
        and config.getoption("--half") in (None, _half(item))
    ]
    if len(wanted) < len(items):
        kept = {id(item) for item in wanted}
        config.hook.pytest_deselected(items=[item for item in items if id(item) not in kept])
        items[:] = wanted


def _needs_whole(item: pytest.Item) -> bool:
    """Whether it compares with another library, or needs one, or says so itself."""
    others = {"oracle_for", "library", "official", "bots"}
    asks = not others.isdisjoint(getattr(item, "fixturenames", ()))
    return asks or item.get_closest_marker("whole") is not None


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note which servers will be needed, in the order that pytest has given the tests."""
    session.config.stash[_AHEAD] = Ahead(
        [
            (_FIXTURES[name], version)
            for item in session.items
            for name, version in _releases_of(item).items()
            if name != "restart"
        ]
    )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End a server that no test came to, as after `-x`."""
    if _AHEAD in session.config.stash:
        session.config.stash[_AHEAD].close()


def _releases_of(item: pytest.Item) -> Dict[str, str]:
    """The releases that a test runs on, by the fixture that is its server."""
    callspec = getattr(item, "callspec", None)
    params = callspec.params if callspec else {}
    return {name: value for name, value in params.items() if name in _FIXTURES}


def _half(item: pytest.Item) -> str:
    """In which of two runs beside each other a test is; see `--half`."""
    return "old" if any(release(version) < (5,) for version in _releases_of(item).values()) else "new"


def _is_wanted(item: pytest.Item, chosen: set[str]) -> bool:
    releases = _releases_of(item).values()
    marks = list(item.iter_markers("servers"))
    return all(version in chosen and all(_allows(mark, version) for mark in marks) for version in releases)


def _allows(mark: pytest.Mark, version: str) -> bool:
    named = (not mark.args or version in mark.args) and version not in mark.kwargs.get("but", ())
    since, before = mark.kwargs.get("since", "0"), mark.kwargs.get("before", "1000")
    return named and release(since) <= release(version) < release(before)


def _chosen_releases(config: pytest.Config) -> set[str]:
    """What `--servers` names, else all of them, or two where the interpreter does not run the whole."""
    schedule = config.getoption("--schedule")
    named = schedule.split("/")[1] if schedule else config.getoption("--servers")
    chosen = set(named.split(",")) if named else set(SERVERS if _runs_whole() else SMOKE_SERVERS)
    if not chosen <= set(SERVERS):
        raise pytest.UsageError(f"--servers knows {', '.join(SERVERS)}")
    return chosen


def _runs_whole() -> bool:
    """Whether this interpreter tests every release and compares with other libraries.

    It does, unless GRADIO_TEST_WHOLE_ON, which `.ci/run` sets to fit its time, names others: "3.12,3.13".
    """
    whole_on = os.environ.get("GRADIO_TEST_WHOLE_ON")
    return not whole_on or "{}.{}".format(*sys.version_info) in whole_on.split(",")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Show the server's output with a failure; in CI fail what would be skipped."""
    report: pytest.TestReport = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI forbids: {report.longrepr}"
    if report.failed:
        servers = [value for value in getattr(item, "funcargs", {}).values() if isinstance(value, Server)]
        report.sections += [(f"output of {server}", tail(server.log)) for server in servers]
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Any:
    """In CI fail a module that skips itself as a whole."""
    report: pytest.CollectReport = yield
    if os.environ.get("CI") and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI forbids: {report.longrepr}"
    return report
