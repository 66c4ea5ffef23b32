"""FileData and ParameterInfo as types of fields and parameters, with the real pydantic and FastAPI."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from copies import NAME, copy_into

from .environments import pydantic_pythons

_TIMEOUT = 120  # seconds
_SCRIPT = f"""
import sys
from typing import Dict

import {NAME}
from {NAME} import compat
assert "typing_extensions" not in sys.modules
from pydantic import BaseModel, ValidationError
from fastapi import FastAPI

compat.install()
from gradio_client.data_classes import FileData, ParameterInfo
assert FileData is {NAME}.FileData


class Model(BaseModel):
    file: FileData
    described: Dict[str, ParameterInfo]


def refused(**fields):
    try:
        Model(**{{**given, **fields}})
    except ValidationError as error:
        return [(".".join(map(str, each["loc"])), each["type"]) for each in error.errors()]
    return []


file = {NAME}.handle_file(b"hi", name="hi.txt")
parameter = {{"label": "Text", "parameter_name": "text", "type": {{}}, "python_type": {{}}}}
parameter.update(component="Textbox", example_input=1)
given = {{"file": file, "described": {{"text": parameter}}}}
assert Model(**given).model_dump() == given
assert Model.model_validate_json(Model(**given).model_dump_json()).model_dump() == given
defaulted = {{"text": {{**parameter, "parameter_has_default": True, "parameter_default": "a"}}}}
assert Model(file={{}}, described=defaulted).described == defaulted
assert refused(file={{"path": []}}) == [("file.path", "string_type")]
assert refused(described={{"text": {{}}}}) == [
    (f"described.text.{{name}}", "missing") for name in ParameterInfo.__annotations__ if name in parameter
]
schema = Model.model_json_schema()["$defs"]
assert "required" not in schema["FileData"]
assert schema["FileData"]["properties"]["path"]["type"] == "string"
assert set(schema["ParameterInfo"]["required"]) == set(parameter)

app = FastAPI()


@app.post("/describe")
def describe(file: FileData) -> ParameterInfo:
    return parameter


(path,) = app.openapi()["paths"].values()
assert path["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/FileData")
"""


@pytest.mark.whole
def test_pydantic_and_fastapi_take_them_on_every_python_found(tmp_path: Path) -> None:
    copy_into(tmp_path, NAME)
    environ = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    pythons = pydantic_pythons()
    for release, python in pythons.items():
        done = subprocess.run(
            [python, "-c", _SCRIPT],
            env=environ,
            capture_output=True,
            encoding="utf-8",
            timeout=_TIMEOUT,
            check=False,
            cwd=tmp_path,
        )
        assert (release, done.stderr) == (release, "")
    assert pythons
