"""Tests `connecting.py`."""

from __future__ import annotations

import argparse
import getpass
import io
import sys
import warnings
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from gradio_client_lite.cli.connecting import (
    add_options,
    client_options,
    connect,
    find_function,
    read_secret,
)
from gradio_client_lite.cli.progress import Progress
from gradio_client_lite.client import Client
from gradio_client_lite.errors import (
    ArgumentError,
    AuthenticationError,
    DeadlineExceeded,
    UnknownEndpointError,
)
from gradio_client_lite.testing import App, serve

from .conftest import Run


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("app")
    add_options(parser)
    return parser.parse_args(words)


def chosen(*words: str) -> Dict[str, Any]:
    """What the options become, but for what is always there."""
    options = client_options(parsed("http://127.0.0.1:1", *words))
    assert options.pop("verbose") is False
    return options


@pytest.fixture
def secret(tmp_path: Path) -> str:
    path = tmp_path / "secret"
    path.write_text("s3cr3t\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def typed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("first\nsecond\nrest\n"))


@pytest.fixture
def locked() -> Iterator[App]:
    with serve({"/echo": lambda value: value}, auth=("ada", "s3cr3t")) as app:
        yield app


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ([], {}),
        (["--header", "X-One: a:b", "--header", "x-two:"], {"headers": {"X-One": "a:b", "x-two": ""}}),
        (["--proxy", "http://127.0.0.1:3128"], {"httpx_kwargs": {"proxy": "http://127.0.0.1:3128"}}),
        (["--ca", "ca.pem"], {"ssl_verify": "ca.pem"}),
        (["--ca", ""], {"ssl_verify": ""}),  # which is refused, as by a variable that is not set
        (["--insecure"], {"ssl_verify": False}),
    ],
)
def test_options_become_those_of_the_client(words: List[str], options: Dict[str, Any]) -> None:
    assert chosen(*words) == options


def test_a_timeout_bounds_every_step() -> None:
    options = chosen("--timeout", "1.5")
    assert (options["timeout"], options["space_timeout"], options["limits"].describing) == (1.5, 1.5, 1.5)
    with pytest.raises(ArgumentError, match="--timeout must be a number of seconds above 0"):
        chosen("--timeout", "-1")


def test_a_timeout_bounds_connecting_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = Future[Client]()  # each of its steps goes on, within what it may take

    monkeypatch.setattr(Client, "connect", lambda *_, **__: begun)
    with pytest.raises(DeadlineExceeded, match="Connecting took longer than"):
        connect(parsed("http://127.0.0.1:1", "--timeout", "0.1"))
    assert begun.cancelled()


def test_a_timeout_that_is_over_at_once_is_one() -> None:
    with pytest.raises(DeadlineExceeded, match="longer than 1e-09 seconds"):
        connect(parsed("http://127.0.0.1:1", "--timeout", "1e-9"))


def test_secrets_come_from_files(secret: str) -> None:
    assert chosen("--token-file", secret) == {"hf_token": "s3cr3t"}
    assert chosen("--auth", "ada", "--password-file", secret) == {"auth": ("ada", "s3cr3t")}


def test_secrets_come_from_lines_of_standard_input(typed_in: None) -> None:
    options = chosen("--token-file", "-", "--auth", "ada", "--password-file", "-")
    assert options == {"hf_token": "first", "auth": ("ada", "second")}
    assert sys.stdin.read() == "rest\n"


def test_headers_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "headers").write_text("x-one: 1\n\nx-two: 2\n", encoding="utf-8")
    assert chosen("--header", f"@{tmp_path / 'headers'}") == {"headers": {"x-one": "1", "x-two": "2"}}


def test_a_password_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: List[str] = []
    monkeypatch.setattr(getpass, "getpass", lambda prompt: asked.append(prompt) or "s3cr3t")
    assert chosen("--auth", "ada") == {"auth": ("ada", "s3cr3t")}
    assert asked == ["Password of ada: "]


def unseen(_: str) -> str:
    warnings.warn("it would show", getpass.GetPassWarning, stacklevel=1)
    return "shown"


def ended(_: str) -> str:
    raise EOFError


@pytest.mark.parametrize("ask", [unseen, ended])
def test_a_password_is_not_asked_for_where_it_would_be_seen(
    monkeypatch: pytest.MonkeyPatch, ask: Any
) -> None:
    monkeypatch.setattr(getpass, "getpass", ask)
    with pytest.raises(
        ArgumentError, match="no terminal to ask for the password; pass it with --password-file"
    ):
        chosen("--auth", "ada")


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"", "holds nothing"), (b" \n", "holds nothing"), (b"\xff\xfe\x00", "is no text")],
)
def test_a_file_without_a_secret_is_told_of(tmp_path: Path, content: bytes, error: str) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(ArgumentError, match=error) as caught:
        read_secret("--token-file", str(tmp_path / "token"))
    assert "--token-file" in str(caught.value)


def test_closed_standard_input_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(ArgumentError, match="--token-file - holds nothing"):
        chosen("--token-file", "-")


def test_a_password_of_nobody_is_refused(secret: str) -> None:
    with pytest.raises(ArgumentError, match="--password-file needs --auth USER"):
        chosen("--password-file", secret)


def test_wrong_options_are_told_of(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"--token-file .*nowhere cannot be read: No such file"):
        chosen("--token-file", str(tmp_path / "nowhere"))
    with pytest.raises(ArgumentError, match="--header must be NAME:VALUE") as caught:
        chosen("--header", "s3cr3t")
    assert "s3cr3t" not in str(caught.value)


def test_a_certificate_cannot_be_checked_and_not_be_checked(run: Run) -> None:
    ran = run("info", "http://127.0.0.1:1", "--insecure", "--ca", "ca.pem")
    assert ran.code == 2
    assert "not allowed with" in ran.err


def test_it_connects_to_an_app_with_a_login(locked: App, secret: str) -> None:
    options = parsed(locked.url, "--auth", "ada", "--password-file", secret)
    with Progress(quiet=True) as progress, connect(options, progress, download_files=False) as client:
        assert client.predict("a", api_name="/echo") == "a"
        assert client.download_files is False
    with pytest.raises(AuthenticationError):
        connect(parsed(locked.url))


def test_the_exit_code_tells_that_a_login_is_needed(locked: App, run: Run) -> None:
    assert run("info", locked.url).code == 4


@pytest.mark.parametrize(
    ("name", "address"),
    [("/add", {"api_name": "/add"}), ("add", {"api_name": "/add"}), ("1", {"fn_index": 1})],
)
def test_a_function_is_found_by_its_name(app: App, name: str, address: Dict[str, Any]) -> None:
    with connect(parsed(app.url)) as client:
        function = find_function(client, name)
        assert function.address == address
        assert function.parameters is not None
        assert [each["parameter_name"] for each in function.parameters] == ["a", "b"]


def test_a_name_of_digits_is_a_name() -> None:
    with serve({"/1": lambda value: value, "/0": lambda: 0}) as app, connect(parsed(app.url)) as client:
        assert find_function(client, "1").address == {"api_name": "/1"}


@pytest.mark.parametrize("name", ["/nowhere", "nowhere", "99", pytest.param("9" * 5000, id="endless")])
def test_a_function_that_is_not_there_is_told_of(app: App, name: str) -> None:
    with connect(parsed(app.url)) as client, pytest.raises(UnknownEndpointError, match=name[:20]):
        find_function(client, name)


@pytest.mark.parametrize(
    ("changes", "free"),
    [
        ([{"is_open": True}, {}], [True, False]),
        ([{"skip": True, "is_open": True}, {"is_open": True}], [True, False]),
    ],
)
def test_which_choices_are_free_is_read_from_the_config(
    app: App, changes: List[Dict[str, Any]], free: List[bool]
) -> None:
    with connect(parsed(app.url)) as client:
        endpoint = client.endpoints[1]
        changed = [each._replace(**change) for each, change in zip(endpoint.spec.inputs, changes)]
        endpoint.spec = endpoint.spec._replace(inputs=tuple(changed))
        parameters = find_function(client, "/add").parameters or []
        assert [each["allow_custom_value"] for each in parameters] == free


def test_an_endpoint_without_a_description_is_found(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    from gradio_client_lite.testing import Function

    with serve({"/quiet": Function(str.upper, api_visibility="undocumented")}) as app:
        assert run("predict", app.url, "/quiet", "a").out == "A\n"
