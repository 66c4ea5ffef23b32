from __future__ import annotations

import subprocess
import sys
from typing import get_type_hints

import pytest

from gradio_client_lite.wire.typeddicts import FileData, ParameterInfo

NEVER_MISSING = {"label", "parameter_name", "type", "python_type", "component", "example_input"}


def test_file_data_has_the_fields_of_every_age() -> None:
    old = {"name", "data", "size", "is_file", "orig_name", "mime_type", "is_stream"}
    assert set(FileData.__annotations__) == old | {"path", "url", "meta"}
    assert get_type_hints(FileData)["path"] is str
    assert FileData.__required_keys__ == frozenset()


def test_only_the_default_of_a_parameter_may_be_missing() -> None:
    assert ParameterInfo.__required_keys__ == NEVER_MISSING
    assert ParameterInfo.__optional_keys__ == {"parameter_has_default", "parameter_default"}


HIDDEN = "sys.modules['typing_extensions'] = None"


@pytest.mark.parametrize("hide", ["", HIDDEN])
def test_typing_extensions_is_looked_for_when_a_name_is_used_and_may_be_missing(hide: str) -> None:
    code = f"""
import sys
{hide}
import typing
import gradio_client_lite, gradio_client_lite.files, gradio_client_lite.wire.info
from gradio_client_lite import Client, handle_file
assert not sys.modules.get("typing_extensions")
from gradio_client_lite import FileData
assert FileData is gradio_client_lite.files.FileData
assert FileData(path="x") == {{"path": "x"}}
assert FileData.__optional_keys__ == set(FileData.__annotations__)
found = sys.modules.get("typing_extensions")
assert bool(found) == (sys.version_info < (3, 12) and not {bool(hide)})
maker = (found or typing).TypedDict
assert type(FileData) is type(maker("Other", {{}}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""


def test_help_shows_a_class_with_its_fields() -> None:
    code = "import gradio_client_lite; help(gradio_client_lite.FileData); help(gradio_client_lite)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert "class FileData(" in done.stdout
    assert "mime_type" in done.stdout
    assert done.stderr == ""
