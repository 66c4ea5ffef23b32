"""An app's own files as arguments, by URL: from Gradio 5 on no server fetches them at loopback."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Tuple
from urllib.parse import quote

import pytest

from gradio_client_lite import Client, handle_file

from .servers import USER, Server
from .test_files_round_trip import CONTENTS, SOUNDS
from .test_handing_on import Watched

TEXT = CONTENTS["plain name.txt"]


def client_of(server: Server, **options: Any) -> Client:
    if server.variant == "private_files":
        options["auth"] = USER
    return Client(server.url, verbose=False, download_files=False, **options)


def content(call: Watched, value: Any) -> bytes:
    return b"".join(call.client._calls.attachments.fetch(value.file).read())


def url_of(call: Watched, path: str) -> str:
    return call.client._app.routes.api + "file=" + quote(path)


def named(call: Watched) -> Tuple[bytes, str, int]:
    """What comes of the URL of an uploaded file: its content, its name, and how many uploads that took."""
    first = call("/file", handle_file(TEXT, name="plain name.txt"))
    before = len(call.uploads)
    again = call("/file", handle_file(url_of(call, first["path"])))
    return content(call, again), Path(again["path"]).name, len(call.uploads) - before


def served(call: Watched, server: Server) -> Tuple[bytes, str, int]:
    """The same of a file that the server shows, but takes as no argument."""
    (path,) = server.log.parent.glob("tmp*/default name.txt")
    again = call("/file", handle_file(url_of(call, str(path))))
    return content(call, again), Path(again["path"]).name, len(call.uploads)


def test_a_file_of_the_cache_is_named_by_its_path(file_server: Server) -> None:
    with client_of(file_server) as client:
        assert named(Watched(client)) == (TEXT, "plain name.txt", 0)


def test_another_file_that_the_app_serves_is_sent(file_server: Server) -> None:
    with client_of(file_server) as client:
        assert served(Watched(client), file_server) == (b"the server's own", "default name.txt", 1)


def test_files_of_an_app_with_a_login(private_file_server: Server) -> None:
    with client_of(private_file_server) as client:
        assert named(Watched(client)) == (TEXT, "plain name.txt", 0)
    with client_of(private_file_server) as client:
        assert served(Watched(client), private_file_server) == (b"the server's own", "default name.txt", 1)


@pytest.mark.servers(since="4.19.2")
def test_the_url_that_the_app_gives_is_taken(file_server: Server) -> None:
    with client_of(file_server) as client:
        call = Watched(client)
        first: Dict[str, Any] = call("/file", handle_file(TEXT, name="plain name.txt"))
        assert content(call, call("/file", handle_file(first["url"]))) == TEXT
        assert content(call, call("/files", [handle_file(first["url"])])[0]) == TEXT


@pytest.mark.servers(since="5.0.2")
def test_a_playlist_is_sent_as_it_is(file_server: Server) -> None:
    with client_of(file_server) as client:
        call = Watched(client)
        stream = call("/stream", [handle_file(CONTENTS[name], name=name) for name in SOUNDS])
        url = call.client._app.routes.api + "stream/" + stream["path"]
        assert content(call, call("/file", handle_file(url))).startswith(b"#EXTM3U")


def test_a_file_of_a_gradio_3_app_is_sent(v3_file_server: Server) -> None:
    with client_of(v3_file_server) as client:
        call = Watched(client)
        first = call("/file", handle_file(TEXT, name="plain name.txt"))
        assert content(call, call("/file", handle_file(url_of(call, first["path"])))) == TEXT
