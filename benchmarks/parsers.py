"""How fast the SSE decoder and `apply_diff` are, on this machine and against a naive loop.

    python -m benchmarks parsers

The naive loop splits complete bytes at blank lines and decodes; it knows no CR, no comments, no limits and no
events cut by a chunk boundary. The ratios, not the numbers, can be compared between machines.
"""

from __future__ import annotations

import json
import time
from typing import Any, Callable, Iterable, List

from gradio_client_lite.wire.decoding import SSEDecoder
from gradio_client_lite.wire.diff import apply_diff
from gradio_client_lite.wire.lifecycle import OutputLog

REPEATS = 5


def best(action: Callable[[], Any]) -> float:
    """The shortest of some runs, in seconds."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def pieces(stream: bytes, size: int) -> List[bytes]:
    return [stream[start : start + size] for start in range(0, len(stream), size)]


def naive(chunks: Iterable[bytes]) -> List[str]:
    blocks = b"".join(chunks).split(b"\n\n")
    return [block[6:].decode() for block in blocks if block]


def decode(chunks: Iterable[bytes]) -> int:
    decoder = SSEDecoder()
    return sum(len(decoder.feed(chunk)) for chunk in chunks)


def bench_sse() -> None:
    message = {
        "msg": "process_generating",
        "event_id": "e" * 32,
        "output": {"data": [[["append", [], "word "]]]},
    }
    event = f"data: {json.dumps(message)}\n\n".encode()
    large = b"data: " + b"x" * 50_000_000 + b"\n\n"
    cases = [
        ("one event of 130 bytes per chunk", [event] * 20_000),
        ("the same, in chunks of 64 KiB", pieces(event * 20_000, 65536)),
        ("the same, with CRLF, 64 KiB", pieces((event[:-2] + b"\r\n\r\n") * 20_000, 65536)),
        ("the same, in chunks of 100 bytes", pieces(event * 20_000, 100)),
        ("one event of 50 MB in chunks of 1 KiB", pieces(large, 1024)),
        ("one event of 1 MB, byte by byte", pieces(large[:1_000_000] + b"\n\n", 1)),
    ]
    print(f"{'SSE':<40}{'MB/s':>10}{'us/chunk':>10}{'x naive':>10}")
    for name, chunks in cases:
        seconds = best(lambda c=chunks: decode(c))  # type: ignore[misc]
        floor = best(lambda c=chunks: naive(c))  # type: ignore[misc]
        rate, per_chunk = sum(map(len, chunks)) / seconds / 1e6, seconds / len(chunks) * 1e6
        print(f"{name:<40}{rate:>10.1f}{per_chunk:>10.2f}{seconds / floor:>10.1f}")


def bench_diff() -> None:
    chat = [{"role": "user", "content": f"message {number}"} for number in range(100)]
    rows = {"headers": list("abcdef"), "data": [[str(column) for column in range(6)] for _ in range(1000)]}
    cases = [
        ("text, one append", "x" * 1000, [["append", [], "word "]]),
        ("chat of 100, one append", chat, [["append", [99, "content"], "word "]]),
        ("chat of 100, every message", chat, [["append", [n, "content"], "word "] for n in range(100)]),
        ("1000 rows, one column dropped", rows, [["delete", ["data", n, 5 - n], None] for n in range(1000)]),
    ]
    print(f"\n{'apply_diff':<40}{'us':>10}{'x json copy':>14}")
    for name, value, edits in cases:
        seconds = best(lambda v=value, e=edits: [apply_diff(v, e) for _ in range(50)]) / 50  # type: ignore[misc]
        floor = best(lambda v=value: json.loads(json.dumps(v)))  # type: ignore[misc]
        print(f"{name:<40}{seconds * 1e6:>10.1f}{seconds / floor:>14.2f}")


def bench_log() -> None:
    log = OutputLog()
    log.append([""], diff=False)
    for number in range(20_000):
        log.append([[["append", [], f"{number:050d}"]]], diff=True)
    start = time.perf_counter()
    for _ in log.cursor():
        pass
    every = time.perf_counter() - start
    print(f"\n20,000 updates of 50 characters: every value {every * 1e3:.1f} ms")


if __name__ == "__main__":
    bench_sse()
    bench_diff()
    bench_log()
