"""Spaces: what the Hub knows of them, and waiting until one runs.

Source: the stages are those of the Hub's OpenAPI description; RUNNING_BUILDING and RUNNING_APP_STARTING still
serve the version before. huggingface_hub 0.34 - 2.4 for the fields of the answers.
"""

from __future__ import annotations

import logging
import socket
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ..errors import (
    ConnectionFailed,
    DeadlineExceeded,
    HubOffline,
    ProtocolError,
    RetryLater,
    SpaceNotRunning,
    TLSError,
)
from ..transport.sockets import Deadline
from .rest import HubApi

logger = logging.getLogger(__name__)

_WAITING = frozenset({"BUILDING", "APP_STARTING"})
_ASLEEP = "SLEEPING"
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
_FIRST, _FACTOR, _LONGEST = 1.0, 1.5, 10.0


class Runtime(NamedTuple):
    """How a Space runs.

    Args:
        stage: such as "RUNNING"; "" when the Hub does not say.
        hardware: what it runs on, such as "cpu-basic"; None while it is first built.
        requested: what it shall run on; None when nothing was asked for.
        reason: what went wrong, as the Hub has it; "" when it says nothing.
    """

    stage: str
    hardware: Optional[str] = None
    requested: Optional[str] = None
    reason: str = ""

    @property
    def flavor(self) -> str:
        """The hardware that is paid for, or soon will be."""
        return self.requested or self.hardware or "cpu-basic"


class SpaceInfo(NamedTuple):
    """What the Hub knows of a Space.

    Args:
        space_id: "owner/name", as it was asked for.
        host: the app's URL; None when it has none.
        private: whether only its owner may use it.
        sdk: such as "gradio" or "docker"; None when there is no app yet.
        runtime: how it runs; None when this answer does not say.
        tags: of its README.
        files: the paths of its files.
    """

    space_id: str
    host: Optional[str]
    private: bool
    sdk: Optional[str] = None
    runtime: Optional[Runtime] = None
    tags: Tuple[str, ...] = ()
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


def space_info(api: HubApi, space_id: str, deadline: Deadline) -> SpaceInfo:
    """Ask the Hub for a Space. Raises as `HubApi.get` does."""
    doing = f"looking for the Space {space_id}"
    answer = _mapping(api.get(f"/api/spaces/{space_id}", deadline, doing, space_id), doing)
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
    """Ask the Hub how a Space runs. Raises as `HubApi.get` does."""
    doing = f"asking for the state of the Space {space_id}"
    return _runtime(
        api, _mapping(api.get(f"/api/spaces/{space_id}/runtime", deadline, doing, space_id), doing)
    )


def who_am_i(api: HubApi, deadline: Deadline) -> Tuple[str, List[str]]:
    """The name of the token's account, and of its organisations. Raises as `HubApi.get` does."""
    doing = "asking whose token this is"
    answer = _mapping(api.get("/api/whoami-v2", deadline, doing), doing)
    name = _text(answer.get("name"))
    if name is None:
        raise ProtocolError(f"The Hub at {api.shown} did not say whose token this is. Check HF_ENDPOINT.")
    return name, _texts(answer.get("orgs"), "name")


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
        api: the Hub.
        space_id: "owner/name".
        runtime: what is known of it; None when nothing is.
        deadline: until when to wait.
        wake: called with 0, 1, … at each look that finds the Space asleep.
        notify: called with each stage that is not one of running, once while it lasts.

    Raises:
        SpaceNotRunning: it is paused, stopped or broken, or it broke while it was waited for.
        DeadlineExceeded: it was still not running at the deadline.
        GradioClientError: see `HubApi.get`; once the state of the Space is known, a failure of the network is
            borne until the deadline.
    """
    latest = runtime or space_runtime(api, space_id, deadline)
    told, naps, delay = "", 0, _FIRST
    while True:
        page = api.space_page(space_id)
        if latest.stage in _STUCK:
            raise _not_running(space_id, latest, page)
        if latest.stage not in _WAITING and latest.stage != _ASLEEP:
            return latest
        if latest.stage != told:
            told = latest.stage
            notify(SpaceStatus(space_id, told, page, _explained(space_id, told)))
        if told == _ASLEEP:
            wake(naps)
            naps += 1
        _pause(api, deadline, delay, space_id, told)
        delay = min(delay * _FACTOR, _LONGEST)
        try:
            latest = space_runtime(api, space_id, deadline)
        except (TLSError, HubOffline):
            raise
        except (ConnectionFailed, DeadlineExceeded, RetryLater) as exc:
            logger.info("the state of %s is not known: %s", space_id, api.secrets.shown(exc))


def _pause(api: HubApi, deadline: Deadline, delay: float, space_id: str, stage: str) -> None:
    try:
        left = deadline.left(delay)
    except socket.timeout:
        raise _too_late(space_id, stage, api.space_page(space_id)) from None
    api.pause(delay if left is None else left)


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


def _too_late(space_id: str, stage: str, page: str) -> DeadlineExceeded:
    return DeadlineExceeded(
        f"The Space {space_id} was still {stage} at the deadline. Look at {page}, raise space_timeout, or "
        "try again."
    )


def _explained(space_id: str, stage: str) -> str:
    if stage == _ASLEEP:
        return f"{space_id} is sleeping and is being woken. Please wait..."
    doing = "building" if stage == "BUILDING" else "starting"
    return f"Space is still {doing}. Please wait..."


def _runtime(api: HubApi, answer: Mapping[str, Any]) -> Runtime:
    hardware = answer.get("hardware")
    found = hardware if isinstance(hardware, dict) else {}
    return Runtime(
        _text(answer.get("stage")) or "",
        _text(found.get("current")),
        _text(found.get("requested")),
        api.shown_text(answer.get("errorMessage"), 1000),
    )


def _mapping(answer: Any, doing: str) -> Dict[str, Any]:
    if not isinstance(answer, dict):
        raise ProtocolError(f"The Hub answered with no JSON object while {doing}. Check HF_ENDPOINT.")
    return answer


def _text(value: Any) -> Optional[str]:
    return value if isinstance(value, str) and value else None


def _texts(value: Any, field: str = "") -> List[str]:
    """The texts in a list, or those that its entries have in a field."""
    entries = value if isinstance(value, list) else []
    if field:
        entries = [entry.get(field) for entry in entries if isinstance(entry, dict)]
    return [entry for entry in entries if isinstance(entry, str)]
