"""Hugging Face Spaces, as the client uses them: found by name, duplicated, made into Discord bots.

Loaded when there is a Space to deal with; an app that is given by URL needs none of it.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional

from ..app.console import say
from ..errors import ArgumentError, GradioClientError, InvalidValue, UnsupportedAppError, shown
from ..secrecy import Hidden, Secrets, hide
from ..transport.http import Timeout, Transport
from ..transport.sockets import Deadline
from ..transport.url import parse_url
from ..wire.texts import sendable
from .duplication import Copy, duplicate, unfinished, wishes_of
from .refusal import check_space_id
from .rest import HubApi, also_hidden
from .runtime import SpaceStatus, space_info, wait_until_running
from .token import Given, clean, hub_endpoint, token_for

if TYPE_CHECKING:
    from ..app.options import HttpOptions

logger = logging.getLogger(__name__)

#: Seconds that a visit which wakes a Space may take; its answer is of no interest.
_VISIT = 5.0

OnStatus = Callable[[SpaceStatus], object]


class Place(NamedTuple):
    """Where a Space's app is.

    Args:
        host: its URL.
        token: the one to send there; None for none.
        waited: whether it was not running at first.
    """

    host: str
    token: Optional[str]
    waited: bool

    def __repr__(self) -> str:
        return f"<Place {self.host}>"  # never the token


class Connections:
    """How to reach the Hub: as the client's app is reached, without what belongs to the app.

    Args:
        options: of the client.
        ssl_verify: of the client.
        given: the token as the caller gave it.
        user_agent: who is asking.
    """

    def __init__(self, options: HttpOptions, ssl_verify: Any, given: Given, user_agent: str) -> None:
        self.user_agent = user_agent
        self._options = options
        self._verify = ssl_verify if options.verify is None else options.verify
        self._given: Given = hide(given)

    def token(self, url: str) -> Optional[str]:
        """The token to send to a URL. Raises as `token_for` does."""
        return token_for(url, self._given, verified=_proves_names(self._verify))

    @contextmanager
    def hub(self) -> Iterator[HubApi]:
        """The Hub, for the length of a block."""
        endpoint = hub_endpoint()
        token = self.token(endpoint)
        transport = Transport(
            base_url=endpoint,
            timeout=self._options.timeout,
            verify=self._verify,
            cert=self._options.cert,
            proxies=self._options.proxies,
            trust_env=self._options.trust_env,
        )
        try:
            api = HubApi(
                transport,
                endpoint=endpoint,
                token=token,
                user_agent=self.user_agent,
                timeout=self._options.timeout,
            )
            with transport.secrets, api.secrets:
                yield api
        finally:
            transport.close()


def find_space(
    space_id: str,
    connections: Connections,
    deadline: Deadline,
    *,
    verbose: bool,
    on_status: Optional[OnStatus],
) -> Place:
    """Where a Space's app is, once it runs.

    Args:
        space_id: "owner/name".
        connections: to the Hub.
        deadline: until when to ask and to wait.
        verbose: whether to say on the console what is waited for.
        on_status: told each stage that is waited for.

    Raises:
        InvalidSpaceId: it is no name of a Space; nothing was sent.
        SpaceNotFound, HubPermissionError, AuthenticationError: the Hub refused.
        SpaceNotRunning: it is paused, stopped or broken.
        UnsupportedAppError: it is a static page.
        DeadlineExceeded: it does not run yet.
        ConnectionFailed, RetryLater: the Hub cannot be reached, or is too busy.
    """
    check_space_id(space_id)
    stages: List[str] = []

    def notify(status: SpaceStatus) -> None:
        stages.append(status.stage)
        if verbose:
            say(status.text)
        if on_status is not None:
            on_status(status)

    with connections.hub() as api:
        info = space_info(api, space_id, deadline)
        if info.sdk == "static":
            raise UnsupportedAppError(
                f"{space_id} is a static page, no Gradio app; see {api.space_page(space_id)}."
            )

        def wake(naps: int) -> None:
            if info.host is not None:
                _visit(api, info.host, connections, deadline)
            if naps == 1 and api.has_token:  # it sleeps on: its owner may start it again
                _restart(api, space_id, deadline)

        wait_until_running(api, space_id, info.runtime, deadline, wake=wake, notify=notify)
        host = info.host or space_info(api, space_id, deadline).host  # a new Space gets one while it is built
        if host is None or not _is_url(host):
            raise UnsupportedAppError(
                f"The Hub names no address for the Space {space_id}; see {api.space_page(space_id)}."
            )
    return Place(host, connections.token(host), bool(stages))


def duplicate_space(
    from_id: str,
    to_id: Optional[str],
    duplicate_from: str,
    wishes: Mapping[str, Any],
    connections: Connections,
    timeout: Optional[float],
    verbose: bool,
) -> Copy:
    """Make, or find, the copy that `Client.duplicate` connects to.

    Args:
        from_id: the Space.
        to_id: the copy's name; None for the same.
        duplicate_from: where the original is; only "spaces" is known.
        wishes: private, hardware, secrets, variables and sleep_timeout, as the caller gave them.
        connections: to the Hub.
        timeout: seconds that all requests for it may take; None for as long as they take.
        verbose: whether to say on the console what is done.

    Raises:
        See `hub.duplication.duplicate`.
    """
    if duplicate_from != "spaces":
        raise InvalidValue(
            f"duplicate_from must be 'spaces'; it is {shown(duplicate_from)}. The options after it are given "
            "by keyword, such as private=True."
        )

    def tell(text: str, matters: bool) -> None:
        if verbose or matters:
            say(text)

    checked, seconds = wishes_of(**wishes), Timeout(total=timeout).total
    with connections.hub() as api:
        return duplicate(api, from_id, to_id, checked, api.deadline(seconds), tell)


@contextmanager
def until_connected(copy: Copy, secrets: Any) -> Iterator[None]:
    """Say of an error within the block that the copy exists, if this call has made it.

    What the Hub says of an app that broke may quote the secrets it was given, so they are kept out of texts.
    """
    hidden = also_hidden.set(tuple(dict(secrets or {}).values()))
    try:
        with Secrets(*also_hidden.get()):
            yield
    except GradioClientError as exc:
        if not copy.made:
            raise
        page = parse_url(f"{hub_endpoint()}/spaces/{copy.space_id}").label  # never a password in it
        raise unfinished(page, copy.space_id, exc) from exc
    finally:
        also_hidden.reset(hidden)


def deploy_bot(
    connections: Connections,
    src: str,
    space_id: Optional[str],
    info: Mapping[str, Any],
    config: Mapping[str, Any],
    *,
    discord_token: Optional[str],
    api_names: Any,
    to_id: Optional[str],
    hf_token: Optional[str],
    private: bool,
    timeout: Optional[float],
) -> str:
    """Deploy the app of a client as a Discord bot and return the URL of the bot's Space.

    Args:
        connections: to the Hub.
        src: the app's URL.
        space_id: its Space; None when it is none.
        info: what it says of its functions.
        config: its config; the mode is "chat_interface" for a gr.ChatInterface.
        discord_token: the bot's password.
        api_names: see `hub.discord.commands_of`.
        to_id: the name of the bot's Space.
        hf_token: the token the caller passed for this; the bot of a private Space gets it.
        private: whether the bot's Space is private.
        timeout: seconds that all requests may take; None for as long as they take.

    Raises:
        See `Client.deploy_discord`.
    """
    from secrets import token_hex

    from .discord.deploy import Bot, bot_name, commands_of, deploy, own_space

    endpoints = info["named_endpoints"]
    commands = commands_of(api_names, config.get("mode") == "chat_interface", list(endpoints))
    for name, value in (("discord_bot_token", discord_token), ("hf_token", hf_token)):
        if value is not None and not isinstance(value, str):
            raise ArgumentError(f"{name} must be a text, or None.")
        sendable(value, name)
    wanted = bot_name(to_id, space_id, lambda: token_hex(4))
    with connections.hub() as api:
        api.require_token("Deploying a bot")
        api.hide(discord_token, hf_token)
        deadline = api.deadline(timeout)
        secret = None
        if space_id is not None and space_info(api, space_id, deadline).private:
            secret = clean(hf_token or "")
            if secret is None:
                raise InvalidValue(
                    f"Since {space_id} is private, you must explicitly pass in hf_token so that it can be "
                    "added as a secret in the discord bot space."
                )
        target = own_space(api, wanted, deadline)
        version = str(config.get("version"))
        bot = Bot(space_id or src, commands, endpoints, version, clean(discord_token or ""), private)
        url = deploy(api, bot, target, secret, deadline)
    say(f"See your discord bot here! {url}")
    return url


def _visit(api: HubApi, host: str, connections: Connections, deadline: Deadline) -> None:
    """Ask a sleeping Space for its page, which is what wakes it."""
    headers: Dict[str, str] = {"user-agent": connections.user_agent}
    try:
        token = connections.token(host)
        if token is not None:
            headers["x-hf-authorization"] = Hidden(f"Bearer {token}")
        limits = api.limits(deadline, "waking the Space", _VISIT)
        api.transport.request(
            "GET", host, headers=headers, timeout=limits, follow_redirects=False, credentials=False
        )
    except GradioClientError as exc:
        logger.info("a Space that is to wake gave no answer: %s", api.secrets.shown(exc))


def _restart(api: HubApi, space_id: str, deadline: Deadline) -> None:
    try:
        api.post(f"/api/spaces/{space_id}/restart", None, deadline, f"restarting {space_id}", space_id)
    except GradioClientError as exc:
        logger.info("%s is left to wake by itself: %s", space_id, api.secrets.shown(exc))


def _is_url(host: str) -> bool:
    """Whether the Hub's word for where a Space is can be asked; else that is no mistake of the caller's."""
    try:
        parse_url(host)
    except ArgumentError:
        return False
    return True


def _proves_names(verify: Any) -> bool:
    """Whether servers have to prove that they are who their name says."""
    if isinstance(verify, bool):
        return verify
    return bool(getattr(verify, "check_hostname", True))
