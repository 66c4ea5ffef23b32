"""Records the API descriptions of `sample_app.py` into tests/samples, for Gradio 3.23 to 4.0.

Make them again with::

    python -m tests.apps.sample_recording
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import urllib.request
from pathlib import Path
from typing import Any, Dict
from urllib.error import HTTPError

from .environments import official_client_python
from .pins import OFFICIAL_CLIENT_FOR
from .servers import Server, release, running_server

RELEASES = ("3.23.0", "3.35.2", "3.50.2", "4.0.2")
_SAMPLES = Path(__file__).parents[1] / "samples"
_ADDRESS = "http://127.0.0.1:7860/"

_DESCRIBE = """
import gradio_client, json, sys
client = gradio_client.Client(sys.argv[1], verbose=False)
text, dict_ = ({"print_info": False, "return_format": name} for name in ("str", "dict"))
texts = {"text": client.view_api(**text), "all": client.view_api(True, **text)}
print(json.dumps({**texts, "dict": client.view_api(**dict_)}))
"""
_LONGEST = 200  # characters of a text; the examples of Gradio 3 have whole files in them

# The rest is style, layout and JavaScript.
_TOP = ("version", "protocol", "mode", "space_id", "enable_queue", "show_error", "show_api", "is_space")
_COMPONENT = ("id", "type", "api_info", "serializer", "example_inputs", "skip_api")
_PROPS = (
    *("name", "label", "info", "value", "visible", "show_label", "choices", "multiselect"),
    *("allow_custom_value", "minimum", "maximum", "file_count", "headers", "source", "tool"),
)
_DEPENDENCY = (
    *("id", "inputs", "outputs", "backend_fn", "queue", "api_name", "batch", "cancels", "types"),
    *("show_api", "api_visibility"),
)


def record(server: Server) -> None:
    """Write what a server, and the official client, say of its app."""
    folder = _SAMPLES / server.version
    folder.mkdir(exist_ok=True)
    write = Writer(folder, server)
    write.json("config.json", shortened(fetched(server, "config")))
    try:
        info = fetched(server, "info")
    except HTTPError as error:
        if error.code != 404:
            raise
        return  # Gradio before 3.30
    write.json("info.json", info)
    if release(server.version) <= (3, 36, 1):
        return  # The official client describes these by a Space of somebody else's alone.
    said = described(server)
    write.text("view_api.txt", said["text"])
    write.text("view_api_all_endpoints.txt", said["all"])
    for group, endpoints in said["dict"].items():
        for name, endpoint in endpoints.items():
            for kind in ("parameters", "returns"):
                if endpoint[kind] == info[group][name][kind]:
                    endpoint[kind] = "as in info.json"
    write.json("view_api.json", said["dict"])


def fetched(server: Server, route: str) -> Any:
    """What a route of the server answers."""
    with urllib.request.urlopen(server.url + route, timeout=30) as response:
        return json.load(response)


def shortened(config: Dict[str, Any]) -> Dict[str, Any]:
    """A config with what a client may need of it."""
    parts = {
        "components": [
            {**picked(item, _COMPONENT), "props": picked(item["props"], _PROPS)}
            for item in config["components"]
        ],
        "dependencies": [picked(item, _DEPENDENCY) for item in config["dependencies"]],
    }
    return {**picked(config, _TOP), **parts}


def picked(fields: Dict[str, Any], names: Any) -> Dict[str, Any]:
    """The fields that have these names."""
    return {name: fields[name] for name in names if name in fields}


def described(server: Server) -> Dict[str, Any]:
    """The official client's texts and its dict."""
    python = official_client_python(OFFICIAL_CLIENT_FOR[server.version])
    command = [python, "-I", "-c", _DESCRIBE, server.url]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    said: Dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def cut_short(value: Any) -> Any:
    """A value whose texts are not too long to be kept."""
    if isinstance(value, dict):
        return {key: cut_short(item) for key, item in value.items()}
    if isinstance(value, list):
        return [cut_short(item) for item in value]
    return value[:_LONGEST] if isinstance(value, str) else value


def laid_out(value: Any, depth: int = 0) -> str:
    """JSON with a line for each component, dependency or endpoint."""
    if depth == 2 or not isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return "[\n" + ",\n".join(laid_out(item, depth + 1) for item in value) + "\n]"
    items = (f"{json.dumps(key)}: {laid_out(item, depth + 1)}" for key, item in value.items())
    return "{\n" + ",\n".join(items) + "\n}"


class Writer:
    """Writes files without what differs from run to run: where the server was, and its folders."""

    def __init__(self, folder: Path, server: Server) -> None:
        self._folder = folder
        self._address = server.url
        self._scratch = re.compile(re.escape(str(server.log.parent)) + r"(/[\w.-]+)*/(?=dot\.png)")

    def json(self, name: str, value: Any) -> None:
        """Write a value."""
        self.text(name, laid_out(cut_short(value)) + "\n")

    def text(self, name: str, text: str) -> None:
        """Write a text."""
        text = self._scratch.sub("/tmp/gradio/", text.replace(self._address, _ADDRESS))
        (self._folder / name).write_text(text, encoding="utf-8")


def main() -> None:
    """Record every release."""
    for version in RELEASES:
        with (
            tempfile.TemporaryDirectory() as scratch,
            running_server(version, Path(scratch), "samples") as server,
        ):
            record(server)
        print(version)


if __name__ == "__main__":
    main()
