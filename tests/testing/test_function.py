from __future__ import annotations

import logging
from typing import Any, Dict, List

import pytest

from gradio_client_lite.testing import info, progress, warning
from gradio_client_lite.testing.endpoints import reporting


def test_log_lines_and_progress_are_sent_as_messages() -> None:
    sent: List[Dict[str, Any]] = []
    with reporting(sent.append):
        info("one", title="T", duration=None, visible=False)
        warning("two")
        progress(1, 4, "files", "Copying")
        progress(fraction=0.5)
    assert sent == [
        {"msg": "log", "log": "one", "level": "info", "duration": None, "visible": False, "title": "T"},
        {"msg": "log", "log": "two", "level": "warning", "duration": 10, "visible": True, "title": "Warning"},
        {"msg": "progress", "progress_data": [_unit(1, 4, "files", None, "Copying")]},
        {"msg": "progress", "progress_data": [_unit(None, None, "steps", 0.5, None)]},
    ]


def _unit(index: Any, length: Any, unit: Any, fraction: Any, desc: Any) -> Dict[str, Any]:
    return {"index": index, "length": length, "unit": unit, "progress": fraction, "desc": desc}


def test_outside_a_call_log_lines_go_to_the_logger(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        info("one")
        warning("two")
        progress(1, 2)
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("INFO", "one"),
        ("WARNING", "two"),
    ]
