"""Which Gradio servers and which official clients the tests run, and the pins that make them work.

Newer releases of the constrained packages break the old servers (template calls of Starlette,
pydantic 2.11, names removed from huggingface_hub), so each release carries its own limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Tuple

_3 = (
    "pydantic<2",
    "huggingface_hub<0.26",
    "setuptools<81",
    "numpy<2",
    "fastapi<0.100",
    "starlette<0.28",
    "httpx<0.27",
)
_LAST_3 = (
    "pydantic<2.11",
    "huggingface_hub<0.26",
    "setuptools<81",
    "numpy<2",
    "fastapi<0.105",
    "starlette<0.28",
    "httpx<0.27",
)
_OLD_4 = (
    "pydantic<2.11",
    "huggingface_hub<0.26",
    "setuptools<81",
    "numpy<2",
    "fastapi<0.111",
    "starlette<0.38",
    "httpx<0.28",
)

# What newer Pythons need. 3.12 has no wheels of pandas 2.0. 3.13 has no audioop, which pydub needs, and no
# wheels of the numpy and markupsafe that old releases of Gradio ask for.
PYTHON_3_12_UNLIMITED = ("pandas",)
PYTHON_3_13_EXTRAS = ("audioop-lts==0.2.2",)
PYTHON_3_13_OVERRIDES = ("numpy>=2.1,<3", "markupsafe>=3,<4")


@dataclass(frozen=True)
class Pins:
    """One virtual environment: what is installed, the Python release that suits it best, and what is left out
    although something installed asks for it.
    """

    name: str
    requirements: Tuple[str, ...]
    python: Tuple[int, int]
    left_out: Tuple[str, ...] = ()

    def install_on(self, python: Tuple[int, int]) -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
        """What to install on this Python release, and what to install whatever the packages ask for."""
        if not self.name.startswith("gradio-") or python < (3, 12):
            return self.requirements, tuple(f"{name}; sys_platform == 'never'" for name in self.left_out)
        if python < (3, 13):
            return self._without(PYTHON_3_12_UNLIMITED), ()
        return (*self._without(("pandas", "numpy")), *PYTHON_3_13_EXTRAS), PYTHON_3_13_OVERRIDES

    def _without(self, packages: Tuple[str, ...]) -> Tuple[str, ...]:
        return tuple(item for item in self.requirements if not item.startswith(packages))


def _server(version: str, python: Tuple[int, int], *limits: str) -> Pins:
    return Pins(f"gradio-{version}", (f"gradio=={version}", *limits), python)


def _client(version: str, *limits: str) -> Pins:
    return Pins(f"gradio_client-{version}", (f"gradio_client=={version}", *limits), (3, 11))


SERVERS: Dict[str, Pins] = {
    "3.23.0": _server("3.23.0", (3, 10), *_3, "gradio_client==0.0.5", "pandas<2.1"),  # ws
    "3.35.2": _server("3.35.2", (3, 10), *_3, "gradio_client==0.2.7"),  # ws
    "3.50.2": _server("3.50.2", (3, 10), *_LAST_3),  # ws
    "4.0.2": _server("4.0.2", (3, 10), *_LAST_3),  # sse
    "4.16.0": _server("4.16.0", (3, 10), *_OLD_4),  # sse_v1
    "4.19.2": _server("4.19.2", (3, 10), *_OLD_4),  # sse_v2
    "4.21.0": _server("4.21.0", (3, 10), *_OLD_4),  # sse_v2.1
    "4.44.1": _server(  # sse_v3
        "4.44.1",
        (3, 10),
        "pydantic<2.11",
        "huggingface_hub<1",
        "fastapi<0.113",
        "starlette<0.39",
        "httpx<0.28",
    ),
    "5.0.2": _server(  # sse_v3 behind /gradio_api, as all that follow
        "5.0.2",
        (3, 11),
        "pydantic<2.11",
        "huggingface_hub<1",
        "fastapi<0.116",
        "starlette<0.42",
        "httpx<0.28",
    ),
    "5.50.0": _server("5.50.0", (3, 11)),
    "6.31.0": _server("6.31.0", (3, 11)),
}

OFFICIAL_CLIENTS: Dict[str, Pins] = {
    "1.12.0": _client("1.12.0", "huggingface_hub<1"),
    "2.7.2": _client("2.7.2"),
}

# What the package is built with and tested under or with, each apart from the tests' own packages.
TOOLS: Dict[str, Pins] = {
    "awslambdaric": Pins("awslambdaric-4.2.2", ("awslambdaric==4.2.2",), (3, 11)),
    "distributed": Pins("distributed-2026.8.0", ("distributed==2026.8.0",), (3, 11)),
    # With the last pip that installs into Python 3.9.
    "hatchling": Pins(
        "hatchling-1.33.0",
        (
            "hatchling==1.33.0",
            "hatch-fancy-pypi-readme==25.1.0",
            "cyclonedx-python-lib[json-validation]==11.12.0",
            "pip==25.3",
        ),
        (3, 11),
    ),
    "pyinstaller": Pins("pyinstaller-6.22.3", ("pyinstaller==6.22.3",), (3, 11)),
    # Libraries that others wrote for the official client, which is left out.
    "third-party": Pins(
        "third-party",
        ("gradio_tools==0.0.9", "smolagents==1.26.0", "huggingface_hub==2.4.0", "pillow==13.0.0"),
        (3, 11),
        left_out=("gradio_client",),
    ),
}

# Later releases of websockets break the official client on Gradio 3.
WEBSOCKET_CLIENTS: Dict[str, Pins] = {
    "1.12.0 with websockets 13": _client("1.12.0", "huggingface_hub<1", "websockets<14"),
}

# What takes our TypedDicts as types of fields and parameters; before Python 3.12 not any TypedDict.
PYDANTIC: Dict[Tuple[int, int], Pins] = {
    (3, minor): Pins(f"pydantic-2.11.10-on-3.{minor}", ("pydantic==2.11.10", "fastapi==0.118.0"), (3, minor))
    for minor in range(9, 14)
}

# What our client needs but for websocket-client: nothing.
WITHOUT_WEBSOCKETS = Pins("without-websockets", (), (3, 11))

# The official client that a server's results are compared with.
OFFICIAL_CLIENT_FOR: Dict[str, str] = {
    "3.23.0": "1.12.0 with websockets 13",
    "3.35.2": "1.12.0 with websockets 13",
    "3.50.2": "1.12.0 with websockets 13",
    "4.0.2": "1.12.0",
    "4.16.0": "1.12.0",
    "4.19.2": "1.12.0",
    "4.21.0": "1.12.0",
    "4.44.1": "1.12.0",
    "5.0.2": "1.12.0",
    "5.50.0": "2.7.2",
    "6.31.0": "2.7.2",
}

# What holds the test Hub (tests/hub) to the real one.
HUB_LIBRARIES: Dict[str, Pins] = {
    version: Pins(f"huggingface_hub-{version}", (f"huggingface_hub=={version}",), (3, 11))
    for version in ("0.36.2", "1.33.0")
}

# What deployed Discord bots run on: a Space has the Gradio that its README asks for, client included.
DISCORD_BOTS: Dict[str, Pins] = {
    version: Pins(f"discord-bot-{version}", ("discord.py==2.6.4", f"gradio=={version}"), (3, 11))
    for version in ("5.50.0", "6.31.0")
}

# Enough for an interpreter that does not run the whole suite: an older server and the newest.
SMOKE_SERVERS = ("4.16.0", "6.31.0")

# Where every component that carries files is tried: each generation of them.
FILE_SERVERS = ("4.0.2", "4.16.0", "4.44.1", "5.50.0", "6.31.0")

# Whose values have forms of their own.
V3_FILE_SERVERS = ("3.23.0", "3.35.2", "3.50.2")

# Whose labels can be translated by the page, and one before.
LABEL_SERVERS = ("4.44.1", "5.50.0", "6.31.0")

# Whose every component is given a value on the command line.
COMPONENT_SERVERS = ("6.31.0",)

# What Discord bots are deployed from: an app for each Gradio that a bot runs on.
CHAT_SERVERS = ("4.44.1", "6.31.0")

# Whose apps may have several pages.
PAGES_SERVERS = ("5.50.0", "6.31.0")

# The ways of serving an app (login, subpath, HTTPS) are tried on these.
VARIANT_SERVERS = ("3.50.2", "4.44.1", "6.31.0")

# Older ones cannot be started at the same port again for a minute.
RESTARTED_SERVERS = ("3.50.2", "4.0.2", "6.31.0")

# One of each protocol, and of the newest the last of two majors: what faults of the network are tried on.
FAULTED_SERVERS = ("3.50.2", "4.0.2", "4.44.1", "5.50.0", "6.31.0")

# A WebSocket a call, and an event stream a session: what tens of thousands of calls are made of.
SOAKED_SERVERS = ("3.50.2", "6.31.0")

# What is called by scripts that were written for the newest official client.
MOVING_SERVERS = ("6.31.0",)

# Later releases queue whatever does not say otherwise.
QUEUELESS_SERVERS = ("3.23.0", "3.50.2")
