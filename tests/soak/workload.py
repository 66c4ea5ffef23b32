"""The calls of a soak: of one client, of many clients in turn, of a client whose streams are cut."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any, Callable, List, NamedTuple
from uuid import uuid4

from faults.chaos.workload import Wrong, same

from gradio_client_lite import Client, handle_file
from gradio_client_lite.errors import AppError, ConnectionFailed
from gradio_client_lite.updates import OutputUpdate

#: Connects to the app at a URL.
Connect = Callable[..., Client]

_LIMIT = 60.0  # seconds, for what takes a moment
_GRACE = 1.0  # seconds for a stream that was cut
_RETRIES = 10  # of a call after a cut, as the server may take it for one of those that it drops
_STEPS = 8  # of a stream
_PIECES = [f"{step} \u0085 é " for step in range(_STEPS)]  # of a text that grows


class Phase(NamedTuple):
    """A kind of calls.

    Args:
        name: what is counted.
        unit: how many a turn of it makes.
        turn: makes them; is given the number of the turn.
    """

    name: str
    unit: int
    turn: Callable[[int], None]


class Calls:
    """Predicts and streams of one client, which lives through all of them.

    Args:
        file: to send now and then.
    """

    def __init__(self, client: Client, file: Path) -> None:
        self._client = client
        self._file = file
        self._counted = 0

    def predict(self, turn: int) -> None:
        """Twenty calls: at once, in turn, direct, failing, with State; now and then with a file."""
        client, texts = self._client, [f"{turn} {place}" for place in range(10)]
        same(list(client.map(texts, api_name="/echo", max_in_flight=5)), texts)
        for text in texts[:6]:
            same(client.predict(text, api_name="/echo"), text)
        same(client.predict(texts[6], api_name="/direct"), texts[6])
        self._fail(texts[7])
        self._counted += 1
        same(client.predict("a", api_name="/count_calls"), (f"a {self._counted}", self._counted))
        if turn % 10 != 1:
            same(client.predict(texts[8], api_name="/echo"), texts[8])
        else:
            self._send_and_fetch()

    def _send_and_fetch(self) -> None:
        content = self._file.read_bytes()
        digest = self._client.predict(handle_file(self._file), api_name="/digest")
        same(digest, hashlib.sha256(content).hexdigest())
        written = self._client.predict(content.decode(), api_name="/written")
        same(Path(written).read_bytes(), content)

    def _fail(self, text: str) -> None:
        try:
            self._client.predict(text, api_name="/fail")
        except AppError as exc:
            same(text in str(exc), True)
        else:
            raise Wrong("no error")

    def stream(self, turn: int) -> None:
        """Five streams: by iteration, by `async for`, as messages; one is left early, and so cancelled."""
        client, right = self._client, ["".join(_PIECES[: step + 1]) for step in range(_STEPS)]
        for _ in range(2):
            same(list(client.submit(_STEPS, api_name="/grow")), right)
        same(asyncio.run(self._outputs()), right[-1])
        *_, last = client.stream_messages(_STEPS, api_name="/grow")
        same(isinstance(last, OutputUpdate) and last.outputs, right[-1])
        for update in client.stream_messages(1000, 0.01, api_name="/count"):
            if isinstance(update, OutputUpdate):
                break

    async def _outputs(self) -> Any:
        job = self._client.submit(_STEPS, api_name="/grow")
        return [update.outputs async for update in job if isinstance(update, OutputUpdate)][-1]


class Clients:
    """Clients that are opened, called once or twice, and closed."""

    def __init__(self, connect: Connect, url: str) -> None:
        self._connect = connect
        self._url = url

    def turn(self, turn: int) -> None:
        """One client; every other has a job under way when it is closed."""
        with self._connect(self._url) as client:
            same(client.predict("a", api_name="/count_calls"), ("a 1", 1))
            if turn % 2:
                next(iter(client.submit(1000, 0.01, api_name="/count")))


class Reconnects:
    """A client whose stream is cut in the middle of a job, again and again.

    Args:
        cut: hangs up on the client, and on the server, on all streams; how many there were.
    """

    def __init__(self, client: Client, cut: Callable[[], int]) -> None:
        self._client = client
        self._cut = cut
        self.lost = self.again = 0

    def turn(self, turn: int) -> None:
        """A job whose stream is cut ends with its value or a typed error; the next call gives its value."""
        job = self._client.submit(_STEPS, 0.02, api_name="/count")
        next(iter(job))
        same(self._cut() > 0, True)
        error = job.exception(_LIMIT)
        if error is None:
            same(job.result(), _STEPS - 1)
        elif isinstance(error, ConnectionFailed):
            self.lost += 1
        else:
            raise error
        self._call_again(str(turn))

    def _call_again(self, text: str) -> None:
        (row,) = self._client.map([text], api_name="/echo", retries=_RETRIES, rows=True)
        same(row.result, text)
        self.again += row.attempts - 1


def connect(url: str, **options: Any) -> Client:
    """A client that says nothing, and soon takes the jobs of a cut stream for lost."""
    return Client(url, verbose=False, stream_grace=_GRACE, timeout=_LIMIT, **options)


def idle(client: Client) -> int:
    """How many connections a client keeps for later."""
    return client._app.transport._pool.counts()[0]


def age(client: Client) -> None:
    """Have a client's session remember as many ended jobs as it ever does, as it would after 10,000 calls."""
    claims = getattr(client._calls.sessions.current, "_claims", None)
    if claims is not None:  # on Gradio 3 jobs have no ids
        for _ in range(claims._remembered):
            claims.end(uuid4().hex)


def phases(calls: Calls, clients: Clients, reconnects: Reconnects) -> List[Phase]:
    """All of them, in the order in which they run."""
    return [
        Phase("predicts", 20, calls.predict),
        Phase("streams", 5, calls.stream),
        Phase("clients", 1, clients.turn),
        Phase("reconnects", 1, reconnects.turn),
    ]
