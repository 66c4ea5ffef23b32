"""Makes calls with one client and measures them. Runs as a script with that client's interpreter.

    python worker.py MODULE URL MEASURE ARGUMENTS

`MEASURE` is the name of a function here, and `ARGUMENTS` are more of its arguments, as JSON; what it gives is
printed as one line of JSON. The module is that of the client; `bare` is the limit.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, List

MEGABYTE = 1 << 20
_SAMPLING = 0.01  # seconds
_SERVER_RESTS = 5.0  # seconds after which uvicorn closes an idle connection
_STALLED = 5.0  # seconds after which no more jobs arrive

Samples = Dict[str, Any]


def resident() -> int:
    """The resident memory of this process in bytes; 0 where the system does not say."""
    gc.collect()
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def connect(module: Any, url: str, **options: Any) -> Any:
    """A client."""
    return module.Client(url, verbose=False, **options)


def calls(module: Any, url: str, api_name: str, count: int, warm_up: int = 3, **options: Any) -> Samples:
    """Calls one after the other: the seconds of each, and the CPU seconds of one."""
    predict = connect(module, url, **options).predict
    for _ in range(warm_up):
        predict("hello", api_name=api_name)
    seconds: List[float] = []
    used = time.process_time()
    for _ in range(count):
        start = time.perf_counter()
        predict("hello", api_name=api_name)
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds, "cpu": [(time.process_time() - used) / max(count, 1)]}


def table(module: Any, url: str, count: int) -> Samples:
    """The CPU of calls with a large result; of the limit, that of `json.loads` of the same text."""
    client, used = connect(module, url), []
    text = json.dumps({"output": {"data": [client.predict(api_name="/table")]}}, separators=(",", ":"))
    for _ in range(count):
        start = time.process_time()
        if hasattr(client, "submit"):
            client.predict(api_name="/table")
        else:
            json.loads(text)
        used.append(time.process_time() - start)
    return {"cpu": used}


def stream(module: Any, url: str, api_name: str, count: int, way: str) -> Samples:
    """One call with many updates: CPU seconds, and the memory that it adds.

    Args:
        way: "iterate" over all values of a job, which is kept; wait for a "job", which is kept; or "predict".
    """
    client = connect(module, url)
    client.predict("hello", api_name="/queued")
    before, used = resident(), time.process_time()
    kept: Any = None
    if not hasattr(client, "submit"):
        if way == "iterate":
            for _ in client.stream(count, api_name=api_name):
                pass
        else:
            client.count(count, api_name=api_name)
    elif way == "predict":
        client.predict(count, api_name=api_name)
    else:
        kept = client.submit(count, api_name=api_name)
        for _ in kept if way == "iterate" else ():
            pass
        kept.result()
    used = time.process_time() - used
    return {"cpu": [used], "memory": [max(resident() - before, 0)]}


def burst(module: Any, url: str, api_name: str, jobs: int, deadline: float) -> Samples:
    """Jobs submitted at once: wall seconds, jobs without the right result, most threads at any time."""
    client, values = connect(module, url), [f"value {number}" for number in range(jobs)]
    threads = PeakThreads()
    start = time.perf_counter()
    if hasattr(client, "submit"):
        submitted = [client.submit(value, api_name=api_name) for value in values]
        lost = _lost(submitted, values, start + deadline)
    else:
        lost = jobs - len(set(values) & set(client.predict_many(values, api_name, lambda: None)))
    return {"seconds": [time.perf_counter() - start], "lost": [lost], "threads": [threads.stop()]}


def held(module: Any, url: str, jobs: int, deadline: float) -> Samples:
    """Jobs that the light server answers once all have joined: the seconds until they have, the memory that a
    job takes then, the most threads, and the jobs without the right result.
    """
    client, values = connect(module, url), [f"value {number}" for number in range(jobs)]
    client.predict("hello", api_name="/queued")
    _ask(url, "release", "DELETE")
    before, threads, said = resident(), PeakThreads(), {}
    start = time.perf_counter()

    def joined() -> None:
        said["arrived"], said["seconds"] = _arrivals(url, jobs, start)
        said["memory"] = max(resident() - before, 0)
        _ask(url, "release", "POST")

    if hasattr(client, "submit"):
        submitted = [client.submit(value, api_name="/held") for value in values]
        joined()
        lost = _lost(submitted, values, time.perf_counter() + deadline)
    else:
        lost = jobs - len(set(values) & set(client.predict_many(values, "/held", joined)))
    figures = {**said, "each": said["memory"] / jobs, "lost": lost, "threads": threads.stop()}
    return {name: [value] for name, value in figures.items()}


def _arrivals(url: str, jobs: int, start: float) -> Any:
    """How many jobs the server has, once it has all or no more come, and when that was."""
    arrived, since = 0, time.perf_counter()
    while arrived < jobs and time.perf_counter() - since < _STALLED:
        time.sleep(0.05)
        now = int(_ask(url, "arrived"))
        if now != arrived:
            arrived, since = now, time.perf_counter()
    return arrived, since - start


def _ask(url: str, route: str, method: str = "GET") -> bytes:
    import urllib.request

    answer: bytes = urllib.request.urlopen(urllib.request.Request(url + route, method=method)).read()
    return answer


def _lost(jobs: List[Any], values: List[str], deadline: float) -> int:
    return sum(not _gives(job, value, deadline) for job, value in zip(jobs, values))


def _gives(job: Any, value: str, deadline: float) -> bool:
    try:
        return bool(job.result(timeout=max(deadline - time.perf_counter(), 0)) == value)
    except Exception:  # cancelled, out of time, or whatever else a lost job says
        return False


def endurance(module: Any, url: str, predicts: int, streams: int, clients: int) -> Samples:
    """What is more after all of many calls, streams and clients than after half of them."""

    def work() -> List[int]:
        for _ in range(predicts // 2):
            client.predict("hello", api_name="/queued")
        for _ in range(streams // 2):
            assert len(list(client.submit(10, api_name="/growing"))) >= 10
        for _ in range(clients // 2):
            other = connect(module, url)
            other.predict("hello", api_name="/queued")
            other.close()
        return [resident(), threading.active_count(), len(os.listdir("/proc/self/fd"))]

    client = connect(module, url)
    before = work()
    grown = (max(now - then, 0) for now, then in zip(work(), before))
    return {name: [more] for name, more in zip(("memory", "threads", "descriptors"), grown)}


def secure(module: Any, url: str, https: str) -> Samples:
    """The CPU of making the first client that checks certificates, where everything is imported already."""
    connect(module, url).predict("hello", api_name="/queued")
    connect(module, https, ssl_verify=False)
    time.sleep(0.5)  # what they do in the background has ended then
    used = time.process_time()
    connect(module, https)
    return {"cpu": [time.process_time() - used]}


class Clock:
    """Collects the seconds of each kind of call."""

    def __init__(self) -> None:
        self.seconds: Dict[str, List[float]] = {}

    def take(self, kind: str, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Time one call."""
        start = time.perf_counter()
        result = function(*args, **options)
        self.seconds.setdefault(kind, []).append(time.perf_counter() - start)
        return result


def trips(module: Any, url: str, count: int, rests: List[float]) -> Samples:
    """The seconds of each kind of call over a link; the client rests for some seconds before some of them."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        options = {"ssl_verify": False, "download_files": folder}
        path = Path(folder, "megabyte")
        path.write_bytes(os.urandom(MEGABYTE))

        def client() -> Any:
            return clock.take("connect", connect, module, url, **options)

        clock.take("keyword", client().predict, text="a", api_name="/queued")
        two = client()
        clock.take("position", two.predict, "a", api_name="/queued")
        two.predict("a", api_name="/queued")
        for rest in rests:
            if rest > _SERVER_RESTS and not hasattr(two, "submit"):
                two.close()  # before the server does, which the bare loop would not notice
            time.sleep(rest)
            clock.take(f"idle {rest:g}", two.predict, "a", api_name="/queued")
        for kind in ("first down", "down"):
            clock.take(kind, two.predict, api_name="/give")
        for kind in ("first up", "up"):
            clock.take(kind, two.predict, module.handle_file(str(path)), api_name="/take")
        warm = client()
        for api_name in ("/queued", "/direct"):
            warm.predict("a", api_name=api_name)
            for _ in range(count):
                clock.take(api_name[1:], warm.predict, "a", api_name=api_name)
    return clock.seconds


def batch(module: Any, url: str, jobs: int, seconds: float, in_flight: int) -> Samples:
    """The seconds of many calls with some in flight."""
    client = connect(module, url, ssl_verify=False, max_workers=in_flight)
    client.predict("a", api_name="/queued")
    start = time.perf_counter()
    if hasattr(client, "map"):
        results = list(client.map([seconds] * jobs, api_name="/pause", max_in_flight=in_flight))
    else:
        submitted = [client.submit(seconds, api_name="/pause") for _ in range(jobs)]
        results = [job.result() for job in submitted]
    taken = time.perf_counter() - start
    assert results == [seconds] * jobs
    return {"seconds": [taken]}


def large_file(module: Any, url: str, path: str, folder: str) -> Samples:
    """A file up and down: seconds, and by how much the most ever resident exceeds what was before."""
    import resource

    # The official client's default of 5 seconds breaks large uploads.
    client = connect(module, url, httpx_kwargs={"timeout": 300}, download_files=folder)
    client.predict("a", api_name="/queued")
    said: Samples = {}
    for way, arguments in (("take", [module.handle_file(path)]), ("give_back", [])):
        before, start = resident(), time.perf_counter()
        result = client.predict(*arguments, api_name=f"/{way}")
        said[way] = [time.perf_counter() - start]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        said[f"{way} memory"] = [max(peak - before, 0)]
    assert os.path.getsize(result) == os.path.getsize(path)
    return said


def installed(*_: object) -> Samples:
    """How many packages are installed beside the client, itself included, and their bytes."""
    import sysconfig

    folder = Path(sysconfig.get_path("purelib"))
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    packages = len(list(folder.glob("*.dist-info")))
    return {"packages": [packages], "bytes": [sum(path.stat().st_size for path in files)]}


class PeakThreads:
    """Looks at the number of threads until it is stopped."""

    def __init__(self) -> None:
        self._peak = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped.wait(_SAMPLING):
            self._peak = max(self._peak, threading.active_count() - 1)  # without this one

    def stop(self) -> int:
        """The most there were, this one not counted."""
        self._stopped.set()
        self._thread.join()
        return self._peak


if __name__ == "__main__":
    name, url, measure, arguments = sys.argv[1:]
    samples = globals()[measure](importlib.import_module(name), url, **json.loads(arguments))
    print(json.dumps(samples), flush=True)
    os._exit(0)  # the official client would wait for its jobs
