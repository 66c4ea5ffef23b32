"""A Hub made of a list of answers, and a clock that moves only when somebody waits."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Union

from gradio_client_lite.spaces.rest import HubApi
from gradio_client_lite.transport.headers import Headers
from gradio_client_lite.transport.http import Response, Timeout
from gradio_client_lite.transport.sockets import Deadline

TOKEN = "".join(("hf_", "s3cr3t"))
HUB = "https://huggingface.co"


class Asked(NamedTuple):
    """One request."""

    method: str
    url: str
    headers: Dict[str, str]
    body: Optional[bytes]
    timeout: Optional[Timeout]

    @property
    def path(self) -> str:
        return self.url[len(HUB) :] if self.url.startswith(HUB) else self.url

    @property
    def json(self) -> Any:
        return json.loads(self.body or b"null")


class Reply(NamedTuple):
    """One answer."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = {}


Step = Union[Reply, BaseException, Callable[[Asked], Reply]]


def refuse(status: int, message: str = "no", code: Optional[str] = None, **headers: str) -> Reply:
    """A refusal as the Hub words it."""
    fields = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {})}
    fields.update((name.replace("_", "-"), value) for name, value in headers.items())
    return Reply({"error": message}, status, fields)


class Script:
    """Stands in for a Transport: gives the answers in order, the last one for all that follow."""

    def __init__(self, *steps: Step) -> None:
        self._steps = list(steps)
        self.asked: List[Asked] = []
        self.now = 0.0
        self.pauses: List[float] = []

    def request(self, method: str, url: str, **options: Any) -> Response:
        assert options.pop("follow_redirects") is False
        assert options.pop("credentials") is False
        asked = Asked(method, url, options["headers"], options.get("body"), options.get("timeout"))
        self.asked.append(asked)
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        if isinstance(step, BaseException):
            raise step
        reply = step if isinstance(step, Reply) else step(asked)
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        return Response(reply.status, Headers(reply.headers.items()), url, body)

    def close(self) -> None:
        pass

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def api(self, token: Optional[str] = TOKEN, **options: Any) -> HubApi:
        transport: Any = self
        defaults = {"endpoint": HUB, "clock": self.clock, "pause": self.pause}
        return HubApi(transport, token=token, user_agent="test/1", **{**defaults, **options})

    def deadline(self, seconds: Optional[float] = 60.0) -> Deadline:
        return Deadline(seconds, self.clock)

    def paths(self) -> List[str]:
        return [f"{asked.method} {asked.path}" for asked in self.asked]
