"""What the test Hub knows: users, Spaces, and how a Space comes to run."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

FREE = "cpu-basic"
BUILT = ("BUILDING", "APP_STARTING", "RUNNING")
WOKEN = ("APP_STARTING", "RUNNING")
REBUILT = ("RUNNING_BUILDING", "RUNNING")
_NOT_YET_ON_HARDWARE = ("NO_APP_FILE", "BUILDING", "BUILD_ERROR", "CONFIG_ERROR")
_TIME = "2026-01-01T00:00:00.000Z"


@dataclass(frozen=True)
class Recorded:
    """One request that was received; names of headers in lower case."""

    method: str
    path: str
    headers: Dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None

    @property
    def token(self) -> Optional[str]:
        """The token it came with, as the Hub takes it."""
        return bearer(self.headers.get("authorization"))


def bearer(header: Optional[str]) -> Optional[str]:
    kind, _, token = (header or "").partition(" ")
    return token.strip() or None if kind.lower() == "bearer" else None


@dataclass(frozen=True)
class User:
    """An account.

    Attributes:
        role: of its token: "write" or "read".
    """

    name: str
    token: str
    orgs: Tuple[str, ...] = ()
    role: str = "write"

    @property
    def namespaces(self) -> Tuple[str, ...]:
        return (self.name, *self.orgs)

    def view(self) -> Dict[str, Any]:
        """What /api/whoami-v2 says."""
        return {
            "type": "user",
            "id": hashlib.sha256(self.name.encode()).hexdigest()[:24],
            "name": self.name,
            "fullname": self.name.title(),
            "isPro": False,
            "canPay": False,
            "orgs": [{"type": "org", "name": name, "fullname": name.title()} for name in self.orgs],
            "auth": {
                "type": "access_token",
                "accessToken": {"displayName": "test", "role": self.role, "createdAt": _TIME},
            },
        }


@dataclass
class Space:
    """A Space and all that was done to it.

    Attributes:
        id: "owner/name".
        stages: where it stands and what comes next: every look at its runtime moves it on by one.
        hardware: what it runs on, once it has been built.
        error: the `errorMessage` of a stage that is an error.
        app: the URL of the app that its host leads to; None when there is none.
        host: its public URL; the double fills it in.
        secrets, variables: by key.
        commits: summaries and changed files, oldest first.
        requests: what its host was asked.
    """

    id: str
    private: bool = False
    stages: List[str] = field(default_factory=lambda: ["RUNNING"])
    hardware: str = FREE
    requested: Optional[str] = None
    sleep_time: Optional[int] = None
    error: Optional[str] = None
    app: Optional[str] = None
    host: Optional[str] = None
    sdk: str = "gradio"
    gated: bool = False
    disabled: bool = False
    secrets: Dict[str, Dict[str, Any]] = field(default_factory=dict)
    variables: Dict[str, Dict[str, Any]] = field(default_factory=dict)
    files: Dict[str, bytes] = field(default_factory=dict)
    commits: List[Dict[str, Any]] = field(default_factory=list)
    requests: List[Recorded] = field(default_factory=list)

    @property
    def owner(self) -> str:
        return self.id.partition("/")[0]

    @property
    def subdomain(self) -> str:
        return self.id.lower().replace("/", "-").replace(".", "-").replace("_", "-")

    @property
    def stage(self) -> str:
        return self.stages[0]

    @property
    def sha(self) -> str:
        return hashlib.sha1(f"{self.id} {len(self.commits)}".encode()).hexdigest()

    def advance(self) -> None:
        """One look later."""
        if len(self.stages) > 1:
            self.stages.pop(0)
        if self.stage == "RUNNING" and self.requested is not None:
            self.hardware = self.requested

    def go(self, *stages: str) -> None:
        """Stand at the first of these from now on, and come to the others."""
        self.stages = list(stages)

    def runtime(self) -> Dict[str, Any]:
        """What /api/spaces/…/runtime says."""
        current = None if self.stage in _NOT_YET_ON_HARDWARE else self.hardware
        runtime: Dict[str, Any] = {
            "stage": self.stage,
            "hardware": {"current": current, "requested": self.requested or self.hardware},
            "storage": None,
            "gcTimeout": self.sleep_time,
            "replicas": {"current": 1 if current else 0, "requested": 1},
            "devMode": False,
        }
        if self.error is not None and self.stage.endswith("_ERROR"):
            runtime["errorMessage"] = self.error
        return runtime

    def view(self) -> Dict[str, Any]:
        """What /api/spaces/… says."""
        return {
            "_id": hashlib.sha256(self.id.encode()).hexdigest()[:24],
            "id": self.id,
            "author": self.owner,
            "sha": self.sha,
            "createdAt": _TIME,
            "lastModified": _TIME,
            "private": self.private,
            "gated": "manual" if self.gated else False,
            "disabled": self.disabled,
            "host": self.host,
            "subdomain": self.subdomain,
            "likes": 0,
            "sdk": self.sdk,
            "tags": [self.sdk, *_tags(self.files.get("README.md", b"").decode())],
            "cardData": {"title": self.id, "sdk": self.sdk},
            "models": [],
            "siblings": [{"rfilename": path} for path in sorted(self.files)],
            "runtime": self.runtime(),
        }

    def commit(self, lines: List[Dict[str, Any]]) -> None:
        """Apply the lines of a commit.

        Raises:
            ValueError: they are not those of a commit.
        """
        header, *operations = lines
        if header["key"] != "header" or not header["value"].get("summary"):
            raise ValueError("a commit begins with a header that has a summary")
        written = {}
        for line in operations:
            if line["key"] != "file" or line["value"]["encoding"] != "base64":
                raise ValueError(f"this Hub takes no {line['key']!r}")
            written[line["value"]["path"]] = base64.b64decode(line["value"]["content"], validate=True)
        self.files.update(written)
        self.commits.append({**header["value"], "files": written})


def keyed(key: str, entry: Dict[str, Any], secret: bool) -> Dict[str, Any]:
    """A secret or a variable as the Hub lists it: secrets never with their values."""
    shown = {"key": key, "updatedAt": _TIME}
    shown.update((name, entry[name]) for name in ("description",) if name in entry)
    return shown if secret else {**shown, "value": entry["value"]}


def _tags(readme: str) -> List[str]:
    """The tags of a README's metadata, where they are a list of lines."""
    found = re.search(r"^tags:\n((?:- .*\n)*)", readme, re.M)
    return re.findall(r"- (.*)\n", found[1]) if found else []


def git_oid(content: bytes) -> str:
    """The id of a file in git, by which huggingface_hub sees that it has not changed."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
