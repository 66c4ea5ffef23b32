"""The least that a call needs: `http.client` and two kept connections, with nothing checked.

No client that speaks Gradio's queue from Python's standard library can be expected to beat it. It has
just enough of `Client` for the workers to call it like the others.
"""

from __future__ import annotations

import http.client
import json
import threading
import uuid
from typing import Any, Dict, Iterator, List
from urllib.parse import urlsplit

_JSON = {"content-type": "application/json"}


class Client:
    """Calls one app, one job at a time or many at once."""

    def __init__(self, src: str, **_: object) -> None:
        host = urlsplit(src).netloc
        # http.client sets TCP_NODELAY, and connects again after a close.
        self._posts, self._stream = http.client.HTTPConnection(host), http.client.HTTPConnection(host)
        self._posts.request("GET", "/config")
        config = json.loads(self._posts.getresponse().read())
        self._prefix = config["api_prefix"]
        self._functions = {item["api_name"]: item["id"] for item in config["dependencies"]}
        self._session = str(uuid.uuid4())

    def rest(self) -> None:
        """Close the connections, before the server does after five idle seconds."""
        self._posts.close()
        self._stream.close()

    def predict(self, value: Any, api_name: str) -> Any:
        """The result of a call."""
        if api_name == "/direct":
            return self._post("run/direct", value, api_name)["data"][0]
        self._join(value, api_name)
        (message,) = self._completed()
        return message["output"]["data"][0]

    def predict_many(self, values: List[Any], api_name: str) -> List[Any]:
        """The results of calls made at once, in no order."""
        results: List[Any] = []
        self._join(values[0], api_name)
        reader = threading.Thread(target=self._collect, args=(results, len(values)))
        reader.start()
        for value in values[1:]:
            self._join(value, api_name)
        reader.join()
        return results

    def _collect(self, results: List[Any], count: int) -> None:
        while len(results) < count:  # the server closes the stream whenever nothing is pending
            results += [message["output"]["data"][0] for message in self._completed()]

    def _join(self, value: Any, api_name: str) -> str:
        event_id: str = self._post("queue/join", value, api_name)["event_id"]
        return event_id

    def _post(self, route: str, value: Any, api_name: str) -> Dict[str, Any]:
        fields = {"data": [value], "fn_index": self._functions[api_name[1:]], "session_hash": self._session}
        self._posts.request("POST", f"{self._prefix}/{route}", json.dumps(fields), _JSON)
        answer: Dict[str, Any] = json.loads(self._posts.getresponse().read())
        return answer

    def _completed(self) -> Iterator[Dict[str, Any]]:
        """The `process_completed` messages of one stream, from its opening to its end."""
        self._stream.request("GET", f"{self._prefix}/queue/data?session_hash={self._session}")
        response = self._stream.getresponse()
        received = b""
        while chunk := response.read1(65536):
            *events, received = (received + chunk).split(b"\n\n")
            for event in events:
                message = json.loads(event[len("data: ") :])
                if message["msg"] == "process_completed":
                    yield message
