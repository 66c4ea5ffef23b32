from __future__ import annotations

from typing import Any, List, Optional
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.wire.fileurls import (
    Location,
    OwnFile,
    is_own,
    location_of,
    own_file,
    segment_names,
    segment_of,
)
from gradio_client_lite.wire.urls import Routes

NEW = Routes("https://host/app/", "gradio_api/")
OLD = Routes("https://host/app/")


def locate(routes: Routes = NEW, live: bool = False, hands_on: bool = False, **file: Any) -> Location:
    return location_of(file, routes, live_streams=live, hands_on=hands_on)


@pytest.mark.parametrize(
    ("path", "quoted"),
    [
        ("/tmp/a b.png", "/tmp/a%20b.png"),
        ("/tmp/100%#?&.png", "/tmp/100%25%23%3F%26.png"),
        ("/tmp/日.png", "/tmp/%E6%97%A5.png"),
        ("C:\\x\\y.png", "C%3A%5Cx%5Cy.png"),
        ("/a\ud800", "/a%ED%A0%80"),
        ("/a\nb", "/a%0Ab"),
    ],
)
def test_a_file_is_fetched_by_its_path(path: str, quoted: str) -> None:
    assert locate(path=path).url == "https://host/app/gradio_api/file=" + quoted


def test_the_url_a_server_believes_in_is_not_used() -> None:
    found = locate(path="/tmp/x.png", url="http://10.0.0.1:7860/gradio_api/file=/tmp/x.png")
    assert found == Location("https://host/app/gradio_api/file=/tmp/x.png", "x.png", own=True)


def test_a_path_that_is_a_url_of_another_host_is_not_own() -> None:
    found = locate(path="https://other/x/a%20b.png?q#f")
    assert found == Location("https://other/x/a%20b.png?q#f", "a b.png", own=False)


def test_a_path_that_is_a_url_of_the_app_is_own() -> None:
    assert locate(path="https://host/y.png").own


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://host/x", True),
        ("https://HOST:443/x", True),
        ("http://host/x", False),
        ("https://host:444/x", False),
        ("https://host.evil/x", False),
        ("https://host@evil/x", False),
        ("https://evil/https://host/", False),
        ("https://host:port/x", False),
        ("https://[::1/x", False),
        ("https:///x", False),
        ("ftp://host/x", False),
        ("/x", False),
        ("", False),
    ],
)
def test_own_means_the_same_scheme_host_and_port(url: str, own: bool) -> None:
    assert is_own(url, NEW) is own


CACHED = "/tmp/gradio/" + "0a" * 32 + "/a b.txt"
FILES = "https://host/app/gradio_api/"


@pytest.mark.parametrize(
    ("route", "name", "path"),
    [
        ("file=/tmp/x", "x", None),
        ("file//srv/x", "x", None),
        ("proxy=https://y/file=/x", "x", None),
        ("stream/s/1/2/playlist.m3u8", "playlist.m3u8", None),
        ("file=/a%20b.txt?x=1", "a b.txt", None),
        ("file=https://web/x.png", "x.png", "https://web/x.png"),
        ("file=" + CACHED, "a b.txt", CACHED),
        ("file%3D/x", "x", None),
    ],
)
@pytest.mark.parametrize("reached", ["https://host", "http://HOST", "https://host:443"])
def test_own_files_are_those_behind_the_apps_routes(
    reached: str, route: str, name: str, path: Optional[str]
) -> None:
    found = own_file(f"{reached}/app/gradio_api/{route}#top", NEW)
    assert found == OwnFile(FILES + route, name, path)


@pytest.mark.parametrize(
    "url",
    [
        "https://host:444/app/gradio_api/file=/tmp/x",
        "https://host.evil/app/gradio_api/file=/tmp/x",
        "https://host@evil/app/gradio_api/file=/tmp/x",
        "https://host/gradio_api/file=/tmp/x",
        "https://host/app/file=/tmp/x",
        "https://host/app/gradio_api/info",
        "https://host:port/app/gradio_api/file=/tmp/x",
        "https://[::1/app/gradio_api/file=/tmp/x",
        "/app/gradio_api/file=x",
        "/tmp/x",
    ],
)
def test_other_urls_are_not_those_of_own_files(url: str) -> None:
    assert own_file(url, NEW) is None


def test_another_port_is_another_server() -> None:
    routes = Routes("http://127.0.0.1:7860/")
    for url in ("http://127.0.0.1:7860/file=/x", "https://127.0.0.1:7860/file=/x"):
        assert own_file(url, routes) == OwnFile("http://127.0.0.1:7860/file=/x", "x", None)
    for url in ("http://127.0.0.1:7861/file=/x", "http://127.0.0.1/file=/x"):
        assert own_file(url, routes) is None


@pytest.mark.parametrize(
    ("place", "known"),
    [
        ("/tmp/gradio/" + "0" * 64 + "/x.png", True),
        ("/tmp/gradio/" + "a" * 40 + "/x.png", True),
        ("C:\\Temp\\gradio\\" + "a" * 64 + "\\ü 100%.png", True),
        ("/tmp/gradio/" + "0" * 63 + "/x.png", False),
        ("/tmp/gradio/" + "0" * 64 + "/", False),
        ("/tmp/gradio/" + "0" * 64 + "/y/x.png", False),
        ("/app/.gradio/cached_examples/1/" + "0" * 64 + "/x.png", False),
        ("/app/gradio_cached_examples/1/" + "0" * 64 + "/x.png", False),
        ("/tmp/gradio/../" + "0" * 64 + "/x.png", False),
        ("/tmp/gradio/" + "0" * 64 + "/..", False),
        ("/tmp/gradio/" + "0" * 64 + "/.", False),
        ("/app/logo.png", False),
    ],
)
def test_what_a_server_takes_by_its_path_is_in_its_cache(place: str, known: bool) -> None:
    found = own_file(FILES + "file=" + quote(place), NEW)
    assert found is not None
    assert found.path == (place if known else None)


def test_a_path_that_is_no_utf8_is_not_named() -> None:
    found = own_file(FILES + "file=/tmp/gradio/" + "0" * 64 + "/%ff.png", NEW)
    assert found is not None
    assert found.path is None


def test_a_stream_of_gradio_4_is_live_and_has_no_url_of_its_own() -> None:
    found = locate(OLD, live=True, path="s/1/2", is_stream=True, orig_name="c.wav")
    expected = Location("https://host/app/stream/s/1/2", "c.wav", own=True, steady=False, live=True)
    assert found == expected


def test_a_stream_is_fetched_from_where_the_app_was_reached() -> None:
    path = "s/1/2/playlist.m3u8"
    url = "http://10.0.0.1/gradio_api/stream/" + path
    found = locate(path=path, url=url, is_stream=True, orig_name="audio-stream.mp3")
    base = "https://host/app/gradio_api/stream/s/1/2/"
    whole = Location(base + "playlist-file", "audio-stream.mp3", own=True, steady=False)
    assert found == Location(base + "playlist.m3u8", "playlist.m3u8", own=True, steady=False, whole=whole)


def test_the_query_of_a_streams_url_is_kept() -> None:
    path = "s/1/2/playlist.m3u8"
    found = locate(path=path, url=f"https://host/app/gradio_api/stream/{path}?__sign=x", is_stream=True)
    assert found.url == f"https://host/app/gradio_api/stream/{path}?__sign=x"
    assert found.whole is not None
    assert found.whole.url == "https://host/app/gradio_api/stream/s/1/2/playlist-file?__sign=x"


def test_another_url_of_a_stream_is_taken_as_it_is() -> None:
    found = locate(path="s", url="https://media.example/live/x.mp3", is_stream=True)
    assert found == Location("https://media.example/live/x.mp3", "x.mp3", own=False, steady=False)


def test_a_relative_url_of_a_stream_belongs_to_the_app() -> None:
    found = locate(path="s", url="/live/x.mp3", is_stream=True)
    assert (found.url, found.own) == ("https://host/app/gradio_api/live/x.mp3", True)


@pytest.mark.parametrize("orig_name", [None, "", 7])
def test_a_stream_without_a_name_has_that_of_its_url(orig_name: Any) -> None:
    assert locate(path="s/1/a.wav", is_stream=True, orig_name=orig_name).name == "a.wav"


@pytest.mark.parametrize("url", [None, 7, "", "https://[::1/x"])
def test_a_broken_url_of_a_stream_does_no_harm(url: Any) -> None:
    assert locate(path="s", url=url, is_stream=True).name


def test_a_server_chooses_no_place_on_disk() -> None:
    assert locate(path="../../etc/passwd").name == "passwd"
    assert locate(path="s", is_stream=True, orig_name="../x").name == "x"


# --- playlists

PLAYLIST_URL = "https://host/app/gradio_api/stream/s/1/2/playlist.m3u8?__sign=x"
REAL = (
    "#EXTM3U\n#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-TARGETDURATION:1\n#EXT-X-VERSION:4\n"
    "#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1.000,\na-1.aac\n#EXTINF:1.000,\nb-2.aac?__sign=x\n#EXT-X-ENDLIST\n"
)


def segments(playlist: str) -> List[str]:
    """The URLs of the segments that a playlist names."""
    names = segment_names(playlist.splitlines())
    return [segment_of(name, Location(PLAYLIST_URL, "", own=True), "", NEW).url for name in names]


def test_segments_stand_beside_their_playlist() -> None:
    base = "https://host/app/gradio_api/stream/s/1/2/"
    assert segments(REAL) == [base + "a-1.aac", base + "b-2.aac?__sign=x"]


def test_a_playlist_without_segments() -> None:
    assert segments("#EXTM3U\n") == []


def test_what_is_no_web_address_is_passed_over() -> None:
    found = segments("file:///etc/passwd\nhttp://[bad\nx.aac\n")
    assert [url.rpartition("/")[2] for url in found] == ["x.aac"]


@given(st.text())
def test_any_text_is_a_playlist(text: str) -> None:
    assert all(url.startswith(("http://", "https://")) for url in segments(text))


# --- files elsewhere

ELSEWHERE = "https://other/x/a b.png?q=1"


def test_an_app_that_fetches_files_elsewhere_is_asked_for_them() -> None:
    found = locate(path=ELSEWHERE, hands_on=True)
    url = "https://host/app/gradio_api/file=https%3A//other/x/a%20b.png%3Fq%3D1"
    assert found.through == Location(url, "a b.png", own=True)
    assert (found.url, found.own) == (ELSEWHERE, False)


def test_an_app_that_only_redirects_to_files_elsewhere_is_not() -> None:
    assert locate(path=ELSEWHERE).through is None


def test_an_app_that_was_loaded_into_this_one_is_reached_through_it() -> None:
    """The server may be wrong about its own address, and the path is the file's on the other app."""
    found = locate(path=ELSEWHERE, url="http://10.0.0.1/gradio_api/proxy=" + ELSEWHERE)
    assert found.through == Location("https://host/app/gradio_api/proxy=" + ELSEWHERE, "a b.png", own=True)


@pytest.mark.parametrize("url", [None, 1, "", ELSEWHERE, "/proxy=", "/proxy=file:///etc/passwd"])
def test_what_leads_to_no_proxy_is_passed_over(url: Any) -> None:
    assert locate(path=ELSEWHERE, url=url).through is None


def test_a_file_of_the_app_is_asked_for_directly() -> None:
    assert locate(path="https://host/y.png", url="/proxy=" + ELSEWHERE, hands_on=True).through is None


def test_a_stream_that_is_named_by_its_url_is_there() -> None:
    found = locate(path="https://host/app/gradio_api/stream/s/1", is_stream=True)
    assert (found.url, found.own, found.steady) == ("https://host/app/gradio_api/stream/s/1", True, False)
