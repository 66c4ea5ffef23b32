"""What the words of a command line mean to each component of Gradio 6.31: what a page would send for it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, List

import pytest

from gradio_client_lite import cli

from .servers import Server

#: A picture of one dot.
DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
PICTURE, SOUND = {"file": "photo.png", "bytes": len(DOT)}, {"file": "sound.wav", "bytes": 3}
EDITED = {"background": PICTURE, "layers": [], "composite": None, "id": None}
MESSAGE = {"role": "user", "metadata": None, "options": None}
VALUES: List[Any] = [
    ("annotated_image", ["photo.png"], {"image": PICTURE, "annotations": []}),
    (
        "annotated_image",
        ['{"image": "photo.png", "annotations": [{"image": "photo.png", "label": "cat"}]}'],
        {"image": PICTURE, "annotations": [{"image": PICTURE, "label": "cat"}]},
    ),
    ("audio", ["sound.wav"], SOUND),
    ("browser_state", ["text"], "text"),
    ("browser_state", ['{"a": 1}'], {"a": 1}),
    (
        "chatbot",
        ['[{"role": "user", "content": [{"type": "file", "file": "photo.png"}]}]'],
        [{**MESSAGE, "content": [{"type": "file", "file": PICTURE, "alt_text": None}]}],
    ),
    ("checkbox", ["False"], False),
    ("checkbox", ["true"], True),
    ("checkbox_group", ["a"], ["a"]),
    ("checkbox_group", ['["a", 1]'], ["a", 1]),
    ("checkbox_group", ['value=["b", 1]'], ["b", 1]),
    ("code", ["1"], "1"),
    ("color", ["#ff0000"], "#ff0000"),
    ("dataframe", ['{"headers": ["a"], "data": [[1]]}'], {"headers": ["a"], "data": [[1]], "metadata": None}),
    ("dataset", ["1"], 1),
    ("date", ["2020-10-01 05:20:15"], "2020-10-01 05:20:15"),
    ("dialogue", ["A: hello"], "A: hello"),
    ("dialogue", ['[{"speaker": "A", "text": "b"}]'], [{"speaker": "A", "text": "b"}]),
    ("download_button", ["photo.png"], PICTURE),
    ("dropdown", ["1"], "1"),
    ("dropdown", ["3"], 3),
    ("dropdown", ["null"], None),
    ("dropdown_free", ["4"], "4"),
    ("dropdown_many", ["a"], ["a"]),
    ("dropdown_many", ["[]"], []),
    ("fallback", ["[1, null]"], [1, None]),
    ("file", ["photo.png"], PICTURE),
    ("file", ["@photo.png"], PICTURE),
    ("file", ["null"], None),
    ("file_explorer", ['[["calls.py"]]'], [["calls.py"]]),
    ("files", ["photo.png"], [PICTURE]),
    ("files", ['["photo.png", "sound.wav"]'], [PICTURE, SOUND]),
    ("gallery", ["photo.png"], [{"image": PICTURE, "caption": None}]),
    ("gallery", ['[{"image": "photo.png", "caption": "x"}]'], [{"image": PICTURE, "caption": "x"}]),
    (
        "highlighted_text",
        ['[{"token": "a", "class_or_confidence": 0.5}]'],
        [{"token": "a", "class_or_confidence": 0.5}],
    ),
    ("html", ["<b>1</b>"], "<b>1</b>"),
    ("image", ["photo.png"], PICTURE),
    ("image_editor", ["photo.png"], EDITED),
    ("image_editor", ["@photo.png"], EDITED),
    ("image_slider", ['["photo.png", null]'], [PICTURE, None]),
    ("json", ["[1.5]"], [1.5]),
    ("label", ['{"label": "Cat", "confidences": null}'], {"label": "Cat", "confidences": None}),
    ("markdown", ["# 1"], "# 1"),
    ("model", ["photo.png"], PICTURE),
    ("multimodal", ["1"], {"text": "1", "files": []}),
    ("multimodal", ["@photo.png"], {"text": "", "files": [PICTURE]}),
    ("multimodal", ['{"text": "hi", "files": ["photo.png"]}'], {"text": "hi", "files": [PICTURE]}),
    ("native_plot", ['{"a": 1}'], {"a": 1}),
    ("navbar", ["[1]"], [1]),
    ("number", ["1e5"], 100000.0),
    ("number", ["-3"], -3),
    ("number", ["null"], None),
    ("param_viewer", ['{"a": {}}'], {"a": {}}),
    ("plot", ['{"type": "plotly", "plot": "{}"}'], {"type": "plotly", "plot": "{}"}),
    ("radio", ["null"], "null"),
    ("radio", ["true"], "true"),
    ("radio_numbers", ["2.5"], 2.5),
    ("simple_dropdown", ["a"], "a"),
    ("simple_image", ["photo.png"], PICTURE),
    ("simple_textbox", ["null"], "null"),
    ("slider", ["5"], 5),
    ("text", ["1e5"], "1e5"),
    ("text", ["--args", '["1e5"]'], "1e5"),
    ("text", ["--args", '{"value": null}'], None),
    ("timer", ["1.5"], 1.5),
    ("upload_button", ["photo.png"], PICTURE),
    ("video", ["photo.png"], PICTURE),
    ("whole", ["3"], 3),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a command is run in, with a picture and a sound."""
    (tmp_path / "photo.png").write_bytes(DOT)
    (tmp_path / "sound.wav").write_bytes(b"wav")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("name", "words", "arrived"), VALUES, ids=lambda value: str(value)[:30])
def test_a_word_arrives_as_from_a_page(
    component_server: Server,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    words: List[str],
    arrived: Any,
) -> None:
    assert cli.main(["predict", component_server.url, name, *words, "--json"]) == 0
    # As JSON, in which 1, 1.0, "1" and true differ.
    assert json.dumps(json.loads(capsys.readouterr().out)["arrived"], sort_keys=True) == json.dumps(
        arrived, sort_keys=True
    )


def test_every_component_has_its_endpoint(
    component_server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["predict", component_server.url, "missing"]) == 0
    assert capsys.readouterr().out == "[]\n"
    assert cli.main(["info", component_server.url, "--json"]) == 0
    described = json.loads(capsys.readouterr().out)["named_endpoints"]
    assert {f"/{name}" for name, _, _ in VALUES} | {"/missing", "/same_file"} == described.keys()


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_files_of_the_result_are_saved_in_the_folder_asked_for(
    component_server: Server, folder: Path, capsys: pytest.CaptureFixture[str], options: List[str]
) -> None:
    command = ["predict", component_server.url, "same_file", "photo.png", "--output", "down", *options]
    assert cli.main(command) == 0
    printed = capsys.readouterr().out
    saved = Path(json.loads(printed) if options else printed.rstrip("\n"))
    assert saved.read_bytes() == DOT
    assert (folder / "down") in saved.absolute().parents


@pytest.mark.parametrize(
    ("name", "word", "parts"),
    [
        ("dropdown", "4", ["`value`", "Literal['1', '2', 3]", "'4'"]),
        ("radio", "b", ["`value`", "Literal['a', 'null', 'true']", "'b'"]),
        ("number", "many", ["`value`", "float", "'many'"]),
        ("whole", "3.5", ["`value`", "int", "'3.5'"]),
        ("checkbox", "maybe", ["`value`", "bool", "'maybe'"]),
        ("label", "Cat: 1", ["`value`", "dict(label:", "'Cat: 1'"]),
        ("files", '["photo.png"', ["`value`", "list[filepath]", "photo.png"]),
        ("image", "nowhere.png", ["`value`", "nowhere.png", "does not exist"]),
        ("image_editor", "nowhere.png", ["`value`", "nowhere.png", "does not exist"]),
        ("text", "@alice", ["`value`", "alice", "does not exist", "is written with @@"]),
    ],
)
def test_a_word_that_cannot_be_is_told_with_parameter_type_and_value(
    component_server: Server,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    word: str,
    parts: List[str],
) -> None:
    assert cli.main(["predict", component_server.url, name, word]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert [part for part in parts if part not in err] == [], err


def same_files(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["predict", server.url, "files", '["photo.png", "sound.wav"]', "--output", "down", "--json"]
    assert cli.main(command) == 0
    saved = [Path(path).read_bytes() for path in json.loads(capsys.readouterr().out)]
    assert saved == [DOT, b"wav"]


def test_paths_are_files_for_every_release_that_marks_them(
    file_server: Server, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same_files(file_server, capsys)


def test_paths_are_files_for_gradio_3(
    v3_file_server: Server, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same_files(v3_file_server, capsys)
