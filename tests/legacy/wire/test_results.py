"""Tests the half of `values.py` that decodes outputs."""

from __future__ import annotations

from typing import Any, Dict

import pytest
from app_of import dialect_for
from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.legacy.wire.values import V3Results, decode, decode_default, is_v3_file, v3_location
from gradio_client_lite.wire.config import parse_config
from gradio_client_lite.wire.filedata import find_files, new_meta
from gradio_client_lite.wire.urls import Routes

ROUTES = Routes("http://host/app/")
LAST = "file="
KINDS = ["annotatedimage", "chatbot", "file", "gallery", "image", "json", "label", "video", "textbox"]
WIRE = {"name": "/tmp/a.png", "data": None, "is_file": True, "orig_name": "a.png", "size": 3}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "a", "data:", "data:image/png;base64,"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["name", "data", "is_file", "is_stream", "label", "headers", "value", "__type__"]
            ),
            inner | st.just("update"),
            max_size=4,
        )
    ),
    max_leaves=8,
)


def results(*types: str) -> V3Results:
    """Those of an endpoint with one output of each type."""
    components = [{"id": id_, "type": type_, "props": {}} for id_, type_ in enumerate(types)]
    dependency = {"inputs": [], "outputs": list(range(len(types))), "backend_fn": True, "api_name": "run"}
    config = {"version": "3.50.2", "components": components, "dependencies": [dependency]}
    return V3Results(parse_config(config, "http://host/").endpoints[0], ROUTES, LAST)


def file(path: str = "/tmp/a.png", **fields: Any) -> Dict[str, Any]:
    """The FileData for it."""
    told = {"url": None, "size": None, "orig_name": None, "mime_type": None, "is_stream": False}
    return {"path": path, **told, **fields, "meta": new_meta()}


FILE = file(size=3, orig_name="a.png")


class TestDecode:
    @pytest.mark.parametrize(
        ("kind", "value", "decoded"),
        [
            ("file", WIRE, FILE),
            ("file", [WIRE, None], [FILE, None]),
            ("file", {"name": "http://x/a.txt", "data": None, "is_file": True}, file("http://x/a.txt")),
            ("file", {"name": "s/1/2", "is_stream": True, "is_file": False}, file("s/1/2", is_stream=True)),
            ("image", "data:image/png;base64,aGk=", file("image.png", url="data:image/png;base64,aGk=")),
            ("image", "", None),
            ("image", WIRE, FILE),
            ("video", [WIRE, None], {"video": FILE, "subtitles": None}),
            ("video", [WIRE, WIRE], {"video": FILE, "subtitles": FILE}),
            ("video", WIRE, {"video": FILE, "subtitles": None}),
            ("video", [None, None], None),
            (
                "gallery",
                [WIRE, [WIRE, "b"]],
                [{"image": FILE, "caption": None}, {"image": FILE, "caption": "b"}],
            ),
            (
                "annotatedimage",
                [WIRE, [[WIRE, "l"]]],
                {"image": FILE, "annotations": [{"image": FILE, "label": "l"}]},
            ),
            (
                "chatbot",
                [["hi", {**WIRE, "alt_text": "t"}], [None, WIRE]],
                [["hi", {"file": FILE, "alt_text": "t"}], [None, {"file": FILE, "alt_text": None}]],
            ),
            ("highlightedtext", [["a", 0.5]], [{"token": "a", "class_or_confidence": 0.5}]),
            ("label", {"label": "a"}, {"label": "a", "confidences": None}),
            ("label", {}, {}),
            (
                "dataframe",
                {"headers": ["a"], "data": [[1]]},
                {"headers": ["a"], "data": [[1]], "metadata": None},
            ),
            ("timeseries", {"headers": ["a"], "data": [[1]]}, {"headers": ["a"], "data": [[1]]}),
            ("json", WIRE, WIRE),
        ],
    )
    def test_forms(self, kind: str, value: Any, decoded: Any) -> None:
        assert decode(value, kind) == decoded

    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            *((kind, 7) for kind in [*KINDS, "dataframe", "highlightedtext"]),
            ("video", [WIRE]),
            ("video", ["a.mp4", None]),
            ("annotatedimage", [WIRE, "mask"]),
            ("annotatedimage", [None, ["mask"]]),
            ("highlightedtext", [["a", 0.5], "b"]),
            ("chatbot", ["hi", [7, {}]]),
            ("file", {"name": ""}),
        ],
    )
    def test_another_form_is_passed_on(self, kind: str, value: Any) -> None:
        expected = {"image": None, "annotations": ["mask"]} if value == [None, ["mask"]] else value
        assert decode(value, kind) == expected

    @pytest.mark.parametrize(
        ("told", "name"),
        [
            ({"name": "b.txt"}, "b.txt"),
            ({"name": "tmp123", "orig_name": "b.txt"}, "b.txt"),
            ({"name": None}, "file.txt"),
        ],
    )
    def test_content_that_came_with_the_file(self, told: Dict[str, Any], name: str) -> None:
        url = "data:text/plain;base64,aGk="
        decoded = decode({**told, "data": url, "is_file": False}, "file")
        assert (decoded["path"], decoded["url"]) == (name, url)

    def test_base64_without_a_prefix(self) -> None:
        assert decode({"name": "a", "data": "aGk="}, "file")["url"] == "data:;base64,aGk="

    def test_the_value_of_an_update(self) -> None:
        update = {"__type__": "update", "value": WIRE, "label": "x"}
        assert decode(update, "file") == {**update, "value": FILE}

    @given(json_values, st.sampled_from(KINDS))
    def test_any_value_can_be_decoded_and_is_left_alone(self, value: Any, kind: str) -> None:
        before = repr(value)
        decode(value, kind)
        assert repr(value) == before


class TestV3Results:
    def test_files_have_urls_at_the_app(self) -> None:
        decoded = results("file").decode([WIRE])
        assert decoded == [{**FILE, "url": "http://host/app/file=/tmp/a.png"}]

    def test_what_looks_like_a_file_in_json_is_data(self) -> None:
        marked = {"path": "/etc/hostname", "meta": new_meta()}
        found = results("json", "file")
        decoded = found.decode([{"a": marked, "b": WIRE}, WIRE])
        assert decoded[0] == {"a": marked, "b": WIRE}
        assert [slot.top for slot in find_files(decoded, is_v3_file)[1]] == [1]

    def test_a_file_knows_what_the_server_sent(self) -> None:
        chat = [[{**WIRE, "alt_text": "a", "mime_type": "image/png"}, None]]
        decoded = results("file", "chatbot", "image", "label").decode([WIRE, chat, "data:,a", {"label": "a"}])
        files = [slot.file for slot in find_files(decoded, is_v3_file)[1]]
        assert [file.given for file in files] == [WIRE, chat[0][0], "data:,a"]
        assert results("file", "label", "video", "textbox").holders == {0, 2}

    def test_a_dict_that_the_server_marked_is_no_file(self) -> None:
        marked = {"path": "/etc/hostname", "meta": new_meta()}
        decoded = results("file", "image").decode([marked, [marked]])
        assert find_files(decoded, is_v3_file)[1] == []

    def test_outputs_that_nobody_gets_are_left_alone(self) -> None:
        assert results("state", "label").decode([WIRE, {"label": "a"}]) == [
            WIRE,
            {"label": "a", "confidences": None},
        ]

    def test_fewer_or_more_outputs_than_declared(self) -> None:
        assert results("label", "label").decode([{}]) == [{}]
        assert results().decode([WIRE]) == [WIRE]

    def test_a_default(self) -> None:
        assert decode_default(WIRE, "file", ROUTES, LAST)["url"] == "http://host/app/file=/tmp/a.png"
        assert decode_default(WIRE, "file", ROUTES, LAST).given is WIRE
        assert decode_default(WIRE, "json", ROUTES, LAST) == WIRE


class TestLocation:
    @pytest.mark.parametrize(
        ("version", "url"),
        [("3.50.2", "http://host/app/file=/tmp/a%20b"), ("3.1.7", "http://host/app/file//tmp/a%20b")],
    )
    def test_the_route_of_files(self, version: str, url: str) -> None:
        location = v3_location(file("/tmp/a b"), ROUTES, dialect_for(version).file_route)
        assert (location.url, location.name, location.own) == (url, "a b", True)

    def test_content_that_came_with_the_file(self) -> None:
        location = v3_location(file("../im/age.png", url="data:,x"), ROUTES, LAST)
        assert (location.url, location.name, location.own) == ("data:,x", "age.png", False)

    @pytest.mark.parametrize("version", ["3.50.2", "3.1.7"])
    def test_a_file_elsewhere(self, version: str) -> None:
        location = v3_location(file("http://other/file=1"), ROUTES, dialect_for(version).file_route)
        assert (location.url, location.own) == ("http://other/file=1", False)

    def test_a_stream(self) -> None:
        location = v3_location(file("hash/1/2", is_stream=True), ROUTES, LAST)
        assert location.url == "http://host/app/stream/hash/1/2"
        assert location.live
