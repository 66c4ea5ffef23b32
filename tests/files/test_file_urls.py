"""Where a server may send the client: files, segments and redirects, from apps at every kind of address."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest
from app_of import CONFIG, app_of, component, files_of, unconnected_app
from transport.nets import Net
from transport.peers import PeerServer, Request, Script, always, answer

from gradio_client_lite import Client
from gradio_client_lite.app.app import App
from gradio_client_lite.errors import (
    ArgumentError,
    AuthenticationError,
    ForbiddenAddress,
    HTTPStatusError,
    ResponseTooLarge,
)
from gradio_client_lite.files.downloads import Downloads
from gradio_client_lite.files.handle import handle_file
from gradio_client_lite.generations import locate
from gradio_client_lite.legacy.uploads import V3Uploads
from gradio_client_lite.limits import DEFAULT_LIMITS, Limits

from .test_uploads import accept

APP = "http://app.test/"
API = "/gradio_api/"
SECRET = {"x-hf-authorization": "Bearer s3cr3t"}
OUTSIDE = "8.8.8.8"
INSIDE = ["127.0.0.2", "10.0.0.5", "169.254.169.254", "::1", "::ffff:10.0.0.5", "fe80::5", "0.0.0.0"]


def file(path: str, **fields: Any) -> Dict[str, Any]:
    return {"path": path, "meta": {"_type": "gradio.FileData"}, **fields}


def moved(location: str) -> bytes:
    return answer(b"", "302 Found", location=location)


def site(**pages: bytes) -> Script:
    """A server with these answers for paths that end so; "ok" for any other."""

    def reply(request: Request) -> bytes:
        found = [page for end, page in pages.items() if request.path.partition("?")[0].endswith(end)]
        return found[0] if found else answer()

    return always(reply)


def url_of(address: str, path: str = "") -> str:
    return f"http://[{address}]/{path}" if ":" in address else f"http://{address}/{path}"


@pytest.fixture
def net() -> Iterator[Net]:
    with contextlib.ExitStack() as stack:
        yield Net(stack)


@pytest.fixture
def fetch(net: Net, tmp_path: Path) -> Callable[..., bytes]:
    """Fetch a file of a result of an app, which has been asked for something before, as every app has."""

    def run(
        value: Any,
        file_urls: str = "public",
        src: str = APP,
        chunks: Any = None,
        limits: Limits = DEFAULT_LIMITS,
        **config: Any,
    ) -> bytes:
        transport = net.transport(src, bounded=file_urls != "any")
        app = app_of(transport, src, SECRET, **{"version": "6.19.0", **config})
        app.file_urls, app.limits = file_urls, limits
        transport.request("GET", src)
        net.dialled.clear()
        files = files_of(Downloads(app, tmp_path / "downloads", locate))
        try:
            return Path(files.fetch([value], chunks)[0]).read_bytes()
        finally:
            transport.close()

    return run


def paths(server: PeerServer) -> List[str]:
    return [request.path for request in server.requests]


# --- files and segments


@pytest.mark.parametrize("inside", INSIDE)
def test_a_public_app_names_no_file_inside(net: Net, fetch: Any, inside: str) -> None:
    net.put("app.test", OUTSIDE, script=site())
    net.put(inside, script=always(b"secret"))
    with pytest.raises(ForbiddenAddress):
        fetch(file(url_of(inside)))
    assert net.dialled == []


@pytest.mark.parametrize("inside", INSIDE)
def test_nor_does_one_of_gradio_3(net: Net, fetch: Any, inside: str) -> None:
    net.put("app.test", OUTSIDE, script=site())
    net.put(inside, script=always(b"secret"))
    with pytest.raises(ForbiddenAddress):
        fetch(file(url_of(inside)), version="3.50.2", protocol="ws", api_prefix="")
    assert net.dialled == []


@pytest.mark.parametrize("inside", INSIDE)
def test_nor_does_a_host_name_lead_there(net: Net, fetch: Any, inside: str) -> None:
    net.put("app.test", OUTSIDE, script=site())
    net.put("cdn.test", inside, script=always(b"secret"))
    with pytest.raises(ForbiddenAddress):
        fetch(file("http://cdn.test/x"))
    assert net.dialled == []


@pytest.mark.parametrize("inside", INSIDE)
@pytest.mark.parametrize("path", ["/own", "http://cdn.test/foreign"])
def test_nor_does_a_redirect_of_a_download(net: Net, fetch: Any, inside: str, path: str) -> None:
    net.put("app.test", OUTSIDE, script=site(own=moved(url_of(inside))))
    net.put("cdn.test", "9.9.9.9", script=site(foreign=moved(url_of(inside))))
    net.put(inside, script=always(b"secret"))
    with pytest.raises(ForbiddenAddress):
        fetch(file(path))
    assert set(net.dialled) <= {"9.9.9.9"}


@pytest.mark.parametrize("inside", INSIDE)
def test_nor_does_a_stream(net: Net, fetch: Any, inside: str) -> None:
    net.put("app.test", OUTSIDE, script=site())
    net.put(inside, script=always(b"secret"))
    with pytest.raises(ForbiddenAddress):
        fetch(file("s", url=url_of(inside), is_stream=True))
    assert net.dialled == []


@pytest.mark.parametrize("chunks", [None, {}])
@pytest.mark.parametrize("inside", INSIDE)
def test_nor_does_a_playlist(net: Net, fetch: Any, inside: str, chunks: Any) -> None:
    net.put("app.test", OUTSIDE, script=site())
    net.put(inside, script=always(b"secret"))
    with pytest.raises(ForbiddenAddress):
        fetch(file("s", url=url_of(inside, "playlist.m3u8"), is_stream=True), chunks=chunks)
    assert net.dialled == []


@pytest.mark.parametrize("inside", INSIDE)
def test_nor_does_a_segment(net: Net, fetch: Any, inside: str) -> None:
    net.put("app.test", OUTSIDE, script=site(m3u8=answer(url_of(inside, "0.aac").encode())))
    net.put(inside, script=always(b"secret"))
    with pytest.raises(ForbiddenAddress):
        fetch(file("s/playlist.m3u8", is_stream=True), chunks={})
    assert net.dialled == []


def test_a_playlist_elsewhere_names_segments_no_further_in_than_it_is(net: Net, fetch: Any) -> None:
    """Though an app on this machine may name them itself."""
    net.put("127.0.0.1", script=site())
    net.put("cdn.test", "9.9.9.9", script=site(m3u8=answer(b"http://127.0.0.2/0.aac")))
    net.put("127.0.0.2", script=always(b"inside"))
    stream = file("s", url="http://cdn.test/playlist.m3u8", is_stream=True)
    with pytest.raises(ForbiddenAddress):
        fetch(stream, src="http://127.0.0.1/", chunks={})
    own = file("s", url="http://127.0.0.2/0.aac", is_stream=True)
    assert fetch(own, src="http://127.0.0.1/", chunks={}) == b"inside"


def test_nor_does_a_playlist_that_the_app_only_redirects_to(net: Net, fetch: Any) -> None:
    net.put("app.test", "10.0.0.1", script=site(m3u8=moved("http://cdn.test/playlist.m3u8")))
    net.put("cdn.test", "9.9.9.9", script=always(b"http://10.0.0.5/0.aac"))
    inside = net.put("10.0.0.5", script=always(b"secret"))
    with pytest.raises(ForbiddenAddress):
        fetch(file("s/playlist.m3u8", is_stream=True), chunks={})
    assert inside.connections == 0


def test_a_file_elsewhere_leads_not_into_the_app(net: Net, fetch: Any) -> None:
    server = net.put("app.test", "10.0.0.1", script=always(b"inside"))
    net.put("cdn.test", "9.9.9.9", script=always(lambda _: moved(APP + "users")))
    with pytest.raises(ForbiddenAddress):
        fetch(file("http://cdn.test/x"))
    assert paths(server) == ["/"]


@pytest.mark.parametrize("named", [b"http://app.test/users", b"http://cdn.test/moved"])
def test_nor_does_a_segment_elsewhere(net: Net, fetch: Any, named: bytes) -> None:
    server = net.put("app.test", "10.0.0.1", script=always(b"inside"))
    net.put("cdn.test", "9.9.9.9", script=site(m3u8=answer(named), moved=moved(APP + "users")))
    with pytest.raises(ForbiddenAddress):
        fetch(file("s", url="http://cdn.test/playlist.m3u8", is_stream=True), chunks={})
    assert paths(server) == ["/"]


@pytest.mark.parametrize("file_urls", ["public", "any"])
def test_files_at_other_public_hosts_are_fetched(net: Net, fetch: Any, file_urls: str) -> None:
    net.put("app.test", OUTSIDE, script=site())
    net.put("cdn.test", "9.9.9.9", script=always(b"foreign"))
    assert fetch(file("http://cdn.test/x"), file_urls) == b"foreign"


@pytest.mark.parametrize("inside", ["127.0.0.2", "10.0.0.5"])
def test_an_app_on_this_machine_names_any(net: Net, fetch: Any, inside: str) -> None:
    net.put("localhost", "127.0.0.1", script=site())
    net.put(inside, script=always(b"inside"))
    assert fetch(file(url_of(inside)), src="http://localhost/") == b"inside"


@pytest.mark.parametrize("inside", ["127.0.0.2", "10.0.0.5"])
def test_any_is_any(net: Net, fetch: Any, inside: str) -> None:
    net.put("app.test", OUTSIDE, script=site())
    net.put(inside, script=always(b"inside"))
    assert fetch(file(url_of(inside)), "any") == b"inside"


def test_same_host_is_the_same_host(net: Net, fetch: Any) -> None:
    net.put("app.test", OUTSIDE, script=site(x=answer(b"own"), away=moved("http://cdn.test/x")))
    net.put("app.test", OUTSIDE, script=always(b"beside"), port=81)
    net.put("cdn.test", "9.9.9.9", script=always(b"foreign"))
    assert fetch(file("/x"), "same-host") == b"own"
    assert fetch(file("http://app.test:81/x"), "same-host") == b"beside"
    for path in ("http://cdn.test/x", "/away"):
        with pytest.raises(ForbiddenAddress, match=r"http://cdn.test/x.*file_urls='same-host'"):
            fetch(file(path), "same-host")
    assert "9.9.9.9" not in net.dialled


@pytest.mark.parametrize("file_urls", ["", "private", None, True, ["any"]])
def test_another_policy_is_the_callers_mistake(file_urls: Any) -> None:
    with pytest.raises(ArgumentError, match="file_urls must be one of 'public', 'same-host', 'any'"):
        Client("http://127.0.0.1:1", file_urls=file_urls)


# --- the app hands a file on


def test_an_app_that_hands_files_on_is_asked_first(net: Net, fetch: Any) -> None:
    server = net.put("app.test", OUTSIDE, script=always(b"handed on"))
    net.put("cdn.test", "9.9.9.9", script=always(b"foreign"))
    url = "http://cdn.test/a b.png?x=1"
    assert fetch(file(url), version="6.20.0") == b"handed on"
    assert server.requests[-1].path == API + "file=http%3A//cdn.test/a%20b.png%3Fx%3D1"
    assert server.requests[-1].headers["x-hf-authorization"] == "Bearer s3cr3t"
    assert net.dialled == []


@pytest.mark.parametrize(
    "status", ["403 Forbidden", "401 No", "429 Busy", "502 Bad Gateway", "404 Not Found"]
)
def test_where_it_does_not_the_file_is_asked_for_where_it_is(net: Net, fetch: Any, status: str) -> None:
    net.put("app.test", OUTSIDE, script=site(x=answer(b"", status)))
    other = net.put("cdn.test", "9.9.9.9", script=always(b"foreign"))
    assert fetch(file("http://cdn.test/x"), version="6.31.0") == b"foreign"
    assert "x-hf-authorization" not in other.requests[0].headers


def test_and_refused_there_when_it_is_inside(net: Net, fetch: Any) -> None:
    net.put("app.test", OUTSIDE, script=site(x=answer(b"", "403 Forbidden")))
    with pytest.raises(ForbiddenAddress):
        fetch(file("http://127.0.0.2/x"), version="6.31.0")
    assert net.dialled == []


def test_older_apps_would_only_redirect(net: Net, fetch: Any) -> None:
    server = net.put("app.test", OUTSIDE, script=site())
    net.put("cdn.test", "9.9.9.9", script=always(b"foreign"))
    assert fetch(file("http://cdn.test/x"), version="6.19.0") == b"foreign"
    assert paths(server) == ["/"]


def test_same_host_has_files_that_are_handed_on(net: Net, fetch: Any) -> None:
    net.put("app.test", OUTSIDE, script=always(b"handed on"))
    assert fetch(file("http://cdn.test/x"), "same-host", version="6.20.0") == b"handed on"


def test_files_of_an_app_that_was_loaded_come_through_its_proxy(net: Net, fetch: Any) -> None:
    server = net.put("app.test", OUTSIDE, script=always(b"proxied"))
    place = "http://space.test/file=/x"
    value = file(place, url="http://10.0.0.5:7860/proxy=" + place)
    assert fetch(value, version="4.44.1", api_prefix="") == b"proxied"
    assert paths(server) == ["/", "/proxy=http://space.test/file=/x"]


def test_what_is_asked_for_in_vain_is_told_without_its_query(net: Net, fetch: Any) -> None:
    net.put("app.test", OUTSIDE, script=always(b"0123456789"))
    with pytest.raises(ResponseTooLarge) as caught:
        fetch(file("http://cdn.test/x?sign=s3cr3t"), version="6.20.0", limits=Limits(max_download_size=9))
    assert "file=http%3A//cdn.test/x is larger" in str(caught.value)


def test_a_failure_elsewhere_is_told(net: Net, fetch: Any) -> None:
    net.put("app.test", OUTSIDE, script=site(x=answer(b"", "502 Bad Gateway")))
    net.put("cdn.test", "9.9.9.9", script=always(lambda _: answer(b"", "404 Not Found")))
    with pytest.raises(HTTPStatusError, match=r"http://cdn.test/x answered 404"):
        fetch(file("http://cdn.test/x"), version="6.31.0")


# --- redirects of the app's own requests


@pytest.fixture
def app(net: Net) -> App:
    return unconnected_app(net.transport(APP), APP, SECRET)


@pytest.mark.parametrize("inside", INSIDE)
def test_the_config_is_not_fetched_inside(net: Net, app: App, inside: str) -> None:
    net.put("app.test", OUTSIDE, script=site(config=moved(url_of(inside, "config"))))
    server = net.put(inside, script=always(json.dumps(CONFIG).encode()))
    with pytest.raises(ForbiddenAddress):
        app.connect()
    assert server.connections == 0


@pytest.mark.parametrize("inside", INSIDE)
def test_nor_is_the_page_of_old_apps(net: Net, app: App, inside: str) -> None:
    def reply(request: Request) -> bytes:
        return moved(url_of(inside)) if request.path == "/" else answer(b"", "404 Not Found")

    net.put("app.test", OUTSIDE, script=always(reply))
    server = net.put(inside, script=always(b"window.gradio_config = {}"))
    with pytest.raises(ForbiddenAddress):
        app.connect()
    assert server.connections == 0


@pytest.mark.parametrize("inside", INSIDE)
def test_nor_the_description(net: Net, app: App, inside: str) -> None:
    """It is made from the config then, as for every app whose description cannot be had."""
    pages = {"config": answer(json.dumps(CONFIG).encode()), "info": moved(url_of(inside, "info"))}
    net.put("app.test", OUTSIDE, script=site(**pages))
    server = net.put(inside, script=always(b"{}"))
    app.connect()
    assert "/f" in app.info()["named_endpoints"]
    assert server.connections == 0


@pytest.mark.parametrize("inside", INSIDE)
def test_nor_does_a_login_go_there(net: Net, app: App, inside: str) -> None:
    reply = answer(b"", "307 Temporary Redirect", location=url_of(inside, "login"))
    net.put("app.test", OUTSIDE, script=site(login=reply))
    server = net.put(inside, script=always())
    with pytest.raises(AuthenticationError):
        app.login(("user", "password"))
    assert server.connections == 0


def test_an_app_that_is_found_outside_names_nothing_inside(net: Net, tmp_path: Path) -> None:
    """Though the URL that the caller gave is of this machine."""
    src = "http://127.0.0.1/"
    net.put("127.0.0.1", script=site(config=moved("http://other.test/config")))
    net.put("other.test", OUTSIDE, script=site(config=answer(json.dumps(CONFIG).encode())))
    inside = net.put("127.0.0.2", script=always(b"secret"))
    app = unconnected_app(net.transport(src), src, SECRET)
    app.connect()
    files = files_of(Downloads(app, tmp_path, locate))
    with pytest.raises(ForbiddenAddress):
        files.fetch([file("http://127.0.0.2/x", is_stream=True)])
    assert inside.connections == 0


def test_a_login_by_way_of_another_server_comes_back(net: Net, app: App) -> None:
    def reply(request: Request) -> bytes:
        return answer(b"in") if "ticket" in request.path else moved("http://login.test/")

    net.put("app.test", "10.0.0.1", script=always(reply))
    net.put("login.test", OUTSIDE, script=always(lambda _: moved(APP + "?ticket=1")))
    assert app.transport.request("GET", APP).body == b"in"


@pytest.mark.parametrize("where", ["http://app.test:81/x", "http://cdn.test/x"])
def test_a_download_that_is_redirected_takes_no_cookies_along(
    net: Net, app: App, tmp_path: Path, where: str
) -> None:
    net.put("app.test", OUTSIDE, script=site(config=answer(json.dumps(CONFIG).encode()), x=moved(where)))
    others = [
        net.put("app.test", OUTSIDE, script=always(b"beside"), port=81),
        net.put("cdn.test", "9.9.9.9", script=always(b"foreign")),
    ]
    app.connect()
    app.transport.cookies["access-token"] = "s3cr3t"
    files_of(Downloads(app, tmp_path, locate)).fetch([file("x")])
    (request,) = [request for other in others for request in other.requests]
    assert "cookie" not in request.headers


# --- URLs of the caller's, which are fetched here for Gradio 3


@pytest.fixture
def send(net: Net) -> Callable[[str], PeerServer]:
    """Send what is at a URL to a public app of Gradio 3."""

    def run(url: str) -> PeerServer:
        server = net.put("app.test", OUTSIDE, script=always(accept))
        components = {
            "components": [component(0, "file")],
            "dependencies": [{"api_name": "f", "backend_fn": True, "inputs": [0], "outputs": []}],
        }
        fields = {"version": "3.50.2", "protocol": "ws", "api_prefix": "", **components}
        app = app_of(net.transport(APP), APP, SECRET, **fields)
        V3Uploads(app).upload([handle_file(url)], app.spec.endpoints[0], {})
        return server

    return run


@pytest.mark.parametrize("place", [*INSIDE, OUTSIDE])
def test_a_url_of_the_callers_may_be_anywhere(net: Net, send: Any, place: str) -> None:
    net.put("files.test", place, script=always(b"content"), port=81)
    assert b"content" in send("http://files.test:81/x.txt").requests[-1].body


@pytest.mark.parametrize("inside", INSIDE)
def test_but_does_not_lead_further_in(net: Net, send: Any, inside: str) -> None:
    net.put("files.test", "9.9.9.9", script=always(lambda _: moved(url_of(inside))), port=81)
    server = net.put(inside, script=always(b"secret"))
    with pytest.raises(ForbiddenAddress):
        send("http://files.test:81/x.txt")
    assert server.connections == 0
