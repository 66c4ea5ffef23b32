"""Tests the command `snippet.py`; what it writes is run by `tests/typed/test_snippets.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Iterator

import pytest
from app_of import CONFIG
from transport.peers import PeerServer, always

from gradio_client_lite import cli
from gradio_client_lite.testing import App, Function, serve


@pytest.fixture
def app() -> Iterator[App]:
    with serve({"/greet": lambda name="Ada": name}) as app:
        yield app


def snippet(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["snippet", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_python_is_what_is_written_where_nothing_is_asked_for(
    app: App, capsys: pytest.CaptureFixture[str]
) -> None:
    text = snippet(capsys, app.url, "/greet")
    assert f"with Client('{app.url}') as client:" in text
    assert "name='Ada'," in text
    assert text == snippet(capsys, app.url, "greet", "--lang", "python")


@pytest.mark.parametrize("lang", ["curl", "js"])
def test_other_languages_name_the_routes_of_the_app(
    lang: str, app: App, capsys: pytest.CaptureFixture[str]
) -> None:
    text = snippet(capsys, app.url, "/greet", "--lang", lang)
    assert f"{app.url}gradio_api" in text
    assert "/call/greet" in text


def test_an_unknown_endpoint_is_told_with_code_2(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["snippet", app.url, "/wave"]) == 2
    assert "/wave" in capsys.readouterr().err


def test_an_endpoint_that_is_not_described_is_told_with_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with serve({"/hidden": Function(str.upper, api_visibility="undocumented")}) as app:
        assert cli.main(["snippet", app.url, "/hidden"]) == 2
    assert "does not tell what /hidden takes" in capsys.readouterr().err


@pytest.mark.parametrize("lang", ["curl", "js"])
def test_an_app_that_is_too_old_for_plain_requests_is_told(
    lang: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = {**CONFIG, "version": "4.19.2", "protocol": "sse_v2", "api_prefix": ""}
    with PeerServer(always(json.dumps(config).encode())) as server:
        assert cli.main(["snippet", server.url, "/f", "--lang", lang]) == 3
        assert "use --lang python" in capsys.readouterr().err
        assert "handle_file('file.txt')" in snippet(capsys, server.url, "/f")


def test_secrets_that_a_server_puts_into_its_description_are_not_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serve({"/run": lambda value="s3cr3t-t0ken": value}) as app:
        header = "authorization: Bearer s3cr3t-t0ken"
        assert "value='[hidden]'," in snippet(capsys, app.url, "/run", "--header", header)


@pytest.mark.parametrize("lang", ["python", "curl", "js"])
def test_a_password_and_a_token_are_read_of_the_environment(
    lang: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "password").write_text("s3cr3t-pa55", encoding="utf-8")
    (tmp_path / "token").write_text("hf_s3cr3t", encoding="utf-8")
    options = ["--auth", "ada", "--password-file", str(tmp_path / "password")]
    options += ["--token-file", str(tmp_path / "token"), "--lang", lang]
    with serve({"/run": lambda value="s3cr3t-pa55": value}, auth=("ada", "s3cr3t-pa55")) as app:
        text = snippet(capsys, app.url, "/run", *options)
    assert "s3cr3t" not in text
    for name in ("APP_USER", "APP_PASSWORD", "HF_TOKEN"):
        assert name in text
