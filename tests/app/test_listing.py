from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradio_client_lite.app.listing import render
from gradio_client_lite.legacy.wire.info import derive_v3_info
from gradio_client_lite.testing import description as embedded
from gradio_client_lite.wire import schema as typenames
from gradio_client_lite.wire.info import clean_info, derive_info, sanitize_parameter_names
from gradio_client_lite.wire.urls import Routes

SAMPLES = Path(__file__).parents[1] / "samples"
RELEASES = sorted(path.name for path in SAMPLES.glob("[4-9].*"))

PARAMETER = {
    "label": "Your Name!",
    "python_type": {"type": "str", "description": "who"},
    "component": "Textbox",
}
RETURN = {"label": "Greeting", "python_type": {"type": "str", "description": ""}, "component": "Textbox"}
FILE = {"path": "/tmp/a.png", "url": "http://host/a.png", "meta": {"_type": "gradio.FileData"}}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
item_keys = st.sampled_from(
    ["label", "parameter_name", "parameter_has_default", "parameter_default", "python_type", "component"]
)
type_keys = st.sampled_from(["type", "description"])
files = st.fixed_dictionaries(
    {"path": json_values, "meta": json_values | st.just({"_type": "gradio.FileData"})}
)
items = json_values | st.dictionaries(
    item_keys, json_values | files | st.dictionaries(type_keys, json_values)
)
endpoints = json_values | st.dictionaries(
    st.sampled_from(["parameters", "returns", "oauth_token"]), json_values | st.lists(items, max_size=3)
)
groups = st.sampled_from(["named_endpoints", "unnamed_endpoints"])
infos = json_values | st.dictionaries(
    groups, json_values | st.dictionaries(st.text(max_size=5), endpoints, max_size=3)
)


def info_of(*parameters: Any, returns: Any = (), **fields: Any) -> dict[str, Any]:
    endpoint = {"parameters": list(parameters), "returns": list(returns), **fields}
    return {"named_endpoints": {"/run": endpoint}, "unnamed_endpoints": {}}


def parameter_line(**fields: Any) -> str:
    return next(line for line in render(info_of({**PARAMETER, **fields})).splitlines() if "[" in line)


def read(release: str, name: str) -> str:
    return (SAMPLES / release / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("release", RELEASES)
def test_the_text_is_the_official_client_s(release: str) -> None:
    info = clean_info(json.loads(read(release, "info.json")))
    texts = [read(release, name) for name in ("view_api.txt", "view_api_all_endpoints.txt")]
    # But for choices that are numbers, which it writes as texts.
    some, every = (text.replace("Literal['1', '2']", "Literal[1, 2]") for text in texts)
    assert render(info) == some
    assert render(info, all_endpoints=False) == some
    assert render(info, all_endpoints=True) == every


@pytest.mark.parametrize("release", RELEASES)
def test_a_derived_info_renders_to_the_same_endpoints(release: str) -> None:
    derived = render(derive_info(json.loads(read(release, "config.json"))))
    official = read(release, "view_api.txt")
    for text in ("Named API endpoints: ", ' api_name="'):
        assert [line.count(text) for line in derived.splitlines() if text in line] == [
            line.count(text) for line in official.splitlines() if text in line
        ]


def test_the_description_of_gradio_3_has_the_official_components() -> None:
    """Names and types are better than those of that server's `/info`."""
    routes = Routes("http://127.0.0.1:7860/", "")
    derived = render(derive_v3_info(json.loads(read("3.50.2", "config.json")), routes, "file="), True)
    official = read("3.50.2", "view_api_all_endpoints.txt")
    assert components(derived) == components(official)


def components(text: str) -> list[Any]:
    """The components and the addresses of endpoints that a text names, in order."""
    return re.findall(r"- \[(\w+)\]|((?:api_name|fn_index)=[^)]*)\)", text)


UNNAMED = {
    "named_endpoints": {},
    "unnamed_endpoints": {"3": {"parameters": [PARAMETER], "returns": [RETURN]}},
}
UNNAMED_TEXT = """\
Client.predict() Usage Info
---------------------------
Named API endpoints: 0

Unnamed API endpoints: 1

 - predict(your_name, fn_index=3) -> greeting
    Parameters:
     - [Textbox] your_name: str (required)  (who) \n    Returns:
     - [Textbox] greeting: str \n"""


@pytest.mark.parametrize("all_endpoints", [None, True])
def test_unnamed_endpoints_are_shown_when_there_are_no_named_ones(all_endpoints: bool | None) -> None:
    assert render(UNNAMED, all_endpoints) == UNNAMED_TEXT


def test_unnamed_endpoints_are_only_counted_when_not_asked_for() -> None:
    text = render(UNNAMED, all_endpoints=False)
    assert text.endswith("\nUnnamed API endpoints: 1, to view, run Client.view_api(all_endpoints=True)\n")
    assert "fn_index" not in text


def test_an_endpoint_without_values() -> None:
    assert render(info_of()).endswith(
        '\n - predict(api_name="/run") -> \n    Parameters:\n     - None\n    Returns:\n     - None\n'
    )


def test_several_results_stand_in_parentheses() -> None:
    assert 'predict(api_name="/run") -> (greeting, greeting)\n' in render(info_of(returns=[RETURN, RETURN]))


def test_a_parameter_name_goes_before_the_label() -> None:
    assert 'predict(the_name, api_name="/run")' in render(
        info_of({**PARAMETER, "parameter_name": "the_name"})
    )


def test_a_label_without_letters_leaves_no_comma() -> None:
    assert 'predict(api_name="/run")' in render(info_of({**PARAMETER, "label": "!"}))


@pytest.mark.parametrize(
    ("default", "text"),
    [
        ("World", "your_name: str (not required, defaults to:   World)  (who) "),
        (None, "your_name: str | None (not required, defaults to:   None)  (who) "),
        (["a", 1], "your_name: str (not required, defaults to:   ['a', 1])  (who) "),
        (FILE, 'your_name: str (not required, defaults to:   handle_file("http://host/a.png"))  (who) '),
        (
            {**FILE, "url": None},
            'your_name: str (not required, defaults to:   handle_file("/tmp/a.png"))  (who) ',
        ),
        (
            [{"image": FILE}],
            (
                "your_name: str (not required, defaults to:   "
                "[{'image': 'handle_file(\"http://host/a.png\")'}])  (who) "
            ),
        ),
    ],
)
def test_defaults(default: Any, text: str) -> None:
    line = parameter_line(parameter_has_default=True, parameter_default=default)
    assert line == "     - [Textbox] " + text


@pytest.mark.parametrize(
    ("default", "text"),
    [
        ("", ""),
        ("a b", "a b"),
        ("it's [x]", "it's [x]"),
        (1, "1"),
        ("1", "'1'"),
        ("1e5", "'1e5'"),
        ("nan", "'nan'"),
        (True, "True"),
        ("True", "'True'"),
        ("None", "'None'"),
        ("[1]", "'[1]'"),
        ('{"a": 1}', "'{\"a\": 1}'"),
        ("'a'", "\"'a'\""),
        ('handle_file("x")', "'handle_file(\"x\")'"),
        ("ü 日本", "ü 日本"),
    ],
)
def test_no_two_defaults_read_alike(default: Any, text: str) -> None:
    line = parameter_line(parameter_has_default=True, parameter_default=default)
    assert f"(not required, defaults to:   {text})" in line


def test_choices_that_the_server_wrote_as_texts_are_shown_as_they_are() -> None:
    schema = {"type": "string", "enum": [1, "1", None]}
    line = parameter_line(type=schema, python_type={"type": "Literal['1', '1', 'None']", "description": ""})
    assert "your_name: Literal[1, '1', None] (required)" in line


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ({"_type": "translation_metadata", "key": "name"}, "name"),
        ('__i18n__{"__type__": "translation_metadata", "key": "name"}', "name"),
        (5, "5"),
        (["a", 1], "a_1"),
        ("", ""),
        (None, "any"),
    ],
)
def test_labels_of_any_kind(label: Any, name: str) -> None:
    text = render(info_of(returns=[{**RETURN, "label": label}]))
    assert f'predict(api_name="/run") -> {name}\n' in text
    assert f"     - [Textbox] {name}: str \n" in text


def test_endpoints_that_take_the_caller_s_token_say_so() -> None:
    assert (
        "    Acts on your behalf: this endpoint takes your Hugging Face token (optional). "
        "Pass it with Client(..., oauth_token=...) to grant it.\n    Parameters:\n"
    ) in render(info_of(oauth_token="optional"))


@pytest.mark.parametrize("missing", ["label", "python_type", "component"])
def test_what_is_missing_reads_any(missing: str) -> None:
    parameter = {key: value for key, value in PARAMETER.items() if key != missing}
    assert "any" in render(info_of(parameter, returns=[parameter])).lower()


@pytest.mark.parametrize("info", [None, [], {}, {"named_endpoints": None}, {"unnamed_endpoints": 3}])
def test_garbage_renders_as_an_app_without_endpoints(info: Any) -> None:
    assert render(info) == render({"named_endpoints": {}, "unnamed_endpoints": {}})


def test_defaults_too_deep_to_print_are_cut_off() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    assert "..." in parameter_line(parameter_has_default=True, parameter_default=deep)


@settings(deadline=None)
@given(infos, st.sampled_from([None, True, False]))
def test_any_json_renders(info: Any, all_endpoints: bool | None) -> None:
    assert render(info, all_endpoints).startswith("Client.predict() Usage Info\n")


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("Your Name!", "your_name"),
        ("Slider (0-10)", "slider_010"),
        ("a_b", "a_b"),
        ("Größe", "größe"),
        ("!", ""),
    ],
)
def test_sanitize_parameter_names(name: str, clean: str) -> None:
    assert sanitize_parameter_names(name) == clean


def test_schemas_are_written_by_one_function() -> None:
    assert embedded.json_schema_to_python_type is typenames.json_schema_to_python_type
