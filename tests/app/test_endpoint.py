from __future__ import annotations

from typing import Any, Dict, List, Optional

import pytest

from gradio_client_lite.app.endpoint import Endpoint, find_endpoint
from gradio_client_lite.errors import ArgumentError, ProtocolError, UnknownEndpointError
from gradio_client_lite.secrecy import Secrets
from gradio_client_lite.wire.config import parse_config

COMPONENTS: List[Dict[str, Any]] = [
    {"id": 1, "type": "textbox", "props": {}, "skip_api": False},
    {"id": 2, "type": "number", "props": {}, "skip_api": False},
    {"id": 3, "type": "state", "props": {}, "skip_api": True},
    {"id": 4, "type": "button", "props": {}, "skip_api": True},
]
TEXT, NUMBER, STATE, BUTTON = 1, 2, 3, 4


def dependency(**fields: Any) -> Dict[str, Any]:
    return {"api_name": "echo", "backend_fn": True, "inputs": [TEXT], "outputs": [TEXT], **fields}


def endpoints(*dependencies: Dict[str, Any], info: Optional[Dict[str, Any]] = None) -> Dict[int, Endpoint]:
    """The endpoints of an app with these functions; asking for its description fails without `info`."""
    config = {"version": "6.31.0", "components": COMPONENTS, "dependencies": list(dependencies)}

    def describe() -> Dict[str, Any]:
        assert info is not None, "the description was asked for"
        return info

    spec = parse_config(config, "http://host/")
    return {index: Endpoint(found, describe) for index, found in spec.endpoints.items()}


def endpoint(info: Optional[Dict[str, Any]] = None, **fields: Any) -> Endpoint:
    return endpoints(dependency(id=0, **fields), info=info)[0]


def described(*names: str, **more: Any) -> Dict[str, Any]:
    parameters = [{"parameter_name": name, "parameter_has_default": False} for name in names]
    return {"named_endpoints": {"/echo": {"parameters": parameters, **more}}, "unnamed_endpoints": {}}


# --- finding


def test_name_finds_the_first_of_its_kind() -> None:
    found = endpoints(dependency(id=5), dependency(id=6), dependency(id=7, api_name="other"))
    assert find_endpoint(found, "/echo", None).fn_index == 5


def test_name_wins_over_the_number() -> None:
    found = endpoints(dependency(id=5), dependency(id=7, api_name="other"))
    assert find_endpoint(found, "/other", 5).fn_index == 7


def test_number_is_the_id_not_the_position() -> None:
    found = endpoints(dependency(id=5), dependency(id=0, api_name="other"))
    assert find_endpoint(found, None, 0).api_name == "/other"
    assert find_endpoint(found, None, 5).api_name == "/echo"


def error_of(found: Dict[int, Endpoint], api_name: Optional[str] = None, fn_index: Any = None) -> str:
    with pytest.raises(UnknownEndpointError) as caught:
        find_endpoint(found, api_name, fn_index)
    return str(caught.value)


def named(*names: Any, **fields: Any) -> Dict[int, Endpoint]:
    """An app with endpoints of these names, numbered from 0."""
    return endpoints(*(dependency(id=index, api_name=name, **fields) for index, name in enumerate(names)))


def test_missing_slash_is_suggested() -> None:
    assert error_of(named("echo", "add"), "echo") == (
        "Cannot find a function with `api_name`: echo. Did you mean to use a leading slash?"
    )


def test_names_like_an_unknown_one_are_suggested_and_all_are_listed() -> None:
    assert error_of(named("add", "echo", "echo_1"), "/ecko") == (
        "Cannot find a function with `api_name`: /ecko. Did you mean /echo or /echo_1? The app has /add, "
        "/echo, /echo_1; client.view_api() describes them."
    )


def test_name_that_lacks_its_slash_too_is_still_understood() -> None:
    assert "`api_name`: ecko. Did you mean /echo? The app has" in error_of(named("echo"), "ecko")


def test_name_like_no_other_leaves_the_list() -> None:
    assert error_of(named("echo"), "/nope") == (
        "Cannot find a function with `api_name`: /nope. The app has /echo; client.view_api() describes them."
    )
    assert "nope. Did you mean to use a leading slash? The app has" in error_of(named("echo"), "nope")


def test_what_is_not_public_is_neither_suggested_nor_listed() -> None:
    found = {
        **named("echo_0", show_api=False),
        1: named("echo_1", api_visibility="private")[0],
        2: named("echo_2", backend_fn=False)[0],
        3: named(None)[0],
    }
    assert error_of(found, "/echo") == (
        "Cannot find a function with `api_name`: /echo. The app has none with a name; client.view_api() "
        "describes those that it has."
    )


def test_long_list_is_cut() -> None:
    text = error_of(named(*(f"f{number}" for number in range(12))), "/other")
    assert "/f8, /f9 and 2 more; client" in text


def test_names_of_any_kind_are_shown_in_bounded_text_that_harms_no_terminal() -> None:
    text = error_of(named("\x1b]0;echo", "a" * 5000, *map(str, range(1000))), "/\u202eecho")
    assert "'/\\x1b]0;echo'" in text
    assert "\x1b" not in text
    assert len(text) <= 2000


def test_hidden_texts_are_in_no_list() -> None:
    spec = endpoint(api_name="s3cret").spec
    assert "s3cret" not in error_of({0: Endpoint(spec, dict, Secrets("s3cret"))}, "/s3cre")


def test_unknown_number_is_named() -> None:
    assert error_of(named("echo", None, "add"), fn_index=9) == (
        "Invalid function index: 9. The app has 0 (/echo), 2 (/add); client.view_api() describes them."
    )


def test_what_is_no_number_is_no_endpoint() -> None:
    wrong: Any = [0]
    with pytest.raises(UnknownEndpointError, match=r"Invalid function index: \[0\]\."):
        find_endpoint(endpoints(dependency(id=0)), None, wrong)


def test_the_one_public_endpoint_needs_no_name() -> None:
    found = endpoints(
        dependency(id=0, api_name=False),
        dependency(id=1, api_name="js", backend_fn=False),
        dependency(id=2, api_name="hidden", show_api=False),
        dependency(id=3, api_name="private", api_visibility="private"),
        dependency(id=4, api_name=None),
        dependency(id=5),
    )
    assert find_endpoint(found, None, None).fn_index == 5


@pytest.mark.parametrize("count", [0, 2])
def test_none_or_several_public_endpoints_need_a_name(count: int) -> None:
    found = endpoints(*(dependency(id=index) for index in range(count)))
    with pytest.raises(UnknownEndpointError, match=r"^This Gradio app might have multiple endpoints\. Pleas"):
        find_endpoint(found, None, None)


@pytest.mark.parametrize("private", [{"api_name": False}, {"api_visibility": "private"}])
def test_private_endpoint_cannot_be_called(private: Dict[str, Any]) -> None:
    found = endpoints(dependency(id=0, **private))
    with pytest.raises(UnknownEndpointError):
        find_endpoint(found, None, 0)
    with pytest.raises(UnknownEndpointError):
        find_endpoint(found, "/echo", None)


@pytest.mark.parametrize("undocumented", [{"show_api": False}, {"api_visibility": "undocumented"}])
def test_undocumented_endpoint_can_be_called_by_name(undocumented: Dict[str, Any]) -> None:
    found = endpoints(dependency(id=0, **undocumented))
    assert find_endpoint(found, "/echo", None).fn_index == 0


# --- arguments


def test_full_set_of_positional_arguments_needs_no_description() -> None:
    assert endpoint(inputs=[TEXT, NUMBER]).arguments(("a", 1), {}) == ["a", 1]


def test_function_without_inputs_needs_no_description() -> None:
    assert endpoint(inputs=[]).arguments((), {}) == []


def test_state_is_sent_as_none_in_its_place() -> None:
    assert endpoint(inputs=[STATE, TEXT, STATE, NUMBER]).arguments(("a", 1), {}) == [None, "a", None, 1]


def test_state_does_not_shift_named_arguments() -> None:
    called = endpoint(described("text", "number"), inputs=[TEXT, STATE, NUMBER])
    assert called.arguments((), {"number": 1, "text": "a"}) == ["a", None, 1]


def test_other_skipped_inputs_get_nothing_of_their_own() -> None:
    assert endpoint(inputs=[TEXT, BUTTON]).arguments(("a",), {}) == ["a"]


def test_surplus_positional_arguments_pass_through() -> None:
    assert endpoint(inputs=[TEXT]).arguments(("a", "b"), {}) == ["a", "b"]


def test_missing_argument_is_refused() -> None:
    with pytest.raises(ArgumentError, match="required argument: number"):
        endpoint(described("text", "number"), inputs=[TEXT, NUMBER]).arguments(("a",), {})


def test_endpoint_without_a_description_takes_what_it_gets() -> None:
    empty: Dict[str, Any] = {"named_endpoints": {}, "unnamed_endpoints": {}}
    assert endpoint(empty, inputs=[TEXT, NUMBER]).arguments(("a",), {}) == ["a"]


def test_unnamed_endpoint_is_described_under_its_number() -> None:
    info = {"named_endpoints": {}, "unnamed_endpoints": {"7": described("x")["named_endpoints"]["/echo"]}}
    found = endpoints(dependency(id=7, api_name=None), info=info)[7]
    assert found.arguments((), {"x": 1}) == [1]


def test_arguments_of_the_caller_are_left_alone() -> None:
    args, kwargs = ("a",), {"number": 1}
    endpoint(described("text", "number"), inputs=[TEXT, STATE, NUMBER]).arguments(args, kwargs)
    assert (args, kwargs) == (("a",), {"number": 1})


# --- results


@pytest.mark.parametrize(
    ("outputs", "data", "expected"),
    [
        ([TEXT], ["a"], "a"),
        ([TEXT], [None], None),
        ([TEXT], [["a", "b"]], ["a", "b"]),
        ([TEXT, NUMBER], ["a", 1], ("a", 1)),
        ([], [], ()),
        ([STATE], ["kept by the server"], ()),
        ([STATE, TEXT], ["kept by the server", "a"], "a"),
        ([TEXT, BUTTON, NUMBER], ["a", "skipped", 1], ("a", 1)),
        ([TEXT], ["a", "surplus"], "a"),
        ([TEXT, STATE], ["a"], "a"),
    ],
)
def test_result_has_the_shape_of_its_outputs(outputs: List[int], data: List[Any], expected: Any) -> None:
    assert endpoint(outputs=outputs).shape(data) == expected


@pytest.mark.parametrize(("outputs", "data"), [([TEXT, NUMBER], ["a"]), ([TEXT], []), ([STATE, TEXT], ["s"])])
def test_result_without_all_its_outputs_is_none(outputs: List[int], data: List[Any]) -> None:
    with pytest.raises(ProtocolError, match="outputs of /echo"):
        endpoint(outputs=outputs).shape(data)


# --- what is known of it


def test_label_is_the_name_or_the_number() -> None:
    assert endpoint().label == "/echo"
    assert endpoint(api_name=None).label == "fn_index=0"


def test_oauth_token_is_taken_where_the_description_says_so() -> None:
    assert endpoint(described("x", oauth_token=True)).takes_oauth_token
    assert not endpoint(described("x")).takes_oauth_token


def test_repr_names_it() -> None:
    assert repr(endpoint()) == "Endpoint(api_name='/echo', fn_index=0)"


# --- what an error calls an argument


def test_an_argument_is_called_as_it_was_given_or_as_the_app_says() -> None:
    found = endpoint(described("first", "last"), inputs=[TEXT, STATE, NUMBER])
    values: List[Any] = ["a", None, ["b"]]
    assert found.argument_name(2, values, {"x": values[2]}, described=False) == "argument `x`"
    assert found.argument_name(0, values, {}, described=True) == "argument `first`"
    assert found.argument_name(2, values, {}, described=True) == "argument `last`"
    assert found.argument_name(3, [*values, "more"], {}, described=True) == "argument 3"


def test_the_description_is_not_asked_for_to_name_an_argument() -> None:
    assert endpoint().argument_name(0, ["a"], {}, described=False) == "argument 0"
