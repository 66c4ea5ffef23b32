"""Real multipage apps: the URL of any page, as a browser shows it, is that of the app."""

from __future__ import annotations

import pytest

from gradio_client_lite import Client
from gradio_client_lite.errors import AuthenticationError, UnsupportedAppError

from .servers import USER, Server

pytestmark = pytest.mark.whole

PAGES = [
    "",
    "second",
    "second/",
    "second?__theme=dark",
    "second/?view=api#top",
    "third~page",
    "third%7Epage/",
]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(("app", "name"), [("", "root"), ("some/app/", "mounted")])
def test_page_leads_to_its_app(pages_server: Server, app: str, name: str, page: str) -> None:
    with Client(pages_server.url + app + page, verbose=False) as client:
        assert client.src == pages_server.url + app
        assert client.predict("a", api_name="/home") == f"{name}: a"
        assert client.predict("b", api_name="/second") == f"{name}/second: b"
        assert client.predict("c", api_name="/third") == f"{name}/third~page: c"


@pytest.mark.parametrize("page", PAGES)
def test_page_of_an_app_with_a_login_is_logged_in_to_where_the_app_is(
    pages_server: Server, page: str
) -> None:
    url = pages_server.url + "locked/"
    with Client(url + page, auth=USER, verbose=False) as client:
        assert client.src == url
        assert client.predict("a", api_name="/second") == "locked/second: a"


@pytest.mark.parametrize("page", PAGES)
def test_page_of_an_app_with_a_login_says_that_it_wants_one(pages_server: Server, page: str) -> None:
    with pytest.raises(AuthenticationError, match="Please login"):
        Client(pages_server.url + "locked/" + page, verbose=False)


def test_wrong_password_for_a_page_is_one_for_its_app(pages_server: Server) -> None:
    with pytest.raises(AuthenticationError, match="Invalid credentials"):
        Client(pages_server.url + "locked/second", auth=("user", "wrong"), verbose=False)


def test_what_is_no_page_is_no_app(pages_server: Server) -> None:
    with pytest.raises(UnsupportedAppError, match="some/app/third"):
        Client(pages_server.url + "some/app/third", verbose=False)
