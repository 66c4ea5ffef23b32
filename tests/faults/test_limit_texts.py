"""Whatever passes a limit ends with a text that names the option by which users can change it."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, NamedTuple

import pytest

from gradio_client_lite import Client, Limits, handle_file
from gradio_client_lite.errors import DeadlineExceeded, EventTooLarge, ResponseTooLarge

from .badserver import (
    PATIENCE,
    STREAM_HEAD,
    BadServer,
    Behaviour,
    Peer,
    Request,
    chunk,
    config,
    event,
    reply,
    silent,
    streaming,
)
from .test_calling import wait_until

Serve = Callable[..., BadServer]
Connect = Callable[..., Client]
Act = Callable[[BadServer, Client], Any]

FILE = {"path": "/tmp/a.bin", "meta": {"_type": "gradio.FileData"}}
STREAM = {**FILE, "path": "/tmp/playlist.m3u8", "is_stream": True}


def call(endpoint: str, argument: Any = "a") -> Act:
    return lambda _, client: client.predict(argument, api_name=endpoint)


def many(count: int) -> Behaviour:
    """Tell the first job of so many updates."""
    return streaming(*[event("log", "e0", log="x" * 100, level="info")] * count)


def flood_before_its_join_is_answered(peer: Peer, request: Request) -> None:
    peer.send(STREAM_HEAD)
    peer.send(b"".join(chunk(event("log", "e1", log="x" * 100)) for _ in range(100)))
    peer.send(chunk(event("process_completed", "e0", output={"data": ["told"]}, success=True)))
    peer.closed()


def call_whose_join_is_answered_late(server: BadServer, client: Client) -> Any:
    first = client.submit("a", api_name="/echo")
    wait_until(lambda: first.event_id is not None)

    def late(peer: Peer, request: Request) -> None:
        assert first.result(PATIENCE) == "told"
        reply({"event_id": "e1"})(peer, request)

    server.behave(join=late)
    return client.predict("b", api_name="/echo")


class Case(NamedTuple):
    value: Any
    behaviours: Dict[str, Behaviour]
    act: Act
    kind: Any = ResponseTooLarge


def late(act: Act, **behaviours: Behaviour) -> Case:
    return Case(0.2, behaviours, act, DeadlineExceeded)


def begun(peer: Peer, request: Request) -> None:
    """Begin an answer, and never go on with it."""
    peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n")
    peer.closed()


def result(file: Dict[str, Any]) -> Behaviour:
    return reply({"data": [file]})


CASES: Dict[str, Case] = {
    "connecting": late(call("/echo"), config=silent),
    "describing": late(lambda _, client: client.view_api(print_info=False), info=silent),
    "joining": late(call("/echo"), join=silent),
    "answering": late(call("/direct"), predict=begun),
    "uploading": late(call("/echo", handle_file(b"content", name="a.txt")), upload=silent),
    "downloading": late(call("/direct"), predict=result(FILE), **{"a.bin": silent}),
    "answer_bytes": Case(20_000, {"join": reply({"event_id": "x" * 20_000})}, call("/echo")),
    "result_bytes": Case(100, {"predict": reply({"data": ["x" * 100]})}, call("/direct")),
    "event_bytes": Case(100, {"data": many(1)}, call("/echo"), EventTooLarge),
    "early_bytes": Case(
        1000, {"data": flood_before_its_join_is_answered}, call_whose_join_is_answered_late, EventTooLarge
    ),
    "job_bytes": Case(1000, {"data": many(10)}, call("/echo"), EventTooLarge),
    "playlist_bytes": Case(
        10,
        {
            "data": streaming(event("process_generating", "e0", output={"data": [STREAM]}), then=silent),
            "playlist.m3u8": reply(b"#EXTM3U\n" + b"0.aac\n" * 10),
        },
        lambda _, client: next(client.submit("a", api_name="/echo")),
    ),
    "max_download_size": Case(10, {"predict": result(FILE), "a.bin": reply(b"x" * 11)}, call("/direct")),
    "json_values": Case(10_000, {"predict": reply({"data": [[0] * 10_000]})}, call("/direct")),
}


def test_there_is_a_case_for_each_limit_that_ends_with_an_error() -> None:
    assert CASES.keys() == dict(Limits()).keys() - {"progress_updates"}


@pytest.mark.parametrize("name", CASES)
def test_text_of_what_passes_a_limit_names_the_limit(serve: Serve, connect: Connect, name: str) -> None:
    case = CASES[name]
    server = serve(**{"config": reply(config()), **case.behaviours})

    def run() -> None:
        case.act(server, connect(server.url, limits=Limits(**{name: case.value})))

    with pytest.raises(case.kind) as caught:
        run()
    assert re.findall(r"Limits\((\w+)=[\d.…]+\)", str(caught.value)) == [name]
    assert "make the client with a larger" in str(caught.value)
