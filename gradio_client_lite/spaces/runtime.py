"""Spaces: their names, what the Hub knows of them, and waiting until one runs.

Waiting looks at the stage of a Space again and again, at first every second, then more and more rarely::

    BUILDING, APP_STARTING: wait        SLEEPING: wake it, wait        any other that runs: done
    PAUSED, STOPPED, a build that failed, an app that broke: an error, as only its owner can help

Source: the stages are those of the Hub's OpenAPI description; RUNNING_BUILDING and RUNNING_APP_STARTING still
serve the version before. huggingface_hub 0.34 - 2.4 for the fields of the answers and the rules for names
(`validate_repo_id`).
"""

from __future__ import annotations

import logging
import re
import socket
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ..errors import (
    ConnectionFailed,
    DeadlineExceeded,
    HubOffline,
    InvalidSpaceId,
    ProtocolError,
    RetryLater,
    SpaceNotRunning,
    TLSError,
    shorten,
)
from ..secrecy import MARK
from ..transport.sockets import Deadline
from ..transport.url import scrub
from .rest import HubApi, shown_text

logger = logging.getLogger(__name__)

_ID_PART = re.compile(r"[A-Za-z0-9._-]+\Z").match
_LONGEST_ID = 96
_TOKEN = re.compile(r"hf_[A-Za-z0-9]{30,}")
_RULES = (
    f"Such a name has letters, digits, '.', '_' and '-', at most one '/' and {_LONGEST_ID} characters, no "
    "'--', no '..', no '.git' at its end, and begins and ends with a letter, a digit or '_'."
)
_BUILDING, _SLEEPING = "BUILDING", "SLEEPING"
_WAITING = frozenset({_BUILDING, "APP_STARTING", _SLEEPING})
#: What went wrong with a Space that will not run by itself, and who can mend it.
_STUCK: Dict[str, str] = {
    "NO_APP_FILE": "It has no app file; its owner must add one.",
    "CONFIG_ERROR": "Its configuration (README.md) is wrong; its owner must correct it.",
    "BUILD_ERROR": "It could not be built; its owner must correct it.",
    "RUNTIME_ERROR": "Its app broke; its owner must correct or restart it.",
    "DELETING": "It is being deleted; use another one.",
    "STOPPED": "It was stopped; its owner must restart it at its page.",
    "PAUSED": "It was paused; its owner must restart it at its page.",
}
#: Seconds between two looks at a Space: the first pause, the factor, and the longest.
_FIRST_PAUSE, _FACTOR, _LONGEST_PAUSE = 1.0, 1.5, 10.0
#: Characters of what the Hub says of an app that broke.
_REASON_LENGTH = 1000


class Runtime(NamedTuple):
    """How a Space runs."""

    #: Such as "RUNNING"; "" when the Hub does not say.
    stage: str
    #: Such as "cpu-basic"; None while it is first built.
    hardware: Optional[str] = None
    #: The hardware that it is to get; None when nothing was asked for.
    requested: Optional[str] = None
    #: What went wrong, in the Hub's words.
    reason: str = ""

    @property
    def flavor(self) -> str:
        """The hardware that is paid for, or soon will be."""
        return self.requested or self.hardware or "cpu-basic"


class SpaceInfo(NamedTuple):
    """What the Hub knows of a Space; None where its answer does not say."""

    space_id: str
    #: The app's URL.
    host: Optional[str]
    private: bool
    #: Such as "gradio" or "docker".
    sdk: Optional[str] = None
    runtime: Optional[Runtime] = None
    #: Of its README.
    tags: Tuple[str, ...] = ()
    #: The paths of its files.
    files: Tuple[str, ...] = ()


class SpaceStatus(NamedTuple):
    """A stage of a Space that is waited for.

    Args:
        space_id: "owner/name".
        stage: such as "BUILDING"; see the Hub's documentation.
        url: the Space's page.
        text: the same for people.
    """

    space_id: str
    stage: str
    url: str
    text: str


# --- names


def check_space_id(space_id: Any, name: str = "src") -> str:
    """Return a Space's name, "owner/name", or raise InvalidSpaceId; `name` is what the caller calls it."""
    if _is_repo_name(space_id) and "/" in space_id:
        return str(space_id)
    url = " or the URL of an app, beginning with http:// or https://" if name == "src" else ""
    rules = "" if url and ":" in str(space_id) else f" {_RULES}"
    raise InvalidSpaceId(
        f'{name} must be the name of a Space, "owner/name"{url}; it is {_quoted(space_id)}.{rules}'
    )


def check_repo_name(repo: Any, name: str) -> str:
    """The same for a name with its owner or without."""
    if _is_repo_name(repo):
        return str(repo)
    raise InvalidSpaceId(
        f"{name} must be the name of a Space, with or without its owner; it is {_quoted(repo)}. {_RULES}"
    )


def _is_repo_name(repo: Any) -> bool:
    if not isinstance(repo, str) or len(repo) > _LONGEST_ID:
        return False
    parts = repo.split("/")
    return (
        len(parts) <= 2
        and all(_ID_PART(part) and part[0] not in "-." and part[-1] not in "-." for part in parts)
        and "--" not in repo
        and ".." not in repo
        and not repo.endswith(".git")
        and not _TOKEN.search(repo)  # everybody would see it
    )


def _quoted(repo: Any) -> str:
    """What the caller gave, without a password or a token that was taken for a name."""
    if not isinstance(repo, str):
        return repr(repo)
    return repr(shorten(" ".join(_TOKEN.sub(MARK, scrub(repo)).split()), _LONGEST_ID))


# --- what the Hub knows


def space_info(api: HubApi, space_id: str, deadline: Deadline) -> SpaceInfo:
    """Ask the Hub for a Space. Raises as `HubApi.get_text` does."""
    answer = api.get(f"/api/spaces/{space_id}", deadline, f"looking for the Space {space_id}", space_id)
    runtime = answer.get("runtime")
    return SpaceInfo(
        space_id,
        _text(answer.get("host")),
        bool(answer.get("private")),
        _text(answer.get("sdk")),
        _runtime(api, runtime) if isinstance(runtime, dict) and runtime.get("stage") else None,
        tuple(_texts(answer.get("tags"))),
        tuple(_texts(answer.get("siblings"), "rfilename")),
    )


def space_runtime(api: HubApi, space_id: str, deadline: Deadline) -> Runtime:
    """Ask the Hub how a Space runs. Raises as `HubApi.get_text` does."""
    doing = f"asking for the state of the Space {space_id}"
    return _runtime(api, api.get(f"/api/spaces/{space_id}/runtime", deadline, doing, space_id))


def who_am_i(api: HubApi, deadline: Deadline) -> Tuple[str, List[str]]:
    """The name of the token's account, and of its organisations. Raises as `HubApi.get_text` does."""
    answer = api.get("/api/whoami-v2", deadline, "asking whose token this is")
    name = _text(answer.get("name"))
    if name is None:
        raise ProtocolError(f"The Hub at {api.shown} did not say whose token this is. Check HF_ENDPOINT.")
    return name, _texts(answer.get("orgs"), "name")


def _runtime(api: HubApi, answer: Mapping[str, Any]) -> Runtime:
    hardware = answer.get("hardware")
    found = hardware if isinstance(hardware, dict) else {}
    return Runtime(
        _text(answer.get("stage")) or "",
        _text(found.get("current")),
        _text(found.get("requested")),
        shown_text(answer.get("errorMessage"), api.secrets, _REASON_LENGTH),
    )


def _text(value: Any) -> Optional[str]:
    return value if isinstance(value, str) and value else None


def _texts(value: Any, field: str = "") -> List[str]:
    """The texts in a list, or those that its entries have in a field."""
    entries = value if isinstance(value, list) else []
    if field:
        entries = [entry.get(field) for entry in entries if isinstance(entry, dict)]
    return [entry for entry in entries if isinstance(entry, str)]


# --- waiting


def wait_until_running(
    api: HubApi,
    space_id: str,
    runtime: Optional[Runtime],
    deadline: Deadline,
    *,
    wake: Callable[[int], object],
    notify: Callable[[SpaceStatus], object],
) -> Runtime:
    """Return once a Space serves its app, at once when it does already.

    Args:
        runtime: what is known of the Space; None when nothing is.
        wake: called with 0, 1, … at each look that finds the Space asleep.
        notify: called with each stage that is waited for, once while it lasts.

    Raises:
        SpaceNotRunning: it is paused, stopped or broken, or it broke while it was waited for.
        DeadlineExceeded: it was still not running at the deadline.
        GradioClientError: see `HubApi.get_text`; once the state of the Space is known, a failure of the
            network is borne until the deadline.
    """
    latest = runtime or space_runtime(api, space_id, deadline)
    page = api.space_page(space_id)
    notified, wakings, pause = "", 0, _FIRST_PAUSE
    while True:
        stage = latest.stage
        if stage in _STUCK:
            raise _not_running(space_id, latest, page)
        if stage not in _WAITING:
            return latest
        if stage != notified:
            notify(SpaceStatus(space_id, stage, page, _explained(space_id, stage)))
            notified = stage
        if stage == _SLEEPING:
            wake(wakings)
            wakings += 1
        try:
            left = deadline.left(pause)
        except socket.timeout:
            raise DeadlineExceeded(
                f"The Space {space_id} was still {stage} at the deadline. Look at {page}, raise "
                "space_timeout, or try again."
            ) from None
        api.pause(pause if left is None else left)
        pause = min(pause * _FACTOR, _LONGEST_PAUSE)
        try:
            latest = space_runtime(api, space_id, deadline)
        except (TLSError, HubOffline):
            raise
        except (ConnectionFailed, DeadlineExceeded, RetryLater) as exc:
            logger.info("the state of %s is not known: %s", space_id, api.secrets.shown(exc))


def _not_running(space_id: str, runtime: Runtime, page: str) -> SpaceNotRunning:
    reason = f" The Hub says: {runtime.reason}" if runtime.reason else ""
    return SpaceNotRunning(
        f"The current space is in the invalid state: {runtime.stage}. {space_id}: {_STUCK[runtime.stage]} "
        f"See {page}.{reason}",
        space_id=space_id,
        stage=runtime.stage,
        url=page,
        reason=runtime.reason,
    )


def _explained(space_id: str, stage: str) -> str:
    if stage == _SLEEPING:
        return f"{space_id} is sleeping and is being woken. Please wait..."
    doing = "building" if stage == _BUILDING else "starting"
    return f"Space is still {doing}. Please wait..."
