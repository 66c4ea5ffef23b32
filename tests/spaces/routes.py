"""The routes of the test Hub: what each does to its state, and what it answers.

The table is that of huggingface_hub 0.36 and 1.x for Spaces: the operations that `Client.duplicate` and
`Client.deploy_discord` of the official client, and ours, are made of.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple
from urllib.parse import parse_qs, unquote, urlsplit

from .answers import (
    BAD_TOKEN,
    DISABLED,
    GATED,
    NO_SUCH_ENTRY,
    NO_SUCH_PAGE,
    NO_SUCH_REPO,
    NO_SUCH_USER,
    Answer,
    Refused,
    no_rights,
    refused,
)
from .state import FREE, REBUILT, WOKEN, Recorded, Space, User, git_oid, keyed

if TYPE_CHECKING:
    from .double import Hub

_FLAVORS = (FREE, "cpu-upgrade", "zero-a10g", "t4-small", "t4-medium", "l4x1", "a10g-small", "a100-large")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}\Z")


def answer(hub: Hub, request: Recorded) -> Answer:
    """Answer a request from the state, and change the state as it asks.

    Raises:
        Refused: with the answer.
    """
    path = unquote(urlsplit(request.path).path)
    for method, pattern, route in _ROUTES:
        match = pattern.fullmatch(path)
        if match and request.method in method.split():
            return route(Call(hub, request), *match.groups())
    raise Refused(NO_SUCH_PAGE)


class Call:
    """One request and who makes it.

    Raises:
        Refused: the token is no one's.
    """

    def __init__(self, hub: Hub, request: Recorded) -> None:
        self.hub = hub
        self.request = request
        self.user: Optional[User] = hub.users.get(request.token or "")
        if request.token is not None and self.user is None:
            raise Refused(BAD_TOKEN)

    @property
    def body(self) -> Any:
        return self.request.json

    def space(self, space_id: str) -> Space:
        """The Space, if it is there for whoever asks."""
        space = self.hub.spaces.get(space_id)
        if space is None or not self.hub.can_read(self.request.token, space):
            raise Refused(NO_SUCH_REPO if self.user else NO_SUCH_USER)
        if space.disabled:
            raise Refused(DISABLED)
        if space.gated and (self.user is None or space.owner not in self.user.namespaces):
            raise Refused(GATED)
        return space

    def own_space(self, space_id: str) -> Space:
        """The Space, if whoever asks may change it."""
        space = self.space(space_id)
        self.may_write(space.owner, f"change the space {space_id}")
        return space

    def may_write(self, namespace: str, what: str) -> None:
        if self.user is None:
            raise Refused(NO_SUCH_USER)
        if self.user.role != "write" or namespace not in self.user.namespaces:
            raise Refused(no_rights(what))

    def new_space(self, space_id: str, **attributes: Any) -> Space:
        """Add a Space of this user's."""
        namespace, _, name = space_id.partition("/")
        self.may_write(namespace, f'create a space under the namespace "{namespace}"')
        if not _NAME.match(name):
            raise Refused(refused(400, f"Invalid repo name: {space_id}"))
        if space_id in self.hub.spaces:
            url = self.page(self.hub.spaces[space_id])
            raise Refused(refused(409, "You already created this space repo", url=url))
        return self.hub.space(space_id, **attributes)

    def page(self, space: Space) -> str:
        """The URL where a browser sees the Space."""
        return f"{self.hub.url}/spaces/{space.id}"


def _whoami(call: Call) -> Answer:
    if call.user is None:
        raise Refused(NO_SUCH_USER)
    return Answer(200, call.user.view())


def _info(call: Call, space_id: str) -> Answer:
    return Answer(200, call.space(space_id).view())


def _runtime(call: Call, space_id: str) -> Answer:
    space = call.space(space_id)
    seen = space.runtime()
    space.advance()
    return Answer(200, seen)


def _duplicate(call: Call, space_id: str) -> Answer:
    source = call.space(space_id)
    body = call.body
    target = call.new_space(
        body["repository"],
        private=_is_private(body, source.private),
        stages=list(call.hub.build),
        hardware=_flavor(body.get("hardware", FREE)),
        sleep_time=body.get("sleepTimeSeconds"),
        app=source.app,
        sdk=source.sdk,
        files=dict(source.files),
    )
    _put(target.secrets, body.get("secrets", []))
    _put(target.variables, body.get("variables", []))
    return Answer(200, {"url": call.page(target)})


def _create(call: Call) -> Answer:
    body = call.body
    if body.get("type") != "space" or body.get("sdk") not in ("gradio", "docker", "static"):
        raise Refused(refused(400, "Invalid sdk"))
    if call.user is None:
        raise Refused(NO_SUCH_USER)
    space = call.new_space(
        f"{body.get('organization') or call.user.name}/{body['name']}",
        private=_is_private(body, False),
        stages=["NO_APP_FILE"],
        sdk=body["sdk"],
        files={"README.md": _card(body["name"], body["sdk"]).encode(), ".gitattributes": b""},
    )
    return Answer(200, {"url": call.page(space), "name": space.id, "id": space.id})


def _is_private(body: Dict[str, Any], otherwise: bool) -> bool:
    if "visibility" in body:
        return bool(body["visibility"] == "private")
    return bool(body.get("private", otherwise))


def _card(title: str, sdk: str) -> str:
    return (
        f"---\ntitle: {title}\nemoji: 🐠\ncolorFrom: blue\ncolorTo: red\nsdk: {sdk}\napp_file: app.py\n---\n"
    )


def _flavor(name: str) -> str:
    if name not in _FLAVORS:
        raise Refused(refused(400, f"Invalid hardware flavor: {name}"))
    return name


def _hardware(call: Call, space_id: str) -> Answer:
    space = call.own_space(space_id)
    flavor = _flavor(call.body["flavor"])
    if flavor != space.hardware and space.stage == "RUNNING":
        space.go(*REBUILT)
    space.requested = flavor
    space.sleep_time = call.body.get("sleepTimeSeconds", space.sleep_time)
    return Answer(200, space.runtime())


def _sleep_time(call: Call, space_id: str) -> Answer:
    space = call.own_space(space_id)
    if (space.requested or space.hardware) == FREE:
        raise Refused(refused(400, "The sleep time of free hardware cannot be set"))
    space.sleep_time = call.body["seconds"]
    return Answer(200, space.runtime())


def _pause(call: Call, space_id: str) -> Answer:
    space = call.own_space(space_id)
    space.go("PAUSED")
    return Answer(200, space.runtime())


def _restart(call: Call, space_id: str) -> Answer:
    space = call.own_space(space_id)
    is_factory = parse_qs(urlsplit(call.request.path).query).get("factory") == ["true"]
    space.go(*(call.hub.build if is_factory else WOKEN))
    return Answer(200, space.runtime())


def _secrets(call: Call, space_id: str) -> Answer:
    return _keyed(call, call.own_space(space_id).secrets, secret=True)


def _variables(call: Call, space_id: str) -> Answer:
    return _keyed(call, call.own_space(space_id).variables, secret=False)


def _keyed(call: Call, table: Dict[str, Dict[str, Any]], *, secret: bool) -> Answer:
    if call.request.method == "POST":
        _put(table, [call.body])
    elif call.request.method == "DELETE":
        table.pop(call.body["key"], None)
    return Answer(200, {key: keyed(key, entry, secret) for key, entry in table.items()})


def _put(table: Dict[str, Dict[str, Any]], entries: List[Dict[str, Any]]) -> None:
    for entry in entries:
        if not entry.get("key") or not isinstance(entry.get("value"), str):
            raise Refused(refused(400, "A key and a value are needed"))
        table[entry["key"]] = entry


def _validate(call: Call) -> Answer:
    if call.request.headers.get("content-type") == "application/x-www-form-urlencoded":
        content = parse_qs(call.request.body.decode())["content"][0]
    else:
        content = call.body["content"]
    if not content.startswith("---\n"):
        return Answer(200, {"errors": [], "warnings": [{"message": "empty or missing yaml metadata"}]})
    return Answer(200, {"errors": [], "warnings": []})


def _preupload(call: Call, space_id: str) -> Answer:
    space = call.own_space(space_id)
    files = [
        {
            "path": file["path"],
            "uploadMode": "regular",
            "shouldIgnore": False,
            "oid": git_oid(space.files[file["path"]]) if file["path"] in space.files else None,
        }
        for file in call.body["files"]
    ]
    return Answer(200, {"files": files, "commitOid": space.sha})


def _commit(call: Call, space_id: str) -> Answer:
    space = call.own_space(space_id)
    if call.request.headers.get("content-type") != "application/x-ndjson":
        raise Refused(refused(415, "Unsupported media type"))
    try:
        space.commit([json.loads(line) for line in call.request.body.splitlines() if line])
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(refused(400, f"Invalid commit: {error}")) from error
    if "app.py" in space.files:
        space.go(*call.hub.build)
    return Answer(
        200,
        {
            "success": True,
            "commitOid": space.sha,
            "commitUrl": f"{call.page(space)}/commit/{space.sha}",
            "hookOutput": "",
        },
    )


def _resolve(call: Call, space_id: str, path: str) -> Answer:
    space = call.space(space_id)
    if path not in space.files:
        raise Refused(NO_SUCH_ENTRY)
    content = space.files[path]
    headers = {
        "content-type": "text/plain; charset=utf-8",
        "x-repo-commit": space.sha,
        "etag": f'"{git_oid(content)}"',
        "accept-ranges": "bytes",
    }
    return Answer(200, content, headers)


_SPACE = "/api/spaces/([^/]+/[^/]+)"
_Route = Callable[..., Answer]
_ROUTES: List[Tuple[str, re.Pattern[str], _Route]] = [
    (methods, re.compile(pattern), route)
    for methods, pattern, route in (
        ("GET", "/api/whoami-v2", _whoami),
        ("GET", _SPACE, _info),
        ("GET", f"{_SPACE}/revision/main", _info),
        ("GET", f"{_SPACE}/runtime", _runtime),
        ("POST", f"{_SPACE}/duplicate", _duplicate),
        ("POST", f"{_SPACE}/hardware", _hardware),
        ("POST", f"{_SPACE}/sleeptime", _sleep_time),
        ("POST", f"{_SPACE}/pause", _pause),
        ("POST", f"{_SPACE}/restart", _restart),
        ("GET POST DELETE", f"{_SPACE}/secrets", _secrets),
        ("GET POST DELETE", f"{_SPACE}/variables", _variables),
        ("POST", f"{_SPACE}/preupload/main", _preupload),
        ("POST", f"{_SPACE}/commit/main", _commit),
        ("POST", "/api/repos/create", _create),
        ("POST", "/api/validate-yaml", _validate),
        ("GET HEAD", "/spaces/([^/]+/[^/]+)/resolve/[^/]+/(.+)", _resolve),
    )
]
