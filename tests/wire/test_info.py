from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradio_client_lite.errors import ProtocolError
from gradio_client_lite.wire.info import clean_info, derive_info, sanitize_parameter_names

SAMPLES = Path(__file__).parents[1] / "samples"
RELEASES = sorted(path.name for path in SAMPLES.glob("[4-6].*") if path.name != "4.0.2")
NAMED_SINCE = ["4.44.1", "5.0.2", "5.50.0", "6.31.0"]  # releases whose /info names parameters
KINDS = ("parameters", "returns")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
small = st.integers(0, 3)


@cache
def text(release: str, name: str) -> str:
    return (SAMPLES / release / name).read_text(encoding="utf-8")


def load(release: str, name: str) -> Any:
    return json.loads(text(release, name))


def cleaned(release: str) -> dict[str, Any]:
    return clean_info(load(release, "info.json"))["named_endpoints"]  # type: ignore[no-any-return]


def derived(release: str) -> dict[str, Any]:
    return derive_info(load(release, "config.json"))["named_endpoints"]  # type: ignore[no-any-return]


def endpoint(**fields: Any) -> dict[str, Any]:
    return {"parameters": [], "returns": [], **fields}


def names(info: dict[str, Any]) -> list[str]:
    return list(info["named_endpoints"]) + list(info["unnamed_endpoints"])


class TestCleanInfo:
    @pytest.mark.parametrize("release", RELEASES)
    def test_it_is_the_official_client_s_dict(self, release: str) -> None:
        official = load(release, "view_api.json")
        recorded = load(release, "info.json")["named_endpoints"]
        for name, described in official["named_endpoints"].items():
            for kind in KINDS:
                if described[kind] == "as in info.json":
                    described[kind] = recorded[name][kind]
        assert clean_info(load(release, "info.json")) == official

    @pytest.mark.parametrize("group", ["named_endpoints", "unnamed_endpoints"])
    @pytest.mark.parametrize(
        "fields",
        [
            {"api_visibility": "private"},
            {"api_visibility": "private", "show_api": True},
            {"api_visibility": "undocumented"},
            {"show_api": False},
        ],
    )
    def test_hidden_endpoints_are_left_out(self, group: str, fields: dict[str, Any]) -> None:
        info = clean_info({group: {"hidden": endpoint(**fields), "shown": endpoint()}})
        assert names(info) == ["shown"]

    def test_what_only_gradio_s_own_pages_need_is_dropped(self) -> None:
        raw = endpoint(
            show_api=True, api_visibility="public", code_snippets={}, description="d", oauth_token=None
        )
        info = clean_info({"named_endpoints": {"/run": raw}, "unnamed_endpoints": {}})
        assert info["named_endpoints"]["/run"] == endpoint(description="d", oauth_token=None)

    @pytest.mark.parametrize("present", ["named_endpoints", "unnamed_endpoints"])
    def test_a_missing_group_is_an_empty_one(self, present: str) -> None:
        info = clean_info({present: {"x": endpoint()}})
        assert set(info) == {"named_endpoints", "unnamed_endpoints"}
        assert names(info) == ["x"]

    def test_malformed_endpoints_and_values_are_mended_or_dropped(self) -> None:
        info = clean_info({"named_endpoints": {"/a": None, "/b": {"parameters": [3, {"label": "x"}]}}})
        assert info["named_endpoints"] == {"/b": endpoint(parameters=[{"label": "x"}])}

    def test_labels_are_texts_and_all_else_is_left_as_it_is(self) -> None:
        raw = {
            "label": {"_type": "translation_metadata", "key": "name"},
            "parameter_default": {"a": [1, None]},
        }
        info = clean_info({"named_endpoints": {"/a": {"parameters": [raw, {"label": 5}], "returns": [raw]}}})
        named = {**raw, "label": "name"}
        assert info["named_endpoints"]["/a"] == {"parameters": [named, {"label": "5"}], "returns": [named]}

    @pytest.mark.parametrize("raw", [None, [], {}, {"detail": "Not Found"}, {"named_endpoints": []}])
    def test_what_is_no_info_is_a_protocol_error(self, raw: Any) -> None:
        with pytest.raises(ProtocolError, match="/info lists no endpoints"):
            clean_info(raw)

    def test_the_raw_info_is_not_changed(self) -> None:
        raw = load("6.31.0", "info.json")
        clean_info(raw)
        assert raw == load("6.31.0", "info.json")

    @settings(deadline=None)
    @given(json_values, st.dictionaries(st.text(max_size=3), json_values, max_size=3))
    def test_any_json_gives_the_same_shape(self, unnamed: Any, named: Any) -> None:
        info = clean_info({"named_endpoints": named, "unnamed_endpoints": unnamed})
        for group in ("named_endpoints", "unnamed_endpoints"):
            assert all({"parameters", "returns"} <= set(described) for described in info[group].values())


@pytest.mark.parametrize("release", RELEASES)
class TestDerivedLikeRecorded:
    """What `derive_info` makes of each release's config, against that release's own `/info`.

    Everything is equal but for what the names of the tests say.
    """

    def pairs(self, release: str, kind: str) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
        """(place, derived, recorded) of every parameter, or every returned value, of the app."""
        ours, theirs = derived(release), cleaned(release)
        return [
            (f"{name} {place}", one, other)
            for name in theirs
            for place, (one, other) in enumerate(zip(ours[name][kind], theirs[name][kind]))
        ]

    def test_endpoints_in_their_order(self, release: str) -> None:
        assert list(derived(release)) == list(cleaned(release))

    @pytest.mark.parametrize("kind", KINDS)
    def test_number_of_values(self, release: str, kind: str) -> None:
        ours, theirs = derived(release), cleaned(release)
        assert {name: len(ours[name][kind]) for name in ours} == {
            name: len(theirs[name][kind]) for name in theirs
        }

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("field", ["label", "type", "component", "example_input"])
    def test_fields_that_are_equal(self, release: str, kind: str, field: str) -> None:
        differing = [
            place for place, ours, theirs in self.pairs(release, kind) if ours.get(field) != theirs.get(field)
        ]
        assert differing == []

    @pytest.mark.parametrize("kind", KINDS)
    def test_descriptions_of_values(self, release: str, kind: str) -> None:
        assert [
            place
            for place, ours, theirs in self.pairs(release, kind)
            if ours["python_type"]["description"] != theirs["python_type"]["description"]
        ] == []

    @pytest.mark.parametrize("kind", KINDS)
    def test_python_types_but_for_the_server_s_older_spelling(self, release: str, kind: str) -> None:
        assert [
            (place, ours["python_type"]["type"], theirs["python_type"]["type"])
            for place, ours, theirs in self.pairs(release, kind)
            if respelt(ours["python_type"]["type"]) != respelt(theirs["python_type"]["type"])
        ] == []

    def test_parameters_are_numbered_where_info_knows_the_function_s_names(self, release: str) -> None:
        numbers = [
            re.fullmatch(r"param_\d+", ours["parameter_name"])
            for _, ours, _ in self.pairs(release, "parameters")
        ]
        assert all(numbers)
        stateful = derived(release)["/stateful"]["parameters"]
        assert [parameter["parameter_name"] for parameter in stateful] == ["param_0", "param_2", "param_3"]
        if release in NAMED_SINCE:
            stateful = cleaned(release)["/stateful"]["parameters"]
            assert [parameter["parameter_name"] for parameter in stateful] == ["first", "last", "extra"]
        else:
            assert not any("parameter_name" in theirs for _, _, theirs in self.pairs(release, "parameters"))

    def test_none_defaults_in_the_function_are_not_in_the_config(self, release: str) -> None:
        pairs = self.pairs(release, "parameters")
        if release not in NAMED_SINCE:
            assert not any("parameter_has_default" in theirs for _, _, theirs in pairs)
            return
        differing = {
            place: theirs["parameter_default"]
            for place, ours, theirs in pairs
            if ours["parameter_has_default"] != theirs["parameter_has_default"]
        }
        nones = ["/no_default 1", "/stateful 2", *(["/compute 2"] if release in ("5.50.0", "6.31.0") else [])]
        assert differing == dict.fromkeys(nones)

    def test_defaults_but_for_the_urls_of_files(self, release: str) -> None:
        """From Gradio 5 on the urls in `/info` are relative, or those of the component's example."""
        pairs = [pair for pair in self.pairs(release, "parameters") if "parameter_default" in pair[2]]
        differing = [
            place for place, ours, theirs in pairs if ours["parameter_default"] != theirs["parameter_default"]
        ]
        expected = {
            "5.0.2": ["/files 5"],
            "5.50.0": ["/files 2", "/files 5"],
            "6.31.0": ["/files 2", "/files 5"],
        }
        assert differing == expected.get(release, [])
        assert all(
            without_urls(ours["parameter_default"]) == without_urls(theirs["parameter_default"])
            for _, ours, theirs in pairs
        )

    def test_descriptions_of_functions_and_their_wish_for_a_token_are_not_in_the_config(
        self, release: str
    ) -> None:
        assert {key for described in derived(release).values() for key in described} == set(KINDS)
        only_in_info = {key for described in cleaned(release).values() for key in described} - set(KINDS)
        expected = {"5.50.0": {"description"}, "6.31.0": {"description", "oauth_token"}}
        assert only_in_info == expected.get(release, set())


def respelt(type_: str) -> str:
    """A Python type in today's spelling: servers write `Dict(`, `List[` and `Tuple[` before 5.50, and
    spell some files out before 6."""
    type_ = type_.replace("Literal['1', '2']", "Literal[1, 2]")  # servers write all choices as texts
    type_ = type_.replace("Dict[Any, Any]", "str | float | bool | list | dict")
    for word in ("Dict", "List", "Tuple"):
        type_ = type_.replace(word, word.lower())
    note = r"( \([^)]*\))?"
    fields = f"url: [^,]*, size: [^,]*, orig_name: [^,]*, mime_type: str \\| None{note}"
    later_fields = rf"(, is_stream: bool{note})?(, meta: dict\([^()]*\))?"
    return re.sub(rf"dict\(path: str( \| None)?{note}, {fields}{later_fields}\)", "filepath", type_)


def without_urls(value: Any) -> Any:
    if isinstance(value, list):
        return [without_urls(item) for item in value]
    if isinstance(value, dict):
        return {key: without_urls(item) for key, item in value.items() if key != "url"}
    return value


class TestDeriveInfo:
    def config(self, *dependencies: dict[str, Any], **fields: Any) -> dict[str, Any]:
        components = [
            {"id": 1, "type": "textbox", "props": {"label": "Text"}, "api_info": {"type": "string"}}
        ]
        listed = [
            {"backend_fn": True, "inputs": [1], "outputs": [1], **dependency} for dependency in dependencies
        ]
        return {"components": components, "dependencies": listed, **fields}

    @pytest.mark.parametrize(
        "fields",
        [{"api_name": False}, {"show_api": False}, {"api_visibility": "private"}, {"backend_fn": False}],
    )
    def test_endpoints_a_server_would_not_list_are_left_out(self, fields: dict[str, Any]) -> None:
        assert names(derive_info(self.config({"api_name": "run", **fields}, {"api_name": "shown"}))) == [
            "/shown"
        ]

    def test_endpoints_without_a_name_stand_under_their_number(self) -> None:
        info = derive_info(self.config({"api_name": None}, {"id": 7}))
        assert list(info["unnamed_endpoints"]) == ["0", "7"]

    def test_unnamed_parts_of_an_interface_are_left_out(self) -> None:
        assert names(derive_info(self.config({"api_name": None}, mode="interface"))) == []

    def test_the_first_of_two_endpoints_of_one_name_counts(self) -> None:
        info = derive_info(self.config({"api_name": "run"}, {"api_name": "run", "inputs": []}))
        assert len(info["named_endpoints"]["/run"]["parameters"]) == 1

    def test_endpoints_of_unlisted_components_are_left_out(self) -> None:
        assert names(derive_info(self.config({"api_name": "run", "inputs": [1, 2]}))) == []

    def test_the_schemas_of_gradio_3_are_unwrapped(self) -> None:
        config = self.config({"api_name": "run"})
        config["components"][0]["api_info"] = {"info": {"type": "string"}, "serialized_info": False}
        config["components"][0]["example_inputs"] = {"raw": "r", "serialized": "s"}
        parameter = derive_info(config)["named_endpoints"]["/run"]["parameters"][0]
        assert parameter["type"] == {"type": "string"}
        assert parameter["python_type"]["type"] == "str"
        assert parameter["example_input"] == "s"

    @pytest.mark.parametrize(
        ("label", "text"),
        [
            ('__i18n__{"__type__": "translation_metadata", "key": "name"}', "name"),
            (5, "5"),
            ("", ""),
            (None, "parameter_1"),
        ],
    )
    def test_labels_of_any_kind(self, label: Any, text: str) -> None:
        config = self.config({"api_name": "run"})
        config["components"] = [{"id": 1, "type": "textbox", "props": {"label": label}}]
        (parameter,) = derive_info(config)["named_endpoints"]["/run"]["parameters"]
        assert parameter["label"] == text

    def test_components_without_label_or_schema(self) -> None:
        config = self.config({"api_name": "run"})
        config["components"] = [{"id": 1, "type": "custom"}]
        described = derive_info(config)["named_endpoints"]["/run"]
        assert described["parameters"][0]["label"] == "parameter_1"
        assert described["returns"] == [
            {
                "label": "value_1",
                "type": None,
                "python_type": {"type": "Any", "description": ""},
                "component": "Custom",
            }
        ]

    def test_the_config_is_not_changed(self) -> None:
        raw = load("6.31.0", "config.json")
        derive_info(raw)
        assert raw == load("6.31.0", "config.json")

    @settings(deadline=None)
    @given(
        dependencies=st.lists(
            st.fixed_dictionaries(
                {
                    "backend_fn": st.just(True),
                    "inputs": st.lists(small),
                    "outputs": st.lists(small) | json_values,
                },
                optional={"api_name": st.text(max_size=3) | json_values, "id": json_values},
            )
            | json_values
        )
        | json_values,
        components=st.lists(
            st.fixed_dictionaries(
                {"id": small},
                optional=dict.fromkeys(("type", "props", "api_info", "skip_api"), json_values),
            )
            | json_values
        )
        | json_values,
    )
    def test_any_json_gives_an_info(self, dependencies: Any, components: Any) -> None:
        info = derive_info({"dependencies": dependencies, "components": components})
        assert clean_info(info) == info

    @pytest.mark.parametrize("raw", [None, [], {}, {"dependencies": None}])
    def test_garbage_gives_an_empty_info(self, raw: Any) -> None:
        assert derive_info(raw) == {"named_endpoints": {}, "unnamed_endpoints": {}}

    @pytest.mark.parametrize("key", ["inputs", "outputs"])
    @pytest.mark.parametrize("props", [{"label": "x" * 10**6}, {"label": "a", "value": ["x" * 10**6]}])
    def test_a_large_component_that_is_named_again_and_again_is_refused(self, key: str, props: Any) -> None:
        schema = {"type": "object", "properties": {props["label"]: {"type": "string"}}}
        component = {"id": 1, "type": "textbox", "props": props, "api_info": {**schema, "d": props}}
        dependency = {"backend_fn": True, "api_name": "f", "inputs": [], "outputs": [], key: [1]}
        config = {"components": [component], "dependencies": [dependency]}
        assert len(derive_info(config)["named_endpoints"]) == 1
        dependency[key] = [1] * 200
        with pytest.raises(ProtocolError, match="so often"):
            derive_info(config)


@pytest.mark.parametrize(
    ("label", "name"), [("Your Name!", "your_name"), ("Größe (cm)", "größe_cm"), (None, "none"), ("", "")]
)
def test_a_label_becomes_a_parameter_name(label: Any, name: str) -> None:
    assert sanitize_parameter_names(label) == name
