"""The Lambda example under the real runtime interface client, with Lambda's API played on this machine."""

from __future__ import annotations

import hashlib
import importlib
import re
import subprocess
import sys
import threading
import time
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest
from runtime_api import Environment, Outcome, RuntimeApi, SecretsExtension, environment
from spaces.double import Hub
from spaces.state import Space

from gradio_client_lite.testing import serve

from .environments import tool_python
from .servers import UNICODE_USER, USER, Server

BUILD = Path(__file__).parents[2] / "examples" / "lambda" / "build.py"

pytestmark = [pytest.mark.whole, pytest.mark.servers("6.31.0")]


def build(*arguments: Any, python: str = sys.executable) -> None:
    """Run the example's build script, which has nothing but the standard library."""
    command = [python, "-I", "-S", str(BUILD), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def package(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip that would be uploaded."""
    made = tmp_path_factory.mktemp("package") / "function.zip"
    build(made, wheel)
    return made


@pytest.fixture(scope="module")
def code(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip unpacked, as Lambda does."""
    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    return folder


class Function:
    """The deployed function.

    Attributes:
        environment: the one execution environment it has.
    """

    def __init__(self, api: RuntimeApi, environment: Environment) -> None:
        self._api = api
        self.environment = environment

    def __call__(self, api_name: str, *args: Any, seconds: float = 20.0, **kwargs: Any) -> Outcome:
        return self._api.invoke({"api_name": api_name, "args": args, "kwargs": kwargs}, seconds)


@pytest.fixture
def deploy(code: Path, tmp_path: Path) -> Iterator[Callable[..., Function]]:
    """Start an execution environment; it ends with the test."""
    with ExitStack() as stack:

        def start(**variables: str) -> Function:
            api = stack.enter_context(RuntimeApi())
            python = tool_python("awslambdaric")
            made = stack.enter_context(environment(python, code, api, tmp_path / "log.txt", **variables))
            return Function(api, made)

        yield start


@pytest.fixture
def secrets() -> Iterator[SecretsExtension]:
    with SecretsExtension() as extension:
        yield extension


Deploy = Callable[..., Function]


def result(outcome: Outcome) -> Any:
    assert outcome.kind == "response", outcome
    return outcome.body["result"]


def error(outcome: Outcome) -> Dict[str, Any]:
    assert outcome.kind == "error", outcome
    body: Dict[str, Any] = outcome.body
    return body


def test_warm_invocations_use_the_client_of_the_first(deploy: Deploy, server: Server) -> None:
    function = deploy(GRADIO_URL=server.url)
    assert result(function("/echo", "cold ‰")) == "cold ‰"
    assert result(function("/calculate", 2, num2=5)) == 7
    sessions = {result(function("/session")) for _ in range(3)}
    assert len(sessions) == 1


def test_an_exception_is_the_error_of_its_invocation_alone(deploy: Deploy, server: Server) -> None:
    function = deploy(GRADIO_URL=server.url)
    session = result(function("/session"))
    failed = error(function("/gr_error", "sorry"))
    assert (failed["errorType"], failed["errorMessage"]) == ("AppError", "sorry")
    assert error(function("/no_such_endpoint"))["errorType"] == "UnknownEndpointError"
    assert error(function("/echo", wrong=1))["errorType"] == "ArgumentError"
    assert result(function("/session")) == session


def test_a_call_that_takes_too_long_is_given_up_by_the_handler(deploy: Deploy, server: Server) -> None:
    function = deploy(GRADIO_URL=server.url)
    session = result(function("/session"))
    failed = error(function("/slow", 60, seconds=2.0))
    assert failed["errorType"] == "TimeoutError"
    assert re.search(r"^/slow gave no result within [01]\.\d s and was cancelled", failed["errorMessage"])
    assert "1 s of this invocation's time are kept back" in failed["errorMessage"]
    assert result(function("/session")) == session


def test_a_call_that_is_given_up_ends_on_the_server_before_the_environment_is_frozen(deploy: Deploy) -> None:
    ended = threading.Event()

    def count() -> Iterator[int]:
        try:
            for number in range(600):
                yield number
                time.sleep(0.05)
        finally:
            ended.set()

    with serve({"/count": count}) as app:
        function = deploy(GRADIO_URL=app.url)
        assert error(function("/count", seconds=2.0))["errorType"] == "TimeoutError"
        function.environment.freeze()
        assert ended.wait(5)
        function.environment.thaw()


def test_an_invocation_that_is_too_short_says_so(deploy: Deploy, server: Server) -> None:
    function = deploy(GRADIO_URL=server.url)
    failed = error(function("/echo", "a", seconds=0.9))
    assert "1 s are kept back for the answer: the function needs a longer timeout." in failed["errorMessage"]


def test_an_app_that_is_down_at_first_is_reached_later(
    deploy: Deploy, server: Server, tmp_path: Path
) -> None:

    with serve({"/echo": lambda text: text}) as app:
        url = app.url
    function = deploy(GRADIO_URL=url)
    assert error(function("/echo", "a"))["errorType"] == "ConnectFailed"
    with serve({"/echo": lambda text: text}, port=int(url.rstrip("/").rpartition(":")[2])):
        assert result(function("/echo", "b")) == "b"


def test_a_frozen_environment_goes_on_when_it_is_thawed(deploy: Deploy, server: Server) -> None:
    function = deploy(GRADIO_URL=server.url)
    session = result(function("/session"))  # this app has State, so the client also holds a heartbeat open
    function.environment.freeze()
    time.sleep(5.5)  # uvicorn closes idle connections after five seconds
    function.environment.thaw()
    assert result(function("/echo", "thawed")) == "thawed"
    assert result(function("/session")) == session


# --- Spaces


@pytest.fixture
def space(huggingface: Hub, server: Server, tmp_path: Path) -> Space:
    return huggingface.space("owner/app", app=server.url)


def test_a_space_that_sleeps_longer_than_the_invocation_is_there_for_a_later_one(
    deploy: Deploy, huggingface: Hub, space: Space, tmp_path: Path
) -> None:
    hub = huggingface.environ(str(tmp_path / "ca.pem"))
    function = deploy(GRADIO_URL="owner/app", HF_HOME=str(tmp_path), **hub)
    space.go("SLEEPING")
    failed = error(function("/echo", "a", seconds=2.0))
    assert failed["errorType"] == "DeadlineExceeded"
    assert "owner/app was still SLEEPING" in failed["errorMessage"]
    space.go("RUNNING")
    assert result(function("/echo", "b")) == "b"


# --- logging in


@pytest.mark.parametrize("source", ["environment", "secret"])
def test_an_app_with_a_login(
    source: str, deploy: Deploy, auth_server: Server, secrets: SecretsExtension
) -> None:
    user, password = UNICODE_USER
    if source == "secret":
        secrets.hold("team/app é", {"user": user, "password": password})
        given = {"GRADIO_SECRET": "team/app é", **secrets.environ}
    else:
        given = {"GRADIO_USER": user, "GRADIO_PASSWORD": password}
    function = deploy(GRADIO_URL=auth_server.url, **given)
    assert result(function("/echo", "a")) == "a"


def test_a_secret_that_was_changed_is_read_again(
    deploy: Deploy, auth_server: Server, secrets: SecretsExtension
) -> None:
    secrets.hold("app", {"user": USER[0], "password": "of yesterday"})
    function = deploy(GRADIO_URL=auth_server.url, GRADIO_SECRET="app", **secrets.environ)
    assert error(function("/echo", "a"))["errorType"] == "AuthenticationError"
    secrets.hold("app", {"user": USER[0], "password": USER[1]})
    assert result(function("/echo", "b")) == "b"


def test_a_secret_that_cannot_be_read_is_named(deploy: Deploy, secrets: SecretsExtension) -> None:
    function = deploy(GRADIO_URL="http://127.0.0.1:9", GRADIO_SECRET="missing", **secrets.environ)
    assert "answered 400 when asked for the secret missing" in error(function("/echo", "a"))["errorMessage"]


def test_a_handler_that_cannot_be_loaded_is_reported(code: Path, tmp_path: Path) -> None:
    with RuntimeApi() as api:
        python = tool_python("awslambdaric")
        with environment(python, code, api, tmp_path / "log.txt", handler="missing.handler"):
            assert api.init_error().body["errorType"] == "Runtime.ImportModuleError"


# --- the package


def names(package: Path) -> List[str]:
    with zipfile.ZipFile(package) as archive:
        return archive.namelist()


def test_the_same_wheel_makes_the_same_bytes(package: Path, wheel: Path, tmp_path: Path) -> None:
    build(tmp_path / "again.zip", wheel)
    first, second = (hashlib.sha256(path.read_bytes()) for path in (package, tmp_path / "again.zip"))
    assert first.digest() == second.digest()


@pytest.mark.parametrize(("given", "sent"), [("hf_given", "hf_given"), ("", False), (None, False)])
def test_no_token_is_sent_but_the_one_given(given: Any, sent: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BUILD.parent))
    monkeypatch.setenv("HF_TOKEN", "hf_of_somebody")
    monkeypatch.setenv("GRADIO_URL", "https://owner-name.hf.space")
    monkeypatch.delenv("GRADIO_TOKEN", raising=False)
    if given is not None:
        monkeypatch.setenv("GRADIO_TOKEN", given)
    handler: Any = importlib.import_module("handler")
    monkeypatch.setattr(handler, "_client", None)
    monkeypatch.setattr(handler, "Client", lambda url, *, token, **options: token)
    assert handler._connected(time.monotonic() + 10) == sent


def test_a_layer_holds_the_package_below_python_and_no_handler(wheel: Path, tmp_path: Path) -> None:
    build("--layer", tmp_path / "layer.zip", wheel)
    found = names(tmp_path / "layer.zip")
    assert "python/gradio_client_lite/client.py" in found
    assert all(name.startswith("python/") for name in found)
    assert "python/gradio_client_lite/LICENSE" in found
    assert "python/handler.py" not in found


def test_a_folder_of_installed_packages_will_do_as_well(code: Path, package: Path, tmp_path: Path) -> None:
    build(tmp_path / "again.zip", code)
    assert set(names(tmp_path / "again.zip")) == set(names(package))


def test_bytecode_is_taken_without_its_sources_being_compiled(
    wheel: Path, server: Server, tmp_path: Path
) -> None:
    python = tool_python("awslambdaric")
    build("--bytecode", tmp_path / "function.zip", wheel, python=python)
    with zipfile.ZipFile(tmp_path / "function.zip") as archive:
        archive.extractall(tmp_path / "code")
    # What Python did not take from the bytecode it would say that it wrote.
    with (
        RuntimeApi() as api,
        environment(
            python, tmp_path / "code", api, tmp_path / "log.txt", GRADIO_URL=server.url, PYTHONVERBOSE="1"
        ),
    ):
        assert result(api.invoke({"api_name": "/echo", "args": ["a"]})) == "a"
    log = (tmp_path / "log.txt").read_text()
    taken = re.findall(r"matches .*/code/(.*)\.py$", log, re.MULTILINE)
    assert {"handler", "gradio_client_lite/client", "gradio_client_lite/queues/session"} <= set(taken)
    assert not re.findall(r"wrote .*/code/", log)
