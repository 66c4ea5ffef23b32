"""HubClient: what a client does with Spaces of the Hugging Face Hub beyond calling them."""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence, Tuple, Type, TypeVar, Union

from ..app.headers import zero_gpu_token
from ..app.options import (
    HttpOptions,
    check_arguments,
    check_seconds,
    hidden_options,
    http_options,
    sendable_options,
)
from ..app.view import AppView
from ..errors import ArgumentError
from ..secrecy import hide
from ..wire.texts import sendable

_Client = TypeVar("_Client", bound="HubClient")


class HubClient(AppView):
    """The part of a Client that makes Spaces, and makes itself known to them."""

    space_id: Optional[str]
    token: Union[str, bool, None]
    ssl_verify: Any
    _options: HttpOptions
    _given: Dict[str, Any]

    @classmethod
    def duplicate(
        cls: Type[_Client],
        from_id: str,
        to_id: Optional[str] = None,
        hf_token: Union[str, bool, None] = None,
        duplicate_from: str = "spaces",
        *,
        private: bool = True,
        hardware: Optional[str] = None,
        secrets: Optional[Dict[str, str]] = None,
        variables: Optional[Dict[str, str]] = None,
        sleep_timeout: float = 5,
        max_workers: int = 40,
        verbose: bool = True,
        token: Union[str, bool, None] = None,
        **options: Any,
    ) -> _Client:
        """Make a Space of one's own from another one, wait until it runs, and connect to it.

        A Space of that name that is there already is used as it is; only hardware and sleep time are brought
        to what is asked for.

        Args:
            from_id: the Space, "owner/name".
            to_id: the name of the copy, with or without an owner; None for that of the original.
            hf_token: a token that may write; as for the constructor. `token` is its newer name.
            duplicate_from: where the original is; "spaces" is all there is.
            private: whether only its owner may use the copy.
            hardware: what it shall run on, such as "t4-small"; it may cost money, which is then said. None is
                that of the original where it is free, else "cpu-basic".
            secrets: by name, for a new copy.
            variables: by name, for a new copy; everybody who sees it can read them.
            sleep_timeout: minutes without requests after which it sleeps; not used on "cpu-basic".
            options: what the constructor takes besides; `space_timeout` bounds making the copy too.

        Raises:
            InvalidSpaceId, InvalidValue, ArgumentError: an argument is wrong; nothing was sent.
            SpaceNotFound, AuthenticationError, HubPermissionError: the Hub refused.
            SpaceNameTaken: the name belongs to another Space.
            SpaceDuplicationError: the copy was made, but cannot be used yet; the cause is chained. Call
                again to go on.
            The same as the constructor.

        Example:
            >>> client = Client.duplicate("owner/name", hardware="t4-small")   # doctest: +SKIP
        """
        from inspect import signature

        from .duplication import duplicate_space, until_connected
        from .rest import HubAccess

        hf_token, token, secrets, options = (
            hide(hf_token),
            hide(token),
            hide(secrets),
            hidden_options(options),
        )
        given = hf_token if token is None else token
        check_arguments(from_id, max_workers, options.get("auth"))
        sendable(given, "hf_token")
        for name in ("auth", "headers", "oauth_token"):
            sendable(options.get(name), name)
        sendable_options(options.get("httpx_kwargs"))
        make: Any = cls
        try:
            signature(make).bind(from_id, given, max_workers, verbose, **options)
        except TypeError as exc:  # now, not when the copy has been made
            raise ArgumentError(f"{cls.__name__}: {exc}.") from exc
        for name in {"stream_grace", "stream_idle_timeout"} & options.keys():
            check_seconds(name, options[name])
        copy_options = {
            "private": private,
            "hardware": hardware,
            "secrets": secrets,
            "variables": variables,
            "sleep_timeout": sleep_timeout,
        }
        http = http_options(options.get("httpx_kwargs"))
        access = HubAccess(http, options.get("ssl_verify", True), given)
        timeout = options.get("space_timeout", 600.0)  # as the constructor has it
        copy = duplicate_space(from_id, to_id, duplicate_from, copy_options, access, timeout, verbose)
        with until_connected(copy, secrets):
            client: _Client = make(copy.space_id, given, max_workers, verbose, **options)
            return client

    def add_zero_gpu_headers(self, headers: Dict[str, str]) -> Dict[str, str]:
        """A copy of `headers` with the `x-ip-token` of the Gradio request this runs in, if there is one.

        A ZeroGPU Space counts the use of its GPU by that token. Only calls to Spaces get it.
        """
        token = zero_gpu_token() if self.space_id else None
        return {**headers, "x-ip-token": token} if token else dict(headers)

    def deploy_discord(
        self,
        discord_bot_token: Optional[str] = None,
        api_names: Union[str, Tuple[str, str], Sequence[Union[str, Tuple[str, str]]], None] = None,
        to_id: Optional[str] = None,
        hf_token: Optional[str] = None,
        *,
        private: bool = False,
    ) -> str:
        """Make, or update, a Space that runs this app as a Discord bot, and return the Space's URL.

        Args:
            discord_bot_token: the bot's password at Discord; without one, the Space explains how to get it.
            api_names: a function, a (function, command) pair or a list of them; None for a
                `gr.ChatInterface`.
            to_id: the name of the bot's Space; None makes one from the app's.
            hf_token: a token that may write; None for the client's, or the one saved on this machine. The
                bot of a private Space reaches it with this token, so there it must be given.
            private: whether the bot's Space is private; who may talk to the bot is set at Discord.

        Raises:
            UnknownEndpointError, InvalidValue, InvalidSpaceId: an argument is wrong.
            AuthenticationError, HubPermissionError: the token is missing, wrong, or may not do this.
            SpaceNameTaken: a Space of this name exists and is no bot.
            SpaceUnfinished: the Space was made, but then something failed; call again to go on.
            ConnectionFailed, DeadlineExceeded, RetryLater: the Hub cannot be reached, or is too busy.
        """
        from .discord.deploy import BotApp, BotOptions, deploy_bot
        from .rest import HubAccess

        hf_token, discord_bot_token = hide(hf_token), hide(discord_bot_token)
        access = HubAccess(self._options, self.ssl_verify, self.token if hf_token is None else hf_token)
        app = BotApp(self.src, self.space_id, self._app.info(), self.config)
        options = BotOptions(discord_bot_token, api_names, to_id, hf_token, private)
        return deploy_bot(access, app, options, self._given["space_timeout"])
