"""This client, the official ones and a bare loop, side by side on one real Gradio server.

    python -m benchmarks [--rounds 10] [--calls 20] [--updates 20000] [--quick]

The clients take turns, so that whatever else the machine does hits all of them alike; read the ratios,
not the numbers. Each client runs in a process and an environment of its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Dict, List, Sequence

from .contenders import GRADIO, Contender, FreshRun, Gone, Worker, contenders, fresh_run, server
from .report import Row, table

_MS, _MB = 1e3, 1e-6
_BURST_ROUNDS = 3
_BURST_DEADLINE = 30.0  # seconds; the slowest client that loses nothing needs a third of it


@dataclass(frozen=True)
class Effort:
    """How much to measure.

    Args:
        rounds: turns of each client, fresh processes included.
        calls: in each turn.
        updates: of the long stream.
        bursts: turns of each client with many jobs at once.
    """

    rounds: int
    calls: int
    updates: int
    bursts: int = _BURST_ROUNDS


class Benchmark:
    """Measures all clients against one server.

    Args:
        clients: ours first.
        url: of the app.
        effort: how much to measure.
        log: takes what the clients write to standard error.
    """

    def __init__(self, clients: Sequence[Contender], url: str, effort: Effort, log: IO[bytes]) -> None:
        self._clients = clients
        self._url = url
        self._effort = effort
        self._log = log

    def rows(self) -> List[Row]:
        """Everything measured."""
        return [
            *self._sequential(),
            *self._fresh(),
            *self._burst("200 no-op jobs at once", "/queued", 200),
            *self._burst("300 jobs of 1 s at once", "/sleep", 300),
            *self._stream(),
            *self._installed(),
        ]

    def _sequential(self) -> List[Row]:
        seconds: Dict[str, Dict[str, List[float]]] = {"/queued": {}, "/direct": {}}
        cpu: Dict[str, List[float]] = {}
        with ExitStack() as stack:
            workers = {client.name: stack.enter_context(self._worker(client)) for client in self._clients}
            for number in range(self._effort.rounds + 1):
                for name, worker in workers.items():
                    for api_name, samples in seconds.items():
                        said = worker.measure("sequential", api_name=api_name, calls=self._effort.calls)
                        if not number:
                            continue  # warming up
                        samples.setdefault(name, []).extend(said["seconds"])
                        if api_name == "/queued":
                            cpu.setdefault(name, []).append(said["cpu"])
                _progress(f"sequential calls, round {number} of {self._effort.rounds}")
        return [
            Row("sequential predict, ms", seconds["/queued"], {"bare": 1.3, "2.7.2": 1 / 15}, _MS),
            Row("CPU of one such call, ms", cpu, {"2.7.2": 1 / 15}, _MS),
            Row("sequential predict, unqueued, ms", seconds["/direct"], {"2.7.2": 1 / 25}, _MS),
        ]

    def _fresh(self) -> List[Row]:
        runs: Dict[str, List[FreshRun]] = {client.name: [] for client in self._clients}
        alone: List[FreshRun] = []
        python = self._clients[0].python
        for number in range(self._effort.rounds + 1):
            for client in self._clients:
                runs[client.name].append(fresh_run(client, client.python, self._url, self._log))
            alone.append(fresh_run(None, python, self._url, self._log))
            _progress(f"fresh processes, round {number} of {self._effort.rounds}")
        for samples in (alone, *runs.values()):
            del samples[0]  # warming up
        floor = {client.name: [run.seconds for run in alone] for client in self._clients[:1]}
        floor_memory = {client.name: [float(run.memory) for run in alone] for client in self._clients[:1]}
        seconds = {name: [run.seconds for run in samples] for name, samples in runs.items()}
        memory = {name: [float(run.memory) for run in samples] for name, samples in runs.items()}
        return [
            Row("fresh process to first result, ms", seconds, {"2.7.2": 1 / 4}, _MS),
            Row("… of it the interpreter alone, ms", floor, {}, _MS),
            Row("resident memory after it, MB", memory, {"2.7.2": 0.65}, _MB),
            Row("… of it the interpreter alone, MB", floor_memory, {}, _MB),
        ]

    def _burst(self, title: str, api_name: str, jobs: int) -> List[Row]:
        answers: Dict[str, List[Dict[str, Any]]] = {client.name: [] for client in self._clients}
        for number in range(self._effort.bursts):
            for client in self._clients:
                said = answers[client.name]
                # One that lost jobs has shown it; waiting for them again would teach nothing.
                if not (said and said[-1]["lost"]):
                    said.append(self._burst_once(client, api_name, jobs))
            _progress(f"{title}, round {number + 1} of {self._effort.bursts}")

        def samples(field: str) -> Dict[str, List[float]]:
            return {name: [float(answer[field]) for answer in said] for name, said in answers.items()}

        lost = {name: [max(counts, default=0.0)] for name, counts in samples("lost").items()}
        return [
            Row(f"{title}: s", samples("seconds")),
            Row("… most threads", samples("threads")),
            Row("… lost jobs (the most of any round)", lost),
        ]

    def _burst_once(self, client: Contender, api_name: str, jobs: int) -> Dict[str, Any]:
        with self._worker(client) as worker:
            return worker.measure("burst", api_name=api_name, jobs=jobs, deadline=_BURST_DEADLINE)

    def _stream(self) -> List[Row]:
        updates = self._effort.updates
        added: Dict[str, List[float]] = {}
        seconds: Dict[str, List[float]] = {}
        for client in self._clients:
            if client.name not in ("ours", "2.7.2"):
                continue  # the bare loop keeps nothing, and 1.12.0 keeps what 2.7.2 does
            with self._worker(client) as worker:
                said = worker.measure("stream", updates=updates)
            added[client.name], seconds[client.name] = [said["added"]], [said["seconds"]]
            _progress(f"{updates} updates, {client.name}")
        title = f"{updates:,} updates of a growing text"
        return [Row(f"{title}: memory added, MB", added, {}, _MB), Row("… s", seconds)]

    def _installed(self) -> List[Row]:
        packages: Dict[str, List[float]] = {}
        size: Dict[str, List[float]] = {}
        for client in self._clients:
            if client.name == "bare":
                continue
            with self._worker(client) as worker:
                said = worker.measure("installed")
            packages[client.name], size[client.name] = [said["packages"]], [said["bytes"]]
        return [Row("packages installed", packages), Row("… MB", size, {}, _MB)]

    def _worker(self, client: Contender) -> Worker:
        return Worker(client, self._url, self._log)


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _effort(argv: Sequence[str]) -> Effort:
    description = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=description)
    parser.add_argument("--rounds", type=int, default=10, help="turns of each client (default 10)")
    parser.add_argument("--calls", type=int, default=20, help="calls in each turn (default 20)")
    parser.add_argument("--updates", type=int, default=20_000, help="of the long stream (default 20000)")
    parser.add_argument("--quick", action="store_true", help="a rough idea in a minute or two")
    given = parser.parse_args(argv)
    effort = Effort(given.rounds, given.calls, given.updates)
    return replace(effort, rounds=3, calls=10, updates=1000, bursts=1) if given.quick else effort


def main(argv: Sequence[str]) -> None:
    """Run everything and print the table."""
    effort = _effort(argv)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clients = contenders(folder)
        python = subprocess.check_output([clients[0].python, "--version"], text=True).strip()
        try:
            with server(folder) as url, (folder / "clients.log").open("wb") as log:
                rows = Benchmark(clients, url, effort, log).rows()
        except Gone as exc:
            clients_log = folder / "clients.log"
            said = clients_log.read_text(errors="replace")[-4000:] if clients_log.exists() else ""
            sys.exit(f"{exc}\n{said}")
    print(f"Gradio {GRADIO}; clients on {python}\n")
    print(table(rows, [client.name for client in clients]))
