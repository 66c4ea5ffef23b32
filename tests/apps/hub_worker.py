"""Runs in the environment of a real library: performs what it is told to with it, one JSON line each.

A request is {"do": name, …arguments}; the answer is {"result": …}, or {"error": class, "bases": […],
"message": …}. The names are those of huggingface_hub's functions, or of methods of the official client.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from typing import Any, Callable, Dict

import huggingface_hub as hub

_RUNTIME = ("stage", "hardware", "requested_hardware", "sleep_time")
_INFO = ("id", "author", "host", "private", "sdk", "gated", "disabled")
_COMMIT = ("oid", "commit_url", "commit_message")


def perform(request: Dict[str, Any]) -> Dict[str, Any]:
    """What comes of one request."""
    name = request.pop("do")
    try:
        return {"result": plain(_SPECIAL.get(name, getattr(hub, name, None))(**request))}
    except Exception as error:
        return {
            "error": type(error).__name__,
            "bases": [base.__name__ for base in type(error).__mro__],
            "message": str(error),
        }


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    for names in (_RUNTIME, _INFO, _COMMIT):
        if all(hasattr(value, name) for name in names):
            fields = {name: getattr(value, name) for name in names}
            if names is _INFO:
                fields["runtime"] = plain(value.runtime)
                fields["siblings"] = [file.rfilename for file in value.siblings]
            return fields
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value if isinstance(value, (bool, int, float, type(None))) else str(value)


def _read_file(**arguments: Any) -> str:
    with open(hub.hf_hub_download(repo_type="space", **arguments), encoding="utf-8") as file:
        return file.read()


def _commit(files: Dict[str, str], message: str, **arguments: Any) -> Any:
    operations = [
        hub.CommitOperationAdd(path_in_repo=path, path_or_fileobj=text.encode())
        for path, text in files.items()
    ]
    return hub.create_commit(operations=operations, commit_message=message, repo_type="space", **arguments)


def _duplicate(**arguments: Any) -> Dict[str, Any]:
    from gradio_client import Client

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client = Client.duplicate(verbose=False, **arguments)
    said = [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)]
    return {"space_id": client.space_id, "src": client.src, "warnings": json.dumps(said)}


def _predict(space_id: str, text: str, **arguments: Any) -> str:
    from gradio_client import Client

    return str(Client(space_id, verbose=False, **arguments).predict(text, api_name="/echo"))


def _deploy_discord(space_id: str, hf_token: str, saved: bool, **arguments: Any) -> str:
    from gradio_client import Client

    client = Client(space_id, hf_token=hf_token, verbose=False)
    if saved:
        os.environ["HF_TOKEN"] = hf_token
    try:
        return client.deploy_discord(hf_token=hf_token, **arguments)
    finally:
        os.environ.pop("HF_TOKEN", None)


_SPECIAL: Dict[str, Callable[..., Any]] = {
    "read_file": _read_file,
    "commit": _commit,
    "Client.duplicate": _duplicate,
    "Client.deploy_discord": _deploy_discord,
    "Client.predict": _predict,
}


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer
    for line in sys.stdin:
        print(json.dumps(perform(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
