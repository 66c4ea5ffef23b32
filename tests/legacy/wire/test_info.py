"""The samples are those of `tests/apps/file_app_v3.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

import pytest
from app_of import dialect_for
from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.app.listing import render
from gradio_client_lite.legacy.wire.info import derive_v3_info
from gradio_client_lite.wire.config import parse_config
from gradio_client_lite.wire.schema import contains_file
from gradio_client_lite.wire.urls import Routes

SAMPLES = Path(__file__).parents[2] / "samples"
RELEASES = ["3.23.0", "3.35.2", "3.50.2"]
ROUTES = Routes("http://127.0.0.1:7860/")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "type", "props", "label", "value", "choices", "serializer", "api_info"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


def sample(name: str) -> Any:
    return json.loads((SAMPLES / name).read_text(encoding="utf-8"))


def derived(release: str) -> Dict[str, Any]:
    config = sample(f"v3_config_{release}.json")
    return derive_v3_info(config, ROUTES, dialect_for(release).file_route)["named_endpoints"]  # type: ignore[no-any-return]


def described(*components: Dict[str, Any]) -> List[Dict[str, Any]]:
    """The parameters of a function with these components."""
    numbered = [{"id": id_, **component} for id_, component in enumerate(components)]
    dependency = {"inputs": list(range(len(numbered))), "outputs": [], "backend_fn": True, "api_name": "run"}
    config = {"version": "3.50.2", "components": numbered, "dependencies": [dependency]}
    info = derive_v3_info(config, ROUTES, "file=")
    return info["named_endpoints"]["/run"]["parameters"]  # type: ignore[no-any-return]


def component(type_: str, **props: Any) -> Dict[str, Any]:
    return {"type": type_, "props": props}


def names(*labels: str) -> List[str]:
    return [
        parameter["parameter_name"]
        for parameter in described(*[component("textbox", label=label) for label in labels])
    ]


def types(release: str, endpoint: str) -> List[str]:
    found = derived(release)[endpoint]
    return [item["python_type"]["type"] for item in [*found["parameters"], *found["returns"]]]


class TestRecordedConfigs:
    @pytest.mark.parametrize("release", ["3.35.2", "3.50.2"])
    def test_endpoints_labels_and_components_are_those_of_the_server_s_info(self, release: str) -> None:
        told = sample(f"v3_info_{release}.json")
        info = derive_v3_info(sample(f"v3_config_{release}.json"), ROUTES, dialect_for(release).file_route)
        for group, endpoints in info.items():
            for endpoint in endpoints.values():
                for kind in ("parameters", "returns"):
                    items = endpoint[kind]
                    endpoint[kind] = [{key: item[key] for key in ("label", "component")} for item in items]
            assert endpoints == told[group]

    @pytest.mark.parametrize("release", RELEASES)
    @pytest.mark.parametrize(
        ("endpoint", "expected"),
        [
            ("/file", ["filepath", "filepath"]),
            ("/files", ["list[filepath]", "list[filepath]"]),
            ("/directory", ["list[filepath]", "list[filepath]"]),
            ("/sketch", ["dict(image: filepath, mask: filepath)", "filepath", "filepath"]),
            ("/audio", ["filepath", "filepath"]),
            ("/video", ["dict(video: filepath, subtitles: filepath | None)"] * 2),
            ("/gallery", ["list[filepath]", "list[dict(image: filepath, caption: str | None)]"]),
            ("/json", ["str | float | bool | list | dict"] * 2),
            ("/dataframe", ["dict(headers: list[str], data: list[list[Any]])"] * 2),
            ("/count", ["float", "float"]),
            ("/code", ["str", "str"]),
            ("/update", ["str"]),
        ],
    )
    def test_types_are_those_of_what_callers_pass_and_get(
        self, release: str, endpoint: str, expected: List[str]
    ) -> None:
        assert types(release, endpoint) == expected

    @pytest.mark.parametrize("release", RELEASES)
    def test_every_parameter_of_a_function(self, release: str) -> None:
        parameters = derived(release)["/described"]["parameters"]
        assert [
            (item["parameter_name"], item["python_type"]["type"], item["parameter_default"])
            for item in parameters
        ] == [
            ("your_name", "str", "Ann"),
            ("how_many", "float", 3),
            ("how_many_1", "float", 4),
            ("param_3", "bool", False),
            ("class_", "Literal['a', 'b']", None),
            ("param_5", "list[Literal['c', 'd']]", ["c"]),
            ("param_6", "Literal['e', 'f']", "e"),
            ("group", "list[Literal['g', 'h']]", ["h"]),
            ("colour", "str", "#aabbcc"),
        ]
        assert [item["parameter_has_default"] for item in parameters].index(False) == 4

    @pytest.mark.parametrize("release", RELEASES)
    def test_a_file_default_can_be_passed_on(self, release: str) -> None:
        (parameter,) = derived(release)["/default"]["parameters"]
        default = parameter["parameter_default"]
        assert default["url"].startswith("http://127.0.0.1:7860/file=/tmp/gradio/")
        assert default["meta"] == {"_type": "gradio.FileData"}
        assert contains_file(parameter["type"])

    @pytest.mark.parametrize("release", RELEASES)
    def test_it_can_be_shown(self, release: str) -> None:
        config = sample(f"v3_config_{release}.json")
        text = render(derive_v3_info(config, ROUTES, dialect_for(release).file_route))
        assert (
            "predict(your_name, how_many, how_many_1, param_3, class_, param_5, param_6, group, colour, "
            in text
        )
        assert "base64" not in text

    @pytest.mark.parametrize("release", RELEASES)
    def test_configs_are_understood(self, release: str) -> None:
        spec = parse_config(sample(f"v3_config_{release}.json"), "http://127.0.0.1:7860/")
        assert str(spec.version) == release
        assert spec.protocol == "ws"
        by_name = {endpoint.api_name: endpoint for endpoint in spec.endpoints.values()}
        assert [endpoint.fn_index for endpoint in spec.endpoints.values()] == list(range(len(spec.endpoints)))
        assert by_name["/direct"].queue is False
        assert [item.is_state for item in by_name["/count"].inputs] == [True, False]
        assert [item.skip for item in by_name["/count"].outputs] == [True, False]


class TestNames:
    def test_they_come_from_labels(self) -> None:
        assert names("Your Name!", "Größe (cm)") == ["your_name", "größe_cm"]

    def test_each_is_there_once(self) -> None:
        assert names("a", "a", "a_1", "a") == ["a", "a_1", "a_1_1", "a_2"]

    def test_a_label_without_a_name_in_it(self) -> None:
        assert names("???", "2nd", "", "parameter_7") == ["param_0", "param_1", "param_2", "param_3"]

    def test_what_python_or_predict_has_already(self) -> None:
        assert names("class", "api_name", "Headers") == ["class_", "api_name_", "headers_"]

    def test_no_label(self) -> None:
        assert described(component("textbox"))[0]["parameter_name"] == "param_0"

    def test_state_counts_but_has_no_name(self) -> None:
        assert [item["parameter_name"] for item in described(component("state"), component("number"))] == [
            "param_1"
        ]


class TestDefaults:
    @pytest.mark.parametrize(
        ("type_", "value", "has_default"),
        [("textbox", "", False), ("textbox", "a", True), ("label", {}, False), ("checkbox", False, True)],
    )
    def test_what_nobody_has_entered_is_none(self, type_: str, value: Any, has_default: bool) -> None:
        assert described(component(type_, value=value))[0]["parameter_has_default"] is has_default

    def test_an_image_is_shown_without_its_content(self) -> None:
        url = "data:image/png;base64," + "A" * 1000
        (parameter,) = described(component("image", value=url))
        assert parameter["parameter_default"]["url"] == url
        text = render({"named_endpoints": {"/run": {"parameters": [parameter], "returns": []}}})
        assert 'defaults to:   handle_file("data:image/png;base64,AAAA' in text
        assert "A" * 30 not in text

    def test_values_have_the_form_of_arguments(self) -> None:
        (parameter,) = described(component("highlightedtext", value=[["a", "b"]]))
        assert parameter["parameter_default"] == [{"token": "a", "class_or_confidence": "b"}]


class TestTypes:
    def test_custom_values_are_any_text(self) -> None:
        (parameter,) = described(component("dropdown", choices=["a"], allow_custom_value=True))
        assert parameter["python_type"]["type"] == "str"

    def test_choices_that_have_a_name_and_a_value(self) -> None:
        (parameter,) = described(component("radio", choices=[["One", "1"], ["Two", "2"]]))
        assert parameter["python_type"]["type"] == "Literal['1', '2']"

    def test_a_derived_component(self) -> None:
        (parameter,) = described({**component("mycamera"), "serializer": "ImgSerializable"})
        assert parameter["python_type"]["type"] == "filepath"

    def test_an_unknown_component_is_what_the_config_says(self) -> None:
        api_info = {"info": {"type": "integer"}, "serialized_info": False}
        known, unknown = described({**component("new"), "api_info": api_info}, component("newer"))
        assert known["python_type"]["type"] == "int"
        assert unknown["python_type"]["type"] == "Any"


@given(st.lists(json_values, max_size=4), st.lists(st.integers(0, 3), max_size=3))
def test_any_config_can_be_described(components: List[Any], inputs: List[int]) -> None:
    dependency = {"inputs": inputs, "outputs": inputs, "backend_fn": True, "api_name": "run"}
    config = {"components": components, "dependencies": [dependency]}
    render(derive_v3_info(config, ROUTES, "file="))
