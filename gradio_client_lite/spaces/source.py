"""Finding the app that a name or a URL stands for, where the Hub or a saved token has a say in it.

Loaded only then: an app that is given by URL, and is not at one of Hugging Face's hosts, needs nothing of
this room (see `app.options.locate_url`). The search runs one way: `find_app` asks the Hub for the Space,
waits until it runs, and makes an AppLocation, which the client can ask to look again.
"""

from __future__ import annotations

import logging
from typing import Any, Callable, Dict, List, Optional, Tuple

from ..app.console import say
from ..app.options import AppLocation, HttpOptions, is_url
from ..errors import ArgumentError, GradioClientError, UnsupportedAppError
from ..secrecy import Hidden, hide
from ..threads import Threads
from ..transport.http import Timeout
from ..transport.sockets import Deadline
from ..transport.url import parse_url
from .rest import HubAccess, HubApi
from .runtime import SpaceStatus, check_space_id, space_info, wait_until_running
from .token import Given

logger = logging.getLogger(__name__)

#: Seconds that a visit which wakes a Space may take; its answer is of no interest.
_VISIT_TIME = 5.0


def find_app(
    src: str,
    given: Given,
    options: HttpOptions,
    ssl_verify: Any,
    *,
    verbose: bool,
    space_timeout: Optional[float],
    on_status: Optional[Callable[[SpaceStatus], object]],
    threads: Optional[Threads],
) -> AppLocation:
    """Find out where the app is and which token may go there; of a Space, the Hub is asked.

    The arguments are those of the Client, `given` its token. `space_timeout` counts from now, also for
    looking again. Closing `threads` ends the waiting. Raises as the Client does of a Space.
    """
    access = HubAccess(options, ssl_verify, given, threads)
    if is_url(src):
        return AppLocation(src, access.token(hide(src.strip())))
    # No name holds an "@", which may stand behind a password in what was meant as a URL.
    space_id = hide(src.strip()) if "@" in src else str(src.strip())
    deadline = Deadline(Timeout(total=space_timeout).total)

    def notify(status: SpaceStatus) -> None:
        if verbose:
            say(status.text)
        if on_status is not None:
            on_status(status)

    return _SpaceLocation(check_space_id(space_id), access, deadline, notify)


class _SpaceLocation(AppLocation):
    """The app of a Space, which runs, or did when it was last looked at."""

    __slots__ = ("_access", "_deadline", "_notify")

    def __init__(
        self, space_id: str, access: HubAccess, deadline: Deadline, notify: Callable[[SpaceStatus], object]
    ) -> None:
        self._access, self._deadline, self._notify = access, deadline, notify
        host, _ = self._find(space_id)
        super().__init__(host, access.token(host), space_id)

    def look_again(self) -> bool:
        """Wait until the Space runs; False if it runs already, as far as the Hub knows."""
        _, waited = self._find(str(self.space_id))
        return waited

    def _find(self, space_id: str) -> Tuple[str, bool]:
        """The URL of the app, once it runs, and whether it was waited for."""
        deadline = self._deadline
        stages: List[str] = []

        def notify(status: SpaceStatus) -> None:
            stages.append(status.stage)
            self._notify(status)

        with self._access.open() as api:
            info = space_info(api, space_id, deadline)
            if info.sdk == "static":
                raise UnsupportedAppError(
                    f"{space_id} is a static page, no Gradio app; see {api.space_page(space_id)}."
                )

            def wake(wakings: int) -> None:
                if info.host is not None:
                    self._visit(api, info.host)
                if wakings == 1 and api.has_token:  # it sleeps on: its owner may start it again
                    self._restart(api, space_id)

            wait_until_running(api, space_id, info.runtime, deadline, wake=wake, notify=notify)
            # A new Space gets its address while it is built.
            host = info.host or space_info(api, space_id, deadline).host
            if host is None or not _is_url(host):
                raise UnsupportedAppError(
                    f"The Hub names no address for the Space {space_id}; see {api.space_page(space_id)}."
                )
        return host, bool(stages)

    def _visit(self, api: HubApi, host: str) -> None:
        """Ask a sleeping Space for its page, which is what wakes it."""
        headers: Dict[str, str] = {"user-agent": api.user_agent}
        try:
            token = self._access.token(host)
            if token is not None:
                headers["x-hf-authorization"] = Hidden(f"Bearer {token}")
            limits = api.limits(self._deadline, "waking the Space", _VISIT_TIME)
            api.transport.request(
                "GET", host, headers=headers, timeout=limits, follow_redirects=False, credentials=False
            )
        except GradioClientError as exc:
            logger.info("a Space that is to wake gave no answer: %s", api.secrets.shown(exc))

    def _restart(self, api: HubApi, space_id: str) -> None:
        path, doing = f"/api/spaces/{space_id}/restart", f"restarting {space_id}"
        try:
            api.post(path, None, self._deadline, doing, space_id)
        except GradioClientError as exc:
            logger.info("%s is left to wake by itself: %s", space_id, api.secrets.shown(exc))


def _is_url(host: str) -> bool:
    """Whether the Hub's word for where a Space is can be asked; else that is no mistake of the caller's."""
    try:
        parse_url(host)
    except ArgumentError:
        return False
    return True
