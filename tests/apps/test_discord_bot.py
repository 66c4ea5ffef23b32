"""A deployed Discord bot answers through a real Gradio app; only Discord itself is a stand-in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
from spaces.double import Hub
from transport.peers import PeerServer, always

from gradio_client_lite import Client

from .discord_bots import Bot, Bots
from .servers import Server

FUNCTIONS = (
    "chat",
    "shout",
    "long",
    "code",
    "fail",
    "crash",
    "slow",
    "copy",
    "describe",
    "json",
    "label",
    "path",
    "nothing",
)


@pytest.fixture(scope="module")
def deployed(chat_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Dict[str, str]:
    """What deploy_discord commits for every function of the app."""
    with pytest.MonkeyPatch.context() as patch, Hub() as hub:
        patch.setenv("HF_ENDPOINT", hub.url)
        patch.delenv("HF_HUB_OFFLINE", raising=False)
        hub.user("me", token="hf_me")
        with Client(chat_server.url, verbose=False) as client:
            client.deploy_discord("discord-token", list(FUNCTIONS), "me/bot", "hf_me")
        return {path: content.decode() for path, content in hub.spaces["me/bot"].commits[-1]["files"].items()}


@pytest.fixture(scope="module")
def bot(deployed: Dict[str, str], bots: Bots) -> Iterator[Bot]:
    return bots.start(deployed)


def text_of(messages: List[Dict[str, Any]]) -> str:
    """What a bot has said, where that is one message without files."""
    assert [message["files"] for message in messages] == [[]]
    return str(messages[0]["content"])


def test_every_function_is_a_command(bot: Bot) -> None:
    commands = {command["name"]: command for command in bot.ask("commands")}
    assert tuple(commands) == FUNCTIONS
    options = commands["describe"]["options"]
    assert [(option["name"], option["type"], option["required"]) for option in options] == [
        ("image", 11, True),  # an attachment
        ("mood", 3, False),
        ("times", 10, False),
        ("loud", 5, False),
    ]
    assert [choice["value"] for choice in options[1]["choices"]] == ["glad", "sad"]


def test_text(bot: Bot) -> None:
    assert text_of(bot.call("shout", options={"text": "hello"})) == "HELLO"


def test_long_text_is_split_between_words(bot: Bot) -> None:
    messages = bot.call("long", options={"count": 1000})
    assert len(messages) == 3
    assert all(re.fullmatch("(word )*word ?", message["content"]) for message in messages)
    assert "".join(message["content"] for message in messages).split() == ["word"] * 1000


def test_code_that_is_split_stays_code(bot: Bot) -> None:
    contents = [message["content"] for message in bot.call("code", options={"lines": 800})]
    assert len(contents) == 3
    for content in contents:
        assert content.startswith("```py\n")
        assert content.endswith("\n```")
        assert content.count("```") == 2
    assert "".join(contents).count("x = 1\n") == 800


def test_text_that_is_too_long_for_messages_is_a_file(bot: Bot) -> None:
    (message,) = bot.call("long", options={"count": 10_000})
    assert [file["name"] for file in message["files"]] == ["reply.txt"]
    assert message["files"][0]["text"].split() == ["word"] * 10_000


def test_files_go_both_ways(bot: Bot, tmp_path: Path) -> None:
    path = tmp_path / "notes é.txt"
    path.write_text("some notes", encoding="utf-8")
    (message,) = bot.call("copy", files={"file": str(path)})
    assert message["content"] == "here it is"
    assert [file["text"] for file in message["files"]] == ["some notes"]


def test_file_that_is_too_large_for_discord_is_named(bot: Bot, tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    path.write_text("x" * 2000, encoding="utf-8")
    message = text_of(bot.call("copy", files={"file": str(path)}, filesize_limit=1000))
    assert message == "here it is\n(Too large for Discord: large.txt)"


def test_options_may_be_left_out(bot: Bot, tmp_path: Path) -> None:
    image = tmp_path / "dot.gif"
    image.write_bytes(
        bytes.fromhex(
            "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
        )
    )
    call = {"command": "describe", "files": {"image": str(image)}}
    assert text_of(bot.call(**call)) == "dot.gif glad 2 False"
    options = {"mood": "sad", "times": 3.0, "loud": True}
    assert text_of(bot.call(**call, options=options)) == "dot.gif sad 3 True"


def test_json_both_ways(bot: Bot) -> None:
    assert text_of(bot.call("json", options={"value": "[1]"})).split() == ["{", '"got":', "[", "1", "]", "}"]
    assert text_of(bot.call("json", options={"value": "[1"})).startswith("`value` must be JSON")


def test_label(bot: Bot) -> None:
    assert text_of(bot.call("label")) == "cat: 75%\ndog: 25%"


def test_path_in_a_text_is_no_file(bot: Bot) -> None:
    assert text_of(bot.call("path")) == "/etc/hostname"


def test_nothing_is_said_to_be_nothing(bot: Bot) -> None:
    assert text_of(bot.call("nothing")) == "The app has answered with nothing."


def test_error_of_the_app_is_passed_on(bot: Bot) -> None:
    said = text_of(bot.call("fail", options={"text": "bananas"}))
    assert said.replace("'", "") == "The app could not do that: no bananas, please"


def test_error_that_the_app_keeps_to_itself(bot: Bot) -> None:
    message = text_of(bot.call("crash", options={"text": "secret"}))
    assert message.startswith("The app could not do that:")
    assert "secret" not in message


def test_app_that_takes_too_long_is_not_waited_for(bot: Bot) -> None:
    sent = bot.call("slow", options={"seconds": 2}, channel=3, change={"ANSWER_TIME": 0.1})
    assert text_of(sent).startswith("The app took too long")


def test_chat_goes_on_for_each_user_in_each_channel(bot: Bot) -> None:
    def say(text: str, user: int, channel: int) -> str:
        return text_of(bot.call("chat", options={"message": text}, user=user, channel=channel))

    assert say("hello", 1, 7) == "0: hello"
    assert say("again", 1, 7) == "1: again"
    assert say("me too", 2, 7) == "0: me too"
    assert say("elsewhere", 1, 8) == "0: elsewhere"
    assert say("back", 1, 7) == "2: back"


def test_chat_of_one_user_keeps_its_order(bot: Bot) -> None:
    calls = [
        {"do": "call", "command": "chat", "options": {"message": text}, "user": 5, "channel": 5}
        for text in ("a", "b", "c")
    ]
    assert [text_of(sent) for sent in bot.together(*calls)] == ["0: a", "1: b", "2: c"]


def test_page_says_how_to_invite_the_bot(bot: Bot, chat_server: Server) -> None:
    page = bot.ask("page")
    assert f"# Discord bot of {chat_server.url}" in page
    assert "https://discord.com/oauth2/authorize?client_id=42&scope=bot+applications.commands" in page
    assert "- `/shout` - Ask" in page


def test_bot_apologises_while_the_app_is_away_and_finds_it_again(bot: Bot) -> None:
    away = {"APP": "http://127.0.0.1:9/"}
    message = text_of(bot.call("shout", options={"text": "hello"}, channel=9, change=away))
    assert message == "Sorry, something went wrong while I asked the app. Please try again later."
    assert "Traceback" in bot.log.read_text(encoding="utf-8")
    assert text_of(bot.call("shout", options={"text": "hello"}, channel=9)) == "HELLO"


def test_token_goes_to_no_app_but_a_space(deployed: Dict[str, str], bots: Bots) -> None:
    with PeerServer(always(b"no app")) as elsewhere:
        bot = bots.start(deployed, HF_TOKEN="hf_s3cr3t")
        away = {"APP": elsewhere.url}
        assert "went wrong" in text_of(bot.call("shout", options={"text": "hello"}, change=away))
    assert elsewhere.requests
    assert not any("hf_s3cr3t" in str(request.headers) for request in elsewhere.requests)


@pytest.mark.servers("6.31.0")
def test_bot_without_a_token_runs_and_says_what_it_needs(deployed: Dict[str, str], bots: Bots) -> None:
    with bots.space(deployed) as url, Client(url, verbose=False) as page:
        texts = [part["props"].get("value") for part in page.config["components"]]
    assert any("This bot has no token yet" in str(text) for text in texts)
