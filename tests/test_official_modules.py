"""Tests `exceptions.py` and `data_classes.py`, and that the package has its official modules with it."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import gradio_client_lite
from gradio_client_lite import Client, client, data_classes, errors, exceptions, utils
from gradio_client_lite.app.endpoint import Endpoint
from gradio_client_lite.files import handle
from gradio_client_lite.jobs.job import Job
from gradio_client_lite.updates import Status
from gradio_client_lite.wire import typeddicts

ROOT = str(Path(gradio_client_lite.__file__).parents[1])


def test_official_names_are_those_of_the_package() -> None:
    assert exceptions.AppError is errors.AppError
    assert data_classes.FileData is typeddicts.FileData
    assert utils.Status is Status
    assert utils.handle_file is handle.handle_file
    assert (client.Client, client.Endpoint, client.Job) == (Client, Endpoint, Job)


@pytest.mark.parametrize("module", ["client", "data_classes", "exceptions", "utils"])
def test_every_listed_name_is_there_and_can_be_imported_with_a_star(module: str) -> None:
    space: dict[str, object] = {}
    exec(f"from {gradio_client_lite.__name__}.{module} import *", space)
    listed = import_module(f"{gradio_client_lite.__name__}.{module}").__all__
    assert set(listed) == space.keys() - {"__builtins__"}


def test_default_folder_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    assert str(tmp_path) == client.DEFAULT_TEMP_DIR


@pytest.mark.parametrize("module", [client, utils, gradio_client_lite])
def test_other_names_are_not_there(module: object) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = module.nothing  # type: ignore[attr-defined]


def test_modules_are_there_once_the_package_is_imported() -> None:
    program = """
import sys; sys.path.insert(0, sys.argv[1])
import gradio_client_lite as official
assert {"client", "data_classes", "exceptions", "utils"} <= set(dir(official))
official.exceptions.AppError, official.data_classes.FileData, official.client.Job, official.utils.Status
"""
    done = subprocess.run(
        [sys.executable, "-c", program, ROOT], capture_output=True, encoding="utf-8", timeout=30, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
