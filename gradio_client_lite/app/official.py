"""What scripts for the official client read of a client and its endpoints; nothing here uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict

from ..wire.schema import is_index

if TYPE_CHECKING:
    from .app import App


class ClientAttributes:
    """The official client's attributes that tell where the app is."""

    _app: App
    #: Nothing is ever sent.
    analytics_enabled = False

    @property
    def src_prefixed(self) -> str:
        """What the URLs of the app's API begin with."""
        return self._app.routes.api

    @property
    def api_url(self) -> str:
        """Where functions are called without a queue."""
        return self.src_prefixed + "api/predict/"

    @property
    def sse_url(self) -> str:
        """The event stream: of a job where each has its own (Gradio 4.0 - 4.8), else of a session."""
        return self.src_prefixed + ("queue/join" if self._app.dialect.queue == "stream" else "queue/data")

    @property
    def sse_data_url(self) -> str:
        """Where arguments go."""
        return self.src_prefixed + ("queue/data" if self._app.dialect.queue == "stream" else "queue/join")

    @property
    def ws_url(self) -> str:
        """The WebSocket of Gradio 3."""
        return self.src_prefixed.replace("http", "ws", 1) + "queue/join"

    @property
    def heartbeat_url(self) -> str:
        """The heartbeat of a session, whose hash goes in place of "{session_hash}"."""
        return self.src_prefixed + "heartbeat/{session_hash}"

    @property
    def upload_url(self) -> str:
        """Where files go."""
        return self.src_prefixed + "upload"

    @property
    def reset_url(self) -> str:
        """Where the server is told that a generator is not read on."""
        return self._app.routes.reset


def dependency_of(config: Dict[str, Any], fn_index: int) -> Dict[str, Any]:
    """What a config says of an endpoint; the last one counts that has its number, or none and its place."""
    found: Dict[str, Any] = {}
    for place, dependency in enumerate(config.get("dependencies", ())):
        if isinstance(dependency, dict):
            number = dependency.get("id")
            if (number if is_index(number) else place) == fn_index:
                found = dependency
    return found
