"""Long streams: the CPU and the memory of many updates, and what is kept of them."""

from __future__ import annotations

from functools import partial
from typing import Dict, List

from .figures import CLIENTS, LIMIT, MB, OURS, SECONDS, Bar, Figure
from .laboratory import Laboratory
from .parts import Part

#: Lengths of a chat, and the longest that the official client is asked for: its work grows with the square.
CHATS, OFFICIAL_CHAT = (500, 1000, 2000, 5000), 2000


def parts(quick: bool) -> List[Part]:
    """What is measured."""
    return [
        *(_chat(count, quick) for count in CHATS),
        _memory(
            *("/whole", 2000, "iterate", Bar(20)),
            "updates of a growing list, sent whole each time: memory",
        ),
        _memory("/growing", 20_000, "job", Bar(8), "updates of a growing text: memory"),
        _memory("/progress", 100_000, "predict", Bar(1), "messages of progress: memory that `predict` keeps"),
        _memory("/progress", 100_000, "job", Bar(8), "messages of progress: memory that a Job keeps"),
    ]


def chat_key(count: int) -> str:
    """What the CPU of a chat of some length is called."""
    return f"chat {count}"


def _chat(count: int, quick: bool) -> Part:
    name = f"{count:,} updates of a growing chat: CPU"
    figure = Figure(chat_key(count), name, SECONDS, Bar(2) if count == max(CHATS) else None, least=True)
    clients = CLIENTS if count <= OFFICIAL_CHAT or not quick else (LIMIT, OURS)
    return Part(name, partial(_work, figure.key, "/chat", count, "iterate", "cpu"), [figure], clients=clients)


def _memory(api_name: str, count: int, way: str, bar: Bar, what: str) -> Part:
    figure = Figure(f"{api_name} {way}", f"{count:,} {what}", MB, bar)
    return Part(figure.name, partial(_work, figure.key, api_name, count, way, "memory"), [figure])


def _work(
    key: str, api_name: str, count: int, way: str, field: str, lab: Laboratory, client: str
) -> Dict[str, List[float]]:
    said = lab.work(client, "stream", lab.light, api_name=api_name, count=count, way=way)
    return {key: said[field]}
