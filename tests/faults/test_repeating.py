"""Which requests are sent once more when a kept connection breaks: the table in docs/architecture.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, Iterator

import pytest
from transport.peers import Peer

from gradio_client_lite import Client, handle_file
from gradio_client_lite.errors import ConnectionLost

from .badserver import BadServer, _route, reply
from .test_calling import wait_until

MADE = {"path": "/made.txt", "meta": {"_type": "gradio.FileData"}}
FILE = reply(b"content")


class Breaking(BadServer):
    """Breaks one connection that was kept, instead of answering the request for `route` on it."""

    def __init__(self) -> None:
        files = {"made.txt": FILE, "sent.txt": FILE}
        super().__init__(upload=reply(["/sent.txt"]), **files)
        self.route = ""

    def _serve(self, peer: Peer) -> None:
        real, served = peer.request, 0

        def request() -> Any:
            nonlocal served
            found, served = real(), served + 1
            if found is not None and served > 1 and self.route == _route(found.path):
                self.route = ""
                peer.reset()
                return None
            return found

        peer.request = request  # type: ignore[method-assign]
        super()._serve(peer)


@pytest.fixture
def breaking() -> Iterator[Breaking]:
    with Breaking() as server:
        yield server


def cancel(client: Client, server: Breaking) -> None:
    server.behave(data=server.all_but("a"))
    job = client.submit("a", api_name="/echo")
    wait_until(lambda: job.event_id is not None)
    client.predict("b", api_name="/direct")  # leaves its connection to the request that follows
    job.cancel(wait=5.0)


CALLS: Dict[str, Callable[[Client, Breaking], Any]] = {
    "made.txt": lambda client, _: client.predict(MADE, api_name="/direct"),
    "upload": lambda client, _: client.predict(handle_file(__file__), api_name="/direct"),
    "join": lambda client, _: client.predict("a", api_name="/echo"),
    "predict": lambda client, _: client.predict("a", api_name="/direct"),
    "cancel": cancel,
}


@pytest.mark.parametrize(
    ("route", "sent", "fails"),
    [
        ("made.txt", 2, False),
        ("upload", 2, False),
        ("join", 1, True),
        ("predict", 1, True),
        ("cancel", 1, False),  # the job was cancelled all the same
    ],
)
def test_requests_are_sent_once_more_where_that_does_no_harm(
    breaking: Breaking, connect: Callable[..., Client], tmp_path: Path, route: str, sent: int, fails: bool
) -> None:
    client = connect(breaking.url, download_files=tmp_path)
    wait_until(lambda: "info" in breaking.routes())
    client.predict("a", api_name="/direct")  # leaves a connection that is kept
    breaking.requests.clear()
    breaking.route = route
    try:
        CALLS[route](client, breaking)
    except ConnectionLost:
        assert fails
    else:
        assert not fails
    assert (breaking.route, breaking.routes().count(route)) == ("", sent)
