"""Cold starts: a fresh process to its first result, from a folder and a zip, and the first https client."""

from __future__ import annotations

import os
import time
from typing import Dict, List

from .counting import VALGRIND, instructions
from .figures import COUNT, LIMIT, MB, MILLION, MS, OFFICIAL, OURS, Bar, Figure
from .laboratory import Laboratory
from .parts import Part

#: A user's program, which says what memory it has, where the system tells.
_CALL = """
from {module} import Client
assert Client({url!r}, verbose=False).predict("hello", api_name="/queued") == "hello"
import os
try:
    print(int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE"), flush=True)
finally:
    os._exit(0)
"""


def parts(quick: bool) -> List[Part]:
    """What is measured; CPU, which has no bar, where valgrind is not there to count instructions."""
    what, unit = ("instructions", MILLION) if VALGRIND else ("CPU", MS)
    bars = (Bar(285), Bar(330)) if VALGRIND else (None, None)
    once = 1 if quick else 3
    fresh = [
        Figure("fresh", "fresh process to first result", MS, Bar(1 / 4, OFFICIAL)),
        Figure("fresh memory", "fresh process: resident memory after it", MB, Bar(0.65, OFFICIAL)),
    ]
    counted = Figure("fresh counted", f"fresh process: {what}", unit, bars[0], least=True)
    zipped = Figure(
        "zip counted", f"fresh process: {what}, from a zip with bytecode", unit, bars[1], least=True
    )
    secure = Figure("secure", "making the first https `Client`: CPU", MS, Bar(5), least=True)
    installed = [
        Figure("packages", "packages installed", COUNT),
        Figure("bytes", "packages installed: their size", MB),
    ]
    return [
        Part("fresh processes", _fresh, fresh, rounds=5 if quick else 11),
        Part("instructions of fresh processes", _counted, [counted], rounds=once),
        Part("from a zip", _from_zip, [zipped], rounds=once, clients=(OURS,)),
        # The official client has authorities of its own, and would refuse the server.
        Part("https clients", _secure, [secure], rounds=5, clients=(LIMIT, OURS)),
        Part("what is installed", _installed, installed, clients=(OFFICIAL, OURS)),
    ]


def _call(lab: Laboratory, client: str) -> str:
    return _CALL.format(module=lab.contenders[client].module, url=lab.gradio)


def _fresh(lab: Laboratory, client: str) -> Dict[str, List[float]]:
    code = _call(lab, client)
    lab.run(client, "-c", code)  # has bytecode written, and files in the system's cache
    start = time.perf_counter()
    memory = lab.run(client, "-c", code)
    seconds = time.perf_counter() - start
    return {"fresh": [seconds], "fresh memory": [int(each) for each in memory.split()]}


def _counted(lab: Laboratory, client: str) -> Dict[str, List[float]]:
    return {"fresh counted": [_cost(lab, client, _call(lab, client))]}


def _cost(lab: Laboratory, client: str, code: str, **variables: str) -> float:
    """The instructions of a process; without valgrind, its seconds of CPU."""
    lab.run(client, "-c", code, **variables)
    if VALGRIND:
        return instructions(
            lambda wrapped: lab.run(client, "-c", code, wrapped=wrapped, **variables), lab.folder
        )
    before = os.times()
    lab.run(client, "-c", code, **variables)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _from_zip(lab: Laboratory, client: str) -> Dict[str, List[float]]:
    module = lab.contenders[client].module
    archive = lab.folder / "zip" / f"{module}.zip"
    if not archive.exists():
        lab.run(client, "-m", module, "vendor", str(archive.parent), "--zip", "--compile")
    return {"zip counted": [_cost(lab, client, _call(lab, client), PYTHONPATH=str(archive))]}


def _secure(lab: Laboratory, client: str) -> Dict[str, List[float]]:
    variables = {"SSL_CERT_DIR": str(lab.authorities)}
    return {"secure": lab.work(client, "secure", lab.light, https=lab.https, variables=variables)["cpu"]}


def _installed(lab: Laboratory, client: str) -> Dict[str, List[float]]:
    return lab.work(client, "installed", "")
