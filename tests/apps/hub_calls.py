"""The same operations at the Hub by a real library and by our client, and the requests they make for them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Callable, Dict

from spaces.double import Hub
from spaces.state import Recorded

from gradio_client_lite import Client

Json = Dict[str, Any]

TOKEN = "hf_me"
#: The headers that mean something to the Hub.
_HEADERS = ("authorization", "content-type", "x-hf-authorization")


def shown(request: Recorded) -> Json:
    """A request as it is compared: its body decoded, of its headers those that mean something."""
    body: Any = request.body.decode()
    if request.headers.get("content-type") == "application/json":
        body = request.json
    elif request.headers.get("content-type") == "application/x-ndjson":
        body = [json.loads(line) for line in request.body.splitlines()]
    headers = {name: request.headers[name] for name in _HEADERS if name in request.headers}
    return {"method": request.method, "path": request.path, "body": body, **headers}


def outline(request: Json) -> Json:
    """The same, but of a commit only which files it has: what is in them is each client's own."""
    if not request["path"].endswith("/commit/main"):
        return request
    header, *files = request["body"]
    body = {"summary": header["value"]["summary"], "files": sorted(file["value"]["path"] for file in files)}
    return {**request, "body": body}


# --- what our client does


def connect(hub: Hub) -> None:
    _client("owner/app").close()


def wake(hub: Hub) -> None:
    """Connect to a Space of one's own that sleeps on when it is visited."""
    space = hub.space("me/asleep", app=hub.spaces["owner/app"].app, stages=["SLEEPING"])
    space.host = hub.spaces["owner/app"].host
    _client("me/asleep").close()


def duplicate(hub: Hub) -> None:
    _duplicate(
        to_id="copy",
        hardware="t4-small",
        secrets={"S": "secret é", "T": "t"},
        variables={"V": "variable"},
        sleep_timeout=10,
    )


def upgrade(hub: Hub) -> None:
    hub.space("me/app", app=hub.spaces["owner/app"].app)
    _duplicate(hardware="t4-small", sleep_timeout=10)


def set_sleep(hub: Hub) -> None:
    hub.space("me/app", app=hub.spaces["owner/app"].app, hardware="t4-small")
    _duplicate(sleep_timeout=10)


def deploy(hub: Hub) -> None:
    with _client("owner/app") as client:
        client.deploy_discord("discord-token", "echo", "bot", TOKEN, private=True)


def redeploy(hub: Hub) -> None:
    hub.space("me/bot", files={"README.md": b"---\ntags: [gradio-discord-bot]\n---\n", "app.py": b""})
    deploy(hub)


def _client(src: str) -> Client:
    return Client(src, TOKEN, verbose=False)


def _duplicate(**wishes: Any) -> None:
    Client.duplicate("owner/app", hf_token=TOKEN, verbose=False, **wishes).close()


# --- what the real library does for each request of theirs


@dataclass(frozen=True)
class Operation:
    """One request, and how both sides are made to send it.

    Attributes:
        name: what the test is called.
        method, path: of the request.
        do: the function of huggingface_hub.
        arguments: its arguments; `{files}` stands for the files that our client commits.
        ours: what our client does, among whose requests it is.
    """

    name: str
    method: str
    path: str
    do: str
    arguments: Json
    ours: Callable[[Hub], None]


OPERATIONS = [
    Operation("info", "GET", "/api/spaces/owner/app", "space_info", {"repo_id": "owner/app"}, connect),
    Operation(
        "runtime",
        "GET",
        "/api/spaces/owner/app/runtime",
        "get_space_runtime",
        {"repo_id": "owner/app"},
        duplicate,
    ),
    Operation("whoami", "GET", "/api/whoami-v2", "whoami", {}, duplicate),
    Operation(
        "duplicate",
        "POST",
        "/api/spaces/owner/app/duplicate",
        "duplicate_space",
        {
            "from_id": "owner/app",
            "to_id": "me/copy",
            "private": True,
            "hardware": "t4-small",
            "sleep_time": 600,
            "secrets": [{"key": "S", "value": "secret é"}, {"key": "T", "value": "t"}],
            "variables": [{"key": "V", "value": "variable"}],
        },
        duplicate,
    ),
    Operation(
        "hardware",
        "POST",
        "/api/spaces/me/app/hardware",
        "request_space_hardware",
        {"repo_id": "me/app", "hardware": "t4-small", "sleep_time": 600},
        upgrade,
    ),
    Operation(
        "sleep time",
        "POST",
        "/api/spaces/me/app/sleeptime",
        "set_space_sleep_time",
        {"repo_id": "me/app", "sleep_time": 600},
        set_sleep,
    ),
    Operation(
        "restart", "POST", "/api/spaces/me/asleep/restart", "restart_space", {"repo_id": "me/asleep"}, wake
    ),
    Operation(
        "create",
        "POST",
        "/api/repos/create",
        "create_repo",
        {"repo_id": "me/bot", "repo_type": "space", "space_sdk": "gradio", "private": True},
        deploy,
    ),
    Operation(
        "secret",
        "POST",
        "/api/spaces/me/bot/secrets",
        "add_space_secret",
        {"repo_id": "me/bot", "key": "DISCORD_TOKEN", "value": "discord-token"},
        deploy,
    ),
    Operation(
        "commit",
        "POST",
        "/api/spaces/me/bot/commit/main",
        "commit",
        {"repo_id": "me/bot", "message": "Deploy Discord Bot", "files": "{files}"},
        deploy,
    ),
    Operation(
        "read a file",
        "GET",
        "/spaces/me/bot/resolve/main/README.md",
        "read_file",
        {"repo_id": "me/bot", "filename": "README.md"},
        redeploy,
    ),
]


# --- what the official client does


@dataclass(frozen=True)
class Method:
    """All requests of one method of both clients, and what comes of it.

    Attributes:
        name: what the test is called.
        do: the method of the official client.
        arguments: its arguments.
        ours: the same with our client; its answer has the fields of the official one that are compared.
        spaces: what there is besides owner/app: id -> attributes.
    """

    name: str
    do: str
    arguments: Json
    ours: Callable[[Hub], Json]
    spaces: Dict[str, Json] = field(default_factory=dict)


def _duplicating(name: str, spaces: Dict[str, Json], **arguments: Any) -> Method:
    given = {"from_id": "owner/app", "hf_token": TOKEN, **arguments}

    def ours(hub: Hub) -> Json:
        with Client.duplicate(verbose=False, **given) as client:
            return {"space_id": client.space_id, "src": client.src.rstrip("/")}

    return Method(name, "Client.duplicate", given, ours, spaces)


def _deploying(name: str, spaces: Dict[str, Json], *, saved: bool) -> Method:
    """`saved`: the official client finds the token on its machine as well."""
    given = {"discord_bot_token": "discord-token", "api_names": ["echo"]}

    def ours(hub: Hub) -> Json:
        with _client("owner/app") as client:
            return {"url": client.deploy_discord(hf_token=TOKEN, **given)}

    arguments = {"space_id": "owner/app", "hf_token": TOKEN, "saved": saved, **given}
    return Method(name, "Client.deploy_discord", arguments, ours, spaces)


def _connecting() -> Method:
    def ours(hub: Hub) -> Json:
        with _client("owner/app") as client:
            return {"predicted": client.predict("x", api_name="/echo")}

    arguments = {"space_id": "owner/app", "text": "x", "hf_token": TOKEN}
    return Method("connect", "Client.predict", arguments, ours)


METHODS = [
    _connecting(),
    _duplicating("duplicate", {}),
    _duplicating("duplicate with secrets", {}, secrets={"S": "s", "T": "t"}, to_id="copy"),
    _duplicating("duplicate again", {"me/app": {}}),
    _duplicating("duplicate with hardware", {}, hardware="t4-small", sleep_timeout=10),
    _duplicating("duplicate again with hardware", {"me/app": {}}, hardware="t4-small"),
    _duplicating("duplicate from paid hardware", {"owner/app": {"hardware": "t4-small"}}),
    _duplicating("duplicate what is not there", {}, from_id="owner/nothing"),
    _deploying("deploy", {}, saved=True),
    _deploying("deploy with a token that is not saved", {}, saved=False),
]
