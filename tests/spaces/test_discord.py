"""Tests `spaces/discord/deploy.py`: which functions, which requests, and what is left after a failure."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any, Callable, Dict, Iterator, Optional, Sequence

import pytest

from gradio_client_lite import Client
from gradio_client_lite.errors import (
    ArgumentError,
    AuthenticationError,
    DeadlineExceeded,
    GradioClientError,
    HubUnavailable,
    InvalidSpaceId,
    InvalidValue,
    SpaceNameTaken,
    SpaceUnfinished,
    UnknownEndpointError,
)
from gradio_client_lite.spaces.discord.deploy import TAG, BotOptions, commands_of
from gradio_client_lite.testing import App

from .answers import failed, refused
from .double import Hub, hang
from .state import Space

pytestmark = pytest.mark.usefixtures("space")

TOKEN = "hf_me"
DISCORD = "".join(("d1sc0rd", "-s3cr3t"))
BOT = "me/app-gradio-discord-bot"
KNOWN = ["/shout", "/whisper", "/chat"]


@pytest.fixture
def client(hub: Hub) -> Iterator[Client]:
    with Client("owner/app", TOKEN, verbose=False) as client:
        hub.requests.clear()
        yield client


# --- which functions


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("shout", [("/shout", "shout")]),
        ("/shout", [("/shout", "shout")]),
        (["shout", "/whisper"], [("/shout", "shout"), ("/whisper", "whisper")]),
        (("shout", "cry"), [("/shout", "cry")]),
        ([("/shout", "/cry"), "whisper"], [("/shout", "cry"), ("/whisper", "whisper")]),
        ([["shout", "cry"]], [("/shout", "cry")]),
        (("shout", "cry", "whisper"), None),
        ([("shout", "a"), ("shout", "b")], [("/shout", "a"), ("/shout", "b")]),
        (None, [("/chat", "chat")]),
        ([], [("/chat", "chat")]),
    ],
)
def test_functions_and_their_commands(given: Any, expected: Optional[Sequence[Any]]) -> None:
    if expected is None:
        with pytest.raises(UnknownEndpointError, match="cry not present"):
            commands_of(given, True, KNOWN)
    else:
        assert commands_of(given, True, KNOWN) == expected


def test_name_of_a_function_is_made_to_fit_discord() -> None:
    assert commands_of("Do It!", False, ["/Do It!"]) == [("/Do It!", "do-it")]
    assert commands_of("a" * 40, False, ["/" + "a" * 40]) == [("/" + "a" * 40, "a" * 32)]


@pytest.mark.parametrize(
    ("given", "kind", "text"),
    [
        (None, UnknownEndpointError, "Name the functions.*It has|This app has /shout"),
        ("cry", UnknownEndpointError, "api_name cry not present"),
        (3, InvalidValue, "either a string or a tuple of strings"),
        ([3], InvalidValue, "Received 3"),
        ([("shout", 3)], InvalidValue, "either a string or a tuple of strings"),
        ([("a", "b", "c")], InvalidValue, "either a string or a tuple of strings"),
        ([("shout", "Cry Out")], InvalidValue, "no Discord command"),
        ([("shout", "a" * 33)], InvalidValue, "no Discord command"),
        ([("shout", "")], InvalidValue, "no Discord command"),
        (["shout", "/shout"], InvalidValue, "each another name"),
    ],
)
def test_functions_that_cannot_be(given: Any, kind: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text) as caught:
        commands_of(given, False, KNOWN)
    assert type(caught.value) is kind


def test_half_a_surrogate_pair_is_refused_by_name(hub: Hub, client: Client) -> None:
    for named, wrong in (
        ("api_names", {"api_names": "\ud83d"}),
        ("discord_bot_token", {"discord_bot_token": "\ud83d", "api_names": "shout"}),
        ("hf_token", {"hf_token": "\ud83d", "api_names": "shout"}),
    ):
        with pytest.raises(ArgumentError, match=rf"^{named} holds half of a surrogate pair"):
            client.deploy_discord(**wrong)
    assert hub.requests == []


# --- which requests


def test_new_bot(hub: Hub, client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    url = client.deploy_discord(DISCORD, ["shout", ("whisper", "hush")])
    assert url == f"{hub.url}/spaces/{BOT}"
    assert capsys.readouterr().out == f"See your discord bot here! {url}\n"
    assert hub.asked() == [
        ("GET", "/api/spaces/owner/app"),
        ("GET", "/api/whoami-v2"),
        ("GET", f"/api/spaces/{BOT}"),
        ("POST", "/api/repos/create"),
        ("POST", f"/api/spaces/{BOT}/secrets"),
        ("POST", f"/api/spaces/{BOT}/commit/main"),
    ]
    create, secret, commit = hub.requests[3:]
    assert create.json == {
        "name": "app-gradio-discord-bot",
        "organization": "me",
        "private": False,
        "type": "space",
        "sdk": "gradio",
    }
    assert secret.json == {"key": "DISCORD_TOKEN", "value": DISCORD}
    assert commit.headers["content-type"] == "application/x-ndjson"
    header, *files = [json.loads(line) for line in commit.body.splitlines()]
    assert header == {"key": "header", "value": {"summary": "Deploy Discord Bot", "description": ""}}
    written = {file["value"]["path"]: b64decode(file["value"]["content"]).decode() for file in files}
    assert sorted(written) == ["README.md", "app.py", "requirements.txt"]
    assert TAG in written["README.md"]
    assert "'owner/app'" in written["app.py"]
    assert "/shout" in written["app.py"]
    assert "hush" in written["app.py"]
    for text in written.values():
        assert DISCORD not in text
        assert TOKEN not in text
    assert {request.headers["authorization"] for request in hub.requests} == {f"Bearer {TOKEN}"}


def test_without_a_password_no_secret_is_set(hub: Hub, client: Client) -> None:
    client.deploy_discord(api_names="shout", private=True)
    assert hub.spaces[BOT].secrets == {}
    assert hub.spaces[BOT].private


def test_bot_of_an_app_that_is_no_space(hub: Hub, app: App) -> None:
    with Client(app.url, False, verbose=False) as client:
        urls = [client.deploy_discord(api_names="shout", hf_token=TOKEN) for _ in range(2)]
    names = [url.rpartition("/")[2] for url in urls]
    assert all(name.startswith("gradio-discord-bot-") for name in names)
    assert names[0] != names[1]
    source = hub.spaces[f"me/{names[0]}"].files["app.py"].decode()
    assert repr(client.src) in source


@pytest.mark.parametrize(
    ("to_id", "expected"), [("bot", "me/bot"), ("me/bot", "me/bot"), ("team/bot", "team/bot")]
)
def test_name_of_the_bot(hub: Hub, client: Client, to_id: str, expected: str) -> None:
    client.deploy_discord(api_names="shout", to_id=to_id)
    assert hub.spaces[expected].commits


def test_private_app_needs_a_token_that_the_bot_may_have(hub: Hub, space: Space, client: Client) -> None:
    space.private, space.id = True, "me/app"
    hub.spaces["me/app"] = space
    client.space_id = "me/app"
    with pytest.raises(ValueError, match="you must explicitly pass in hf_token"):
        client.deploy_discord(api_names="shout")
    assert [request for request in hub.requests if request.method == "POST"] == []
    client.deploy_discord(DISCORD, "shout", hf_token=TOKEN)
    secrets = {key: entry["value"] for key, entry in hub.spaces[BOT].secrets.items()}
    assert secrets == {"DISCORD_TOKEN": DISCORD, "HF_TOKEN": TOKEN}
    assert TOKEN.encode() not in b"".join(hub.spaces[BOT].files.values())


def test_bot_that_is_there_is_brought_up_to_date_and_its_readme_left_alone(hub: Hub, client: Client) -> None:
    client.deploy_discord(api_names="shout")
    mine = hub.spaces[BOT].files["README.md"] + b"\nMy own words.\n"
    hub.spaces[BOT].files["README.md"] = mine
    client.deploy_discord(api_names="whisper")
    bot = hub.spaces[BOT]
    assert bot.files["README.md"] == mine
    assert b"/whisper" in bot.files["app.py"]
    assert [sorted(commit["files"]) for commit in bot.commits] == [
        ["README.md", "app.py", "requirements.txt"],
        ["app.py", "requirements.txt"],
    ]


# --- what goes wrong


@pytest.mark.parametrize(
    "files",
    [
        {"app.py": b"mine"},
        {"app.py": b"mine", "README.md": b"---\nsdk: gradio\n---"},
        {"index.html": b"mine", "README.md": b"---\nsdk: static\n---"},
    ],
)
def test_space_that_is_no_bot_is_not_overwritten(hub: Hub, client: Client, files: Dict[str, bytes]) -> None:
    hub.space(BOT, files=dict(files))
    with pytest.raises(SpaceNameTaken, match="exists and is no Discord bot"):
        client.deploy_discord(api_names="shout")
    assert hub.spaces[BOT].files == files


FAULTS: Dict[str, Callable[[Hub], None]] = {
    "secret refused": lambda hub: hub.next("POST", ".*/secrets", refused(403, f"no {DISCORD}")),
    "commit fails": lambda hub: hub.next("POST", ".*/commit/main", failed()),
    "commit refused": lambda hub: hub.next("POST", ".*/commit/main", refused(400, f"bad {TOKEN}")),
}


@pytest.mark.parametrize("name", FAULTS)
def test_failure_half_way_says_what_exists_and_calling_again_goes_on(
    name: str, hub: Hub, client: Client
) -> None:
    FAULTS[name](hub)
    with pytest.raises(SpaceUnfinished) as caught:
        client.deploy_discord(DISCORD, "shout")
    error = caught.value
    assert (error.space_id, error.url) == (BOT, f"{hub.url}/spaces/{BOT}")
    assert f"{BOT} exists" in str(error)
    assert "to go on with it" in str(error)
    assert isinstance(error.__cause__, GradioClientError)
    for text in (str(error), repr(error), str(error.__cause__)):
        assert DISCORD not in text
        assert TOKEN not in text
    client.deploy_discord(DISCORD, "shout")
    assert [path for _, path in hub.asked()].count("/api/repos/create") == 1
    assert sorted(hub.spaces[BOT].files) == [".gitattributes", "README.md", "app.py", "requirements.txt"]
    assert TAG.encode() in hub.spaces[BOT].files["README.md"]


def test_failure_before_anything_is_made_is_what_it_is(hub: Hub, client: Client) -> None:
    hub.next("POST", "/api/repos/create", failed())
    with pytest.raises(HubUnavailable):
        client.deploy_discord(DISCORD, "shout")
    assert BOT not in hub.spaces


def test_deadline_is_that_of_the_client(hub: Hub) -> None:
    with Client("owner/app", TOKEN, verbose=False, space_timeout=0.5) as client:
        hub.next("GET", f"/api/spaces/{BOT}", hang)
        with pytest.raises(DeadlineExceeded):
            client.deploy_discord(DISCORD, "shout")


def test_name_that_belongs_to_a_space_nobody_shows(hub: Hub, client: Client) -> None:
    hub.next("POST", "/api/repos/create", refused(409, "You already created this space repo"))
    with pytest.raises(SpaceNameTaken):
        client.deploy_discord(DISCORD, "shout")


def test_space_that_is_made_meanwhile_is_used(hub: Hub, client: Client) -> None:
    hub.next("POST", "/api/repos/create", lambda hub: hub.space(BOT, files={"README.md": b"new"}))
    client.deploy_discord(DISCORD, "shout")
    assert sorted(hub.spaces[BOT].files) == ["README.md", "app.py", "requirements.txt"]


def test_options_show_no_token() -> None:
    shown = repr(BotOptions(DISCORD, ["shout"], "me/bot", TOKEN, False))
    assert DISCORD not in shown
    assert TOKEN not in shown


def test_token_that_may_only_read(hub: Hub, client: Client) -> None:
    hub.user("reader", token="hf_reader", role="read")
    with pytest.raises(PermissionError):
        client.deploy_discord(DISCORD, "shout", hf_token="hf_reader")


def test_without_a_token_nothing_is_made(hub: Hub) -> None:
    with Client("owner/app", False, verbose=False) as client, pytest.raises(AuthenticationError):
        client.deploy_discord(DISCORD, "shout")
    assert hub.asked() == [("GET", "/api/spaces/owner/app")]


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"api_names": "cry"}, UnknownEndpointError),
        ({"api_names": None}, UnknownEndpointError),
        ({"discord_bot_token": 3}, ArgumentError),
        ({"hf_token": True}, ArgumentError),
        ({"to_id": "my bot"}, InvalidSpaceId),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_sent(
    hub: Hub, client: Client, options: Dict[str, Any], kind: Any
) -> None:
    with pytest.raises(kind):
        client.deploy_discord(**{"api_names": "shout", **options})
    assert hub.requests == []
