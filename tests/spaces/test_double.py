"""What the test Hub does besides what `apps/test_hub_double.py` holds to the real library."""

from __future__ import annotations

from urllib.request import urlopen

from .answers import Answer
from .double import Hub


def test_a_scripted_function_may_change_the_state(hub: Hub) -> None:
    space = hub.space("me/space")
    hub.next("GET", "/api/spaces/me/space", lambda hub: space.go("PAUSED"))
    with urlopen(f"{hub.url}/api/spaces/me/space") as response:
        assert b'"stage": "PAUSED"' in response.read()
    assert hub.asked() == [("GET", "/api/spaces/me/space")]


def test_answers_may_be_bytes_or_json() -> None:
    assert Answer(200, b"x").content == b"x"
    assert Answer(200, {"a": [1]}).content == b'{"a": [1]}'
