from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gradio_client_lite import Client
from gradio_client_lite.app import options
from gradio_client_lite.app.options import (
    AppLocation,
    HttpOptions,
    check_arguments,
    check_threads,
    default_headers,
    http_options,
    locate_url,
)
from gradio_client_lite.errors import ArgumentError, CompatibilityError, InvalidSpaceId
from gradio_client_lite.transport.http import Timeout


@pytest.mark.parametrize("nothing", [None, {}])
def test_nothing_given_means_the_defaults(nothing: Any) -> None:
    assert http_options(nothing) == HttpOptions()


@pytest.mark.parametrize("given", [5, "timeout", [("timeout", 5)]])
def test_options_that_are_no_mapping_are_refused(given: Any) -> None:
    with pytest.raises(ArgumentError, match="httpx_kwargs must be a dict"):
        Client("http://127.0.0.1:1/", httpx_kwargs=given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (5, Timeout(5, 5)),
        (2.5, Timeout(2.5, 2.5)),
        (None, Timeout(None, None)),
        ((1, 2), Timeout(1, 2)),
        ((1, 2, 3, 4), Timeout(1, 2)),
        (SimpleNamespace(connect=1, read=None, write=3, pool=4), Timeout(1, None)),
    ],
)
def test_timeout_has_the_meaning_of_httpx(given: Any, expected: Timeout) -> None:
    assert http_options({"timeout": given}).timeout == expected


@pytest.mark.parametrize("given", [0, -1, "5", (1,), [1, 2]])
def test_timeout_of_the_wrong_kind_is_refused(given: Any) -> None:
    with pytest.raises(ArgumentError, match="timeout"):
        http_options({"timeout": given})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"proxy": "http://proxy:3128"}, "http://proxy:3128"),
        ({"proxies": "http://proxy:3128"}, "http://proxy:3128"),
        ({"proxies": {"https://": "http://proxy:3128"}}, {"https://": "http://proxy:3128"}),
        ({"proxy": SimpleNamespace(url="http://proxy:3128")}, "http://proxy:3128"),
        ({"proxy": None, "proxies": None}, None),
    ],
)
def test_proxy_is_taken_under_both_names(given: Any, expected: Any) -> None:
    assert http_options(given).proxies == expected


def test_proxy_under_both_names_at_once_is_refused() -> None:
    with pytest.raises(ArgumentError, match="proxy"):
        http_options({"proxy": "http://a", "proxies": "http://b"})


@pytest.mark.parametrize("pair", [("user", "pw"), ["user", "pw"]])
def test_auth_is_a_pair(pair: Any) -> None:
    assert http_options({"auth": pair}).auth == ("user", "pw")


@pytest.mark.parametrize("auth", ["secret", ("secret",), ("user", "secret", 3), (1, "secret"), object()])
def test_auth_of_another_kind_is_refused_without_quoting_it(auth: Any) -> None:
    with pytest.raises(ArgumentError, match="auth") as caught:
        http_options({"auth": auth})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["cookies", "headers"])
def test_mappings_are_copied_as_text(name: str) -> None:
    assert getattr(http_options({name: {"a": 1}}), name) == {"a": "1"}
    assert getattr(http_options({name: [("a", "b")]}), name) == {"a": "b"}


@pytest.mark.parametrize("name", ["cookies", "headers"])
def test_what_is_no_mapping_is_refused(name: str) -> None:
    with pytest.raises(ArgumentError, match=name):
        http_options({name: 5})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cert", ("a.pem", "b.pem")),
        ("verify", False),
        ("verify", "ca.pem"),
        ("trust_env", False),
        ("follow_redirects", False),
    ],
)
def test_option_is_passed_on(name: str, value: Any) -> None:
    assert getattr(http_options({name: value}), name) == value


def test_option_that_means_nothing_here_is_named() -> None:
    with pytest.raises(TypeError, match=r"http2, limits; it takes timeout, proxy"):
        http_options({"limits": 1, "timeout": 5, "http2": True})


def test_mapping_of_the_caller_is_left_alone() -> None:
    given = {"timeout": 5, "headers": {"A": "b"}}
    http_options(given)
    assert given == {"timeout": 5, "headers": {"A": "b"}}


# --- constructor arguments


@pytest.mark.parametrize("src", ["http://host", "HTTPS://host/app", " http://host ", "owner/space"])
def test_url_or_space_is_a_src(src: str) -> None:
    check_arguments(src, 40, None)


@pytest.mark.parametrize("src", [None, 3, b"http://host"])
def test_src_that_is_no_text_is_refused(src: Any) -> None:
    with pytest.raises(ArgumentError, match="src must be the URL"):
        check_arguments(src, 40, None)


@pytest.mark.parametrize("src", ["", "space", "ftp://host", "host:7860", "a/b/c", "a--b/c", "https:/host/a"])
def test_src_that_is_neither_url_nor_space_is_refused_before_anything_is_sent(src: str) -> None:
    with pytest.raises(InvalidSpaceId, match=r"src must be the name of a Space.*or the URL of an app"):
        Client(src, verbose=False)


def test_url_without_its_beginning_is_told_no_rules_for_names() -> None:
    with pytest.raises(InvalidSpaceId, match=r"beginning with http:// or https://; it is 'host:7860'\.$"):
        Client("host:7860", verbose=False)


def test_password_in_a_wrong_src_is_not_quoted() -> None:
    with pytest.raises(InvalidSpaceId) as caught:
        Client("ftp://user:secret@host/?token=secret", verbose=False)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("max_workers", [0, -1, 1.5, True, None, "4"])
def test_max_workers_must_be_a_positive_whole_number(max_workers: Any) -> None:
    with pytest.raises(ArgumentError, match="max_workers"):
        check_arguments("http://host", max_workers, None)


@pytest.mark.parametrize("name", ["stream_grace", "stream_idle_timeout"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), 1e12, True, "1", None])
def test_a_span_of_time_is_a_number_above_0(name: str, value: Any) -> None:
    options: Any = {name: value}
    with pytest.raises(ArgumentError, match=name):
        Client("http://127.0.0.1:1", verbose=False, **options)


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), True, "1"])
def test_a_timeout_is_a_number_above_0_or_none(value: Any) -> None:
    with pytest.raises(ArgumentError, match="timeout"):
        Client("http://127.0.0.1:1", verbose=False, timeout=value)


@pytest.mark.parametrize("auth", ["secret", ("secret",), ("a", "b", "secret"), 3])
def test_auth_must_be_a_pair(auth: Any) -> None:
    with pytest.raises(ArgumentError, match="auth") as caught:
        check_arguments("http://host", 1, auth)
    assert "secret" not in str(caught.value)


# --- where the app is


def test_a_location_shows_no_password() -> None:
    location = AppLocation("https://user:pw@host/app", "t", "owner/space")
    assert location.url == "https://user:pw@host/app/"
    assert repr(location) == "<AppLocation owner/space>"
    assert repr(AppLocation("https://user:pw@host/app", "t")) == "<AppLocation https://host/app/>"


def test_app_given_by_url_is_nothing_to_look_for_again() -> None:
    location = locate_url("http://host", " t ")
    assert location is not None
    assert (location.url, location.token, location.space_id) == ("http://host/", "t", None)
    assert location.look_again() is False


@pytest.mark.parametrize(
    ("src", "token"),
    [
        ("owner/space", None),
        ("owner/space", "t"),
        ("http://host", True),
        ("https://owner-space.hf.space", None),
        ("https://OWNER-space.HF.space", " "),
        ("https://host/hf.space", None),  # who reads the saved token looks closer
    ],
)
def test_names_and_saved_tokens_are_questions_for_the_hub(src: str, token: Any) -> None:
    assert locate_url(src, token) is None


@pytest.mark.parametrize("token", [False, "t"])
def test_url_of_a_space_with_a_token_or_without_is_no_question(token: Any) -> None:
    location = locate_url("https://owner-space.hf.space", token)
    assert location is not None
    assert location.token == (token or None)


# --- headers of every request


def test_default_headers_name_the_client() -> None:
    headers = default_headers(None, HttpOptions(), None)
    assert set(headers) == {"user-agent", "x-gradio-user"}
    assert headers["x-gradio-user"] == "api"
    assert headers["user-agent"].startswith("gradio_client_lite/")


@pytest.mark.parametrize("token", [None, "", "  ", True, False])
def test_no_token_no_header(token: Any) -> None:
    assert "x-hf-authorization" not in default_headers(token, HttpOptions(), None)


def test_token_is_sent_as_the_hub_expects() -> None:
    assert default_headers(" hf_x\n", HttpOptions(), None)["x-hf-authorization"] == "Bearer hf_x"


def test_headers_of_the_caller_win_in_any_case() -> None:
    options = HttpOptions(headers={"User-Agent": "one", "X-A": "1"})
    headers = default_headers("hf_x", options, {"USER-AGENT": "two", "X-HF-Authorization": "mine"})
    assert {name.lower(): value for name, value in headers.items()} == {
        "user-agent": "two",
        "x-a": "1",
        "x-gradio-user": "api",
        "x-hf-authorization": "mine",
    }
    assert len(headers) == 4


def test_interpreter_without_threads_is_refused_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check_threads()
    monkeypatch.setattr(options, "why_no_thread", lambda: "thread is not supported")
    with pytest.raises(CompatibilityError, match=r"no threads.*\(thread is not supported\).*allow_threads=1"):
        Client("http://127.0.0.1:1/")
