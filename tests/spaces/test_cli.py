"""Tests `cli/duplicate.py` and `cli/deploy_discord.py`, against the test Hub."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from gradio_client_lite import cli

from .double import Hub
from .state import Space


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The user's token, in a file; what a command writes goes beside it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "token").write_text("hf_me\n", encoding="utf-8")
    return "token"


def test_duplicate_prints_the_name_of_the_copy(
    hub: Hub, space: Space, token: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secrets").write_text("KEY=s3c=r3t\n\n", encoding="utf-8")
    command = ["duplicate", "owner/app", "copy", "--token-file", token, "--secrets-file", "secrets"]
    assert cli.main([*command, "--variable", "MODE=fast", "--hardware", "t4-small", "--sleep", "10"]) == 0
    out, err = capsys.readouterr()
    assert out == "me/copy\n"
    assert "t4-small, which costs money" in err
    assert "s3c=r3t" not in err
    copy = hub.spaces["me/copy"]
    assert copy.private
    assert copy.secrets["KEY"]["value"] == "s3c=r3t"
    assert copy.variables["MODE"]["value"] == "fast"
    assert copy.sleep_time == 600


def test_a_copy_may_be_public(hub: Hub, space: Space, token: str) -> None:
    assert cli.main(["duplicate", "owner/app", "--public", "--token-file", token]) == 0
    assert not hub.spaces["me/app"].private


@pytest.mark.parametrize("pair", ["MODE", "=fast", "s3cr3t"])
def test_a_variable_without_a_name_makes_no_copy(
    hub: Hub, space: Space, token: str, capsys: pytest.CaptureFixture[str], pair: str
) -> None:
    assert cli.main(["duplicate", "owner/app", "--variable", pair, "--token-file", token]) == 2
    assert capsys.readouterr().err == "error: --variable must be NAME=VALUE, or @FILE with such lines.\n"
    assert "me/app" not in hub.spaces


def test_a_space_that_is_not_there_is_told_of(hub: Hub, space: Space, token: str) -> None:
    assert cli.main(["duplicate", "owner/nothing", "--token-file", token]) == 3


def test_a_copy_that_does_not_run_in_time_is_told_by_the_exit_code(
    hub: Hub, space: Space, token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.build = ("BUILDING",)
    assert cli.main(["duplicate", "owner/app", "--timeout", "1", "--token-file", token]) == 6
    assert "The copy me/app was made" in capsys.readouterr().err


def test_deploy_discord_prints_the_page_of_the_bot(
    hub: Hub, space: Space, token: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "discord").write_text("d1sc0rd\n", encoding="utf-8")
    command = ["deploy-discord", "owner/app", "bot", "--endpoint", "/shout=loud", "--endpoint", "whisper"]
    command += ["--discord-token-file", "discord", "--private", "--token-file", token]
    assert cli.main(command) == 0
    out, err = capsys.readouterr()
    assert out == f"{hub.url}/spaces/me/bot\n"
    assert "See your discord bot here!" in err
    bot = hub.spaces["me/bot"]
    assert bot.private
    assert bot.secrets["DISCORD_TOKEN"]["value"] == "d1sc0rd"
    assert "loud" in str(bot.files["app.py"])
    assert "whisper" in str(bot.files["app.py"])


def test_a_bot_of_what_is_no_chat_needs_its_endpoints(
    hub: Hub, space: Space, token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["deploy-discord", "owner/app", "--token-file", token]) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("command", ["duplicate", "deploy-discord"])
def test_help_has_an_example_that_works(
    hub: Hub, space: Space, token: str, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    found = re.search(rf"^example: .* ({command} .*)", capsys.readouterr().out, re.MULTILINE)
    assert found is not None
    example = found[1].replace("owner/name", "owner/app").replace("/greet", "/shout")
    assert cli.main([*shlex.split(example), "--token-file", token]) == 0
