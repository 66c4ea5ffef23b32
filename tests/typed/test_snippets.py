"""Tests `snippets.py`; `tests/apps/test_typed.py` runs snippets against a real server."""

from __future__ import annotations

import ast
import json
import re
import shlex
from pathlib import Path
from typing import Any, Iterator, List

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradio_client_lite.errors import ArgumentError
from gradio_client_lite.testing import App, AppError, serve
from gradio_client_lite.typed.snippets import LANGUAGES, Target, curl_snippet, js_snippet, python_snippet

from .descriptions import CODE, FILE, NAMES, STRING, default, fields, laughing, parameter
from .languages import printed, run

API = "http://127.0.0.1:7860/gradio_api"
TARGET = Target("owner/name", API, None, False, {"api_name": "/run"})
SERVER_FILE = {"path": "/tmp/gradio/a.png", "url": "http://host/a.png", "meta": {"_type": "gradio.FileData"}}


def data(*parameters: Any) -> List[Any]:
    """The arguments of a call, as it is sent."""
    (found,) = re.findall(r"data: (.*) \}\),$", js_snippet(TARGET, parameters), re.MULTILINE)
    values: List[Any] = json.loads(re.sub(r'await upload\("(.*?)"\)', r'{"file": "\1"}', found))
    return values


def sample(schema: Any, **more: Any) -> Any:
    """What is made up for a parameter without a default."""
    (value,) = data(parameter(schema, **more))
    return value


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    def shout(text: str, times: int = 2, mark: str = 'it\'s "quoted" $HOME `x` \\ ü\n') -> str:
        return text.upper() * times + mark

    def spell(text: str = "abc") -> Iterator[str]:
        for end in range(len(text)):
            yield text[: end + 1]

    def fail(text: str = "") -> None:
        raise AppError("I fail")

    with serve({"/shout": shout, "/spell": spell, "/fail": fail}) as app:
        yield app


def snippet(lang: str, app: App, name: str, *parameters: Any) -> str:
    target = Target(app.url, app.url + "gradio_api", None, False, {"api_name": name})
    return LANGUAGES[lang](target, parameters)


@pytest.mark.whole
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_snippet_runs(lang: str, app: App, tmp_path: Path) -> None:
    mark = 'it\'s "quoted" $HOME `x` \\ ü\n!'
    parameters = (
        parameter(name="text", example_input="a"),
        default(2, name="times"),
        default(mark, name="mark"),
    )
    text = snippet(lang, app, "/shout", *parameters)
    expected = "AA" + mark
    if lang == "python":
        assert run(lang, text, tmp_path).stdout.endswith(expected + "\n")
    else:
        assert json.loads(printed(lang, text, tmp_path).replace("data: ", "")) == [expected]


@pytest.mark.whole
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_snippet_of_a_generator_ends_with_its_last_value(lang: str, app: App, tmp_path: Path) -> None:
    text = snippet(lang, app, "/spell", default("abc", name="text"))
    assert printed(lang, text, tmp_path).replace("data: ", "") in ('["abc"]', "abc")


@pytest.mark.whole
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_snippet_shows_an_error_of_the_app(lang: str, app: App, tmp_path: Path) -> None:
    done = run(lang, snippet(lang, app, "/fail", default("", name="text")), tmp_path)
    assert "I fail" in done.stdout + done.stderr


@pytest.mark.whole
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_snippet_of_an_app_with_a_login_logs_in(lang: str, tmp_path: Path) -> None:
    password = "p&a ss'w%d$"
    with serve({"/echo": lambda text="abc": text}, auth=("ada", password)) as app:
        target = Target(app.url, app.url + "gradio_api", app.url + "login", False, {"api_name": "/echo"})
        text = LANGUAGES[lang](target, [default("abc", name="text")])
        result = printed(lang, text, tmp_path, APP_USER="ada", APP_PASSWORD=password)
        assert result.replace("data: ", "") in ('["abc"]', "abc")
        wrong = run(lang, text, tmp_path, APP_USER="ada", APP_PASSWORD="wrong")
    assert "abc" not in wrong.stdout


@pytest.mark.whole
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_snippet_with_a_token_sends_that_of_the_environment(lang: str, app: App, tmp_path: Path) -> None:
    target = Target(app.url, app.url + "gradio_api", None, True, {"api_name": "/spell"})
    text = LANGUAGES[lang](target, [default("abc", name="text")])
    assert "HF_TOKEN" in text
    result = printed(lang, text, tmp_path, HF_TOKEN="hf_" + "x" * 34)
    assert result.replace("data: ", "") in ('["abc"]', "abc")


def test_a_login_and_a_token_go_with_every_request() -> None:
    target = TARGET._replace(login="http://127.0.0.1:7860/login", token=True)
    curl, js, python = (
        write(target, [parameter(FILE)]) for write in (curl_snippet, js_snippet, python_snippet)
    )
    assert curl.count(' -b "$cookies" -H "x-hf-authorization: Bearer $HF_TOKEN" "$app/') == 3
    assert (js.count("headers }"), js.count("...headers, ")) == (2, 1)
    assert "auth=(" in python
    assert "hf_token=" in python


def test_a_python_snippet_is_a_program() -> None:
    assert python_snippet(TARGET, [default("it's", name="a"), default([None, True, 1.5], name="b")]) == (
        "from gradio_client_lite import Client\n\n"
        "with Client('owner/name') as client:\n"
        "    result = client.predict(\n"
        '        a="it\'s",\n'
        "        b=[None, True, 1.5],\n"
        "        api_name='/run',\n"
        "    )\n"
        "print(result)\n"
    )


@pytest.mark.parametrize("names", [("headers",), ("class",), ("a b",), (None,), ("a", "a"), ("ﬁ",), ("",)])
def test_arguments_go_by_position_where_a_name_cannot_be_given(names: Any) -> None:
    text = python_snippet(TARGET, [default(1, name=name) for name in names])
    assert text.count("        1,\n") == len(names)


def test_an_endpoint_without_a_name_is_called_by_number_and_from_python_alone() -> None:
    assert "fn_index=3," in python_snippet(TARGET._replace(address={"fn_index": 3}), [])
    for write in (curl_snippet, js_snippet):
        with pytest.raises(ArgumentError, match="--lang python"):
            write(TARGET._replace(address={"fn_index": 3}), [])


def test_a_file_is_one_of_the_callers() -> None:
    given_files = [
        default([SERVER_FILE, {"a": SERVER_FILE}], name="a"),
        parameter(FILE, "b", component="Audio"),
    ]
    assert data(*given_files) == [[{"file": "file.txt"}, {"a": {"file": "file.txt"}}], {"file": "audio.wav"}]
    assert "a=[handle_file('file.txt'), " in python_snippet(TARGET, given_files)
    curl = curl_snippet(TARGET, given_files)
    assert curl.count("/upload") == 2
    assert """{"path": '"$audio"', "meta": {"_type": "gradio.FileData"}}""" in curl


def test_a_text_that_is_like_the_mark_of_a_file_is_none() -> None:
    texts = [default(text, name="a") for text in ("\0file.txt", "'\0file.txt'", "'\\x00file.txt'")]
    assert data(*texts) == ["file.txt", "'file.txt'", "'\\x00file.txt'"]
    assert "handle_file" not in python_snippet(TARGET, texts)
    assert "upload" not in curl_snippet(TARGET, texts)


def test_a_url_is_no_example_of_a_file() -> None:
    assert sample(FILE, example_input="https://host/bus.png", component="Image") == {"file": "image.png"}
    schema = {"type": "array", "items": FILE}
    assert sample(schema, example_input=["https://host/bus.png"]) == [{"file": "file.txt"}]
    assert sample(STRING, example_input="https://host/bus.png") == "https://host/bus.png"


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (STRING, "text"),
        ({"type": "integer"}, 1),
        ({"type": "number"}, 1),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": ["string"]}, None),
        ({"enum": ["b", "a"]}, "b"),
        ({"enum": []}, None),
        ({"const": "a"}, None),
        ({"anyOf": [STRING, {"type": "null"}]}, None),
        ({"type": "array", "items": STRING}, []),
        (fields("a", "b", required=["b"]), {}),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}, None),
        (None, None),
        (True, None),
    ],
)
def test_a_value_is_made_up_where_the_app_has_no_example(schema: Any, value: Any) -> None:
    assert sample(schema) == sample(schema, example_input="...") == value


def test_values_are_made_up_for_no_schema_without_end() -> None:
    assert len(json.dumps(data(parameter(laughing(60))))) < 1000


def test_what_has_no_literal_is_none() -> None:
    deep: Any = "x"
    for _ in range(100):
        deep = [deep]
    assert data(default(float("nan")), default(float("-inf"))) == [None, None]
    assert json.dumps(data(default(deep))).count("[") < 70


@pytest.mark.parametrize("name", ["/a b", "/it's", "/../x", '/"$(id)"', "/ü/ö", "/`id`"])
def test_a_name_is_one_part_of_a_url(name: str) -> None:
    target = TARGET._replace(address={"api_name": name})
    (route,) = set(re.findall(r'"\$app/call/([^/"]*)["/]', curl_snippet(target, [])))
    assert re.fullmatch("[A-Za-z0-9%._~-]+", route)
    assert f"${{app}}/call/{route}`" in js_snippet(target, [])


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(CODE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.whole
@settings(max_examples=200)
@given(st.lists(values, max_size=3), st.sampled_from(NAMES))
def test_whatever_an_app_says_a_snippet_has_no_code_of_its_own(given_values: Any, name: str) -> None:
    target = TARGET._replace(address={"api_name": f"/{name}"})
    parameters = [default(value, name=name) for value in given_values]
    tree = ast.parse(python_snippet(target, parameters))
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert calls == {"Client", "client.predict", "print"}
    empty = shlex.split(curl_snippet(target, []))
    text = curl_snippet(target, parameters)
    assert text.isascii()
    words = shlex.split(text)
    assert [word for word in words if "data" not in word] == [word for word in empty if "data" not in word]
    lines = js_snippet(target, parameters).splitlines()
    ours = js_snippet(target, []).splitlines()
    assert [line for line in lines if "data:" not in line] == [line for line in ours if "data:" not in line]
