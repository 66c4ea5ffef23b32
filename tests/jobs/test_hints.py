from __future__ import annotations

from typing import Any, Dict, List

import pytest

from gradio_client_lite.app.endpoint import Endpoint
from gradio_client_lite.jobs.hints import hint, takes_only_files, text_keys
from gradio_client_lite.wire.config import parse_config
from gradio_client_lite.wire.provenance import FileArgument, Origin, ResultPath

COMPONENTS: List[Dict[str, Any]] = [
    {"id": 1, "type": "textbox", "props": {"label": "Prompt"}},
    {"id": 2, "type": "image", "props": {"label": "Photo"}},
    {"id": 3, "type": "state", "props": {}},
    {"id": 4, "type": "file", "props": {}},
    {"id": 5, "type": "image", "props": {"label": "x" * 1000}},
]
TEXT, IMAGE, STATE, FILE, LONG = 1, 2, 3, 4, 5
INFO = {
    "named_endpoints": {
        "/f": {"parameters": [{"parameter_name": name} for name in ("prompt", "photo", "doc")]}
    }
}
RESULT = ResultPath("/tmp/a.png", Origin("http://host/", None))


def endpoint(*inputs: int) -> Endpoint:
    dependency = {
        "id": 0,
        "api_name": "f",
        "backend_fn": True,
        "inputs": inputs and list(inputs),
        "outputs": [],
    }
    config = {"version": "6.31.0", "components": COMPONENTS, "dependencies": [dependency]}
    return Endpoint(parse_config(config, "http://host/").endpoints[0], lambda: INFO)


def hint_of(called: Endpoint, *args: Any, **kwargs: Any) -> str:
    return hint(called, text_keys(args, kwargs), foreign=False)


@pytest.mark.parametrize("value", ["photo.png", "http://host/photo.png", "", ["photo.png"], [None, "a"]])
def test_text_in_the_place_of_a_file_is_named_and_handle_file_with_it(value: Any) -> None:
    assert hint_of(endpoint(TEXT, IMAGE), "a cat", value) == (
        "(Argument 1 ('Photo') is a text where the app takes a file. If that is the path or the URL of one, "
        "pass what handle_file(…) makes of it.)"
    )


@pytest.mark.parametrize(
    "value", [RESULT, [RESULT], FileArgument(path="a"), None, 3, "data:image/png;base64,AA"]
)
def test_file_in_its_place_gives_no_hint(value: Any) -> None:
    assert hint_of(endpoint(TEXT, IMAGE), "a cat", value) == ""


def test_place_is_counted_without_session_state() -> None:
    assert hint_of(endpoint(TEXT, STATE, FILE), "a", "a.pdf").startswith("(Argument 1 ('') is a text")
    assert hint_of(endpoint(STATE, TEXT), "a", "one too many") == ""


def test_argument_by_name_is_found_by_the_description() -> None:
    called = endpoint(TEXT, IMAGE, FILE)
    assert hint_of(called, prompt="a cat", photo=None, doc="a.pdf").startswith("(Argument `doc` is a text")
    assert hint_of(called, prompt="a cat") == ""
    assert hint_of(called, unknown="a.pdf") == ""


def test_label_of_any_length_is_shown_in_part() -> None:
    assert len(hint_of(endpoint(LONG), "a.png")) < 300


def test_dict_of_the_callers_own_has_the_first_hint() -> None:
    assert hint(endpoint(IMAGE), (0,), foreign=True).startswith("(An argument is a dict")


def test_only_endpoints_that_take_files_are_looked_at() -> None:
    assert takes_only_files(endpoint(TEXT, IMAGE))
    assert not takes_only_files(endpoint(TEXT, STATE))
