"""Faults of the network between a client and a real server, by seed: whatever strikes, what must hold holds.

`--schedules N` runs so many, over all releases; `--schedule TEXT` runs one again, or several.
`tox -e chaos -- --schedules 5000` is a long run. A table at the end says what came of them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import List, Tuple

import pytest
from faults.chaos.invariants import Belongings
from faults.chaos.schedules import Schedule, schedule_of
from faults.chaos.table import TABLE, Table
from faults.chaos.trial import PATIENCE, Report, try_schedule

from gradio_client_lite import Client
from gradio_client_lite.queues import session as session_module
from gradio_client_lite.queues import sessions as sessions_module
from gradio_client_lite.queues.stream import Times
from gradio_client_lite.transport import liveness as liveness_module
from gradio_client_lite.transport.sockets import Timeout

from .pins import FAULTED_SERVERS
from .servers import USER, Server

_AT_ONCE, _ROUND = 14, 40

#: What a seed finds is the same on every Python, or chance.
pytestmark = pytest.mark.whole


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Divide the schedules of a release into rounds; each release has seeds of its own."""
    if "numbers" in metafunc.fixturenames:
        count = _count(metafunc.config)
        rounds = [range(start, min(start + _ROUND, count)) for start in range(0, count, _ROUND)]
        metafunc.parametrize("numbers", rounds, ids=[f"{each[0]}-{each[-1]}" for each in rounds])


def _count(config: pytest.Config) -> int:
    """How many schedules a release has."""
    if config.getoption("--schedule"):
        return 1
    count: int = config.getoption("--schedules")
    return count // len(FAULTED_SERVERS)


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> Table:
    """Counts all schedules of the run; the end of the run prints it."""
    return request.config.stash.setdefault(TABLE, Table())


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find a silent server in seconds instead of minutes."""
    monkeypatch.setattr(session_module, "TIMES", Times(beat=PATIENCE / 4, unnoticed=PATIENCE / 2))
    monkeypatch.setattr(sessions_module, "_SILENCE", Timeout(read=PATIENCE, asks=True))
    monkeypatch.setattr(liveness_module, "_MOMENT", PATIENCE / 2)  # twice; a busy machine takes long, too


@pytest.fixture(scope="session")
def ports(faulted_server: Server, twin_server: Server) -> Tuple[int, int]:
    """Where the servers are, once each has answered; a first call imports things, and takes its time."""
    for server in (faulted_server, twin_server):
        with Client(server.url, verbose=False, auth=USER) as client:
            client.predict("first", api_name="/echo")
    return faulted_server.port, twin_server.port


@pytest.fixture
def schedules(request: pytest.FixtureRequest, faulted_server: Server, numbers: range) -> List[Schedule]:
    """Those of a round."""
    named = request.config.getoption("--schedule")
    if named:
        return [Schedule.parse(text) for text in named.split()]
    version = faulted_server.version
    first = FAULTED_SERVERS.index(version) * _count(request.config)
    return [schedule_of(first + number, version) for number in numbers]


@pytest.mark.filterwarnings("ignore:Cancel")  # which not every old server can be told
def test_no_schedule_breaks_what_must_hold(
    ports: Tuple[int, int], schedules: List[Schedule], table: Table, tmp_path: Path
) -> None:
    def run(place: int) -> Report:
        folder = tmp_path / str(place)
        folder.mkdir()
        return try_schedule(schedules[place], ports, USER, folder)

    with Belongings() as belongings:
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            reports = list(threads.map(run, range(len(schedules))))
        left = belongings.left()
    table.add(reports, len(left))
    said = [f"{report.schedule}: {each}" for report in reports for each in report.broken()]
    said += [f"left: {each}, after {[str(schedule) for schedule in schedules]}" for each in left]
    if said:
        print(*said, sep="\n")  # at once, in a long run with `-s`
    assert not said, "\n".join(said)
    assert sum(bool(report.struck) for report in reports) >= len(reports) // 2  # else nothing was tried
