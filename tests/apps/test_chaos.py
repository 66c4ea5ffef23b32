"""Faults of the network between a client and a real server, by seed: whatever strikes, what must hold holds.

`--schedules N` runs so many, over all releases; `--schedule TEXT` runs the one that a failure has printed.
`tox -e chaos -- --schedules 5000` is a long run. A table at the end says what came of them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from faults.chaos.invariants import Belongings
from faults.chaos.schedules import Schedule, schedule_of
from faults.chaos.table import TABLE, Table
from faults.chaos.trial import PATIENCE, Report, try_schedule

from gradio_client_lite.queues import session as session_module
from gradio_client_lite.queues import sessions as sessions_module
from gradio_client_lite.queues.stream import Times
from gradio_client_lite.transport import liveness as liveness_module
from gradio_client_lite.transport.sockets import Timeout

from .pins import FAULTED_SERVERS
from .servers import USER, Server

_AT_ONCE = 16

#: What a seed finds is the same on every Python, or chance.
pytestmark = pytest.mark.whole


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the seeds of all releases, some at once; each release has its own."""
    if "seeds" not in metafunc.fixturenames:
        return
    count = metafunc.config.getoption("--schedules") // len(FAULTED_SERVERS)
    rounds = [range(start, min(start + _AT_ONCE, count)) for start in range(0, count, _AT_ONCE)]
    metafunc.parametrize("seeds", rounds, ids=[f"{seeds[0]}-{seeds[-1]}" for seeds in rounds])


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> Table:
    """Counts all schedules of the run; the end of the run prints it."""
    return request.config.stash.setdefault(TABLE, Table())


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find a silent server in seconds instead of minutes."""
    monkeypatch.setattr(session_module, "TIMES", Times(beat=PATIENCE / 2, unnoticed=PATIENCE))
    monkeypatch.setattr(sessions_module, "_SILENCE", Timeout(read=2 * PATIENCE, asks=True))
    monkeypatch.setattr(liveness_module, "_MOMENT", PATIENCE / 4)


def test_no_schedule_breaks_what_must_hold(
    request: pytest.FixtureRequest,
    faulted_server: Server,
    twin_server: Server,
    seeds: range,
    table: Table,
    tmp_path: Path,
) -> None:
    named = request.config.getoption("--schedule")
    if named:
        schedules = [Schedule.parse(named)] if seeds[0] == 0 else []
        schedules = [each for each in schedules if each.release == faulted_server.version]
    else:
        first = FAULTED_SERVERS.index(faulted_server.version) * (
            request.config.getoption("--schedules") // len(FAULTED_SERVERS)
        )
        schedules = [schedule_of(first + seed, faulted_server.version) for seed in seeds]
    ports = faulted_server.port, twin_server.port

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
        print(*said, sep="\n")
    assert not said, "\n".join(said)
