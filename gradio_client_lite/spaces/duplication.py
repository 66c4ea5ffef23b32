"""Duplicating a Space: the copy that is there already, or a new one with all that belongs to it.

Secrets, variables, hardware and sleep time travel in the request that makes the copy, so that there is no
moment at which it is half made.

Source: huggingface_hub 0.34 - 2.4, `duplicate_space`; HTTP 409 says that the copy exists.
"""

from __future__ import annotations

import logging
import warnings
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

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
from ..secrecy import hide
from ..transport.sockets import Deadline
from ..wire.texts import sendable
from .refusal import check_repo_name, check_space_id
from .rest import HubApi
from .runtime import Runtime, space_runtime, who_am_i

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

#: Shows a line to the user; the flag says that it matters even to those who want to hear nothing.
Tell = Callable[[str, bool], object]


class Wishes(NamedTuple):
    """How the copy shall be.

    Args:
        private: whether only its owner may use it.
        hardware: what it runs on; None leaves that to the Hub, which gives the free one.
        secrets: by name; they can be read by the app alone.
        variables: by name; everybody who sees the Space can read them.
        sleep_seconds: after how long without requests it sleeps, where its hardware is not "cpu-basic".
    """

    private: bool = True
    hardware: Optional[str] = None
    secrets: Mapping[str, str] = {}
    variables: Mapping[str, str] = {}
    sleep_seconds: int = 300

    def __repr__(self) -> str:
        return f"<Wishes hardware={self.hardware}>"  # never the secrets


class Copy(NamedTuple):
    """The copy: a Space of the user's own.

    Args:
        space_id: "owner/name".
        made: whether it was made by this call.
    """

    space_id: str
    made: bool


def wishes_of(private: Any, hardware: Any, secrets: Any, variables: Any, sleep_timeout: Any) -> Wishes:
    """The arguments of `Client.duplicate`, checked.

    Raises:
        ArgumentError, InvalidValue: one is wrong; no text shows the value of a secret.
    """
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
    return Wishes(
        private,
        hardware,
        _texts("secrets", secrets),
        _texts("variables", variables),
        max(1, round(sleep_timeout * 60)),
    )


def duplicate(
    api: HubApi, from_id: str, to_id: Optional[str], wishes: Wishes, deadline: Deadline, tell: Tell
) -> Copy:
    """Make a copy of a Space, or find the one there is, and bring its hardware to what was asked for.

    Args:
        api: the Hub, with a token that may make Spaces.
        from_id: "owner/name" of the Space.
        to_id: the copy's name, with its owner or without; None for the Space's own name.
        wishes: how the copy shall be; secrets and variables of a copy that exists stay as they are.
        deadline: of all requests together.
        tell: says what is done.

    Raises:
        InvalidSpaceId, ArgumentError: an argument is wrong.
        SpaceNotFound: there is no such Space, or the token may not see it.
        AuthenticationError, HubPermissionError: the token is missing, wrong, or has not the right.
        SpaceNameTaken: the name belongs to another Space.
    """
    check_space_id(from_id, "from_id")
    wanted = check_repo_name(to_id or from_id.split("/")[1], "to_id")
    api.hide(*wishes.secrets.values())
    api.require_token("Duplicating a Space")
    source = space_runtime(api, from_id, deadline)
    name, orgs = who_am_i(api, deadline)
    owner, slash, _ = wanted.partition("/")
    space_id = wanted if slash else f"{name}/{wanted}"
    found = _find(api, space_id, deadline)
    if found is None:
        if _make_on_free_hardware(api, from_id, space_id, wishes, source, deadline, tell):
            return Copy(space_id, True)
        found = space_runtime(api, space_id, deadline)
    if slash and owner not in (name, *orgs):
        raise SpaceNameTaken(
            f"{space_id} exists and belongs to {owner}, but the token to {name}. Give to_id a name without "
            "owner, or with an organisation of yours."
        )
    tell(f"Using your existing Space: {api.space_page(space_id)}", False)
    for name, values in (("Secrets", wishes.secrets), ("Variables", wishes.variables)):
        if values:
            warnings.warn(_UNUSED.format(name), stacklevel=4)
    _adjust(api, space_id, found, wishes, deadline, tell)
    return Copy(space_id, False)


def unfinished(api_page: str, space_id: str, cause: GradioClientError) -> SpaceDuplicationError:
    """The error for a copy that exists but cannot be used yet."""
    error = SpaceDuplicationError(
        f"The copy {space_id} was made ({api_page}), with its secrets and variables, but then: {cause} Call "
        "duplicate again to go on with it; nothing is made twice.",
        space_id=space_id,
        url=api_page,
    )
    error.retryable, error.retry_after = cause.retryable, cause.retry_after
    return error


def _find(api: HubApi, space_id: str, deadline: Deadline) -> Optional[Runtime]:
    try:
        return space_runtime(api, space_id, deadline)
    except SpaceNotFound:
        return None


def _make_on_free_hardware(
    api: HubApi,
    from_id: str,
    space_id: str,
    wishes: Wishes,
    source: Runtime,
    deadline: Deadline,
    tell: Tell,
) -> bool:
    """Make the copy; where no hardware is asked for, on that of the original if it costs nothing."""
    flavor = source.flavor
    if wishes.hardware is not None or flavor == _DEFAULT:
        return _make(api, from_id, space_id, wishes, deadline, tell)
    if flavor in _FREE:
        try:
            return _make(api, from_id, space_id, wishes._replace(hardware=flavor), deadline, tell)
        except (HTTPStatusError, HubPermissionError) as exc:
            logger.info("%s is refused: %s", flavor, api.secrets.shown(exc))
            tell(f"NOTE: the original runs on {flavor}, which your account does not get.", False)
    else:
        tell(f"NOTE: the original runs on {flavor}, which costs money.", False)
    tell(f"The copy runs on {_DEFAULT}. Pass hardware={flavor!r} to ask for the same.", False)
    return _make(api, from_id, space_id, wishes, deadline, tell)


def _make(api: HubApi, from_id: str, space_id: str, wishes: Wishes, deadline: Deadline, tell: Tell) -> bool:
    """Make the copy; False when it was there after all."""
    tell(f"Creating a duplicate of {from_id} for your own use...", False)
    payload: Dict[str, Any] = {"repository": space_id, "private": wishes.private}
    if wishes.hardware is not None:
        payload["hardware"] = wishes.hardware
        if wishes.hardware != _DEFAULT:
            payload["sleepTimeSeconds"] = wishes.sleep_seconds
    for field, values in (("secrets", wishes.secrets), ("variables", wishes.variables)):
        if values:
            payload[field] = [{"key": key, "value": value} for key, value in values.items()]
    try:
        api.post(f"/api/spaces/{from_id}/duplicate", payload, deadline, f"duplicating {from_id}", from_id)
    except SpaceNameTaken as exc:
        if _find(api, space_id, deadline) is not None:
            return False
        raise SpaceNameTaken(
            f"The name {space_id} is taken by a Space that this token cannot see. Choose another one with "
            "to_id."
        ) from exc
    tell(f"Created new Space: {api.space_page(space_id)}", False)
    _say_price(wishes.hardware, tell)
    return True


def _adjust(
    api: HubApi, space_id: str, found: Runtime, wishes: Wishes, deadline: Deadline, tell: Tell
) -> None:
    """Give a copy that exists the hardware that was asked for, and its sleep time."""
    flavor, sleep = found.flavor, wishes.sleep_seconds
    if wishes.hardware is not None and wishes.hardware != flavor:
        flavor = wishes.hardware
        payload: Dict[str, Any] = {"flavor": flavor}
        if flavor != _DEFAULT:
            payload["sleepTimeSeconds"] = sleep
        doing = f"asking for {flavor} for {space_id}"
        api.post(f"/api/spaces/{space_id}/hardware", payload, deadline, doing, space_id)
        _say_price(flavor, tell)
    elif flavor != _DEFAULT:
        doing = f"setting the sleep time of {space_id}"
        api.post(f"/api/spaces/{space_id}/sleeptime", {"seconds": sleep}, deadline, doing, space_id)


def _say_price(hardware: Optional[str], tell: Tell) -> None:
    if hardware is not None and hardware not in _FREE:
        tell(
            f"NOTE: this Space uses upgraded hardware: {hardware}, which costs money... see {_BILLING}", True
        )


def _texts(name: str, values: Any) -> Mapping[str, str]:
    if values is None:
        return {}
    pairs: List[Tuple[Any, Any]] = []
    try:
        pairs = list(dict(sendable(hide(values), name)).items())
        good = all(isinstance(key, str) and key and isinstance(value, str) for key, value in pairs)
    except ArgumentError:
        raise
    except (TypeError, ValueError):
        good = False
    if not good:
        raise ArgumentError(f"{name} must be a mapping of names to texts.")
    return dict(pairs)
