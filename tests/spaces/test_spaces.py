"""Tests `runtime.py`: what the Hub knows of Spaces, and waiting until one runs."""

from __future__ import annotations

from typing import Any, List, Optional

import pytest

from gradio_client_lite.errors import (
    ConnectionLost,
    DeadlineExceeded,
    ProtocolError,
    ReadTimeout,
    SpaceNotFound,
    SpaceNotRunning,
    TLSError,
)
from gradio_client_lite.spaces.runtime import (
    Runtime,
    SpaceStatus,
    space_info,
    space_runtime,
    wait_until_running,
    who_am_i,
)

from .scripted import TOKEN, Reply, Script, Step, refuse

SPACE = "owner/name"
PAGE = "https://huggingface.co/spaces/owner/name"


def at(stage: str, **fields: Any) -> Reply:
    return Reply({"stage": stage, "hardware": {"current": None, "requested": "cpu-basic"}, **fields})


class Watcher:
    """What was told and how often the Space was woken."""

    def __init__(self) -> None:
        self.told: List[SpaceStatus] = []
        self.woken: List[int] = []

    @property
    def stages(self) -> List[str]:
        return [status.stage for status in self.told]


def wait(
    script: Script, watcher: Watcher, known: Optional[Runtime] = None, seconds: Optional[float] = 600.0
) -> Runtime:
    return wait_until_running(
        script.api(),
        SPACE,
        known,
        script.deadline(seconds),
        wake=watcher.woken.append,
        notify=watcher.told.append,
    )


# --- what the Hub knows


def test_info() -> None:
    answer = {
        "host": "https://owner-name.hf.space",
        "private": True,
        "sdk": "gradio",
        "tags": ["gradio", 3],
        "siblings": [{"rfilename": "app.py"}, {}, None],
        "runtime": {"stage": "RUNNING", "hardware": None},
        "new field": 1,
    }
    script = Script(Reply(answer))
    info = space_info(script.api(), SPACE, script.deadline())
    assert script.paths() == ["GET /api/spaces/owner/name"]
    assert info.host == "https://owner-name.hf.space"
    assert (info.private, info.sdk, info.tags, info.files) == (True, "gradio", ("gradio",), ("app.py",))
    assert info.runtime == Runtime("RUNNING")


@pytest.mark.parametrize(
    "answer", [{}, {"host": "", "runtime": None, "tags": None, "siblings": {}}, {"runtime": {}}]
)
def test_info_with_nothing_in_it(answer: Any) -> None:
    script = Script(Reply(answer))
    info = space_info(script.api(), SPACE, script.deadline())
    assert (info.host, info.private, info.runtime, info.tags, info.files) == (None, False, None, (), ())


@pytest.mark.parametrize("answer", [None, [], "x", 3])
def test_info_that_is_no_object(answer: Any) -> None:
    script = Script(Reply(answer))
    with pytest.raises(ProtocolError):
        space_info(script.api(), SPACE, script.deadline())


@pytest.mark.parametrize(
    ("hardware", "current", "requested", "flavor"),
    [
        ({"current": "t4-small", "requested": "t4-medium"}, "t4-small", "t4-medium", "t4-medium"),
        ({"current": None, "requested": "t4-small"}, None, "t4-small", "t4-small"),
        ({"current": "t4-small"}, "t4-small", None, "t4-small"),
        ({"current": None}, None, None, "cpu-basic"),
        (None, None, None, "cpu-basic"),
        ("t4", None, None, "cpu-basic"),
    ],
)
def test_hardware(hardware: Any, current: Any, requested: Any, flavor: str) -> None:
    script = Script(Reply({"stage": "RUNNING", "hardware": hardware}))
    runtime = space_runtime(script.api(), SPACE, script.deadline())
    assert (runtime.hardware, runtime.requested, runtime.flavor) == (current, requested, flavor)


def test_who_am_i() -> None:
    script = Script(Reply({"name": "me", "orgs": [{"name": "team"}, {}, None]}))
    assert who_am_i(script.api(), script.deadline()) == ("me", ["team"])
    assert script.paths() == ["GET /api/whoami-v2"]


def test_who_am_i_without_a_name() -> None:
    script = Script(Reply({"orgs": []}))
    with pytest.raises(ProtocolError):
        who_am_i(script.api(), script.deadline())


# --- waiting


@pytest.mark.parametrize(
    "stage", ["RUNNING", "RUNNING_BUILDING", "RUNNING_APP_STARTING", "A_STAGE_OF_TOMORROW"]
)
def test_a_space_that_serves_is_not_waited_for(stage: str) -> None:
    script, watcher = Script(at("never asked")), Watcher()
    assert wait(script, watcher, Runtime(stage)).stage == stage
    assert (script.asked, script.pauses, watcher.told) == ([], [], [])


def test_a_space_of_which_nothing_is_known_is_asked_for() -> None:
    script, watcher = Script(at("RUNNING")), Watcher()
    assert wait(script, watcher).stage == "RUNNING"
    assert script.paths() == ["GET /api/spaces/owner/name/runtime"]


def test_building_and_starting_are_waited_for_and_told_once() -> None:
    script = Script(at("BUILDING"), at("BUILDING"), at("APP_STARTING"), at("APP_STARTING"), at("RUNNING"))
    watcher = Watcher()
    assert wait(script, watcher, Runtime("BUILDING")).stage == "RUNNING"
    assert watcher.stages == ["BUILDING", "APP_STARTING"]
    assert watcher.told[0] == SpaceStatus(SPACE, "BUILDING", PAGE, "Space is still building. Please wait...")
    assert script.pauses == [1.0, 1.5, 2.25, 3.375, 5.0625]
    assert watcher.woken == []


def test_a_long_wait_looks_every_ten_seconds() -> None:
    script = Script(*[at("BUILDING")] * 40, at("RUNNING"))
    wait(script, Watcher())
    assert script.pauses[-20:] == [10.0] * 20


def test_a_sleeping_space_is_woken_at_each_look() -> None:
    script = Script(at("SLEEPING"), at("SLEEPING"), at("APP_STARTING"), at("RUNNING"))
    watcher = Watcher()
    wait(script, watcher, Runtime("SLEEPING"))
    assert watcher.woken == [0, 1, 2]
    assert watcher.stages == ["SLEEPING", "APP_STARTING"]


STUCK = ["NO_APP_FILE", "CONFIG_ERROR", "BUILD_ERROR", "RUNTIME_ERROR", "DELETING", "STOPPED", "PAUSED"]


@pytest.mark.parametrize("stage", STUCK)
def test_a_space_that_will_not_run_is_explained(stage: str) -> None:
    script = Script(at(stage, errorMessage="Exit code: 1.\nReason: no module"))
    with pytest.raises(SpaceNotRunning) as caught:
        wait(script, Watcher())
    error = caught.value
    assert isinstance(error, ValueError)
    assert str(error).startswith(f"The current space is in the invalid state: {stage}. owner/name: ")
    assert PAGE in str(error)
    assert "Exit code: 1. Reason: no module" in str(error)
    assert (error.space_id, error.stage, error.url) == (SPACE, stage, PAGE)
    assert error.reason == "Exit code: 1. Reason: no module"
    assert script.pauses == []


@pytest.mark.parametrize("stage", STUCK)
def test_a_space_that_breaks_while_it_is_waited_for(stage: str) -> None:
    script = Script(at("BUILDING"), at("APP_STARTING"), at(stage))
    with pytest.raises(SpaceNotRunning, match=stage):
        wait(script, Watcher())


def test_a_token_in_the_error_message_is_not_shown() -> None:
    script = Script(at("RUNTIME_ERROR", errorMessage=f"bad {TOKEN}"))
    with pytest.raises(SpaceNotRunning) as caught:
        wait(script, Watcher())
    assert TOKEN not in str(caught.value) + caught.value.reason


def test_waiting_ends_at_the_deadline() -> None:
    script, watcher = Script(at("BUILDING")), Watcher()
    with pytest.raises(DeadlineExceeded, match=r"still BUILDING at the deadline.*raise space_timeout"):
        wait(script, watcher, seconds=20.0)
    assert sum(script.pauses) == pytest.approx(20.0)


def test_waiting_without_a_deadline() -> None:
    script = Script(*[at("BUILDING")] * 500, at("RUNNING"))
    wait(script, Watcher(), seconds=None)
    assert script.now > 4000


@pytest.mark.parametrize(
    "failure", [ConnectionLost("cut"), ReadTimeout("silent"), refuse(429, retry_after="9999")]
)
def test_a_failure_of_the_network_does_not_end_the_wait(failure: Step) -> None:
    script = Script(at("BUILDING"), failure, failure, at("RUNNING"))
    assert wait(script, Watcher()).stage == "RUNNING"


def test_a_failure_of_the_network_before_anything_is_known_is_reported() -> None:
    script = Script(ConnectionLost("cut"))
    with pytest.raises(ConnectionLost):
        wait(script, Watcher())


def test_a_network_that_stays_away_ends_at_the_deadline() -> None:
    script = Script(at("BUILDING"), ConnectionLost("cut"))
    with pytest.raises(DeadlineExceeded, match="still BUILDING"):
        wait(script, Watcher(), seconds=60.0)


@pytest.mark.parametrize("failure", [TLSError("bad certificate"), refuse(404, code="RepoNotFound")])
def test_what_waiting_cannot_mend_ends_it(failure: Step) -> None:
    script = Script(at("BUILDING"), failure)
    with pytest.raises((TLSError, SpaceNotFound)):
        wait(script, Watcher())


def test_what_the_callback_raises_ends_the_wait() -> None:
    def stop(_: SpaceStatus) -> None:
        raise KeyboardInterrupt

    script = Script(at("BUILDING"))
    with pytest.raises(KeyboardInterrupt):
        wait_until_running(script.api(), SPACE, None, script.deadline(), wake=print, notify=stop)
