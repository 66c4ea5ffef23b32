"""What scripts for the official client read of a client and its endpoints, made from what is known here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional

from ..wire.schema import is_index

if TYPE_CHECKING:
    from ..wire.config import ComponentSpec, EndpointSpec
    from .app import App


class ClientAttributes:
    """The attributes of the official client's Client that tell where the app is. Calls use none of them."""

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
        """The event stream: of a job where the protocol is "sse", else of a session."""
        return self.src_prefixed + ("queue/join" if self._app.spec.protocol == "sse" else "queue/data")

    @property
    def sse_data_url(self) -> str:
        """Where arguments go."""
        return self.src_prefixed + ("queue/data" if self._app.spec.protocol == "sse" else "queue/join")

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


class EndpointAttributes:
    """The attributes of the official client's Endpoint that tell what it is."""

    spec: EndpointSpec
    _app: Optional[App]

    @property
    def dependency(self) -> Dict[str, Any]:
        """What the app's config says of it, as it was sent."""
        found: Dict[str, Any] = {}
        listed = self._app.config["dependencies"] if self._app else ()
        for place, dependency in enumerate(listed):
            if isinstance(dependency, dict):
                number = dependency.get("id")
                if (number if is_index(number) else place) == self.spec.fn_index:
                    found = dependency
        return found

    @property
    def protocol(self) -> str:
        """How the app's queue is spoken to; see `Client.protocol`."""
        return self._app.spec.protocol if self._app else ""

    @property
    def root_url(self) -> str:
        """What the URLs of the app's API begin with."""
        return self._app.routes.api if self._app else ""

    @property
    def backend_fn(self) -> bool:
        """Whether its function runs on the server."""
        return self.spec.backend_fn

    @property
    def api_visibility(self) -> str:
        """Who may see it: "public", "undocumented" or "private"."""
        return self.spec.visibility

    @property
    def input_component_types(self) -> List[ComponentSpec]:
        """Of each input: `skip`, `value_is_file` and `is_state`."""
        return list(self.spec.inputs)

    @property
    def output_component_types(self) -> List[ComponentSpec]:
        """The same of each output."""
        return list(self.spec.outputs)
