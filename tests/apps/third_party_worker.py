"""Uses libraries that others wrote for the official client, as their users do; says what came of it as JSON.

    python third_party_worker.py FOLDER PACKAGE URL FILE_URL

FOLDER has a copy of ours, imported as PACKAGE; the official client is not installed.
"""

from __future__ import annotations

import concurrent.futures
import importlib
import importlib.util
import json
import sys
import warnings
from typing import Any, Dict

folder, package, url, file_url = sys.argv[1:]
sys.path.insert(0, folder)
assert importlib.util.find_spec("gradio_client") is None
importlib.import_module(f"{package}.compat").install()

import gradio_tools  # noqa: E402
import smolagents  # noqa: E402
from PIL import Image  # noqa: E402


class Echo(gradio_tools.GradioTool):  # type: ignore[misc]
    """A tool as the documentation of gradio_tools shows how to write one."""

    def __init__(self, src: str) -> None:
        super().__init__("Echo", "Repeats the text.", src, hf_token=None, duplicate=False)

    def create_job(self, query: str) -> Any:
        job = self.client.submit(query, api_name="/echo")
        concurrent.futures.wait([job])  # `run` would look again after half a minute only
        return job

    def postprocess(self, output: str) -> str:
        return output.upper()


def use_gradio_tools() -> Dict[str, Any]:
    tool = Echo(url)
    job = tool.create_job("hi")
    return {
        "run": tool.run("hello"),
        "job": isinstance(job, importlib.import_module("gradio_client.client").Job),
        "status": str(job.status().code),
        "error": type(tool.client.submit("x", api_name="/gr_error").exception()).__name__,
    }


def use_smolagents() -> Dict[str, Any]:
    tool = smolagents.Tool.from_space(url, "calculate", "Calculates.", api_name="/calculate")
    image_tool = smolagents.Tool.from_space(file_url, "image", "Gives the image back.", api_name="/image")
    picture = image_tool(Image.new("RGB", (3, 2), "red"))
    first = smolagents.Tool.from_space(url, "first", "The first function of the app.")
    return {
        "inputs": {name: description["nullable"] for name, description in tool.inputs.items()},
        "positional": tool(3, "add", 4),
        "named": tool(num1=6, operation="divide", num2=3),
        "first": first("hello"),
        "output_type": image_tool.output_type,
        "image": [type(picture).__name__, list(picture.to_raw().size)],
    }


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message="Since `api_name` was not defined")
    print(json.dumps({"gradio_tools": use_gradio_tools(), "smolagents": use_smolagents()}))
