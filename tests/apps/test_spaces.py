"""Spaces end to end: the Hub is the test Hub as huggingface.co, the Spaces' apps are real Gradio servers."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Iterator, List

import pytest
from spaces.double import Hub
from spaces.state import Space

from gradio_client_lite import Client, handle_file
from gradio_client_lite.errors import SpaceNotFound
from gradio_client_lite.spaces.rest import HubAccess

from .discord_bots import Bot, Bots
from .servers import Server

TOKEN = "hf_me"


@pytest.fixture
def space(huggingface: Hub, chat_server: Server) -> Space:
    return huggingface.space("owner/app", app=chat_server.url)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> List[float]:
    """The pauses, which take no time."""
    pauses: List[float] = []
    monkeypatch.setattr(HubAccess, "pause", staticmethod(pauses.append))
    return pauses


@pytest.fixture
def copy(space: Space, waits: List[float], tmp_path: Path) -> Iterator[Client]:
    with Client.duplicate(
        "owner/app",
        hf_token=TOKEN,
        secrets={"KEY": "value"},
        verbose=False,
        download_files=tmp_path / "downloads",
    ) as client:
        yield client


def test_copy_is_made_waited_for_and_used(huggingface: Hub, copy: Client, waits: List[float]) -> None:
    made = huggingface.spaces["me/app"]
    assert copy.space_id == "me/app"
    assert copy.src == "https://me-app.hf.space/"
    assert copy.predict("hello", api_name="/shout") == "HELLO"
    assert (made.private, made.stage) == (True, "RUNNING")
    assert made.secrets == {"KEY": {"key": "KEY", "value": "value"}}
    assert waits


def test_copy_gets_the_token_with_every_request(huggingface: Hub, copy: Client) -> None:
    assert list(copy.submit("hi", api_name="/chat"))[-1] == "0: hi"
    made = huggingface.spaces["me/app"]
    assert made.requests
    assert {request.headers.get("x-hf-authorization") for request in made.requests} == {f"Bearer {TOKEN}"}
    with pytest.raises(SpaceNotFound):
        Client("me/app", hf_token=False, verbose=False)


def test_files_go_to_a_copy_and_back(copy: Client, tmp_path: Path) -> None:
    path = tmp_path / "notes é.txt"
    path.write_text("some notes", encoding="utf-8")
    returned, said = copy.predict(handle_file(path), api_name="/copy")
    assert said == "here it is"
    assert Path(returned).read_text(encoding="utf-8") == "some notes"


def test_copy_that_is_there_is_used_again(huggingface: Hub, copy: Client) -> None:
    huggingface.spaces["me/app"].go("SLEEPING")
    with Client.duplicate("owner/app", hf_token=TOKEN, verbose=False) as again:
        assert again.predict("hello", api_name="/shout") == "HELLO"
    made = [path for method, path in huggingface.asked() if path.endswith("/duplicate")]
    assert made == ["/api/spaces/owner/app/duplicate"]


def run_bot(space: Space, bots: Bots, environ: Dict[str, str]) -> Bot:
    """Run what a Space has: the committed files, with its secrets."""
    files = {path: content.decode() for path, content in space.files.items()}
    secrets = {key: entry["value"] for key, entry in space.secrets.items()}
    return bots.start(files, **environ, **secrets)


def test_bot_of_a_private_space_that_sleeps(
    huggingface: Hub, space: Space, bots: Bots, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    private = huggingface.space("me/private", app=space.app, private=True)
    with Client("me/private", TOKEN, verbose=False) as client:
        url = client.deploy_discord("discord-token", hf_token=TOKEN)
    assert url == "https://huggingface.co/spaces/me/private-gradio-discord-bot"
    assert capsys.readouterr().out == f"See your discord bot here! {url}\n"
    deployed = huggingface.spaces["me/private-gradio-discord-bot"]
    assert {key: entry["value"] for key, entry in deployed.secrets.items()} == {
        "DISCORD_TOKEN": "discord-token",
        "HF_TOKEN": TOKEN,
    }
    private.go("SLEEPING")
    bot = run_bot(deployed, bots, huggingface.environ(str(tmp_path / "ca.pem")))
    assert [command["name"] for command in bot.ask("commands")] == ["chat"]
    woken = bot.call("chat", options={"message": "hello"}, change={"WAKE_PAUSE": 0.01})
    assert woken[0]["content"] == "0: hello"
    assert bot.call("chat", options={"message": "again"})[0]["content"] == "1: again"
    assert {request.headers.get("x-hf-authorization") for request in private.requests} == {f"Bearer {TOKEN}"}
