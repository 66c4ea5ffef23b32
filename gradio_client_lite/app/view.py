"""AppView: what a client knows of its app, as its user sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Union

from .app import App
from .console import say
from .options import check_headers

if TYPE_CHECKING:
    from typing import Literal


class AppView:
    """The part of a Client that tells of its app and makes no calls."""

    _app: App

    @property
    def src(self) -> str:
        """The app's URL with a trailing slash."""
        return self._app.src

    @property
    def config(self) -> Dict[str, Any]:
        """The app's `/config`."""
        return self._app.config

    @property
    def protocol(self) -> str:
        """How the app's queue is spoken to, for example "sse_v3"."""
        return self._app.spec.protocol

    @property
    def api_prefix(self) -> str:
        """What stands between `src` and a route: "/" or "gradio_api/"."""
        return self._app.spec.api_prefix or "/"

    @property
    def app_version(self) -> Any:
        """The server's Gradio version, comparable."""
        return self._app.spec.version

    @property
    def headers(self) -> Dict[str, str]:
        """The headers of every request; changes count from the next one on."""
        return self._app.headers.base

    @headers.setter
    def headers(self, headers: Mapping[str, str]) -> None:
        check_headers("headers", headers)
        self._app.headers.base = dict(headers or {})

    @property
    def cookies(self) -> Any:
        """The cookies, as a mapping of names to values; changes count from the next request on."""
        return self._app.transport.cookies

    def view_api(
        self,
        all_endpoints: Optional[bool] = None,
        print_info: bool = True,
        return_format: Optional[Literal["dict", "str"]] = None,
    ) -> Union[Dict[str, Any], str, None]:
        """Describe the endpoints, their parameters and what they return; waits until that is known.

        Args:
            all_endpoints: True lists unnamed endpoints too, False only named ones; None lists the
                unnamed ones where there are no others.
            print_info: whether to write the text to the console.
            return_format: "str" returns the text, "dict" the description; None returns nothing.
        """
        from .listing import render  # not needed to make calls

        info = self._app.info()
        text = render(info, all_endpoints) if print_info or return_format == "str" else None
        if print_info and text is not None:
            say(text)
        return info if return_format == "dict" else text if return_format == "str" else None

    def __str__(self) -> str:
        return str(self.view_api(print_info=False, return_format="str"))

    def __repr__(self) -> str:
        connector = vars(self).get("_connector")
        if connector is not None:
            return f"<{type(self).__name__} {connector.src}, not connected yet>"
        if not hasattr(vars(self).get("_app"), "spec"):  # as a frame of the constructor may show it
            return "<Client, not connected>"
        text = f"<Client {self.src} Gradio {self.app_version} {self.protocol}>"
        return self._app.transport.secrets.blank(text)
