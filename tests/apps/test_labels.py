"""Labels, choices and defaults of any kind on real servers, some of them to be translated by the page."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List

import pytest

from gradio_client_lite import Client
from gradio_client_lite.wire.info import derive_info

from .calls import Call, given
from .oracle import Oracle
from .oracle_worker import encode
from .servers import Server

LABELS = ["greeting", "not translated", "Größe", "Yes?", "which", "12", "", "number", "check"]
DEFAULTS = ["1", None, 1, True, 3, [1, "x"], {"a": [None, True, 1.5, {"b": "ü"}]}, 1.0, False]
CHOICES = [[1, 2.5, "3"], [True, False], ["a", "ü", 3, "it's"], [1, 2, "x"]]


@pytest.fixture
def client(label_server: Server) -> Iterator[Client]:
    with Client(label_server.url, verbose=False) as client:
        yield client


def described(client: Client) -> List[Dict[str, Any]]:
    """The app's own description and the one that is made of its config."""
    told: Any = client.view_api(return_format="dict", print_info=False)
    return [described["named_endpoints"]["/all"] for described in (told, derive_info(client.config))]


def test_labels_are_their_text_or_their_key(client: Client) -> None:
    for endpoint in described(client):
        assert [parameter["label"] for parameter in endpoint["parameters"]] == LABELS
        assert [item["label"] for item in endpoint["returns"]] == ["greeting", "result"]
    assert [component.label for component in client.endpoints[0].spec.inputs] == LABELS


def test_choices_and_defaults_keep_their_kind(client: Client) -> None:
    for endpoint in described(client):
        defaults = [parameter["parameter_default"] for parameter in endpoint["parameters"]]
        assert encode(defaults) == encode(DEFAULTS)
        types = [parameter["type"] for parameter in endpoint["parameters"]]
        choices = [type_.get("enum") or type_.get("items", {}).get("enum") for type_ in types]
        assert encode([found for found in choices if found]) == encode(CHOICES)


def test_every_choice_can_be_made(client: Client) -> None:
    for size in CHOICES[0]:
        for which in CHOICES[2]:
            sent = ["a", "b", size, False, which, CHOICES[3], None, 1, True]
            assert encode(client.predict(*sent, api_name="/all")[0]) == encode(sent)


def test_the_text_tells_values_apart(client: Client) -> None:
    text = str(client).replace("List[", "list[")  # as 4.44 writes it
    assert ', api_name="/all") -> (greeting, result)\n' in text
    assert 'api_name="/one") -> greeting\n' in text
    for line in (
        "[Textbox] param_0: str (not required, defaults to:   '1')",
        "[Radio] param_2: Literal[1, 2.5, '3'] (not required, defaults to:   1)",
        "[Radio] param_3: Literal[True, False] (not required, defaults to:   True)",
        "[Dropdown] param_4: Literal['a', 'ü', 3, 'it's'] (not required, defaults to:   3)",
        "[Checkboxgroup] param_5: list[Literal[1, 2, 'x']] (not required, defaults to:   [1, 'x'])",
        "[Number] param_7: float (not required, defaults to:   1",
        "[Textbox] result: str",
    ):
        assert f"     - {line}" in text


def test_all_else_is_the_official_text(
    client: Client, label_server: Server, oracle_for: Callable[[str], Oracle]
) -> None:
    call = Call("labels-view_api", (given(return_format="str"),), method="view_api")
    (answer,) = oracle_for(label_server.version).perform(call.request(label_server.url))["calls"]
    ours, official = str(client).splitlines(), answer["result"].splitlines()
    assert len(ours) == len(official)
    other = [(mine, theirs) for mine, theirs in zip(ours, official) if mine != theirs]
    meant = ("Literal[", "key", "defaults to:   1)")
    assert [theirs for _, theirs in other if not any(part in theirs for part in meant)] == []
