"""Duplicating a Space: the copy that is there already, or a new one with all that belongs to it.

Secrets, variables, hardware and sleep time travel in the request that makes the copy, so that there is no
moment at which it is half made. A copy that exists, of an earlier call or made meanwhile, is used as it is;
only its hardware and sleep time are brought to what was asked for. So calling again after a failure makes
nothing twice.

Source: huggingface_hub 0.34 - 2.4, `duplicate_space`; HTTP 409 says that the copy exists.
"""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, Mapping, NamedTuple, Optional

from ..app.console import say
from ..errors import (
    ArgumentError,
    GradioClientError,
    HTTPStatusError,
    HubPermissionError,
    InvalidValue,
    SpaceDuplicationError,
    SpaceNameTaken,
    SpaceNotFound,
    shown,
)
from ..secrecy import Secrets, hide
from ..transport.http import Timeout
from ..transport.sockets import Deadline
from ..transport.url import parse_url
from ..wire.texts import sendable
from .rest import HubAccess, HubApi, also_hidden
from .runtime import Runtime, check_repo_name, check_space_id, space_runtime, who_am_i
from .token import hub_endpoint

logger = logging.getLogger(__name__)

_FREE = frozenset({"cpu-basic", "zero-a10g"})
_DEFAULT = "cpu-basic"
_MOST_MINUTES = 1_000_000
_BILLING = "https://huggingface.co/settings/billing"
#: The official client's text.
_UNUSED = (
    "{} are only used when the Space is duplicated for the first time, and are not updated if the duplicated "
    "Space already exists."
)

#: Shows a line to the user; an important one (the flag) also with verbose=False.
Show = Callable[[str, bool], object]


class CopyOptions(NamedTuple):
    """How the copy shall be; see `Client.duplicate`. Without hardware, the Hub gives it the free one."""

    private: bool = True
    hardware: Optional[str] = None
    secrets: Mapping[str, str] = {}
    variables: Mapping[str, str] = {}
    sleep_seconds: int = 300

    def __repr__(self) -> str:
        return f"<CopyOptions hardware={self.hardware}>"  # never the secrets


class SpaceCopy(NamedTuple):
    """A copy, which is a Space of the user's own, and whether it was made by this call."""

    space_id: str
    made: bool


def duplicate_space(
    from_id: str,
    to_id: Optional[str],
    duplicate_from: str,
    options: Mapping[str, Any],
    access: HubAccess,
    timeout: Optional[float],
    verbose: bool,
) -> SpaceCopy:
    """Make, or find, the copy that `Client.duplicate` connects to; its arguments are explained there.

    Args:
        options: the arguments of `copy_options`.
        timeout: seconds that all requests for it may take; None for as long as they take.
    """
    if duplicate_from != "spaces":
        raise InvalidValue(
            f"duplicate_from must be 'spaces'; it is {shown(duplicate_from)}. The options after it are given "
            "by keyword, such as private=True."
        )

    def show(text: str, important: bool) -> None:
        if verbose or important:
            say(text)

    checked, seconds = copy_options(**options), Timeout(total=timeout).total
    with access.open() as api:
        return duplicate(api, from_id, to_id, checked, api.deadline(seconds), show)


@contextmanager
def until_connected(copy: SpaceCopy, secrets: Any) -> Iterator[None]:
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
        error = SpaceDuplicationError(
            f"The copy {copy.space_id} was made ({page}), with its secrets and variables, but then: {exc} "
            "Call duplicate again to go on with it; nothing is made twice.",
            space_id=copy.space_id,
            url=page,
        )
        error.retryable, error.retry_after = exc.retryable, exc.retry_after
        raise error from exc
    finally:
        also_hidden.reset(hidden)


def copy_options(
    private: Any, hardware: Any, secrets: Any, variables: Any, sleep_timeout: Any
) -> CopyOptions:
    """Check arguments of `Client.duplicate`; errors do not show the value of a secret."""
    if not isinstance(private, bool):
        raise ArgumentError(f"private must be True or False; it is {shown(private)}.")
    # huggingface_hub's SpaceHardware is a str whose str() is not its value.
    hardware = sendable(getattr(hardware, "value", hardware), "hardware")
    if hardware is not None and not (isinstance(hardware, str) and hardware.strip()):
        raise InvalidValue(f"hardware must be the name of one, such as 'cpu-basic'; it is {shown(hardware)}.")
    number = isinstance(sleep_timeout, (int, float)) and not isinstance(sleep_timeout, bool)
    if not number or not 0 < sleep_timeout < _MOST_MINUTES:
        raise InvalidValue(
            f"sleep_timeout must be a number of minutes above 0; it is {shown(sleep_timeout)}."
        )
    return CopyOptions(
        private,
        hardware,
        _texts("secrets", secrets),
        _texts("variables", variables),
        max(1, round(sleep_timeout * 60)),
    )


def _texts(name: str, values: Any) -> Dict[str, str]:
    """A mapping of names to texts, as the caller gave it; it may hold secrets."""
    texts: Dict[Any, Any] = {}
    try:
        texts = {} if values is None else dict(hide(values))
    except (TypeError, ValueError):
        texts = {None: None}
    if not all(isinstance(key, str) and key and isinstance(value, str) for key, value in texts.items()):
        raise ArgumentError(f"{name} must be a mapping of names to texts.")
    return dict(sendable(texts, name))


def duplicate(
    api: HubApi, from_id: str, to_id: Optional[str], options: CopyOptions, deadline: Deadline, show: Show
) -> SpaceCopy:
    """Make a copy of a Space, or find the one there is, and bring its hardware to what was asked for.

    Raises:
        InvalidSpaceId: a name is none.
        SpaceNameTaken: the copy's belongs to another Space.
        GradioClientError: see `HubApi.get_text`.
    """
    check_space_id(from_id, "from_id")
    wanted = check_repo_name(to_id or from_id.split("/")[1], "to_id")
    api.secrets.add(*options.secrets.values())
    api.require_token("Duplicating a Space")
    source = space_runtime(api, from_id, deadline)
    name, orgs = who_am_i(api, deadline)
    space_id = wanted if "/" in wanted else f"{name}/{wanted}"
    copying = _Copying(api, from_id, space_id, options, deadline, show)
    found = copying.find()
    if found is None:
        if copying.make(source):
            return SpaceCopy(space_id, True)
        found = space_runtime(api, space_id, deadline)
    owner = space_id.partition("/")[0]
    if owner not in (name, *orgs):
        raise SpaceNameTaken(
            f"{space_id} exists and belongs to {owner}, but the token to {name}. Give to_id a name without "
            "owner, or with an organisation of yours."
        )
    show(f"Using your existing Space: {api.space_page(space_id)}", False)
    for title, values in (("Secrets", options.secrets), ("Variables", options.variables)):
        if values:
            warnings.warn(_UNUSED.format(title), stacklevel=4)  # at the call of Client.duplicate
    copying.adjust(found)
    return SpaceCopy(space_id, False)


class _Copying:
    """The requests that make a copy, or change one."""

    def __init__(
        self, api: HubApi, from_id: str, space_id: str, options: CopyOptions, deadline: Deadline, show: Show
    ) -> None:
        self._api, self._deadline, self._show = api, deadline, show
        self._from, self._id, self._options = from_id, space_id, options

    def find(self) -> Optional[Runtime]:
        """How the copy runs that there is; None for none."""
        try:
            return space_runtime(self._api, self._id, self._deadline)
        except SpaceNotFound:
            return None

    def make(self, source: Runtime) -> bool:
        """Make the copy; False when it was there after all.

        Where no hardware is asked for, it gets that of the original if it costs nothing, and if the account
        gets it; else the default.
        """
        flavor = source.flavor
        if self._options.hardware is not None or flavor == _DEFAULT:
            return self._make(self._options.hardware)
        if flavor in _FREE:
            try:
                return self._make(flavor)
            except (HTTPStatusError, HubPermissionError) as exc:
                logger.info("%s is refused: %s", flavor, self._api.secrets.shown(exc))
                self._show(f"NOTE: the original runs on {flavor}, which your account does not get.", False)
        else:
            self._show(f"NOTE: the original runs on {flavor}, which costs money.", False)
        self._show(f"The copy runs on {_DEFAULT}. Pass hardware={flavor!r} to ask for the same.", False)
        return self._make(None)

    def _make(self, hardware: Optional[str]) -> bool:
        self._show(f"Creating a duplicate of {self._from} for your own use...", False)
        payload: Dict[str, Any] = {"repository": self._id, "private": self._options.private}
        if hardware is not None:
            payload["hardware"] = hardware
            if hardware != _DEFAULT:
                payload["sleepTimeSeconds"] = self._options.sleep_seconds
        for field, values in (("secrets", self._options.secrets), ("variables", self._options.variables)):
            if values:
                payload[field] = [{"key": key, "value": value} for key, value in values.items()]
        try:
            self._post(self._from, "duplicate", payload, f"duplicating {self._from}")
        except SpaceNameTaken as exc:
            if self.find() is not None:
                return False
            raise SpaceNameTaken(
                f"The name {self._id} is taken by a Space that this token cannot see. Choose another one "
                "with to_id."
            ) from exc
        self._show(f"Created new Space: {self._api.space_page(self._id)}", False)
        self._show_price(hardware or _DEFAULT)
        return True

    def adjust(self, found: Runtime) -> None:
        """Give a copy that exists the hardware that was asked for, and its sleep time."""
        hardware, sleep = self._options.hardware, self._options.sleep_seconds
        if hardware is not None and hardware != found.flavor:
            payload: Dict[str, Any] = {"flavor": hardware}
            if hardware != _DEFAULT:
                payload["sleepTimeSeconds"] = sleep
            self._post(self._id, "hardware", payload, f"asking for {hardware} for {self._id}")
            self._show_price(hardware)
        elif found.flavor != _DEFAULT:
            self._post(self._id, "sleeptime", {"seconds": sleep}, f"setting the sleep time of {self._id}")

    def _post(self, space_id: str, route: str, payload: Dict[str, Any], doing: str) -> None:
        self._api.post(f"/api/spaces/{space_id}/{route}", payload, self._deadline, doing, space_id)

    def _show_price(self, hardware: str) -> None:
        if hardware not in _FREE:
            price = f"which costs money... see {_BILLING}"
            self._show(f"NOTE: this Space uses upgraded hardware: {hardware}, {price}", True)
