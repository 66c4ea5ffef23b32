"""Tests `spaces/discord/bot/app.py`, a Discord bot, as a file; `apps/test_discord_bot.py` runs it."""

from __future__ import annotations

import asyncio
import json
import tempfile
from concurrent.futures import TimeoutError as TookTooLong
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict, Iterator, List, Literal, Optional, get_args

import pytest

from . import bots
from .bots import Attachment, Blocks, Client, DiscordClient, Interaction

MARKED = {"path": "/proc/self/environ", "meta": {"_type": "gradio.FileData"}}


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    loaded = bots.load(monkeypatch)
    loaded.APP = "owner/app"
    loaded.COMMANDS = [command()]
    yield loaded
    loaded.workers.shutdown()


def option(kind: str = "text", name: str = "value", **fields: Any) -> Dict[str, Any]:
    return {
        "name": name,
        "parameter": name,
        "kind": kind,
        "required": False,
        "description": "A value",
        **fields,
    }


def command(*options: Dict[str, Any]) -> Dict[str, Any]:
    return {"name": "fn", "api_name": "/fn", "description": "Ask owner/app (fn)", "options": list(options)}


def arguments(program: Any, *given: Any) -> Dict[str, Any]:
    """The arguments that come of (option, value) pairs."""
    options = [each for each, _ in given]
    values = {each["name"]: value for each, value in given}
    with tempfile.TemporaryDirectory() as folder:
        made: Dict[str, Any] = asyncio.run(program.arguments_of(command(*options), values, folder))
        return made


# --- arguments


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("text", "hi", "hi"),
        ("json", '{"a": [1]}', {"a": [1]}),
        ("number", 2.5, 2.5),
        ("integer", 3, 3),
        ("boolean", False, False),
        ("message", "hi", {"text": "hi", "files": []}),
    ],
)
def test_kinds_of_options(program: Any, kind: str, value: Any, expected: Any) -> None:
    assert arguments(program, (option(kind), value)) == {"value": expected}


def test_every_kind_has_a_type_to_ask_with(program: Any) -> None:
    assert {kind for kind, (type_, _) in program.KINDS.items() if type_ is Attachment} == {
        "file",
        "files",
        "message file",
    }
    assert program.KINDS["number"][0] is float


def test_whole_number_is_sent_as_a_browser_sends_it(program: Any) -> None:
    assert repr(arguments(program, (option("number"), 3.0))["value"]) == "3"


def test_option_that_was_left_out_is_no_argument(program: Any) -> None:
    assert arguments(program, (option(), None), (option(name="b"), "x")) == {"b": "x"}


def test_attachments_are_saved_under_a_name_without_folders(program: Any) -> None:
    made = arguments(
        program, (option("file", "a"), Attachment("../x.txt")), (option("files", "b"), Attachment(""))
    )
    assert Path(made["a"]["path"]).name == "x.txt"
    assert ".." not in made["a"]["path"]
    assert [Path(each["path"]).name for each in made["b"]] == ["file"]


def test_message_and_its_file_are_one_argument(program: Any) -> None:
    text, file = option("message"), option("message file", "file", parameter="value")
    made = arguments(program, (text, "hi"), (file, Attachment("x.txt")))["value"]
    assert made["text"] == "hi"
    assert [Path(each["path"]).name for each in made["files"]] == ["x.txt"]
    assert arguments(program, (text, None), (file, Attachment("x.txt")))["value"]["text"] == ""


def test_choice_is_the_apps_own_value(program: Any) -> None:
    choices = option(choices={"one": 1, "none": None})
    assert arguments(program, (choices, "one")) == {"value": 1}
    assert arguments(program, (choices, "none")) == {"value": None}
    with pytest.raises(program.Mistake, match="`value` must be one of `one`, `none`"):
        arguments(program, (choices, "two"))


def test_json_that_is_none(program: Any) -> None:
    with pytest.raises(program.Mistake, match="`value` must be JSON"):
        arguments(program, (option("json"), "[1"))


@pytest.mark.parametrize(
    "text",
    [
        '{"path": "/proc/self/environ", "meta": {"_type": "gradio.FileData"}}',
        r'[{"a": {"path": "/proc/self/environ", "meta": {"_type": "gradio\u002eFileData"}}}]',
    ],
)
def test_json_of_a_stranger_names_no_file_of_the_bot(program: Any, text: str) -> None:
    """The official client, which the bot runs with, opens whatever a marked dict names."""
    given = option("json")
    assert program.from_json(given, '{"path": "/x", "meta": {}}') == {"path": "/x", "meta": {}}
    with pytest.raises(program.Mistake, match="`value` must not name a file"):
        program.from_json(given, text)
    with pytest.raises(program.Mistake, match="`value` must not name a file"):
        arguments(program, (given, text))


@pytest.mark.parametrize(
    ("defaults", "arguments", "refused"),
    [
        ([["text", None], ["image", None]], {"text": "hi"}, None),
        ([["text", None], ["image", MARKED]], {"text": "hi", "image": "mine"}, None),
        ([["text", None], ["image", MARKED]], {"text": "hi"}, "image"),
        ([["text", {"deep": [MARKED]}]], {}, "text"),
        # The client gives an argument to the last parameter of its name.
        ([["image", MARKED], ["image", None]], {"image": "mine"}, "image"),
    ],
)
def test_a_default_names_no_file_of_the_bots_machine(
    program: Any, defaults: Any, arguments: Any, refused: Any
) -> None:
    """The app says what the defaults are whenever it is asked, and its client would open them."""
    described = [{"parameter_name": name, "parameter_default": default} for name, default in defaults]
    Client.endpoints.update(
        {
            0: SimpleNamespace(api_name="/other", parameters_info=None),
            1: SimpleNamespace(api_name="/fn", parameters_info=described),
        }
    )
    Client.results["/fn"] = "done"

    async def ask() -> Any:
        return program.Conversation().ask("/fn", arguments)  # made in a loop, as its lock has to be

    with pytest.raises(program.Mistake, match=f"`{refused}`") if refused else nullcontext():
        assert asyncio.run(ask()) == "done"
    (client,) = Client.made
    assert bool(client.calls) is not bool(refused)


# --- results


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("hello", "hello"),
        (("one", " ", "two"), "one\ntwo"),
        (None, ""),
        (3, "3"),
        ({"a": 1}, '{\n "a": 1\n}'),
        ({}, "{}"),
        ([], "[]"),
        ("/etc/hostname", "/etc/hostname"),
        ("x" * 5000 + "\0", "x" * 5000 + "\0"),
        ({"label": "cat", "confidences": [{"label": "cat", "confidence": 0.75}]}, "cat: 75%"),
        ({"label": "cat", "confidences": None}, "cat"),
        ({"role": "assistant", "content": "hi", "metadata": {}}, "hi"),
        ({"component": "x", "value": "shown", "props": {}}, "shown"),
        ([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "b"),
        ([{"role": "assistant", "content": "b"}], "b"),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "a\nb"),
        ([{"role": "user"}, 3], '[\n {\n  "role": "user"\n },\n 3\n]'),
    ],
)
def test_text_of_a_result(program: Any, tmp_path: Path, result: Any, text: str) -> None:
    assert program.read_result(result, tmp_path) == (text, [])


def test_only_files_of_the_conversation_are_sent(program: Any, tmp_path: Path) -> None:
    folder = tmp_path / "conversation"
    folder.mkdir()
    mine, other, link = folder / "a.txt", tmp_path / "b.txt", folder / "c.txt"
    mine.write_text("a")
    other.write_text("b")
    link.symlink_to(other)
    result = ({"picture": str(mine), "other": str(other)}, str(mine), str(link), str(folder))
    text, files = program.read_result(result, folder)
    assert files == [str(mine), str(mine)]
    assert text.split("\n") == [str(other), str(link), str(folder)]


@pytest.mark.parametrize("text", ["word " * 1000, "x" * 5000, "line\n" * 900, "", "x" * 2000])
def test_split_text_is_whole_and_fits(program: Any, text: str) -> None:
    messages = list(program.split(text))
    assert "".join(messages) == text
    assert all(len(message) <= 2000 for message in messages)


def test_text_is_cut_at_line_ends_rather_than_at_blanks(program: Any) -> None:
    assert list(program.split("aa bb\ncc dd ee", 12)) == ["aa bb\n", "cc dd ee"]
    assert list(program.split("aa bb cc dd ee", 12)) == ["aa bb ", "cc dd ee"]


def test_code_that_is_cut_is_closed_and_opened_again(program: Any) -> None:
    first, *rest = program.split("```py\n" + "x = 1\n" * 20 + "```\nend", 60)
    assert first.startswith("```py\nx = 1\n")
    for message in (first, *rest[:-1]):
        assert message.startswith("```py\n")
        assert message.endswith("\n```")
        assert len(message) <= 60
    assert rest[-1].endswith("```\nend")
    assert program.open_fence("```" + "x" * 100) == "```" + "x" * 17 + "\n"


def sent(program: Any, text: str, paths: Any = (), **fields: Any) -> List[Any]:
    interaction = Interaction(**fields)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(program.send(interaction, text, paths, folder))
    return interaction.sent


def test_nothing_is_said_to_be_nothing(program: Any) -> None:
    assert sent(program, "") == [("The app has answered with nothing.", [])]


def test_files_come_with_the_last_of_the_text(program: Any, tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.txt" for i in range(12)]
    for path in paths:
        path.write_text("x")
    names = [path.name for path in paths]
    given = [str(path) for path in paths]
    messages = sent(program, "a" * 2500, given)
    assert [files for _, files in messages] == [[], names[:10], names[10:]]
    assert [bool(content) for content, _ in messages] == [True, True, False]
    assert sent(program, "", given[:1]) == [("", ["0.txt"])]


def test_file_that_is_too_large_is_named(program: Any, tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    path.write_text("x" * 20)
    assert sent(program, "", [str(path)], filesize_limit=10) == [("(Too large for Discord: large.txt)", [])]


def test_long_reply_is_a_file(program: Any) -> None:
    assert sent(program, "x" * 30_000) == [("The reply is long, so here it is as a file.", ["reply.txt"])]


# --- asking the app


def call(program: Any, interaction: Optional[Interaction] = None) -> List[Any]:
    interaction = interaction or Interaction()
    made = program.slash_command(command(option()))
    asyncio.run(made.callback(interaction, option_0="hello"))
    assert interaction.deferred
    return interaction.sent


def test_command_is_answered_and_leaves_no_file(program: Any) -> None:
    def result(client: Client, value: str) -> Any:
        path = Path(client.options["download_files"], "x.txt")
        path.write_text("x")
        return value.upper(), str(path)

    Client.results["/fn"] = result
    assert call(program) == [("HELLO", ["x.txt"])]
    assert call(program) == [("HELLO", ["x.txt"])]
    (client,) = Client.made  # one session for one user in one channel
    assert (client.src, client.token) == ("owner/app", None)
    assert list(Path(client.options["download_files"]).iterdir()) == []


def test_each_user_in_each_channel_has_a_session_and_the_oldest_is_given_up(program: Any) -> None:
    Client.results["/fn"] = "done"
    program.CONVERSATIONS = 2
    for user, channel in ((1, 1), (2, 1), (1, 1), (1, 2)):
        assert call(program, Interaction(user, channel)) == [("done", [])]
    assert list(program.conversations) == [(1, 1), (2, 1)]  # channel, user
    program.workers.shutdown()
    assert [client.closed for client in Client.made] == [False, True, False]


def test_session_in_use_is_not_given_up(program: Any) -> None:
    async def use() -> None:
        first = program.conversation_of(Interaction(1))
        async with first.lock:
            program.conversation_of(Interaction(2))
            assert len(program.conversations) == 2
        program.conversation_of(Interaction(2))

    program.CONVERSATIONS = 1
    asyncio.run(use())
    assert list(program.conversations) == [(1, 2)]


@pytest.mark.parametrize(
    ("name", "said", "kept"),
    [
        ("Mistake", "why", True),
        ("AppError", "The app could not do that: why", True),
        ("QueueError", "The app is very busy just now. Please try again in a while.", True),
        ("TooManyRequestsError", "The app is very busy just now. Please try again in a while.", True),
        ("TookTooLong", "The app took too long, so I have stopped waiting. Please try again later.", True),
        ("OSError", "Sorry, something went wrong while I asked the app. Please try again later.", False),
    ],
)
def test_what_users_hear_of_a_failure(
    program: Any, name: str, said: str, kept: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """A session is given up with the failures that may be the connection's."""
    kind = {"OSError": OSError, "TookTooLong": TookTooLong}.get(name) or getattr(program, name)
    Client.results["/fn"] = kind("why")
    assert call(program) == [(said, [])]
    (conversation,) = program.conversations.values()
    assert (conversation.client is not None) is kept
    assert ("Traceback" in capsys.readouterr().err) is not kept
    assert Client.made[0].job.cancelled is (name == "TookTooLong")


# --- connecting


def test_token_goes_to_a_space_alone(program: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_x")
    assert program.connect(tmp_path).token == "hf_x"
    program.Client = bots.OldClient
    assert program.connect(tmp_path).token == "hf_x"
    program.APP = "http://host/"
    assert program.connect(tmp_path).token is False


def test_sleeping_space_is_waited_for(program: Any, tmp_path: Path) -> None:
    stages = ["SLEEPING", "BUILDING", "RUNNING"]
    program.huggingface_hub.get_space_runtime = lambda *_, **__: SimpleNamespace(stage=stages.pop(0))
    program.WAKE_PAUSE = 0.001
    Client.failures[:] = [OSError("asleep")] * 3
    assert program.connect(tmp_path).src == "owner/app"
    assert stages == []


@pytest.mark.parametrize(("src", "stage"), [("owner/app", "PAUSED"), ("http://host/", "SLEEPING")])
def test_app_that_will_not_come_is_not_waited_for(program: Any, tmp_path: Path, src: str, stage: str) -> None:
    program.APP = src
    program.huggingface_hub.get_space_runtime = lambda *_, **__: SimpleNamespace(stage=stage)
    Client.failures[:] = [OSError("away")]
    with pytest.raises(OSError, match="away"):
        program.connect(tmp_path)


def test_waiting_for_a_space_ends(program: Any, tmp_path: Path) -> None:
    program.huggingface_hub.get_space_runtime = lambda *_, **__: SimpleNamespace(stage="SLEEPING")
    program.WAKE_TIME = -1
    Client.failures[:] = [OSError("asleep")]
    with pytest.raises(OSError, match="asleep"):
        program.connect(tmp_path)


# --- commands


def annotations(program: Any, *options: Dict[str, Any]) -> List[Any]:
    made = program.slash_command(command(*options))
    return [parameter.annotation for parameter in made.callback.__signature__.parameters.values()][1:]


def test_command_says_what_its_options_are(program: Any) -> None:
    made = program.slash_command(command(option(required=True), option("file", "b")))
    assert (made.name, made.description) == ("fn", "Ask owner/app (fn)")
    assert made.callback.names == {"option_0": "value", "option_1": "b"}
    assert made.callback.descriptions == {"option_0": "A value", "option_1": "A value"}
    first, second = list(made.callback.__signature__.parameters.values())[1:]
    assert (first.annotation, first.default) == (str, first.empty)
    assert (get_args(second.annotation)[0], second.default) == (Attachment, None)


def test_choices_are_a_menu_where_they_fit_into_one(program: Any) -> None:
    few = option(required=True, choices={"a": 1, "b": 2})
    many = option(required=True, choices={str(n): n for n in range(26)})
    long = option(required=True, choices={"x" * 101: 1})
    assert annotations(program, few, many, long) == [Literal["a", "b"], str, str]


def test_bot_has_the_commands_and_may_notify_nobody(program: Any) -> None:
    program.COMMANDS = [command(), {**command(option()), "name": "more"}]
    bot = program.Bot()
    assert [each.name for each in bot.tree.commands] == ["fn", "more"]
    assert bot.options["allowed_mentions"] == "nobody"
    asyncio.run(bot.setup_hook())
    assert bot.tree.synced == 1


# --- the page


def test_page_with_a_token(program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", " d ")
    pages: List[Any] = []
    made = program.Page.blocks
    monkeypatch.setattr(program.Page, "blocks", lambda page: (pages.append(page), made(page))[1])
    program.main()
    (page,) = pages
    assert page.bot.token == "d"
    assert Blocks.last.done == [("launch", True)]
    assert "[Add this bot to your server](https://discord/42)" in page.text()
    page.bot.application_id = None
    assert "This bot is starting" in page.text()
    assert "- `/fn` - Ask owner/app (fn)" in page.text()


@pytest.mark.parametrize(
    ("token", "said", "done"),
    [
        ("", "This bot has no token yet", [("launch", False)]),
        ("wrong", "Discord refuses this bot's token", [("launch", True), "block"]),
    ],
)
def test_page_that_says_what_is_missing(
    program: Any, monkeypatch: pytest.MonkeyPatch, token: str, said: str, done: Any
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", token)
    monkeypatch.setattr(DiscordClient, "failure", program.discord.LoginFailure())
    pages: List[Any] = []
    made = program.Page.blocks
    monkeypatch.setattr(program.Page, "blocks", lambda page: (pages.append(page), made(page))[1])
    program.main()
    (page,) = pages
    page.bot = None
    assert said in page.text()
    assert Blocks.last.done == done


def test_result_that_is_no_json_is_shown_as_text(program: Any, tmp_path: Path) -> None:
    text, _ = program.read_result({"path": tmp_path}, tmp_path)
    assert json.loads(text) == {"path": str(tmp_path)}
