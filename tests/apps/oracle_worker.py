"""Makes calls with a Gradio client and describes what came of them, exactly, as JSON.

It knows no particular client. The tests import it to make calls with ours; run as a script in an
environment that has the official client, it reads one request a line and answers one line each.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Callable, Dict

Json = Dict[str, Any]
JOB_TIMEOUT = 30.0  # seconds


class Caller:
    """Makes calls with one class of client, keeping the clients it has connected.

    Args:
        client_class: `Client` of the official package, or ours.
        options: passed to every client.
    """

    def __init__(self, client_class: Any, **options: Any) -> None:
        self._client_class = client_class
        self._options = options
        self._clients: Dict[str, Any] = {}

    def perform(self, request: Json) -> Json:
        """Make the calls of a request (see `calls.Call`); what each came to, or why connecting failed."""
        try:
            client = self._connect(request)
        except Exception as error:
            return {"connect": _describe_error(error)}
        return {"calls": [_call(client, request, arguments) for arguments in request["calls"]]}

    def forget(self) -> None:
        """Close the clients that are kept."""
        for client in self._clients.values():
            _close(client)
        self._clients.clear()

    def _connect(self, request: Json) -> Any:
        options = dict(request["client"])
        if "auth" in options:
            options["auth"] = tuple(options["auth"])
        key = json.dumps([request["url"], options])
        if request["fresh"] and key in self._clients:
            _close(self._clients.pop(key))
        if key not in self._clients:
            self._clients[key] = self._client_class(request["url"], verbose=False, **self._options, **options)
        return self._clients[key]


def _call(client: Any, request: Json, arguments: Json) -> Json:
    if request["method"] == "view_api":
        return _outcome(lambda: client.view_api(print_info=False, **arguments["kwargs"]))
    names = ("api_name", "fn_index", "headers")
    target = {name: request[name] for name in names if request[name] is not None}
    args, kwargs = arguments["args"], arguments["kwargs"]
    if request["method"] == "predict":
        return _outcome(lambda: client.predict(*args, **kwargs, **target))
    try:
        job = client.submit(*args, **kwargs, **target)
    except Exception as error:
        return {"submit": _describe_error(error)}
    if request["method"] == "iterate":
        return {"iterated": encode(list(job)), **_end(job)}
    if request["method"] == "cancel":
        next(iter(job))
        return {"cancelled": encode(job.cancel()), **_outcome(lambda: job.result(timeout=JOB_TIMEOUT))}
    return _end(job)


def _end(job: Any) -> Json:
    outcome = _outcome(lambda: job.result(timeout=JOB_TIMEOUT))
    status = job.status()
    outputs = encode(job.outputs())
    return {**outcome, "outputs": outputs, "status": [status.code.value, encode(status.success)]}


def encode(value: Any) -> Any:
    """A value as JSON that still tells a tuple from a list, 1 from 1.0 and True, and NaN from None."""
    if value is None or type(value) in (int, str):
        return value
    if isinstance(value, (bool, float)):
        return {type(value).__name__: repr(value)}
    if type(value).__name__ in ("FileArgument", "ResultPath", "ResultFile"):  # equal to the official values
        return encode(str(value) if isinstance(value, str) else dict(value))
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [encode(item) for item in value]}
    if isinstance(value, dict):
        pairs = [[encode(key), encode(item)] for key, item in value.items()]
        return {type(value).__name__: sorted(pairs, key=repr)}
    return {type(value).__name__: str(value)}


def _outcome(call: Callable[[], Any]) -> Json:
    try:
        return {"result": encode(call())}
    except Exception as error:
        return {"error": _describe_error(error)}


def _describe_error(error: BaseException) -> Json:
    return {
        "class": type(error).__name__,
        "bases": [base.__name__ for base in type(error).__mro__],
        "message": str(error),
        "fields": encode(_error_fields(error)),
    }


def _error_fields(error: BaseException) -> Json:
    names = ("duration", "visible", "title", "print_exception")
    return {name: getattr(error, name) for name in names if hasattr(error, name)}


def _close(client: Any) -> None:
    close = getattr(client, "close", None)
    if close is not None:
        close()


def _official_client() -> Any:
    """The official `Client`, which describes Gradio up to 3.36 without posting its config to a Space.

    Without that service it could not be made at all. It makes its calls there without a description too.
    """
    import gradio_client  # type: ignore[import-not-found,unused-ignore]

    class Client(gradio_client.Client):  # type: ignore[misc,unused-ignore]
        def _get_api_info(self) -> Json:
            if self.app_version.release <= (3, 36, 1):
                return {"named_endpoints": {}, "unnamed_endpoints": {}}
            info: Json = super()._get_api_info()
            return info

    return Client


def main() -> None:
    """Answer requests until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever the client prints must not mix with the answers
    caller = Caller(_official_client(), download_files=sys.argv[1])
    for line in sys.stdin:
        answers.write(json.dumps(caller.perform(json.loads(line))) + "\n")
        answers.flush()
    os._exit(0)  # the official client's threads may never end


if __name__ == "__main__":
    main()
