"""Tests `module.py`; type checkers look at what it writes in `tox -e types`."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradio_client_lite import Client, handle_file
from gradio_client_lite.testing import AppError, serve
from gradio_client_lite.typed.module import TAKEN, app_of, module_of, write_module
from gradio_client_lite.wire.provenance import FileArgument

from .descriptions import (
    FILE,
    RELEASES,
    STRING,
    Api,
    default,
    endpoint,
    hostile,
    info,
    parameter,
    recorded,
)
from .modules import Recorder, check_source, imported

HOSTILE = hostile()


def function_of(described: Any, tmp_path: Path, name: str = "run") -> Any:
    """The function of an app's one endpoint."""
    return getattr(imported(write_module(info(run=described), "owner/name", {}), tmp_path), name)


def called(function: Any, *args: Any, **options: Any) -> Any:
    """What the function calls `predict` with."""
    return function(Recorder(), *args, **options)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    def greet(name: str, times: int = 1) -> str:
        """Greets somebody.

        Args:
            name: whom.
        """
        return f"Hello, {name}!" * times

    def spell(text: str) -> Iterator[str]:
        for end in range(len(text)):
            yield text[: end + 1]
        if text == "fail":
            raise AppError("I fail")

    with serve({"/greet": greet, "/spell": spell}) as app, Client(app.url, verbose=False) as client:
        yield client


@pytest.fixture(scope="module")
def module(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return imported(module_of(client), tmp_path_factory.mktemp("typed"))


def test_a_function_calls_its_endpoint(client: Client, module: Any) -> None:
    assert module.greet(client, "Ada") == "Hello, Ada!"
    assert module.greet(client, name="Ada", times=2) == "Hello, Ada!Hello, Ada!"
    assert client.src == module.APP


def test_a_function_has_types_defaults_and_a_docstring(module: Any) -> None:
    assert str(inspect.signature(module.greet)) == (
        "(client: 'Client', name: 'str', times: 'int' = 1) -> 'str'"
    )
    assert inspect.getdoc(module.greet) == (
        "Greets somebody.\n\n"
        "Args:\n    client: connected to the app.\n    name: 1st (Api).\n    times: 2nd (Api).\n\n"
        "Returns:\n    1st (Api)."
    )


def test_a_generator_has_a_function_that_streams(client: Client, module: Any) -> None:
    assert list(module.stream_spell(client, "abc")) == ["a", "ab", "abc"]
    assert module.spell(client, "abc") == "abc"
    assert not hasattr(module, "stream_greet")


def test_a_stream_that_fails_raises_after_its_outputs(client: Client, module: Any) -> None:
    outputs = module.stream_spell(client, "fail")
    assert [next(outputs) for _ in range(4)] == ["f", "fa", "fai", "fail"]
    with pytest.raises(AppError, match="I fail"):
        next(outputs)


def test_leaving_a_stream_cancels_the_call(
    client: Client, module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = []
    submit = client.submit
    monkeypatch.setattr(
        client, "submit", lambda *args, **options: jobs.append(submit(*args, **options)) or jobs[0]
    )
    outputs = module.stream_spell(client, "x" * 10_000)
    next(outputs)
    outputs.close()
    assert jobs[0].cancelled()


@pytest.mark.parametrize("release", RELEASES)
def test_the_module_of_a_recorded_app_can_be_imported(release: str, tmp_path: Path) -> None:
    api = recorded(release)
    module = imported(api.module(), tmp_path)
    functions = {
        name
        for name, each in vars(module).items()
        if inspect.isfunction(each) and each.__module__ == module.__name__
    }
    streams = {name for name in functions if name.startswith("stream_")}
    assert "stream_stream" in streams
    assert len(functions - streams - {"_sent"}) == len(api.info["named_endpoints"])


@pytest.mark.parametrize("name", HOSTILE)
def test_the_module_of_a_hostile_description_can_be_imported(name: str, tmp_path: Path) -> None:
    imported(HOSTILE[name].module(), tmp_path)


def test_clashing_names_stay_apart(tmp_path: Path) -> None:
    described = info(
        **{"a-b": endpoint(), "a_b": endpoint(), "class": endpoint(), "str": endpoint(), "ü": endpoint()}
    )
    module = imported(write_module(described, "owner/name", {}), tmp_path)
    addresses = {
        name: called(getattr(module, name))[1]["api_name"]
        for name in ("a_b", "a_b_2", "class_", "str_", "call")
    }
    assert addresses == {"a_b": "/a-b", "a_b_2": "/a_b", "class_": "/class", "str_": "/str", "call": "/ü"}


def test_parameters_are_renamed_where_they_must_be_and_go_by_position(tmp_path: Path) -> None:
    names = ["class", "client", "headers", "_x", None, "a b", "a_b"]
    run = function_of(endpoint(*[parameter(name=name) for name in names]), tmp_path)
    own = ["client", "class_", "client_2", "headers", "x", "value", "a_b", "a_b_2"]
    assert list(inspect.signature(run).parameters) == own
    assert called(run, *range(7)) == (tuple(range(7)), {"api_name": "/run"})


def test_what_predict_calls_its_own_is_known() -> None:
    for method in (Client.predict, Client.submit):
        kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        own = {each.name for each in inspect.signature(method).parameters.values() if each.kind not in kinds}
        assert own <= TAKEN


def test_endpoints_without_names_are_there_where_there_are_no_others(tmp_path: Path) -> None:
    described = {"named_endpoints": {}, "unnamed_endpoints": {"3": endpoint(), "x; import os": endpoint()}}
    module = imported(write_module(described, "owner/name", {}), tmp_path)
    assert called(module.call_3) == ((), {"fn_index": 3})
    named = write_module({**described, "named_endpoints": {"/a": endpoint()}}, "owner/name", {})
    assert "fn_index" not in named


def test_a_plain_default_stands_in_the_signature(tmp_path: Path) -> None:
    run = function_of(
        endpoint(default("it's", name="a"), default(2, {"type": "number"}, "b"), default(None, name="c")),
        tmp_path,
    )
    assert str(inspect.signature(run)) == (
        "(client: 'Client', a: 'str' = \"it's\", b: 'float' = 2, c: 'str | None' = None) -> 'str'"
    )
    assert called(run)[0] == ("it's", 2, None)


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (["a"], {"type": "array", "items": STRING}),
        ({"path": "/tmp/a", "meta": {"_type": "gradio.FileData"}}, FILE),
        ("c", {"enum": ["a", "b"]}),
        (True, {"type": "number"}),
        (float("inf"), {"type": "number"}),
    ],
)
def test_another_default_is_left_to_the_app(value: Any, schema: Any, tmp_path: Path) -> None:
    run = function_of(
        endpoint(parameter(name="a"), default(value, schema, "b"), parameter(name="c")), tmp_path
    )
    assert called(run, "x", c="z") == ((), {"a": "x", "c": "z", "api_name": "/run"})
    assert called(run, "x", "y", c="z") == ((), {"a": "x", "b": "y", "c": "z", "api_name": "/run"})


@pytest.mark.parametrize("name", ["headers", "value", None])
def test_a_default_that_no_name_can_skip_must_be_given(name: Any, tmp_path: Path) -> None:
    run = function_of(endpoint(default([], name="value"), parameter(name=name)), tmp_path)
    assert [each.default for each in inspect.signature(run).parameters.values()] == [
        inspect.Parameter.empty
    ] * 3
    assert called(run, 1, 2)[0] == (1, 2)


def test_what_must_be_given_behind_a_default_goes_by_name(tmp_path: Path) -> None:
    run = function_of(endpoint(default("x", name="a"), parameter(name="b"), default("y", name="c")), tmp_path)
    kinds = [each.kind for each in inspect.signature(run).parameters.values()]
    assert kinds[2:] == [inspect.Parameter.KEYWORD_ONLY] * 2
    assert called(run, b="b")[0] == ("x", "b", "y")


def test_paths_are_sent_as_files_and_texts_never(tmp_path: Path) -> None:
    run = function_of(endpoint(parameter(FILE)), tmp_path)
    path = tmp_path / "photo.png"
    path.write_bytes(b"picture")
    ((sent,), _) = called(run, [path, {"image": path}, (str(path),)])
    assert sent == [handle_file(path), {"image": handle_file(path)}, [str(path)]]
    assert [type(each) for each in (sent[0], sent[1]["image"], sent[2][0])] == [
        FileArgument,
        FileArgument,
        str,
    ]
    file = handle_file(path)
    assert called(run, file)[0][0] is file


def test_choices_of_a_component_that_takes_other_values_are_no_types() -> None:
    api = recorded("6.31.0")
    component = api.endpoints["/choices"].inputs[5]
    inputs = list(api.endpoints["/choices"].inputs)
    assert "param_5: Literal['x'] = 'x'" in api.module()
    inputs[3], inputs[4] = (inputs[place]._replace(is_open=True) for place in (3, 4))
    spec = api.endpoints["/choices"]._replace(inputs=tuple(inputs))
    text = Api(api.info, {"/choices": spec}).module()
    assert component.is_open is False
    assert "param_3: str = 'ran'" in text
    assert "param_4: list[str] = _DEFAULT" in text


def test_secrets_that_a_server_puts_into_its_description_are_not_written() -> None:
    def run(value: str = "it is s3cr3t-t0ken") -> str:
        return value

    with serve({"/run": run}) as app:
        headers = {"authorization": "Bearer s3cr3t-t0ken"}
        with Client(app.url, verbose=False, headers=headers) as client:
            text = module_of(client)
    assert "value: str = 'it is [hidden]'" in text
    assert "s3cr3t" not in text


def test_a_space_is_named_by_its_name_and_a_url_has_no_password(client: Client) -> None:
    assert app_of(client) == client.src
    client.space_id = "owner/name"
    try:
        assert app_of(client) == "owner/name"
    finally:
        client.space_id = None


def test_the_module_is_ascii_where_texts_are_escaped() -> None:
    described = info(größe=endpoint(parameter(name="größe", label="Größe\u202e"), description="名前"))
    text = write_module(described, "owner/name", {})
    assert "Größe (Textbox)" in text
    assert text.isprintable() or set(filter(lambda char: not char.isprintable(), text)) == {"\n"}
    escaped = text.encode("ascii", "backslashreplace").decode()
    assert ast.dump(ast.parse(escaped)) == ast.dump(ast.parse(text))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(
    ["type", "title", "properties", "items", "prefixItems", "required", "enum", "const", "anyOf", "$ref"]
) | st.sampled_from(["$defs", "default", "meta", "path"])
kinds = st.sampled_from(
    ["object", "array", "string", "number", "null", "gradio.FileData", "#/$defs/a", "a", "_type"]
)
schemas = st.recursive(
    json_values | kinds,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(keys | st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)
texts = st.text(max_size=12) | st.sampled_from(
    ['"""\nimport os', "'''", "\\", "{x}", "class", "client", "str"]
)
described_items = st.fixed_dictionaries(
    {},
    optional={
        "parameter_name": texts | json_values,
        "parameter_has_default": st.booleans(),
        "parameter_default": json_values,
        "label": texts | json_values,
        "component": texts | json_values,
        "type": schemas,
        "python_type": st.fixed_dictionaries({"description": texts | json_values}) | json_values,
    },
)
described_endpoints = json_values | st.fixed_dictionaries(
    {"parameters": st.lists(described_items, max_size=3), "returns": st.lists(described_items, max_size=2)},
    optional={"description": texts | json_values},
)


@pytest.mark.whole
@settings(max_examples=300)
@given(st.dictionaries(texts, described_endpoints, max_size=3), texts)
def test_whatever_the_description_the_module_has_no_code_of_the_servers(endpoints: Any, app: str) -> None:
    text = write_module({"named_endpoints": endpoints, "unnamed_endpoints": {}}, app, {})
    check_source(text, len(endpoints))
