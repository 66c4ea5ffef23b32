from __future__ import annotations

import pickle
from datetime import datetime
from typing import Any

import pytest

from gradio_client_lite.updates import (
    LogUpdate,
    OutputUpdate,
    ProgressUnit,
    ProgressUpdate,
    Status,
    StatusUpdate,
)

NOW = datetime(2024, 1, 2)
STATUS_KEYS = ("code", "rank", "queue_size", "eta", "success", "time", "progress_data", "log", "type")
UPDATES = [
    StatusUpdate(Status.IN_QUEUE, 1, 2, 3.5, None, NOW),
    ProgressUpdate(Status.PROGRESS, time=NOW, progress_data=[ProgressUnit(1, 2, "steps", None, "d")]),
    LogUpdate(Status.LOG, time=NOW, log=("hi", "info"), title="T", duration=3, visible=False),
    OutputUpdate(outputs=[1], success=True, final=True),
]


def test_stages_are_ordered_as_in_the_official_client() -> None:
    names = (
        "STARTING JOINING_QUEUE QUEUE_FULL IN_QUEUE SENDING_DATA PROCESSING PROGRESS ITERATING FINISHED "
        "CANCELLED LOG"
    )
    stages = [Status[name] for name in names.split()]
    assert sorted(Status, key=Status.ordering) == sorted(Status) == stages
    assert [Status.ordering(stage) for stage in stages] == list(range(len(stages)))


def test_every_comparison_agrees_with_the_order() -> None:
    early, late = Status.IN_QUEUE, Status.FINISHED
    assert early < late
    assert early <= late
    assert early <= early
    assert late > early
    assert late >= early
    assert not late < early
    assert not early < early


@pytest.mark.parametrize("other", [3, "FINISHED", None])
def test_stages_compare_with_nothing_else(other: Any) -> None:
    with pytest.raises(TypeError):
        _ = other > Status.FINISHED


def test_stages_can_be_keys() -> None:
    assert {Status.LOG: 1}[Status("LOG")] == 1


@pytest.mark.parametrize("update", UPDATES[:3])
def test_status_reads_as_a_mapping_too(update: StatusUpdate) -> None:
    assert tuple(update) == tuple(update.keys()) == STATUS_KEYS
    assert dict(update) == {key: getattr(update, key) for key in STATUS_KEYS}
    assert {**update} == dict(update)
    assert update["code"] is update.code
    assert len(update) == len(STATUS_KEYS)


def test_output_reads_as_a_mapping_too() -> None:
    update = OutputUpdate("value", final=True)
    assert dict(update) == {"outputs": "value", "success": True, "type": "output", "final": True}
    assert len(update) == 4
    assert update["outputs"] == "value"


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("key", ["nonsense", "keys", "__class__", "_KEYS"])
def test_nothing_but_the_fields_can_be_had_by_name(update: Any, key: str) -> None:
    with pytest.raises(KeyError, match=key):
        update[key]


@pytest.mark.parametrize("update", UPDATES)
def test_update_cannot_be_changed(update: Any) -> None:
    with pytest.raises(AttributeError):
        update.success = False


@pytest.mark.parametrize("update", UPDATES)
def test_update_survives_pickling(update: Any) -> None:
    assert pickle.loads(pickle.dumps(update)) == update


def test_log_names_its_parts() -> None:
    update = LogUpdate(Status.LOG, log=("careful", "warning"))
    assert (update.message, update.level) == ("careful", "warning")
    assert isinstance(update, StatusUpdate)


def test_log_without_a_text_is_empty() -> None:
    assert (LogUpdate(Status.LOG).message, LogUpdate(Status.LOG).level) == ("", "")


def test_progress_unit_compares_by_value() -> None:
    assert ProgressUnit(1, 2, "s", None, "d") == ProgressUnit(1, 2, "s", None, "d")
    assert ProgressUnit(1, 2, "s", None, "d") != ProgressUnit(2, 2, "s", None, "d")


def test_progress_units_are_read_from_a_message() -> None:
    raw: Any = [{"index": 1, "length": 2, "unit": "s", "progress": None, "desc": "d", "new": 1}, "odd", {}]
    assert ProgressUnit.from_msg(raw) == [
        ProgressUnit(1, 2, "s", None, "d"),
        ProgressUnit(None, None, None, None, None),
    ]


def test_a_message_of_the_queue_names_its_stage() -> None:
    assert Status.msg_to_status("process_generating") is Status.ITERATING
    with pytest.raises(KeyError):
        Status.msg_to_status("close_stream")
