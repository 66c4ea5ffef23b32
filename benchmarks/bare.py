"""The least that a call needs: `http.client` and two kept connections, with nothing checked.

No client that speaks Gradio's queue from Python's standard library can be expected to beat it by much. It has
just enough of `Client` for the worker to call it like the others.
"""

from __future__ import annotations

import http.client
import json
import os
import threading
import uuid
from typing import Any, Callable, Dict, Iterator, List
from urllib.parse import urlsplit

_JSON = {"content-type": "application/json"}
_BOUNDARY = "0123456789abcdef"


class handle_file(str):
    """The path of a file to send."""


class Client:
    """Calls one app, one job at a time or many at once.

    Args:
        src: URL of the app.
        ssl_verify: False accepts any certificate.
        download_files: the folder for files of results.
    """

    def __init__(self, src: str, *, ssl_verify: bool = True, download_files: str = "", **_: object) -> None:
        self._folder = download_files
        # http.client sets TCP_NODELAY, and connects again after a close.
        self._posts, self._stream = (_connection(src, ssl_verify) for _ in range(2))
        config = json.loads(self._get("/config"))
        self._prefix = config["api_prefix"]
        self._functions = {item["api_name"]: item["id"] for item in config["dependencies"]}
        self._session = str(uuid.uuid4())

    def close(self) -> None:
        """Close the connections."""
        self._posts.close()
        self._stream.close()

    def predict(self, *values: Any, api_name: str, **named: Any) -> Any:
        """The result of a call."""
        data = [self._upload(value) for value in (*values, *named.values())]
        if api_name == "/direct":
            return self._post("run/direct", data, api_name)["data"][0]
        self._join(data, api_name)
        (message,) = self._messages("process_completed")
        result = message["output"]["data"][0]
        return self._download(result) if isinstance(result, dict) and "path" in result else result

    def predict_many(self, values: List[Any], api_name: str, joined: Callable[[], object]) -> List[Any]:
        """The results of calls made at once, in no order; calls `joined` when the server has them all."""
        results: List[Any] = []
        self._join([values[0]], api_name)
        reader = threading.Thread(target=self._collect, args=(results, len(values)))
        reader.start()
        for value in values[1:]:
            self._join([value], api_name)
        joined()
        reader.join()
        return results

    def stream(self, *values: Any, api_name: str) -> Iterator[Any]:
        """The values of a stream; it is always the same object that grows, where that can be."""
        self._join(list(values), api_name)
        value: Any = None
        for message in self._messages("process_generating"):
            (change,) = message["output"]["data"]
            value = change if value is None else _edit(value, change)
            yield value

    def count(self, *values: Any, api_name: str) -> int:
        """Read all messages of a job; their number."""
        self._join(list(values), api_name)
        return sum(1 for _ in self._messages(""))

    def _collect(self, results: List[Any], count: int) -> None:
        while len(results) < count:  # the server closes the stream whenever nothing is pending
            completed = self._messages("process_completed")
            results += [message["output"]["data"][0] for message in completed]

    def _join(self, data: List[Any], api_name: str) -> None:
        self._post("queue/join", data, api_name)

    def _post(self, route: str, data: List[Any], api_name: str) -> Dict[str, Any]:
        fields = {"data": data, "fn_index": self._functions[api_name[1:]], "session_hash": self._session}
        return self._send(route, json.dumps(fields), _JSON)  # type: ignore[no-any-return]

    def _send(self, route: str, body: Any, headers: Dict[str, str]) -> Any:
        self._posts.request("POST", f"{self._prefix}/{route}", body, headers)
        return json.loads(self._posts.getresponse().read())

    def _get(self, path: str) -> bytes:
        self._posts.request("GET", path)
        return self._posts.getresponse().read()

    def _upload(self, value: Any) -> Any:
        if not isinstance(value, handle_file):
            return value
        with open(value, "rb") as file:
            content = file.read()
        head = (
            f"--{_BOUNDARY}\r\ncontent-disposition: form-data; "
            f'name="files"; filename="a"\r\ncontent-type: application/octet-stream\r\n\r\n'
        )
        body = head.encode() + content + f"\r\n--{_BOUNDARY}--\r\n".encode()
        kind = {"content-type": f"multipart/form-data; boundary={_BOUNDARY}"}
        return {"path": self._send("upload", body, kind)[0], "meta": {"_type": "gradio.FileData"}}

    def _download(self, value: Dict[str, Any]) -> str:
        path = os.path.join(self._folder, "down")
        with open(path, "wb") as file:
            file.write(self._get(f"{self._prefix}/file={value['path']}"))
        return path

    def _messages(self, kind: str) -> Iterator[Dict[str, Any]]:
        """The messages of a kind (all with ``) of one stream, from its opening to its end."""
        self._stream.request("GET", f"{self._prefix}/queue/data?session_hash={self._session}")
        response = self._stream.getresponse()
        received = b""
        while chunk := response.read1(65536):
            *events, received = (received + chunk).split(b"\n\n")
            for event in events:
                message = json.loads(event[len("data: ") :])
                if message["msg"] == kind or not kind:
                    yield message


def _connection(src: str, verify: bool) -> http.client.HTTPConnection:
    parts = urlsplit(src)
    if parts.scheme == "http":
        return http.client.HTTPConnection(parts.netloc)
    import ssl

    context = ssl.create_default_context() if verify else ssl._create_unverified_context()
    return http.client.HTTPSConnection(parts.netloc, context=context)


def _edit(value: Any, edits: List[Any]) -> Any:
    """Edits of the kinds that the light server sends: of a text or a list, at its end, or whole."""
    for action, _, item in edits:
        if action == "add":
            value.append(item)
        else:
            value = value + item if action == "append" else item
    return value
