"""Duplicating a Space: what is sent, and what is said of what goes wrong."""

from __future__ import annotations

import warnings
from enum import Enum
from typing import Any, Dict, List, Optional, Tuple

import pytest

from gradio_client_lite.errors import (
    ArgumentError,
    AuthenticationError,
    ConnectionLost,
    HubPermissionError,
    InvalidSpaceId,
    InvalidValue,
    SpaceNameTaken,
    SpaceNotFound,
    UsageError,
)
from gradio_client_lite.spaces.duplication import CopyOptions, SpaceCopy, copy_options, duplicate

from .scripted import Asked, Reply, Script, refuse

ME = {"name": "me", "orgs": [{"name": "team"}]}
FREE = {"stage": "RUNNING", "hardware": {"current": "cpu-basic", "requested": "cpu-basic"}}
MISSING = refuse(404, "Repository not found", "RepoNotFound")


def on(flavor: str) -> Dict[str, Any]:
    return {"stage": "RUNNING", "hardware": {"current": flavor, "requested": flavor}}


class Hub(Script):
    """A Hub where some Spaces are, and nothing happens by itself."""

    def __init__(self, spaces: Dict[str, Any], **answers: Any) -> None:
        super().__init__(self._answer)
        self.spaces = spaces
        self.answers = {
            "duplicate": Reply({"url": "x"}),
            "hardware": Reply({}),
            "sleeptime": Reply({}),
            **answers,
        }
        self.said: List[Tuple[str, bool]] = []

    def _answer(self, asked: Asked) -> Reply:
        if asked.path == "/api/whoami-v2":
            return Reply(ME)
        space_id, _, what = asked.path[len("/api/spaces/") :].rpartition("/")
        if what != "runtime":
            answer = self.answers[what]
            if isinstance(answer, BaseException):
                raise answer
            return Reply(*answer)
        return Reply(self.spaces[space_id]) if space_id in self.spaces else MISSING

    def duplicate(
        self, to_id: Optional[str] = None, token: Optional[str] = "hf_me", **options: Any
    ) -> SpaceCopy:
        return duplicate(
            self.api(token),
            "owner/app",
            to_id,
            CopyOptions(**options),
            self.deadline(),
            lambda text, important: self.said.append((text, important)),
        )

    def posts(self) -> List[Tuple[str, Any]]:
        return [(asked.path, asked.json) for asked in self.asked if asked.method == "POST"]

    @property
    def text(self) -> str:
        return "\n".join(text for text, _ in self.said)


def test_new_copy_is_made_with_all_that_belongs_to_it() -> None:
    hub = Hub({"owner/app": FREE})
    copy = hub.duplicate(
        hardware="t4-small",
        secrets={"KEY": "s3cr3t"},
        variables={"MODE": "fast"},
        sleep_seconds=600,
        private=False,
    )
    assert copy == SpaceCopy("me/app", made=True)
    assert hub.paths() == [
        "GET /api/spaces/owner/app/runtime",
        "GET /api/whoami-v2",
        "GET /api/spaces/me/app/runtime",
        "POST /api/spaces/owner/app/duplicate",
    ]
    assert hub.asked[-1].json == {
        "repository": "me/app",
        "private": False,
        "hardware": "t4-small",
        "sleepTimeSeconds": 600,
        "secrets": [{"key": "KEY", "value": "s3cr3t"}],
        "variables": [{"key": "MODE", "value": "fast"}],
    }
    assert "s3cr3t" not in hub.text


def test_plain_copy_asks_for_nothing_that_is_not_needed() -> None:
    hub = Hub({"owner/app": FREE})
    hub.duplicate()
    assert hub.posts() == [("/api/spaces/owner/app/duplicate", {"repository": "me/app", "private": True})]


@pytest.mark.parametrize(
    ("to_id", "expected"),
    [(None, "me/app"), ("", "me/app"), ("copy", "me/copy"), ("me/c", "me/c"), ("team/c", "team/c")],
)
def test_name_of_the_copy(to_id: Optional[str], expected: str) -> None:
    assert Hub({"owner/app": FREE}).duplicate(to_id).space_id == expected


# --- hardware and its price


def test_paid_hardware_of_the_original_is_not_ordered_unasked_but_mentioned() -> None:
    hub = Hub({"owner/app": on("a100-large")})
    hub.duplicate()
    assert hub.posts()[0][1] == {"repository": "me/app", "private": True}
    assert "the original runs on a100-large, which costs money" in hub.text
    assert "Pass hardware='a100-large' to ask for the same" in hub.text
    assert not any(important for _, important in hub.said)


def test_free_hardware_of_the_original_is_ordered() -> None:
    hub = Hub({"owner/app": on("zero-a10g")})
    hub.duplicate()
    assert hub.posts()[0][1]["hardware"] == "zero-a10g"
    assert "money" not in hub.text


@pytest.mark.parametrize("status", [400, 402, 403])
def test_free_hardware_that_the_account_does_not_get_is_done_without(status: int) -> None:
    hub = Hub({"owner/app": on("zero-a10g")})
    answer = hub._answer
    refused = refuse(status, "only for PRO")
    hub._steps = [
        lambda asked: refused if asked.method == "POST" and "hardware" in asked.json else answer(asked)
    ]
    assert hub.duplicate() == SpaceCopy("me/app", made=True)
    assert [post.get("hardware") for _, post in hub.posts()] == ["zero-a10g", None]
    assert "zero-a10g, which your account does not get" in hub.text


def test_hardware_that_was_asked_for_is_not_done_without() -> None:
    hub = Hub({"owner/app": on("zero-a10g")}, duplicate=refuse(403, "only for PRO"))
    with pytest.raises(HubPermissionError, match="only for PRO"):
        hub.duplicate(hardware="zero-a10g")
    assert len(hub.posts()) == 1


def test_price_of_hardware_is_said_even_to_those_who_want_to_hear_nothing() -> None:
    hub = Hub({"owner/app": FREE})
    hub.duplicate(hardware="t4-small")
    (said,) = [text for text, important in hub.said if important]
    assert "t4-small, which costs money" in said


@pytest.mark.parametrize("hardware", ["cpu-basic", "zero-a10g"])
def test_no_price_is_said_of_free_hardware(hardware: str) -> None:
    hub = Hub({"owner/app": FREE})
    hub.duplicate(hardware=hardware)
    assert "money" not in hub.text


# --- a copy that is there


def test_existing_copy_is_used_as_it_is() -> None:
    hub = Hub({"owner/app": on("t4-small"), "me/app": FREE})
    assert hub.duplicate() == SpaceCopy("me/app", made=False)
    assert hub.posts() == []
    assert "Using your existing Space: https://huggingface.co/spaces/me/app" in hub.text


@pytest.mark.parametrize("options", [{"secrets": {"a": "b"}}, {"variables": {"a": "b"}}])
def test_secrets_of_an_existing_copy_stay_and_a_warning_says_so(options: Any) -> None:
    hub = Hub({"owner/app": FREE, "me/app": FREE})
    with pytest.warns(UserWarning, match="are not updated if the duplicated Space already exists"):
        hub.duplicate(**options)
    assert hub.posts() == []


def test_empty_secrets_warn_of_nothing() -> None:
    hub = Hub({"owner/app": FREE, "me/app": FREE})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hub.duplicate(secrets={}, variables={})


def test_existing_copy_gets_the_hardware_that_is_asked_for() -> None:
    hub = Hub({"owner/app": FREE, "me/app": FREE})
    hub.duplicate(hardware="t4-small")
    assert hub.posts() == [("/api/spaces/me/app/hardware", {"flavor": "t4-small", "sleepTimeSeconds": 300})]
    assert "costs money" in hub.text


def test_existing_copy_goes_back_to_free_hardware() -> None:
    hub = Hub({"owner/app": FREE, "me/app": on("t4-small")})
    hub.duplicate(hardware="cpu-basic")
    assert hub.posts() == [("/api/spaces/me/app/hardware", {"flavor": "cpu-basic"})]


@pytest.mark.parametrize("hardware", [None, "t4-small"])
def test_existing_copy_on_paid_hardware_gets_its_sleep_time(hardware: Optional[str]) -> None:
    hub = Hub({"owner/app": FREE, "me/app": on("t4-small")})
    hub.duplicate(hardware=hardware)
    assert hub.posts() == [("/api/spaces/me/app/sleeptime", {"seconds": 300})]


def test_copy_that_was_made_meanwhile_is_used() -> None:
    hub = Hub({"owner/app": FREE})

    def made(asked: Asked) -> Reply:
        hub.spaces["me/app"] = FREE
        return refuse(409, "You already created this space repo")

    answer = hub._answer
    hub._steps = [lambda asked: made(asked) if asked.path.endswith("duplicate") else answer(asked)]
    assert hub.duplicate() == SpaceCopy("me/app", made=False)


# --- what goes wrong


def test_missing_original() -> None:
    hub = Hub({})
    with pytest.raises(SpaceNotFound, match="Could not find Space: owner/app"):
        hub.duplicate()
    assert hub.posts() == []


def test_without_a_token_nothing_is_sent() -> None:
    hub = Hub({"owner/app": FREE})
    with pytest.raises(AuthenticationError, match="takes a token with the right to write"):
        hub.duplicate(token=None)
    assert hub.asked == []


def test_name_taken_by_a_space_that_cannot_be_seen() -> None:
    hub = Hub({"owner/app": FREE}, duplicate=refuse(409, "exists"))
    with pytest.raises(SpaceNameTaken, match="me/app is taken"):
        hub.duplicate()


def test_somebody_elses_space_is_never_taken_for_the_copy() -> None:
    hub = Hub({"owner/app": FREE, "stranger/app": FREE})
    with pytest.raises(SpaceNameTaken, match="stranger/app exists and belongs to stranger"):
        hub.duplicate("stranger/app", hardware="t4-small")
    assert hub.posts() == []


def test_no_right_to_write() -> None:
    hub = Hub({"owner/app": FREE}, duplicate=refuse(403, "You don't have the rights to create a space"))
    with pytest.raises(HubPermissionError, match="don't have the rights to create a space"):
        hub.duplicate()


def test_lost_answer_is_reported_and_the_next_call_finds_the_copy() -> None:
    hub = Hub({"owner/app": FREE}, duplicate=ConnectionLost("cut"))
    with pytest.raises(ConnectionLost):
        hub.duplicate()
    hub.spaces["me/app"] = FREE
    assert hub.duplicate() == SpaceCopy("me/app", made=False)


@pytest.mark.parametrize(
    ("from_id", "to_id"), [("app", None), ("a/b/c", None), ("owner/app", "a b"), ("a/b", "x/y/z")]
)
def test_wrong_names_are_refused_before_anything_is_sent(from_id: str, to_id: Optional[str]) -> None:
    hub = Hub({})
    with pytest.raises(InvalidSpaceId):
        duplicate(hub.api(), from_id, to_id, CopyOptions(), hub.deadline(), lambda *_: None)
    assert hub.asked == []


# --- arguments


class Hardware(str, Enum):
    """As huggingface_hub has it."""

    T4 = "t4-small"


def test_options() -> None:
    assert copy_options(True, Hardware.T4, {"a": "b"}, None, 1.5) == CopyOptions(
        True, "t4-small", {"a": "b"}, {}, 90
    )
    assert copy_options(False, None, None, None, 5) == CopyOptions(False, None, {}, {}, 300)
    assert "s3cr3t" not in repr(CopyOptions(secrets={"a": "s3cr3t"}))


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"private": "yes"}, ArgumentError),
        ({"private": None}, ArgumentError),
        ({"hardware": ""}, InvalidValue),
        ({"hardware": 4}, InvalidValue),
        ({"sleep_timeout": 0}, InvalidValue),
        ({"sleep_timeout": -1}, InvalidValue),
        ({"sleep_timeout": True}, InvalidValue),
        ({"sleep_timeout": "5"}, InvalidValue),
        ({"sleep_timeout": float("inf")}, InvalidValue),
        ({"sleep_timeout": float("nan")}, InvalidValue),
        ({"secrets": "s3cr3t"}, ArgumentError),
        ({"secrets": {"a": 3}}, ArgumentError),
        ({"secrets": {"": "s3cr3t"}}, ArgumentError),
        ({"secrets": ["s3cr3t"]}, ArgumentError),
        ({"variables": {3: "a"}}, ArgumentError),
    ],
)
def test_wrong_options(changes: Any, kind: Any) -> None:
    given: Dict[str, Any] = {
        "private": True,
        "hardware": None,
        "secrets": None,
        "variables": None,
        "sleep_timeout": 5,
        **changes,
    }
    with pytest.raises(UsageError) as caught:
        copy_options(**given)
    assert type(caught.value) is kind
    assert "s3cr3t" not in str(caught.value)
