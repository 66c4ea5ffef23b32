"""Values of Gradio 3's components, both ways through real servers: contents compared by hash.

No comparison with the official client: its releases that speak WebSocket fail there on every file.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from gradio_client_lite import Client, handle_file
from gradio_client_lite.errors import AppError, ArgumentError, InvalidFile

from .servers import Server
from .test_files_round_trip import png, wav

RED, BLUE = png(b"\xff\0\0"), png(b"\0\0\xff")
CONTENTS = {
    "plain name.txt": b"text",
    "empty.bin": b"",
    "red.png": RED,
    "blue.png": BLUE,
    "sound.wav": wav(2),
    "film.mp4": b"\0\0\0\x18ftypmp42" + bytes(500),
    "words.vtt": b"WEBVTT\n\n00:00.000 --> 00:01.000\nhello\n",
    "shape.obj": b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Any]:
    """Arguments, by file name."""
    folder = tmp_path_factory.mktemp("files")
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)
    return {name: handle_file(folder / name) for name in CONTENTS}


@pytest.fixture
def client(v3_file_server: Server, tmp_path: Path) -> Iterator[Client]:
    with Client(v3_file_server.url, verbose=False, download_files=tmp_path) as client:
        yield client


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def read(path: Any, suffix: str = "") -> bytes:
    """The content of a downloaded file, which must be where all are."""
    assert isinstance(path, str)
    assert path.endswith(suffix)
    content = Path(path).read_bytes()
    assert Path(path).parent.name == sha256(content)
    return content


# -- files


@pytest.mark.parametrize("endpoint", ["/file", "/direct", "/upload_button"])
@pytest.mark.parametrize("name", ["plain name.txt", "empty.bin"])
def test_a_file(client: Client, files: Dict[str, Any], endpoint: str, name: str) -> None:
    path = client.predict(files[name], api_name=endpoint)
    assert read(path) == CONTENTS[name]
    assert Path(path).name == name


@pytest.mark.parametrize("endpoint", ["/file", "/show_image", "/show_audio"])
def test_a_file_of_bytes(client: Client, endpoint: str) -> None:
    file = handle_file(RED, name="a.png") if endpoint == "/show_image" else handle_file(wav(), name="a.wav")
    assert read(client.predict(file, api_name=endpoint)) == (RED if endpoint == "/show_image" else wav())


def test_no_file(client: Client) -> None:
    assert client.predict(None, api_name="/file") is None
    assert client.predict(None, api_name="/image") is None
    assert client.predict(None, api_name="/video") is None


@pytest.mark.parametrize("endpoint", ["/files", "/directory", "/upload_buttons"])
def test_several_files(client: Client, files: Dict[str, Any], endpoint: str) -> None:
    names = ["plain name.txt", "red.png", "plain name.txt", "shape.obj"]
    paths = client.predict([files[name] for name in names], api_name=endpoint)
    assert [read(path) for path in paths] == [CONTENTS[name] for name in names]


def test_files_of_several_arguments_keep_their_places(client: Client, files: Dict[str, Any]) -> None:
    paths = client.predict(files["red.png"], files["blue.png"], api_name="/swap")
    assert [read(path) for path in paths] == [BLUE, RED]


def test_a_file_that_the_function_reads_as_bytes(client: Client, files: Dict[str, Any]) -> None:
    assert client.predict(files["shape.obj"], api_name="/binary") == sha256(CONTENTS["shape.obj"])


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [("/model3d", "shape.obj"), ("/show_image", "red.png"), ("/show_audio", "sound.wav")],
)
def test_media_come_as_they_are(client: Client, files: Dict[str, Any], endpoint: str, name: str) -> None:
    assert read(client.predict(files[name], api_name=endpoint), Path(name).suffix) == CONTENTS[name]


def test_an_image_goes_up(client: Client, files: Dict[str, Any]) -> None:
    assert client.predict(files["red.png"], api_name="/pixel") == [255, 0, 0]
    assert client.predict(handle_file(BLUE), api_name="/pixel") == [0, 0, 255]


@pytest.mark.servers("3.50.2")
def test_a_text_in_the_place_of_a_file_is_told(client: Client) -> None:
    with pytest.raises(AppError, match=r"Argument 0 \(.*\) is a text where the app takes a file"):
        client.predict("photo.png", api_name="/pixel")


def test_an_image_both_ways(client: Client, files: Dict[str, Any]) -> None:
    again = client.predict(files["blue.png"], api_name="/image")  # encoded anew by the server
    assert client.predict(handle_file(again), api_name="/pixel") == [0, 0, 255]


def test_a_sketch(client: Client, files: Dict[str, Any]) -> None:
    drawing = {"image": files["red.png"], "mask": files["blue.png"]}
    image, mask = client.predict(drawing, api_name="/sketch")
    assert client.predict(handle_file(image), api_name="/pixel") == [255, 0, 0]
    assert client.predict(handle_file(mask), api_name="/pixel") == [0, 0, 255]


def test_a_sound_goes_up(client: Client, files: Dict[str, Any]) -> None:
    rate, samples = client.predict(files["sound.wav"], api_name="/samples")
    assert rate == 8000
    assert samples[:2] == [2, -254]
    assert read(client.predict(files["sound.wav"], api_name="/audio"), ".wav")[:4] == b"RIFF"


def test_a_video(client: Client, files: Dict[str, Any]) -> None:
    for argument in (files["film.mp4"], {"video": files["film.mp4"], "subtitles": None}):
        result = client.predict(argument, api_name="/video")
        assert read(result["video"]) == CONTENTS["film.mp4"]
        assert result["subtitles"] is None


@pytest.mark.servers(since="3.35.2")
def test_subtitles_of_a_video(client: Client, files: Dict[str, Any]) -> None:
    result = client.predict(files["film.mp4"], files["words.vtt"], api_name="/subtitles")
    assert read(result["video"]) == CONTENTS["film.mp4"]
    assert read(result["subtitles"]) == CONTENTS["words.vtt"]


# -- files inside other values


def test_a_gallery(client: Client, files: Dict[str, Any]) -> None:
    result = client.predict([files["red.png"], files["blue.png"]], api_name="/gallery")
    assert [(read(item["image"]), item["caption"]) for item in result] == [(RED, None), (BLUE, "number 1")]


def test_a_gallery_goes_up(client: Client, files: Dict[str, Any]) -> None:
    images = [{"image": files["red.png"], "caption": None}, {"image": files["blue.png"], "caption": "blue"}]
    red, blue = client.predict(images, api_name="/seen_gallery")
    assert red == {"file": "red.png", "sha256": sha256(RED)}
    assert blue == [{"file": "blue.png", "sha256": sha256(BLUE)}, "blue"]


def test_a_chat_with_a_file(client: Client, files: Dict[str, Any]) -> None:
    (first, second) = client.predict(files["red.png"], api_name="/chatbot")
    assert first[0] == "look"
    assert read(first[1]["file"]) == RED
    assert first[1]["alt_text"] == "a file"
    assert second == [None, "so?"]


def test_a_chat_with_files_goes_up(client: Client, files: Dict[str, Any]) -> None:
    history = [["look", {"file": files["red.png"], "alt_text": "red"}], [files["blue.png"], None]]
    seen = client.predict(history, api_name="/seen_chat")
    assert seen == [["look", [sha256(RED), "red"]], [[sha256(BLUE)], None]]


@pytest.mark.servers(since="3.35.2")
def test_an_annotated_image(client: Client, files: Dict[str, Any]) -> None:
    result = client.predict(files["red.png"], api_name="/annotated")
    assert read(result["image"]) == RED
    assert [item["label"] for item in result["annotations"]] == ["corner", "all"]
    assert all(read(item["image"])[:4] == b"\x89PNG" for item in result["annotations"])


@pytest.mark.parametrize("endpoint", ["/growing"])
def test_lists_of_files_of_a_generator(client: Client, files: Dict[str, Any], endpoint: str) -> None:
    names = ["plain name.txt", "red.png", "shape.obj"]
    job = client.submit([files[name] for name in names], api_name=endpoint)
    assert [read(path) for path in job.result(60)] == [CONTENTS[name] for name in names]
    assert [len(paths) for paths in job.outputs()] == [1, 2, 3]


def test_images_of_a_generator(client: Client, files: Dict[str, Any]) -> None:
    job = client.submit([files["red.png"], files["blue.png"]], api_name="/images")
    assert read(job.result(60)) == BLUE
    assert [read(path) for path in job.outputs()] == [RED, BLUE]


@pytest.mark.servers(since="3.50.2")
def test_streamed_sounds_come_whole(client: Client) -> None:
    """The server joins the sounds to one without an end, as on Gradio 4."""
    sounds = [wav(), wav(2), wav(3)]
    files = [handle_file(sound, name="a.wav") for sound in sounds]
    job = client.submit(files, api_name="/stream")
    head = sounds[0][:4] + b"\xff" * 4 + sounds[0][8:40] + b"\xff" * 4
    assert read(job.result(60)) == head + b"".join(sound[44:] for sound in sounds)
    assert len(job.outputs()) == len(sounds)


# -- where files come from


def test_a_url_is_fetched_here(client: Client, files: Dict[str, Any], v3_file_server: Server) -> None:
    with Client(v3_file_server.url, verbose=False, download_files=False) as other:
        url = other.predict(files["red.png"], api_name="/file")["url"]
    assert read(client.predict(handle_file(url), api_name="/file")) == RED
    assert client.predict(handle_file(url), api_name="/pixel") == [255, 0, 0]


@pytest.mark.parametrize("endpoint", ["/file", "/show_image"])
def test_results_that_were_not_fetched_can_be_arguments(
    v3_file_server: Server, files: Dict[str, Any], tmp_path: Path, endpoint: str
) -> None:
    with Client(v3_file_server.url, verbose=False, download_files=False) as client:
        result = client.predict(files["red.png"], api_name=endpoint)
        assert result["meta"] == {"_type": "gradio.FileData"}
        assert client.predict(result, api_name="/pixel") == [255, 0, 0]
        assert client.predict(result, api_name="/binary") == sha256(RED)


def test_the_server_s_own_form_is_taken_too(client: Client) -> None:
    data = "data:text/plain;base64," + base64.b64encode(b"by hand").decode()
    file = {"name": "hand.txt", "data": data, "is_file": False}
    assert read(client.predict(file, api_name="/file")) == b"by hand"


def test_a_missing_file_is_refused_at_once(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "gone.txt"
    path.write_bytes(b"x")
    file = handle_file(path)
    path.unlink()
    with pytest.raises(InvalidFile, match="gone"):
        client.submit(file, api_name="/file")


# -- values without files


JSON_VALUES: List[Any] = [
    {"a": [1, None, {"path": "/no/file"}]},
    [],
    {"name": "/etc/hostname", "is_file": True, "data": None},
    None,
]


@pytest.mark.parametrize("value", JSON_VALUES)
def test_json_is_data(client: Client, value: Any) -> None:
    assert client.predict(value, api_name="/json") == value


def test_json_out_of_a_file(client: Client) -> None:
    assert client.predict(handle_file(b'{"a": 1}', name="a.json"), api_name="/json") == {"a": 1}
    with pytest.raises(InvalidFile, match="is not JSON"):
        client.predict(handle_file(b"{", name="a.json"), api_name="/json")


def test_labels(client: Client) -> None:
    label = {
        "label": "cat",
        "confidences": [{"label": "cat", "confidence": 0.75}, {"label": "dog", "confidence": 0.25}],
    }
    assert client.predict({"cat": 0.75, "dog": 0.25}, api_name="/label") == label
    assert client.predict("cat", api_name="/one_label") == {"label": "cat", "confidences": None}
    assert client.predict(label, api_name="/seen_label") == label


def test_highlighted_text(client: Client) -> None:
    tokens = [
        {"token": "so", "class_or_confidence": "ADV"},
        {"token": " what", "class_or_confidence": None},
    ]
    assert client.predict(tokens, api_name="/highlighted") == tokens
    assert client.predict(tokens, api_name="/seen_highlighted") == [["so", "ADV"], [" what", None]]


def test_dataframes(client: Client) -> None:
    frame = {"headers": ["a", "b"], "data": [[1, "x"], [2, "y"]]}
    result = client.predict(frame, api_name="/dataframe")
    assert result == {**frame, "metadata": None}
    assert client.predict(result, api_name="/rows") == frame["data"]
    assert client.predict(frame, api_name="/frame") == {"columns": ["a", "b"], "rows": 2}


@pytest.mark.parametrize(
    "value",
    [{"headers": ["t", "v"], "data": [[1, 2], [3, 4]]}, handle_file(b"t,v\n1,2\n3,4\n", name="series.csv")],
)
def test_a_time_series(client: Client, value: Any) -> None:
    result = client.predict(value, api_name="/timeseries")
    assert result == {"headers": ["t", "v"], "data": [[1, 2], [3, 4]]}


def test_plots(client: Client) -> None:
    plot = client.predict(1, api_name="/plot")
    assert plot["type"] == "matplotlib"
    assert plot["plot"].startswith("data:image/png;base64,")
    assert "altair" in str(client.predict(1, api_name="/line_plot"))


def test_code(client: Client) -> None:
    assert client.predict("print(1)", api_name="/code") == "print(1)"


def test_state_stays_with_the_session(client: Client) -> None:
    assert client.predict(2, api_name="/count") == 2
    assert client.predict(3, api_name="/count") == 5


def test_an_update(client: Client) -> None:
    result = client.predict(api_name="/update")
    assert result["value"] == "new"
    assert result["label"] == "changed"


# -- arguments by name, and defaults


def test_arguments_by_name(client: Client) -> None:
    given: Dict[str, Any] = {
        "your_name": "Bob",
        "how_many": 1,
        "how_many_1": 2,
        "class_": "b",
        "group": ["g"],
    }
    result = client.predict(**given, param_3=True, api_name="/described")
    assert result == ["Bob", 1, 2, True, "b", ["c"], "e", ["g"], "#aabbcc"]


def test_a_missing_argument(client: Client) -> None:
    with pytest.raises(ArgumentError, match="class_"):
        client.predict(param_3=True, api_name="/described")


def test_a_default_that_is_a_file_of_the_server(client: Client) -> None:
    assert read(client.predict(api_name="/default")) == b"the server's own"
    assert read(client.predict(with_default=handle_file(b"mine"), api_name="/default")) == b"mine"


def test_the_api_as_text(client: Client) -> None:
    text = client.view_api(print_info=False, return_format="str")
    line = (
        "predict(your_name, how_many, how_many_1, param_3, class_, param_5, param_6, group, colour, api_name="
    )
    assert line in str(text)
