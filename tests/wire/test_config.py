from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradio_client_lite.errors import AuthenticationError, UnsupportedAppError
from gradio_client_lite.wire.config import AppSpec, EndpointSpec, has_page, parse_config
from gradio_client_lite.wire.dialect import Version

SAMPLES = Path(__file__).parents[1] / "samples"
RELEASES = sorted(path.name for path in SAMPLES.iterdir() if path.is_dir())
OLD_RELEASES = ["3.23.0", "3.35.2", "3.50.2", "4.0.2"]  # whose samples are of a smaller app
NEWER_RELEASES = [release for release in RELEASES if release not in OLD_RELEASES]
URL = "http://127.0.0.1:7860/"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def parse(**fields: Any) -> AppSpec:
    return parse_config({"dependencies": [], **fields}, URL)


def parse_endpoint(components: Any = (), **fields: Any) -> EndpointSpec:
    spec = parse(dependencies=[fields], components=list(components))
    return next(iter(spec.endpoints.values()))


def sample(release: str) -> AppSpec:
    return parse_config(json.loads((SAMPLES / release / "config.json").read_text(encoding="utf-8")), URL)


def named(spec: AppSpec, api_name: str) -> EndpointSpec:
    return next(endpoint for endpoint in spec.endpoints.values() if endpoint.api_name == api_name)


def test_every_release_has_samples() -> None:
    newer = ["4.16.0", "4.19.2", "4.21.0", "4.44.1", "5.0.2", "5.50.0", "6.31.0"]
    assert [*OLD_RELEASES, *newer] == RELEASES


@pytest.mark.parametrize(
    ("release", "protocol", "api_prefix", "connect_heartbeat", "max_file_size"),
    [
        ("3.23.0", "ws", "", None, None),
        ("3.35.2", "ws", "", None, None),
        ("3.50.2", "ws", "", None, None),
        ("4.0.2", "sse", "", None, None),
        ("4.16.0", "sse_v1", "", None, None),
        ("4.19.2", "sse_v2", "", None, None),
        ("4.21.0", "sse_v2.1", "", None, None),
        ("4.44.1", "sse_v3", "", True, 5_000_000),
        ("5.0.2", "sse_v3", "gradio_api/", True, 5_000_000),
        ("5.50.0", "sse_v3", "gradio_api/", True, 5_000_000),
        ("6.31.0", "sse_v3", "gradio_api/", True, 5_000_000),
    ],
)
def test_the_app_wide_fields_of_every_release(
    release: str, protocol: str, api_prefix: str, connect_heartbeat: bool | None, max_file_size: int | None
) -> None:
    spec = sample(release)
    assert spec.version == Version.parse(release)
    assert (spec.protocol, spec.api_prefix) == (protocol, api_prefix)
    assert (spec.connect_heartbeat, spec.max_file_size) == (connect_heartbeat, max_file_size)
    assert spec.has_state


@pytest.mark.parametrize("release", RELEASES)
class TestEveryRelease:
    def test_state_among_the_inputs(self, release: str) -> None:
        endpoint = named(sample(release), "/stateful")
        assert [component.is_state for component in endpoint.inputs] == [False, True, False, False]
        assert [component.skip for component in endpoint.inputs] == [False, True, False, False]
        assert [component.skip for component in endpoint.outputs] == [False, True]

    def test_types_and_labels(self, release: str) -> None:
        inputs = named(sample(release), "/typed").inputs
        assert [component.type for component in inputs] == [
            "textbox",
            "number",
            "checkbox",
            "radio",
            "slider",
        ]
        assert [component.label for component in inputs][:2] == ["Your Name!", "Number of times"]
        assert inputs[0].id == 1

    def test_flags(self, release: str) -> None:
        spec = sample(release)
        assert named(spec, "/stream").generator
        assert not named(spec, "/typed").generator
        assert named(spec, "/batched").batch
        assert not named(spec, "/typed").batch
        assert named(spec, "/direct").queue is False
        assert named(spec, "/typed").queue is not False
        assert named(spec, "/typed").backend_fn


@pytest.mark.parametrize("release", NEWER_RELEASES)
class TestNewerReleases:
    def test_which_values_hold_files(self, release: str) -> None:
        files = {
            component.type for component in named(sample(release), "/files").inputs if component.value_is_file
        }
        expected = {"file", "image", "audio", "gallery", "uploadbutton", "imageeditor", "annotatedimage"}
        assert files - {"downloadbutton"} == expected
        assert not any(component.value_is_file for component in named(sample(release), "/data").inputs)

    def test_javascript_only_functions_have_no_backend(self, release: str) -> None:
        endpoint = named(sample(release), "/js_fn")
        assert not endpoint.backend_fn

    def test_what_cancels_a_stream(self, release: str) -> None:
        spec = sample(release)
        stream = named(spec, "/stream").fn_index
        cancelling = [endpoint.cancels for endpoint in spec.endpoints.values() if stream in endpoint.cancels]
        assert cancelling == [(stream,), (stream,)]

    def test_undocumented_is_valid_and_private_is_not(self, release: str) -> None:
        spec = sample(release)
        undocumented = named(spec, "/undocumented")
        assert (undocumented.visibility, undocumented.is_valid) == ("undocumented", True)
        private = spec.endpoints[undocumented.fn_index + 1]
        assert (private.visibility, private.is_valid) == ("private", False)
        assert (named(spec, "/typed").visibility, named(spec, "/typed").is_valid) == ("public", True)


@pytest.mark.parametrize("release", OLD_RELEASES)
def test_what_old_releases_do_not_say(release: str) -> None:
    spec = sample(release)
    stream = named(spec, "/stream").fn_index
    assert [endpoint.cancels for endpoint in spec.endpoints.values() if endpoint.cancels] == [(stream,)]
    assert all(endpoint.visibility == "public" for endpoint in spec.endpoints.values() if endpoint.is_valid)
    unnamed = [endpoint for endpoint in spec.endpoints.values() if endpoint.api_name is None]
    assert bool(unnamed) is release.startswith("3.")  # from 4.0 on the function's name is the endpoint's


def test_withheld_names_are_false_before_gradio_6_and_kept_from_then_on() -> None:
    before, after = sample("5.50.0"), sample("6.31.0")
    assert before.endpoints[named(before, "/undocumented").fn_index + 1].api_name is False
    assert after.endpoints[named(after, "/undocumented").fn_index + 1].api_name == "/lambda_2"


def test_a_dependency_is_known_by_its_id_or_else_its_position() -> None:
    spec = parse(dependencies=[{"api_name": "first"}, {"id": 7, "api_name": "second"}, {"id": "x"}])
    assert {index: endpoint.api_name for index, endpoint in spec.endpoints.items()} == {
        0: "/first",
        7: "/second",
        2: None,
    }
    assert [endpoint.fn_index for endpoint in spec.endpoints.values()] == [0, 7, 2]


@pytest.mark.parametrize(
    ("fields", "visibility"),
    [
        ({}, "public"),
        ({"show_api": True}, "public"),
        ({"show_api": False}, "undocumented"),
        ({"show_api": False, "api_visibility": "public"}, "public"),
        ({"show_api": True, "api_visibility": "undocumented"}, "undocumented"),
        ({"show_api": True, "api_visibility": "private"}, "private"),
        ({"api_name": False}, "private"),
        ({"api_name": False, "api_visibility": "public"}, "private"),
        ({"api_visibility": "of a later release"}, "public"),
    ],
)
def test_visibility(fields: dict[str, Any], visibility: str) -> None:
    endpoint = parse_endpoint(**fields)
    assert endpoint.visibility == visibility
    assert endpoint.is_valid is (visibility != "private")


@pytest.mark.parametrize(("raw", "api_name"), [("run", "/run"), (None, None), (False, False), (3, None)])
def test_api_name(raw: Any, api_name: Any) -> None:
    found = parse_endpoint(api_name=raw).api_name
    assert (type(found), found) == (type(api_name), api_name)


@pytest.mark.parametrize(("raw", "queue"), [(None, None), (True, True), (False, False), ("yes", None)])
def test_queue(raw: Any, queue: bool | None) -> None:
    assert parse_endpoint(queue=raw).queue is queue


@pytest.mark.parametrize(
    ("raw", "prefix"),
    [
        (None, ""),
        ("", ""),
        ("/", ""),
        ("/gradio_api", "gradio_api/"),
        ("gradio_api/", "gradio_api/"),
        (5, ""),
    ],
)
def test_api_prefix_never_starts_with_a_slash_and_ends_with_one(raw: Any, prefix: str) -> None:
    assert parse(api_prefix=raw).api_prefix == prefix


@pytest.mark.parametrize(
    "raw",
    [
        "http://host/x",
        "a//b",
        "..",
        "a/../b",
        "./a",
        "a/%2e%2e",
        "a b",
        "a?b",
        "a#b",
        "a\\b",
        "a\r\nx: y",
        "\0",
        "@host",
        "é",
        "a" * 3_000_000,
    ],
    ids=lambda raw: raw[:12],
)
def test_api_prefix_that_leads_elsewhere_is_the_mistake_of_the_server(raw: str) -> None:
    with pytest.raises(UnsupportedAppError, match="api_prefix") as caught:
        parse(api_prefix=raw)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("raw", "size"),
    [(None, None), (10, 10), (10.0, 10), (True, None), (float("inf"), None), (float("nan"), None)],
)
def test_max_file_size(raw: Any, size: int | None) -> None:
    assert parse(max_file_size=raw).max_file_size == size


def test_a_config_that_says_little_gets_the_oldest_defaults() -> None:
    spec = parse()
    assert (spec.protocol, spec.enable_queue) == ("ws", False)
    assert spec.version == Version.parse("2.0")
    assert spec.api_prefix == ""
    assert spec.connect_heartbeat is None
    assert spec.max_file_size is None
    assert not spec.has_state


def test_an_unknown_component_is_a_visible_one_of_unknown_type() -> None:
    endpoint = parse_endpoint(inputs=[1, "one", None], outputs="garbage")
    assert [(component.id, component.type) for component in endpoint.inputs] == [
        (1, "unknown"),
        (-1, "unknown"),
        (-1, "unknown"),
    ]
    assert not any(component.skip or component.is_state for component in endpoint.inputs)
    assert endpoint.outputs == ()


@pytest.mark.parametrize("type_", ["state", "row", "tabitem", "dataset", "sidebar"])
def test_components_that_do_not_say_are_skipped_by_type(type_: str) -> None:
    assert parse_endpoint([{"id": 1, "type": type_}], inputs=[1]).inputs[0].skip


def test_what_a_component_says_of_skipping_wins_over_its_type() -> None:
    components = [
        {"id": 1, "type": "button", "skip_api": True},
        {"id": 2, "type": "state", "skip_api": False},
    ]
    assert [component.skip for component in parse_endpoint(components, inputs=[1, 2]).inputs] == [True, False]


def test_state_anywhere_in_the_app_is_noticed() -> None:
    assert parse(components=[{"id": 1, "type": "state"}]).has_state


@pytest.mark.parametrize("raw", [None, [], "<html>", 3, {}, {"dependencies": {}}, {"error": "not found"}])
def test_what_is_no_config_is_refused_by_name(raw: Any) -> None:
    with pytest.raises(UnsupportedAppError, match=r"http://host/app is not a Gradio app"):
        parse_config(raw, "http://user:pass@host/app?__sign=token#part")


def test_secrets_in_the_url_stay_out_of_the_error() -> None:
    with pytest.raises(UnsupportedAppError) as caught:
        parse_config(None, "http://user:pass@host/app?__sign=token")
    assert "pass" not in str(caught.value)
    assert "token" not in str(caught.value)


def test_gradio_2_is_refused_in_the_words_of_the_official_client() -> None:
    with pytest.raises(UnsupportedAppError) as caught:
        parse_config({"allow_flagging": "never", "dependencies": []}, URL)
    assert str(caught.value) == (
        "Gradio 2.x is not supported by this client. Please upgrade your Gradio app to Gradio 3.x or higher."
    )


def test_the_stub_shown_before_login_asks_for_credentials() -> None:
    with pytest.raises(AuthenticationError, match="credentials were not provided"):
        parse_config({"auth_required": True, "auth_message": None, "root": ""}, URL)


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        (None, False),
        ("a", False),
        ([["", "Home"]], False),
        ([["", "Home"], ["a", "A"]], True),
        (["a"], False),
    ],
)
def test_which_pages_an_app_has(pages: Any, expected: bool) -> None:
    assert has_page({"pages": pages}, "a") is expected


small = st.integers(0, 3)
dependencies = st.fixed_dictionaries(
    {"inputs": st.lists(small), "outputs": st.lists(small | json_values) | json_values},
    optional=dict.fromkeys(
        ["id", "api_name", "cancels", "types", "queue", "batch", "api_visibility", "show_api", "backend_fn"],
        json_values,
    ),
)
components = st.fixed_dictionaries(
    {"id": small}, optional=dict.fromkeys(["type", "props", "skip_api", "api_info"], json_values)
)


@settings(deadline=None)
@given(
    top=st.dictionaries(
        st.sampled_from(["version", "protocol", "connect_heartbeat", "max_file_size"]),
        json_values,
    ),
    dependencies=st.lists(dependencies | json_values, max_size=4),
    components=st.lists(components | json_values, max_size=4) | json_values,
)
def test_malformed_fields_never_raise(top: Any, dependencies: Any, components: Any) -> None:
    spec = parse_config({**top, "dependencies": dependencies, "components": components}, URL)
    assert all(spec.endpoints[index].fn_index == index for index in spec.endpoints)


def test_the_config_is_not_changed() -> None:
    text = (SAMPLES / "6.31.0" / "config.json").read_text(encoding="utf-8")
    raw = json.loads(text)
    parse_config(raw, URL)
    assert raw == json.loads(text)


@pytest.mark.parametrize(
    ("pages", "there"),
    [([["", "Home", True], ["about", "About"]], True), ([["other"]], False), (None, False)],
)
def test_a_page_is_looked_up_by_its_name(pages: Any, there: bool) -> None:
    assert has_page({"pages": pages}, "about") == there
