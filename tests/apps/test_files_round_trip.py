"""Files up and down through real servers: contents compared by hash, with the official client as oracle."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import struct
import zlib
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest
from file_names import NAMES

from gradio_client_lite import Client, handle_file
from gradio_client_lite.errors import AppError, InvalidFile
from gradio_client_lite.updates import OutputUpdate

from .oracle import Oracle
from .oracle_worker import Caller
from .servers import Server, release

Json = Dict[str, Any]
OracleFor = Callable[[str], Oracle]


def png(color: bytes) -> bytes:
    """An image of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" + color)) + chunk(b"IEND", b"")


def wav(sample: int = 0) -> bytes:
    """A short sound."""
    data = bytes([sample, 0, sample, 255]) * 200
    head = struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    size = struct.pack("<I", 36 + len(data))
    return b"RIFF" + size + b"WAVEfmt " + head + b"data" + struct.pack("<I", len(data)) + data


CONTENTS = {
    "plain name.txt": b"text",
    "empty.bin": b"",
    "red.png": png(b"\xff\0\0"),
    "blue.png": png(b"\0\0\xff"),
    "sound.wav": wav(),
    "second.wav": wav(2),
    "third.wav": wav(3),
    "film.mp4": b"\0\0\0\x18ftypmp42" + bytes(500),
    "words.vtt": b"WEBVTT\n\n00:00.000 --> 00:01.000\nhello\n",
    "shape.obj": b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n",
}


SOUNDS = ["sound.wav", "second.wav", "third.wav"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Json]:
    """Arguments for both clients, by file name."""
    folder = tmp_path_factory.mktemp("files")
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)
    return {name: handle_file(folder / name) for name in CONTENTS}


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    caller = Caller(Client, download_files=tmp_path_factory.mktemp("downloads"))
    yield caller
    caller.forget()


def with_contents(value: Any) -> Any:
    """An encoded answer with the name and the hash of each downloaded file in place of its path."""
    if isinstance(value, dict):
        return {key: with_contents(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_contents(item) for item in value]
    if isinstance(value, str) and value.startswith("/") and Path(value).is_file():
        path = Path(value)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert path.parent.name == digest
        return f"{path.name} {digest}"
    return value


def downloaded(name: str, content: bytes) -> str:
    return f"{name} {hashlib.sha256(content).hexdigest()}"


class Both:
    """Makes the same call with both clients."""

    def __init__(self, server: Server, ours: Caller, oracle_for: OracleFor) -> None:
        self.version = server.version
        self._url = server.url
        self._ours = ours
        self._oracle = oracle_for(server.version)

    def __call__(self, api_name: str, *args: Any) -> Json:
        """What ours made of it, having checked that the official client made the same of it."""
        official = with_contents(self._oracle.perform(self._request(api_name, args)))
        assert self.ours(api_name, *args) == official
        assert "result" in official["calls"][0], official
        return official["calls"][0]

    def ours(self, api_name: str, *args: Any) -> Json:
        """What ours alone made of it."""
        return with_contents(self._ours.perform(self._request(api_name, args)))

    def _request(self, api_name: str, args: Any) -> Json:
        request = {"url": self._url, "client": {}, "fresh": False, "method": "submit", "fn_index": None}
        return {**request, "headers": None, "api_name": api_name, "calls": [{"args": args, "kwargs": {}}]}


@pytest.fixture
def call(file_server: Server, ours: Caller, oracle_for: OracleFor) -> Both:
    return Both(file_server, ours, oracle_for)


def same_content(result: Any, *names: str) -> bool:
    """Whether a result holds exactly the contents of these files."""
    text = json.dumps(result)
    return all(hashlib.sha256(CONTENTS[name]).hexdigest() in text for name in names)


@pytest.mark.parametrize("endpoint", ["/file", "/direct", "/upload_button"])
@pytest.mark.parametrize("name", ["plain name.txt", "empty.bin"])
def test_a_file(call: Both, files: Dict[str, Json], endpoint: str, name: str) -> None:
    assert call(endpoint, files[name])["result"] == downloaded(name, CONTENTS[name])


def test_no_file(call: Both) -> None:
    assert call("/file", None)["result"] is None


def test_several_files(call: Both, files: Dict[str, Json]) -> None:
    names = ["plain name.txt", "red.png", "plain name.txt", "shape.obj"]
    result = call("/files", [files[name] for name in names])["result"]
    assert result == {"list": [downloaded(name, CONTENTS[name]) for name in names]}


def test_files_of_several_arguments_keep_their_places(call: Both, files: Dict[str, Json]) -> None:
    result = call("/swap", files["red.png"], files["blue.png"])["result"]
    assert result == {"list": [downloaded(name, CONTENTS[name]) for name in ("blue.png", "red.png")]}


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        ("/image", "red.png"),
        ("/audio", "sound.wav"),
        # 4.0 looks into every film, with ffmpeg, which a test cannot ask for.
        pytest.param("/video", "film.mp4", marks=pytest.mark.servers(since="4.16.0")),
        ("/model3d", "shape.obj"),
    ],
)
def test_media(call: Both, files: Dict[str, Json], endpoint: str, name: str) -> None:
    answer = call(endpoint, video(call, files[name]) if endpoint == "/video" else files[name])
    # Before 5.0 an image is encoded again on the server.
    assert same_content(answer["result"], name) or (endpoint == "/image" and release(call.version) < (5,))


def test_a_picture_that_is_just_written_anew(file_server: Server, tmp_path: Path) -> None:
    with Client(file_server.url, download_files=tmp_path, verbose=False) as client:
        picture = Path(client.predict(api_name="/rewritten"))
    assert picture.read_bytes()[:4] in (b"RIFF", b"\x89PNG")


def video(call: Both, file: Json) -> Any:
    """The value of a Video component, which held its subtitles beside it before 6.0."""
    return file if release(call.version) >= (6,) else {"video": file, "subtitles": None}


@pytest.mark.servers(since="4.16.0")
def test_subtitles_of_a_video(call: Both, files: Dict[str, Json]) -> None:
    answer = call("/subtitles", video(call, files["film.mp4"]), files["words.vtt"])
    assert same_content(answer["result"], "film.mp4")


@pytest.mark.servers(since="4.16.0")  # 4.0 gives the function a value that it does not take back
def test_a_gallery(call: Both, files: Dict[str, Json]) -> None:
    images = [{"image": files["red.png"], "caption": "red"}, {"image": files["blue.png"], "caption": None}]
    assert json.dumps(call("/gallery", images)["result"]).count(".png ") == 2


@pytest.mark.servers(since="4.16.0")
def test_an_image_editor(call: Both, files: Dict[str, Json]) -> None:
    drawing = {"background": files["red.png"], "layers": [files["blue.png"]], "composite": files["red.png"]}
    assert json.dumps(call("/image_editor", drawing)["result"]).count('"background"') == 1


def test_a_chatbot_shows_a_file(call: Both, files: Dict[str, Json]) -> None:
    assert same_content(call("/chatbot", files["red.png"])["result"], "red.png")


def test_messages_with_files_go_both_ways(call: Both, files: Dict[str, Json]) -> None:
    if release(call.version) >= (5,):
        content = {"file": files["red.png"], "alt_text": None}
        history: List[Any] = [{"role": "user", "content": content, "metadata": None, "options": None}]
        if release(call.version) >= (6,):
            history[0]["content"] = [{"type": "file", **content}]
    else:
        history = [[{"file": files["red.png"], "alt_text": None}, "a red one"]]
    assert same_content(call("/chatbot_again", history)["result"], "red.png")


@pytest.mark.servers(since="4.44.1")
@pytest.mark.parametrize("endpoint", ["/download_button"])
def test_a_download_button(call: Both, files: Dict[str, Json], endpoint: str) -> None:
    assert same_content(call(endpoint, files["shape.obj"])["result"], "shape.obj")


@pytest.mark.servers(since="4.44.1")
def test_a_multimodal_textbox(call: Both, files: Dict[str, Json]) -> None:
    value = {"text": "look", "files": [files["red.png"], files["plain name.txt"]]}
    assert same_content(call("/multimodal", value)["result"], "red.png", "plain name.txt")


@pytest.mark.servers(since="5.50.0")
def test_an_image_slider(call: Both, files: Dict[str, Json]) -> None:
    result = call("/image_slider", [files["red.png"], files["blue.png"]])["result"]
    assert json.dumps(result).count(".") >= 2


def test_a_generator_gives_a_file_at_a_time(call: Both, files: Dict[str, Json]) -> None:
    names = ["plain name.txt", "red.png", "empty.bin"]
    answer = call("/one_by_one", [files[name] for name in names])
    assert answer["outputs"] == {"list": [downloaded(name, CONTENTS[name]) for name in names]}


def test_a_generator_gives_more_and_more_files(call: Both, files: Dict[str, Json]) -> None:
    names = ["plain name.txt", "red.png", "empty.bin"]
    answer = call("/growing", [files[name] for name in names])
    assert [len(output["list"]) for output in answer["outputs"]["list"]] == [1, 2, 3]


@pytest.mark.servers(since="4.44.1")
def test_a_default_that_is_a_file_of_the_server_stays_there(call: Both) -> None:
    # The official client looks for it on its own machine, which happens to be the server's here.
    assert call("/default")["result"] == downloaded("default name.txt", b"the server's own")


@pytest.mark.servers(since="4.44.1")  # older servers take it for a file themselves
def test_a_path_in_plain_json_is_data(call: Both, files: Dict[str, Json]) -> None:
    result = call.ours("/path_as_json", files["plain name.txt"])["calls"][0]["result"]
    assert result == {"tuple": [downloaded("plain name.txt", b"text"), {"dict": [["path", "/no/file"]]}]}


def test_two_hundred_names(
    file_server: Server, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    """Up as content with that name and, where this system can store it, as a file; and down again."""
    contents = [f"{number} {name!r}".encode() for number, name in enumerate(NAMES)]
    values = [handle_file(content, name=name) for content, name in zip(contents, NAMES)]
    for number, name in enumerate(NAMES):
        if name and Path(name).name == name != ".." and "\0" not in name and len(name.encode()) < 256:
            path = tmp_path / str(number) / name
            path.parent.mkdir()
            path.write_bytes(contents[number])
            values[number] = handle_file(path)
    folder = tmp_path_factory.mktemp("names")
    with Client(file_server.url, verbose=False, download_files=folder) as client:
        result = client.predict(values, api_name="/files")
    assert [Path(path).read_bytes() for path in result] == contents
    assert all(Path(path).parent.parent == folder for path in result)
    assert len([path for path in folder.rglob("*") if path.is_file()]) == len(NAMES)


def test_ordinary_names_survive(file_server: Server, tmp_path: Path) -> None:
    names = ["Größe 100% #1 & 'x' (2).txt", "日本語 🙂.txt", "plain.tar.gz"]
    if release(file_server.version) < (6,):
        names = names[2:]  # those servers strip them
    with Client(file_server.url, verbose=False, download_files=tmp_path) as client:
        result = client.predict([handle_file(b"", name=name) for name in names], api_name="/files")
    assert [Path(path).name for path in result] == names


@pytest.mark.servers("4.16.0", "6.31.0")
def test_one_worker_is_enough(file_server: Server, tmp_path: Path) -> None:
    with Client(file_server.url, verbose=False, download_files=tmp_path, max_workers=1) as client:
        contents = [f"{number}".encode() for number in range(10)]
        jobs = [client.submit([handle_file(content)] * 3, api_name="/files") for content in contents]
        results = [job.result(timeout=60) for job in jobs]
    assert [[Path(path).read_bytes() for path in paths] for paths in results] == [[c] * 3 for c in contents]


@pytest.mark.servers("4.16.0", "6.31.0")
def test_files_come_without_blocking_an_event_loop(file_server: Server, tmp_path: Path) -> None:
    async def outputs(client: Client) -> List[bytes]:
        values = [handle_file(content, name="x") for content in (b"1", b"2", b"3")]
        job = client.submit(values, api_name="/one_by_one")
        return [Path(u.outputs).read_bytes() async for u in job if isinstance(u, OutputUpdate)]

    with Client(file_server.url, verbose=False, download_files=tmp_path) as client:
        assert asyncio.run(outputs(client)) == [b"1", b"2", b"3", b"3"]


@pytest.mark.servers("6.31.0")
def test_what_cannot_be_sent_is_an_error_of_the_call(file_server: Server, tmp_path: Path) -> None:
    with Client(file_server.url, verbose=False, download_files=tmp_path / "downloads") as client:
        with pytest.raises(InvalidFile, match="not a regular file"):
            client.submit(handle_file(tmp_path), api_name="/file")
        assert client.predict(handle_file(b"x"), api_name="/file")


@pytest.mark.servers("4.44.1", "6.31.0")
def test_a_text_in_the_place_of_a_file_is_told(file_server: Server) -> None:
    with Client(file_server.url, verbose=False) as client:
        error = client.submit("photo.png", api_name="/image").exception(30)
    assert isinstance(error, AppError)
    assert re.search(r"Argument 0 \(.*\) is a text where the app takes a file.* handle_file\(…\)", str(error))
    with Client(file_server.url, verbose=False) as client:  # whose parameters are not known yet
        error = client.submit(value="http://127.0.0.1/a.wav", api_name="/audio").exception(30)
    assert "Argument `value` is a text where the app takes a file" in str(error)


@pytest.mark.servers("6.31.0")
def test_results_stay_on_the_server_if_that_is_wanted(file_server: Server) -> None:
    with Client(file_server.url, verbose=False, download_files=False) as client:
        left = client.predict(handle_file(b"x", name="x.txt"), api_name="/file")
        assert left["path"].endswith("x.txt")
        assert client.predict(left, api_name="/file")["path"] == left["path"]


@pytest.mark.servers(since="5.0.2")
def test_streamed_media_come_whole(call: Both, files: Dict[str, Json]) -> None:
    """The official client has the playlist alone, which names segments it does not have."""
    answer = call.ours("/stream", [files[name] for name in SOUNDS])["calls"][0]
    assert answer["result"] == downloaded("audio-stream.mp3", b"".join(CONTENTS[name] for name in SOUNDS))
    chunks = [chunk.split()[1] for chunk in answer["outputs"]["list"]]
    assert chunks == [hashlib.sha256(CONTENTS[name]).hexdigest() for name in SOUNDS]


@pytest.mark.servers("4.16.0", "4.44.1")
def test_streamed_media_come_whole_from_gradio_4(call: Both, files: Dict[str, Json]) -> None:
    """The server joins the sounds to one without an end; the official client fails with 403."""
    answer = call.ours("/stream", [files[name] for name in SOUNDS])["calls"][0]
    head, *sounds = [CONTENTS[SOUNDS[0]][:44], *(CONTENTS[name][44:] for name in SOUNDS)]
    endless = head[:4] + b"\xff" * 4 + head[8:40] + b"\xff" * 4
    whole = downloaded(SOUNDS[-1], endless + b"".join(sounds))
    assert answer["result"].split()[1] == whole.split()[1]
    assert len(answer["outputs"]["list"]) == len(SOUNDS)
