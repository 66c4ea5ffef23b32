"""A warm client: calls one after the other, with small results and large ones, and many small messages."""

from __future__ import annotations

from functools import partial
from typing import Any, Dict, List

from .counting import STRACE, VALGRIND, instructions, system_calls
from .figures import COUNT, LIMIT, MILLION, MS, OFFICIAL, OURS, SECONDS, Bar, Figure
from .laboratory import Laboratory
from .parts import Part

_MESSAGES = 100_000
#: Calls of which instructions and system calls are counted; the official client takes sixty times the CPU.
_COUNTED = {LIMIT: 200, OFFICIAL: 10, OURS: 200}


def parts(quick: bool) -> List[Part]:
    """What is measured."""
    calls, rounds = (30, 3) if quick else (50, 10)
    counted: List[Part] = []
    if VALGRIND:
        figure = Figure("instructions", "warm `predict`: instructions", MILLION, Bar(1.25))
        counted.append(Part("instructions of calls", _instructions, [figure]))
    if STRACE:
        figures = [
            Figure("system calls", "warm `predict`: system calls", COUNT, Bar(22)),
            Figure("futex", "warm `predict`: of these, futex", COUNT),
        ]
        counted.append(Part("system calls of calls", _system_calls, figures))
    return [
        Part(
            "warm calls",
            partial(_calls, api_name="/queued", count=calls),
            [
                Figure("queued", "warm `predict`", MS, Bar(1.3, LIMIT)),
                Figure("queued cpu", "warm `predict`: CPU", MS, Bar(1 / 15, OFFICIAL)),
            ],
            rounds=rounds,
        ),
        *counted,
        Part(
            "warm calls without queue",
            partial(_calls, api_name="/direct", count=calls),
            [Figure("direct", "warm `predict` with `queue=False`", MS, Bar(1 / 25, OFFICIAL))],
            rounds=rounds,
        ),
        Part(
            "a large table",
            lambda lab, client: {"table": lab.work(client, "table", lab.gradio, count=5)["cpu"]},
            [
                Figure(
                    "table",
                    "`predict` of a 4.5 MB table: CPU (limit: `json.loads`)",
                    MS,
                    Bar(1.6, LIMIT),
                    least=True,
                )
            ],
            rounds=1 if quick else 3,
        ),
        *(_tiny(way, 1 if quick else 3) for way in ("predict", "iterate")),
    ]


def _calls(lab: Laboratory, client: str, api_name: str, count: int) -> Dict[str, List[float]]:
    said = lab.work(client, "calls", lab.gradio, api_name=api_name, count=count)
    return {api_name[1:]: said["seconds"], f"{api_name[1:]} cpu": said["cpu"]}


def _instructions(lab: Laboratory, client: str) -> Dict[str, List[float]]:
    count = _COUNTED[client]
    none, some = (instructions(partial(_run, lab, client, calls), lab.folder) for calls in (0, count))
    return {"instructions": [(some - none) / count]}


def _system_calls(lab: Laboratory, client: str) -> Dict[str, List[float]]:
    count = _COUNTED[client]
    none, some = (system_calls(partial(_run, lab, client, calls), lab.folder) for calls in (0, count))
    return {
        "system calls": [(sum(some.values()) - sum(none.values())) / count],
        "futex": [(some.get("futex", 0) - none.get("futex", 0)) / count],
    }


def _run(lab: Laboratory, client: str, count: int, wrapped: Any) -> None:
    lab.work(client, "calls", lab.gradio, wrapped=wrapped, api_name="/queued", count=count)


def _tiny(way: str, rounds: int) -> Part:
    what = "`predict`" if way == "predict" else "each value of a Job"
    name, key = f"{_MESSAGES:,} tiny messages, {what}: CPU", f"tiny {way}"

    def measure(lab: Laboratory, client: str) -> Dict[str, List[float]]:
        return {key: lab.work(client, "stream", lab.light, api_name="/tiny", count=_MESSAGES, way=way)["cpu"]}

    return Part(name, measure, [Figure(key, name, SECONDS, Bar(2, LIMIT), least=True)], rounds=rounds)
