from __future__ import annotations

from typing import Any, List

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gradio_client_lite.legacy.wire.values import (
    argument_kinds,
    carriage,
    encode,
    kind_of_type,
    reshapes_any,
    takes_v3_files,
    uploaded_file,
)
from gradio_client_lite.wire.config import EndpointSpec, parse_config
from gradio_client_lite.wire.filedata import new_meta

KINDS = ["annotatedimage", "chatbot", "dataframe", "file", "gallery", "highlightedtext", "image", "json", ""]
SENT = {"name": "/tmp/a.png", "data": None, "is_file": True, "orig_name": "a.png", "size": 3}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["image", "caption", "annotations", "token", "file", "name", "video", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


def endpoint(*types: str) -> EndpointSpec:
    """An endpoint with one input of each type."""
    components = [{"id": id_, "type": type_, "props": {}} for id_, type_ in enumerate(types)]
    dependency = {"inputs": list(range(len(types))), "outputs": [], "backend_fn": True, "api_name": "run"}
    config = {"version": "3.50.2", "components": components, "dependencies": [dependency]}
    return parse_config(config, "http://host/").endpoints[0]


class TestKinds:
    @pytest.mark.parametrize("type_", ["file", "audio", "model3d", "uploadbutton"])
    def test_files(self, type_: str) -> None:
        assert kind_of_type(type_, "") == "file"

    def test_a_component_that_an_author_derived(self) -> None:
        assert kind_of_type("mycamera", "ImgSerializable") == "image"

    def test_a_type_wins_over_its_serializer(self) -> None:
        assert kind_of_type("gallery", "FileSerializable") == "gallery"  # as 3.23 has it

    @pytest.mark.parametrize(("type_", "serializer"), [("textbox", "StringSerializable"), ("new", "New")])
    def test_all_others_are_the_same_everywhere(self, type_: str, serializer: str) -> None:
        assert kind_of_type(type_, serializer) == ""

    def test_arguments_are_numbered_as_they_are_sent(self) -> None:
        # State is sent as None; other components outside the API get nothing.
        assert argument_kinds(endpoint("state", "image", "dataset", "video")) == ["", "image", "video"]


class TestCarriage:
    @pytest.mark.parametrize("whole", [True, False])
    @pytest.mark.parametrize("uploads", [True, False])
    def test_images_are_text(self, whole: bool, uploads: bool) -> None:
        assert carriage("image", whole=whole, uploads=uploads) == "text"

    @pytest.mark.parametrize("kind", ["file", "video", "gallery", "timeseries", ""])
    def test_other_files_are_uploaded_where_that_can_be(self, kind: str) -> None:
        assert carriage(kind, whole=True, uploads=True) == "uploaded"
        assert carriage(kind, whole=False, uploads=False) == "inline"

    @pytest.mark.parametrize("kind", ["json", "label", "dataframe", "chatbot"])
    def test_a_file_in_place_of_json_is_the_json_in_it(self, kind: str) -> None:
        assert carriage(kind, whole=True, uploads=True) == "json"
        assert carriage(kind, whole=False, uploads=True) == "uploaded"

    def test_a_file_of_the_server(self) -> None:
        assert uploaded_file("/tmp/a.png", "a.png", 3, "") == SENT
        assert uploaded_file("/tmp/a.png", "a.png", 3, "image/png")["mime_type"] == "image/png"


class TestEncode:
    @pytest.mark.parametrize(
        ("kind", "value", "encoded"),
        [
            ("video", {"video": SENT, "subtitles": None}, SENT),
            ("video", SENT, SENT),
            ("gallery", [{"image": SENT, "caption": "a"}, {"image": SENT}], [[SENT, "a"], SENT]),
            ("gallery", [SENT, [SENT, "b"]], [SENT, [SENT, "b"]]),
            (
                "annotatedimage",
                {"image": SENT, "annotations": [{"image": SENT, "label": "l"}]},
                [SENT, [[SENT, "l"]]],
            ),
            ("annotatedimage", {"image": SENT}, [SENT, []]),
            ("highlightedtext", [{"token": "a", "class_or_confidence": None}], [["a", None]]),
            ("highlightedtext", [["a", 0.5]], [["a", 0.5]]),
            (
                "chatbot",
                [["hi", {"file": SENT, "alt_text": "t"}]],
                [["hi", {"mime_type": None, **SENT, "alt_text": "t"}]],
            ),
            ("chatbot", [[SENT, None]], [[{"alt_text": None, "mime_type": None, **SENT}, None]]),
            ("image", {"image": "data:,", "mask": "data:,"}, {"image": "data:,", "mask": "data:,"}),
            ("dataframe", {"headers": ["a"], "data": [[1]]}, {"headers": ["a"], "data": [[1]]}),
        ],
    )
    def test_forms(self, kind: str, value: Any, encoded: Any) -> None:
        assert encode(value, kind) == encoded

    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            *((kind, 7) for kind in KINDS),
            ("video", {"image": SENT}),
            ("gallery", [7, {"caption": "a"}]),
            ("annotatedimage", {"image": SENT, "annotations": 7}),
            ("annotatedimage", {"mask": SENT}),
            ("chatbot", ["hi", [7, {"a": 1}]]),
        ],
    )
    def test_another_form_is_passed_on(self, kind: str, value: Any) -> None:
        assert encode(value, kind) == value

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("value", [None, {"__type__": "update", "value": [{"image": 1}]}])
    def test_nothing_and_updates_stay(self, kind: str, value: Any) -> None:
        assert encode(value, kind) is value

    @given(json_values, st.sampled_from(KINDS))
    @example({"image": None, "annotations": True}, "annotatedimage")
    def test_any_value_can_be_encoded_and_is_left_alone(self, value: Any, kind: str) -> None:
        before = repr(value)
        encode(value, kind)
        assert repr(value) == before


class TestReshapesAny:
    @pytest.mark.parametrize(
        ("types", "values", "changes"),
        [
            (("textbox", "number"), ["a", 1], False),
            (("image",), [None], False),
            (("image",), ["data:,"], False),
            (("gallery",), [[]], True),
            (("highlightedtext",), [None], False),
            (("file",), [{"path": "a", "meta": new_meta()}], False),
            (("json",), [{"deep": [{"path": "a", "meta": new_meta()}]}], False),
            ((), ["more than declared"], False),
        ],
    )
    def test_it(self, types: Any, values: List[Any], changes: bool) -> None:
        assert reshapes_any(values, endpoint(*types)) is changes


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        ("file", True),
        ("image", True),
        ("gallery", True),
        ("chatbot", True),
        ("audio", True),
        ("customcomponent", True),
        ("textbox", False),
        ("json", False),
        ("dropdown", False),
        ("dataframe", False),
    ],
)
def test_which_arguments_may_hold_files(type_: str, expected: bool) -> None:
    assert takes_v3_files(endpoint(type_), 0) is expected
    assert takes_v3_files(endpoint(type_), 1)  # one argument too many
