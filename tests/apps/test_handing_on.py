"""Results with files that go straight into the next call of real servers, downloaded or not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from gradio_client_lite import Client, handle_file
from gradio_client_lite.errors import AppError, HTTPStatusError, InvalidFile, ValidationError

from .servers import Server, release
from .test_files_round_trip import CONTENTS, SOUNDS

Json = Dict[str, Any]

RED, BLUE, TEXT = CONTENTS["red.png"], CONTENTS["blue.png"], b"text"


class Watched:
    """A client, and what it uploads."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.uploads: List[str] = []
        stream = client._app.transport.stream

        def watched(method: str, url: str, **options: Any) -> Any:
            if method == "POST" and url.endswith("upload"):
                self.uploads.append(url)
            return stream(method, url, **options)

        client._app.transport.stream = watched  # type: ignore[method-assign]

    def __call__(self, api_name: str, *args: Any) -> Any:
        return self.client.predict(*args, api_name=api_name)


@pytest.fixture(params=["downloaded", "left"])
def call(request: pytest.FixtureRequest, file_server: Server, tmp_path: Path) -> Iterator[Watched]:
    folder: Any = tmp_path / "downloads" if request.param == "downloaded" else False
    with Client(file_server.url, verbose=False, download_files=folder) as client:
        yield Watched(client)


def of(name: str) -> Any:
    return handle_file(CONTENTS[name], name=name)


def content(call: Watched, value: Any) -> bytes:
    """The content of a file of a result."""
    if isinstance(value, str):
        return Path(value).read_bytes()
    return b"".join(call.client._calls.attachments.fetch(value.file).read())


def files_in(value: Any) -> List[Any]:
    """The files at any depth of a result, in order."""
    if isinstance(value, (list, tuple)):
        return [found for item in value for found in files_in(item)]
    if isinstance(value, dict) and "path" not in value:
        return [found for item in value.values() for found in files_in(item)]
    return [value] if isinstance(value, dict) or (isinstance(value, str) and value.startswith("/")) else []


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [("/file", "plain name.txt"), ("/image", "red.png"), ("/audio", "sound.wav"), ("/model3d", "shape.obj")],
)
def test_a_file_is_not_uploaded_again(call: Watched, endpoint: str, name: str) -> None:
    first = call(endpoint, of(name))
    assert len(call.uploads) == 1
    again = call(endpoint, call(endpoint, first))
    assert len(call.uploads) == 1
    if endpoint != "/image":  # which old servers encode anew
        assert content(call, again) == CONTENTS[name]


def test_several_files(call: Watched) -> None:
    first = call("/files", [of("plain name.txt"), of("red.png")])
    assert [content(call, file) for file in call("/files", first)] == [TEXT, RED]
    assert [content(call, file) for file in call("/swap", *first)] == [RED, TEXT]
    assert len(call.uploads) == 1


def test_a_chat_goes_on(call: Watched) -> None:
    """The loop of a chat: each turn is given the history that the turn before it has returned."""
    history = call("/chatbot", of("red.png"))
    for _ in range(2):
        history = call("/chatbot_again", history)
    (file,) = files_in(history)
    assert content(call, file) == RED
    assert len(call.uploads) == 1
    assert "look" in json.dumps(history)


def test_a_chat_goes_on_with_a_new_file(call: Watched) -> None:
    history = call("/chatbot", of("red.png"))
    more = call("/chatbot", of("blue.png"))
    both = call("/chatbot_again", [*history, *more])
    assert [content(call, file) for file in files_in(both)] == [RED, BLUE]
    assert len(call.uploads) == 2


def test_a_chat_that_was_saved_goes_on(file_server: Server) -> None:
    """Where files are not fetched, a chat is JSON, which the server knows again."""
    with Client(file_server.url, verbose=False, download_files=False) as client:
        saved = json.dumps(client.predict(of("red.png"), api_name="/chatbot"))
    with Client(file_server.url, verbose=False, download_files=False) as client:
        call = Watched(client)
        (file,) = files_in(call("/chatbot_again", json.loads(saved)))
        assert content(call, file) == RED
        assert call.uploads == []


@pytest.mark.servers("6.31.0")  # 5.50 encodes the pictures anew
def test_a_chat_with_components(call: Watched) -> None:
    """Their files stand in the component's value and, again, among its properties."""
    history = call("/chatbot_components", of("red.png"))
    again = call("/chatbot_again", history)
    assert [content(call, file) for file in files_in(again)] == [
        content(call, file) for file in files_in(history)
    ]
    assert len(files_in(again)) >= 3
    assert len(call.uploads) == 1


@pytest.mark.servers(since="4.16.0")
def test_a_gallery(call: Watched) -> None:
    images = [{"image": of("red.png"), "caption": "red"}, {"image": of("blue.png"), "caption": None}]
    first = call("/gallery", images)
    again = call("/gallery", first)
    assert [item["caption"] for item in again] == ["red", None]
    assert len(call.uploads) == 1


@pytest.mark.servers(since="4.44.1")
def test_a_multimodal_textbox(call: Watched) -> None:
    value = call("/multimodal", {"text": "look", "files": [of("red.png"), of("plain name.txt")]})
    again = call("/multimodal", value)
    assert again["text"] == "look"
    assert [content(call, file) for file in again["files"]] == [RED, TEXT]
    assert len(call.uploads) == 1


@pytest.mark.servers(since="4.16.0")  # 4.0 looks into every film
def test_a_video(call: Watched) -> None:
    film = of("film.mp4")
    first = call(
        "/video", film if release(server_version(call)) >= (6,) else {"video": film, "subtitles": None}
    )
    (file,) = files_in(call("/video", first))
    assert content(call, file) == CONTENTS["film.mp4"]
    assert len(call.uploads) == 1


def server_version(call: Watched) -> str:
    return str(call.client.app_version)


@pytest.mark.servers(since="5.0.2")
def test_a_stream_is_uploaded_from_its_copy(call: Watched) -> None:
    """The server forgets a stream, so what was fetched of it is what there is."""
    stream = call("/stream", [of(name) for name in SOUNDS])
    assert content(call, call("/file", stream)) == b"".join(CONTENTS[name] for name in SOUNDS)
    assert len(call.uploads) == 2


def test_a_file_goes_to_a_second_client_of_the_app(call: Watched, file_server: Server) -> None:
    first = call("/file", of("red.png"))
    with Client(file_server.url, verbose=False, download_files=False) as client:
        other = Watched(client)
        assert content(other, other("/file", first)) == RED
        assert other.uploads == []


@pytest.mark.servers("6.31.0", "4.19.2")
def test_a_file_goes_to_another_app(call: Watched, private_file_server: Server, tmp_path: Path) -> None:
    first = call("/files", [of("red.png"), of("plain name.txt")])
    options: Any = {"auth": ("user", "pass"), "verbose": False, "download_files": tmp_path / "others"}
    with Client(private_file_server.url, **options) as client:
        other = Watched(client)
        assert [content(other, file) for file in other("/files", [*first, first[0]])] == [RED, TEXT, RED]
        assert len(other.uploads) == 1
        back = other("/files", first)
    assert [content(call, file) for file in call("/files", back)] == [RED, TEXT]


@pytest.mark.servers("6.31.0")
def test_a_file_of_an_app_whose_client_is_closed(file_server: Server, private_file_server: Server) -> None:
    with Client(file_server.url, verbose=False, download_files=False) as client:
        left = client.predict(of("red.png"), api_name="/file")
    told = pytest.raises(InvalidFile, match=r"red\.png is a file of http.* closed .* Download it first")
    with Client(private_file_server.url, auth=("user", "pass"), verbose=False) as other, told:
        other.submit(left, api_name="/file")


@pytest.mark.servers(since="4.19.2")  # older ones take the path of any file of their machine
def test_a_dict_written_by_hand_is_not_opened(call: Watched, tmp_path: Path) -> None:
    path = tmp_path / "of this machine.txt"
    path.write_bytes(b"secret")
    by_hand = {"path": str(path), "meta": {"_type": "gradio.FileData"}, "orig_name": "x.txt"}
    with pytest.raises(
        (AppError, ValidationError, HTTPStatusError), match=r"pass what handle_file\(path\) returns"
    ):
        call("/file", by_hand)
    assert call.uploads == []


# --- Gradio 3


@pytest.fixture(params=["downloaded", "left"])
def call3(request: pytest.FixtureRequest, v3_file_server: Server, tmp_path: Path) -> Iterator[Watched]:
    folder: Any = tmp_path / "downloads" if request.param == "downloaded" else False
    with Client(v3_file_server.url, verbose=False, download_files=folder) as client:
        yield Watched(client)


def test_gradio_3_a_file(call3: Watched) -> None:
    first = call3("/file", of("plain name.txt"))
    assert content(call3, call3("/file", call3("/file", first))) == TEXT
    assert len(call3.uploads) == 1


def test_gradio_3_several_files(call3: Watched) -> None:
    first = call3("/files", [of("plain name.txt"), of("red.png")])
    assert [content(call3, file) for file in call3("/files", first)] == [TEXT, RED]
    assert len(call3.uploads) == 1


@pytest.mark.parametrize("endpoint", ["/file", "/show_image"])
def test_gradio_3_an_image(call3: Watched, endpoint: str) -> None:
    """Which is text in a call: the server's own, or made of the copy of a file."""
    first = call3(endpoint, of("red.png"))
    assert call3("/pixel", first) == [255, 0, 0]
    assert len(call3.uploads) == 1


def test_gradio_3_an_image_as_a_file(call3: Watched) -> None:
    """The server gave its content and keeps no file of it."""
    first = call3("/show_image", of("red.png"))
    assert content(call3, call3("/file", first)) == RED
    assert len(call3.uploads) == 2


def test_gradio_3_a_gallery(call3: Watched) -> None:
    first = call3("/gallery", [of("red.png"), of("blue.png")])
    red, (blue, caption) = call3("/seen_gallery", first)
    assert [Path(red["file"]).suffix, Path(blue["file"]).suffix, caption] == [".png", ".png", "number 1"]
    assert len(call3.uploads) == 1


def test_gradio_3_a_chat_goes_on(call3: Watched) -> None:
    history = call3("/chatbot", of("red.png"))
    before = len(call3.uploads)
    seen = call3("/seen_chat", history)
    assert seen[0][0] == "look"
    assert len(seen[0][1][0]) == 64
    assert len(call3.uploads) == before


@pytest.mark.parametrize("endpoint", ["/show_audio", "/video"])
def test_gradio_3_media(call3: Watched, endpoint: str) -> None:
    name = "sound.wav" if endpoint == "/show_audio" else "film.mp4"
    first = call3(endpoint, of(name))
    again = call3("/audio" if endpoint == "/show_audio" else "/video", first)
    assert files_in(again)
    assert len(call3.uploads) == 1


def test_gradio_3_a_default_goes_as_it_is(call3: Watched) -> None:
    assert content(call3, call3("/default")) == b"the server's own"
    assert call3.uploads == []


def test_gradio_3_json_with_a_path_gets_the_path(call3: Watched) -> None:
    first = call3("/file", of("red.png"))
    assert call3("/json", {"deep": [first]}) == {"deep": [first]}
    assert len(call3.uploads) == 1
