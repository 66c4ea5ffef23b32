"""A Hugging Face Hub for tests, with state: accounts, Spaces that build and run, commits, refusals.

The live Hub cannot be reached from the tests, so this stands in for it. `test_double.py` drives the real
huggingface_hub against it, which holds it to what that library needs and understands. It knows the routes
for Spaces and no others; whatever it is asked, it records.

    with Hub() as hub:
        hub.user("me", token="hf_me")
        hub.space("owner/app", app="http://127.0.0.1:7860/")
        ...
        assert [request.path for request in hub.requests] == ["/api/spaces/owner/app"]
"""

from __future__ import annotations

import contextlib
import re
import ssl
import threading
import traceback
from types import TracebackType
from typing import Any, Callable, Dict, List, Optional, Pattern, Tuple, Type, Union

from .answers import Answer, Refused, common_headers
from .detour import Detour
from .front import Front
from .listening import Connection, Listener
from .routes import answer
from .state import BUILT, Recorded, Space, User


class Hangup(Exception):
    """Raised by an outcome: close the connection without an answer."""


Outcome = Union[Answer, Callable[["Hub"], None]]


def hang(hub: Hub) -> None:
    """Never answer."""
    hub.closing.wait()
    raise Hangup


def hang_up(hub: Hub) -> None:
    """Close the connection without an answer."""
    raise Hangup


class Hub:
    """Serves at `url`, which is what HF_ENDPOINT must be.

    Args:
        tls: be https://huggingface.co itself, with Spaces at hf.space, to whatever uses the proxy of
            `environ`; this context has the certificate. huggingface_hub understands some refusals
            only over HTTPS, and sends some requests there whatever HF_ENDPOINT says.

    Attributes:
        requests: everything it was asked, in order.
        users: by token.
        spaces: by id.
        build: the stages that a new Space goes through.
    """

    def __init__(self, tls: Optional[ssl.SSLContext] = None) -> None:
        self.requests: List[Recorded] = []
        self.users: Dict[str, User] = {}
        self.spaces: Dict[str, Space] = {}
        self.build: Tuple[str, ...] = BUILT
        self._renamed: Dict[str, str] = {}
        self._script: List[Tuple[str, Pattern[str], List[Outcome]]] = []
        self._fronts: Dict[str, Front] = {}
        self._tls = tls
        self._lock = threading.RLock()  # guards the state while a request is answered
        self._listener = Listener(self._handle, tls)
        self._detour = Detour(self.port_of)
        self.url = "https://huggingface.co" if tls else f"http://127.0.0.1:{self._listener.port}"
        self.closing = self._listener.closing

    def __enter__(self) -> Hub:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def close(self) -> None:
        for server in (self._listener, *self._fronts.values(), self._detour):
            server.close()

    @property
    def strangers(self) -> List[str]:
        """The names of hosts that the proxy was asked for and that are not Hugging Face's."""
        return self._detour.refused

    def environ(self, ca_file: str = "") -> Dict[str, str]:
        """The environment variables that make a program talk to this Hub.

        Args:
            ca_file: of the certificate authority, with `tls`.
        """
        if self._tls is None:
            return {"HF_ENDPOINT": self.url}
        proxy = self._detour.url
        return {
            "HTTP_PROXY": proxy,
            "HTTPS_PROXY": proxy,
            "NO_PROXY": "127.0.0.1,localhost",
            "REQUESTS_CA_BUNDLE": ca_file,
            "SSL_CERT_FILE": ca_file,
        }

    def port_of(self, name: str) -> Optional[int]:
        """The local port of a host: huggingface.co, or a Space's; None for any other."""
        if name == "huggingface.co":
            return self._listener.port
        front = self._fronts.get(name)
        return None if front is None else front.port

    def user(self, name: str, token: str, orgs: Tuple[str, ...] = (), role: str = "write") -> User:
        """Add an account and its token."""
        self.users[token] = User(name, token, orgs, role)
        return self.users[token]

    def space(self, space_id: str, **attributes: Any) -> Space:
        """Add a Space; the attributes are those of `state.Space`."""
        space = Space(space_id, **attributes)
        self.spaces[space_id] = space
        if space.host is None:
            space.host = self._host(space)
        return space

    def _host(self, space: Space) -> str:
        """Open the Space's door; a Space of an earlier one's name takes that one's."""
        name = f"{space.subdomain}.hf.space"
        if name not in self._fronts:
            self._fronts[name] = Front(space, self.can_read, self._tls)
        front = self._fronts[name]
        front.space = space
        return f"https://{name}" if self._tls else f"http://127.0.0.1:{front.port}"

    def rename(self, old: str, new: str) -> None:
        """Give a Space another id; what asks for the old one is redirected."""
        space = self.spaces.pop(old)
        space.id = new
        self.spaces[new] = space
        self._renamed[old] = new

    def next(self, method: str, path: str, *outcomes: Outcome) -> None:
        """Answer the next requests of this kind so, one outcome each, whatever the state is.

        Args:
            path: a regular expression for the whole path, without its query.
            outcomes: answers, or `hang` or `hang_up`; a function that returns lets the Hub answer.
        """
        self._script.append((method, re.compile(path), list(outcomes)))

    def can_read(self, token: Optional[str], space: Space) -> bool:
        """Whether the holder of the token may see a Space."""
        user = self.users.get(token or "")
        return not space.private or (user is not None and space.owner in user.namespaces)

    def asked(self) -> List[Tuple[str, str]]:
        """The methods and paths of all requests."""
        return [(request.method, request.path) for request in self.requests]

    def _handle(self, connection: Connection, request: Recorded) -> None:
        self.requests.append(request)
        with contextlib.suppress(Hangup):
            result = self._scripted(request) or self._redirected(request) or self._answered(request)
            content = result.content
            headers = {**common_headers(), "content-type": "application/json; charset=utf-8"}
            headers.update((name.lower(), value) for name, value in result.headers.items())
            connection.send(result.status, content, headers)
            return
        connection.close_connection = True

    def _scripted(self, request: Recorded) -> Optional[Answer]:
        path = request.path.partition("?")[0]
        with self._lock:
            for method, pattern, outcomes in self._script:
                if outcomes and method == request.method and pattern.fullmatch(path):
                    outcome = outcomes.pop(0)
                    break
            else:
                return None
        if isinstance(outcome, Answer):
            return outcome
        outcome(self)
        return None

    def _redirected(self, request: Recorded) -> Optional[Answer]:
        for old, new in self._renamed.items():
            moved = re.sub(rf"(?<=spaces/){re.escape(old)}(?=[/?]|$)", new, request.path)
            if moved != request.path:
                return Answer(307, b"", {"location": moved, "x-error-code": "RepoMoved"})
        return None

    def _answered(self, request: Recorded) -> Answer:
        with self._lock:
            try:
                return answer(self, request)
            except Refused as error:
                return error.answer
            except Exception:
                return Answer(500, traceback.format_exc().encode(), {"content-type": "text/plain"})
