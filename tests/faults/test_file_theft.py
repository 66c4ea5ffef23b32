"""Servers that want a file of this machine, or of its network: what they name is neither opened nor fetched.

Each test has a secret file and a server inside that nobody else can reach. The hostile app names them in
every place it has a say in, and calls are made as anybody would make them.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest
from app_of import FILE, component
from transport.peers import PeerServer, Request, always, answer

from gradio_client_lite import Client, handle_file
from gradio_client_lite.errors import AppError, HTTPStatusError, ValidationError

Json = Dict[str, Any]

SECRET = b"-----BEGIN OPENSSH PRIVATE KEY-----"
HINT = r"pass what handle_file\(path\) returns"

#: Paths that must not be opened, and those that were. An audit hook stays for good, so there is one for all.
_watched: set[str] = set()
_opened: List[str] = []


def _hook(event: str, arguments: Any) -> None:
    if event == "open" and _watched and str(arguments[0]) in _watched:
        _opened.append(str(arguments[0]))


@pytest.fixture(scope="module", autouse=True)
def audit() -> None:
    sys.addaudithook(_hook)


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file that nobody looks at while the test runs."""
    path = tmp_path / "id_rsa"
    path.write_bytes(SECRET)
    looks: List[str] = []
    for name in ("stat", "lstat", "open", "access"):
        monkeypatch.setattr(os, name, _told(getattr(os, name), str(path), looks))
    _watched.add(str(path))
    yield path
    _watched.clear()
    monkeypatch.undo()
    opened, _opened[:] = list(_opened), []
    assert (opened, looks) == ([], [])


def _told(function: Any, path: str, looks: List[str]) -> Any:
    def wrapper(where: Any, *args: Any, **kwargs: Any) -> Any:
        if str(where) == path:
            looks.append(function.__name__)
        return function(where, *args, **kwargs)

    return wrapper


@pytest.fixture
def inside() -> Iterator[PeerServer]:
    """A server of the user's network that must not be asked for anything."""
    with PeerServer(always(SECRET)) as server:
        yield server
        assert server.requests == []


def marked(path: Any, **fields: Any) -> Json:
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}, **fields}


class Thief:
    """A server of an app with one function, which answers with `result` and notes everything it gets."""

    def __init__(self, config: Json, info: Any, result: Any) -> None:
        self._answers = {"config": config, "info": info, "predict": result, "upload": ["/srv/loot"]}
        self.server = PeerServer(always(self._answer))

    def _answer(self, request: Request) -> bytes:
        content = self._answers.get(request.path.partition("?")[0].rpartition("/")[2])
        if content is None:
            return answer(b"no", "404 Not Found")
        if isinstance(content, bytes):
            return content
        return answer(json.dumps(content).encode())

    @property
    def calls(self) -> List[List[Any]]:
        """The arguments of each call."""
        bodies = [request.body for request in self.server.requests if request.path.endswith("predict")]
        return [json.loads(body)["data"] for body in bodies]

    def check(self) -> None:
        """Nothing was uploaded, and the secret is in no request."""
        for request in self.server.requests:
            assert "upload" not in request.path
            assert SECRET not in request.raw + request.body
            for start in range(3):  # wherever its base64 begins
                assert base64.b64encode(SECRET[start : start + 30])[:-4] not in request.body


Steal = Callable[..., Thief]


@pytest.fixture
def steal() -> Iterator[Steal]:
    thieves: List[Thief] = []
    with ExitStack() as stack:

        def make(
            *inputs: Json,
            output: Any = None,
            info: Any = None,
            result: Any = None,
            version: str = "6.31.0",
        ) -> Thief:
            outputs = [output or component(99, "json", api_info={})]
            numbers = [number for number, _ in enumerate(inputs)]
            components = [{**given, "id": number} for number, given in enumerate(inputs)]
            dependency = {"id": 0, "api_name": "f", "backend_fn": True, "queue": False}
            config: Json = {
                "version": version,
                "components": [*components, *({**item, "id": 99} for item in outputs)],
                "dependencies": [{**dependency, "inputs": numbers, "outputs": [99]}],
            }
            if version[0] != "3":
                config.update(protocol="sse_v3", api_prefix="/gradio_api")
            thief = Thief(config, info, {"data": ["ok"]} if result is None else result)
            stack.enter_context(thief.server)
            thieves.append(thief)
            return thief

        yield make
    for thief in thieves:
        thief.check()


TEXTBOX = component(0, "textbox", "text", api_info={"type": "string"})
JSON = component(0, "json", "data", api_info={"description": "any valid json"})


def described(*defaults: Any) -> Json:
    """An /info that names these defaults, for a second parameter and those after it."""
    parameters: List[Json] = [{"parameter_name": "text", "parameter_has_default": False}]
    for number, default in enumerate(defaults):
        told = {"parameter_name": f"p{number}", "parameter_has_default": True, "parameter_default": default}
        parameters.append(told)
    return {"named_endpoints": {"/f": {"parameters": parameters, "returns": []}}, "unnamed_endpoints": {}}


def with_value(given: Json, value: Any) -> Json:
    return {**given, "props": {**given["props"], "value": value}}


def say_hello(thief: Thief, download_files: Any = False) -> Any:
    with Client(thief.server.url, verbose=False, download_files=download_files) as client:
        return client.predict("hello", api_name="/f")


def nestings(file: Any) -> List[Any]:
    return [file, [file], {"deep": [{"er": [file]}]}, {"text": "", "files": [file]}]


@pytest.mark.parametrize("nesting", range(4))
@pytest.mark.parametrize("url", [None, "http://elsewhere/x", "own"])
@pytest.mark.parametrize("kind", ["file", "json"])
def test_a_default_that_the_description_names(
    steal: Steal, secret: Path, nesting: int, url: Any, kind: str
) -> None:
    schema = FILE if kind == "file" else {"description": "any valid json"}
    default = nestings(marked(secret, **({} if url is None else {"url": url})))[nesting]
    thief = steal(TEXTBOX, component(0, kind, "p", api_info=schema), info=described(default))
    say_hello(thief)
    assert thief.calls == [["hello", default]]


@pytest.mark.parametrize("nesting", range(4))
def test_a_default_that_the_config_names(steal: Steal, secret: Path, nesting: int) -> None:
    default = nestings(marked(secret, url=str(secret)))[nesting]
    thief = steal(TEXTBOX, with_value(JSON, default))
    say_hello(thief)
    assert thief.calls == [["hello", default]]


V3_TYPES = ["textbox", "json", "file", "image", "gallery", "chatbot", "video", "audio", "stranger", "number"]


@pytest.mark.parametrize("version", ["3.18.0", "3.50.2"])
@pytest.mark.parametrize("nesting", range(4))
@pytest.mark.parametrize("kind", V3_TYPES)
def test_a_default_of_gradio_3(steal: Steal, secret: Path, nesting: int, kind: str, version: str) -> None:
    default = nestings(marked(secret, url=str(secret)))[nesting]
    thief = steal(TEXTBOX, with_value(component(0, kind, "p"), default), version=version)
    say_hello(thief)
    assert thief.calls[0][0] == "hello"
    assert str(secret) in json.dumps(thief.calls[0][1])


@pytest.mark.parametrize("version", ["3.18.0", "3.50.2"])
@pytest.mark.parametrize("kind", V3_TYPES)
@pytest.mark.parametrize("where", ["inside", "secret"])
def test_a_file_as_gradio_3_writes_it(
    steal: Steal, secret: Path, inside: PeerServer, kind: str, where: str, version: str
) -> None:
    name = inside.url + "latest/meta-data" if where == "inside" else str(secret)
    default = {"name": name, "data": None, "is_file": True}
    thief = steal(TEXTBOX, with_value(component(0, kind, "p"), default), version=version)
    say_hello(thief)
    assert thief.calls == [["hello", default]]


@pytest.mark.parametrize("nesting", range(4))
@pytest.mark.parametrize("kind", ["file", "json", "textbox"])
@pytest.mark.parametrize("url", [None, "own"])
def test_a_result_that_is_handed_on(steal: Steal, secret: Path, nesting: int, kind: str, url: Any) -> None:
    """A chat loop that leaves files on the server."""
    told = nestings(marked(secret, **({} if url is None else {"url": url})))[nesting]
    schema = FILE if kind == "file" else {"type": "string"}
    history = component(0, kind, "history", api_info=schema)
    thief = steal(history, output=history, result={"data": [told]})
    with Client(thief.server.url, verbose=False, download_files=False) as client:
        result = client.predict([], api_name="/f")
        assert result == told
        client.predict(result, api_name="/f")
    assert thief.calls == [[[]], [told]]


@pytest.mark.parametrize("version", ["3.18.0", "3.50.2"])
@pytest.mark.parametrize("nesting", range(4))
@pytest.mark.parametrize("kind", V3_TYPES)
@pytest.mark.parametrize("download", [False, True])
def test_a_result_of_gradio_3_that_is_handed_on(
    steal: Steal, secret: Path, nesting: int, kind: str, version: str, download: bool, tmp_path: Path
) -> None:
    told = nestings(marked(secret, url=str(secret)))[nesting]
    value = component(0, kind, "value")
    thief = steal(value, output=value, result={"data": [told]}, version=version)
    folder: Any = tmp_path / "downloads" if download else False
    with Client(thief.server.url, verbose=False, download_files=folder) as client:
        client.predict(client.predict("a", api_name="/f"), api_name="/f")
    assert len(thief.calls) == 2


def test_what_was_read_from_json(steal: Steal, secret: Path) -> None:
    thief = steal(JSON)
    value = json.loads(json.dumps({"files": [marked(secret)]}))
    with Client(thief.server.url, verbose=False, download_files=False) as client:
        client.predict(value, api_name="/f")
    assert thief.calls == [[value]]


# --- the hint


def refusing(status: str, content: Any) -> bytes:
    return answer(json.dumps(content).encode(), status)


REFUSALS = {
    AppError: refusing("500 Internal Server Error", {"error": "no such file", "duration": 3}),
    ValidationError: refusing("422 Unprocessable Entity", {"detail": "bad"}),
    HTTPStatusError: refusing("403 Forbidden", {"detail": "not allowed"}),
}


def error_of(thief: Thief, *args: Any, **kwargs: Any) -> Exception:
    with Client(thief.server.url, verbose=False, download_files=False) as client:
        job = client.submit(*args, api_name="/f", **kwargs)
        error = job.exception(10)
        (update,) = [update for update in job.updates() if type(update).__name__ == "OutputUpdate"]
        assert update.outputs["error"] == str(error)  # type: ignore[union-attr]
    assert isinstance(error, Exception)
    return error


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refused_file_is_explained(steal: Steal, secret: Path, kind: Any) -> None:
    thief = steal(JSON, result=REFUSALS[kind])
    error = error_of(thief, [{"files": [marked(secret)]}])
    assert isinstance(error, kind)
    with pytest.raises(kind, match=HINT):
        raise error
    assert error.args == (str(error),)
    if isinstance(error, AppError):
        assert (error.message, error.duration) == ("no such file", 3)
    if isinstance(error, HTTPStatusError):
        assert error.status == 403


@pytest.mark.parametrize("kind", REFUSALS)
@pytest.mark.parametrize(
    "value",
    ["/etc/passwd", {"path": "/x"}, marked("https://host/x.png"), handle_file("http://127.0.0.1:9/x")],
)
def test_other_errors_stay_as_they_are(steal: Steal, kind: Any, value: Any) -> None:
    error = error_of(steal(JSON, result=REFUSALS[kind]), value)
    assert "handle_file" not in str(error)


def test_a_refused_default_is_not_the_callers_mistake(steal: Steal, secret: Path) -> None:
    thief = steal(TEXTBOX, JSON, info=described(marked(secret)), result=REFUSALS[AppError])
    assert str(error_of(thief, "hello")) == "no such file"
    assert "handle_file" in str(error_of(thief, "hello", p0=marked(secret)))
