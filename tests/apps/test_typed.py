"""What `typed` writes of a real app calls it: modules of functions, and snippets in every language."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Iterator

import pytest
from typed.languages import printed
from typed.modules import imported

from gradio_client_lite import Client, cli
from gradio_client_lite.typed.module import module_of

from .servers import Server

LANGUAGES = ["python", "curl", "js"]


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.url, verbose=False) as client:
        yield client


@pytest.fixture
def file_client(file_server: Server, tmp_path: Path) -> Iterator[Client]:
    with Client(file_server.url, verbose=False, download_files=tmp_path / "results") as client:
        yield client


def snippet(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    out = io.StringIO()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", out)
        assert cli.main(["snippet", *arguments]) == 0
    return out.getvalue()


def test_functions_call_the_app(client: Client, tmp_path: Path) -> None:
    app = imported(module_of(client), tmp_path)
    assert app.echo(client, "ä") == "ä"
    assert app.swap(client, "a", 2) == (2, "a")
    assert app.no_output(client, "a") == ()
    assert app.checkboxes(client, ["p"]) == ["p"]


@pytest.mark.servers("3.50.2", "4.44.1", "6.31.0")
def test_defaults_are_those_of_the_app(client: Client, tmp_path: Path) -> None:
    app = imported(module_of(client), tmp_path)
    assert app.echo(client) == "hello"
    assert app.checkboxes(client) == ["q"]


@pytest.mark.servers("3.50.2", "4.0.2", "6.31.0")
def test_a_generator_streams(client: Client, tmp_path: Path) -> None:
    app = imported(module_of(client), tmp_path)
    assert list(app.stream_count(client, 3, 0)) == [0, 1, 2]
    assert app.count(client, 3, 0) == 2


@pytest.mark.servers("4.16.0", "6.31.0")
def test_paths_and_results_are_files(file_client: Client, tmp_path: Path) -> None:
    app = imported(module_of(file_client), tmp_path)
    path = tmp_path / "note.txt"
    path.write_text("a note", encoding="utf-8")
    first = app.file(file_client, path)
    again = app.files(file_client, [path, first])
    assert [Path(each).read_text(encoding="utf-8") for each in (first, *again)] == ["a note"] * 3


@pytest.mark.servers("6.31.0")
def test_a_file_that_the_server_has_is_a_default(file_client: Client, tmp_path: Path) -> None:
    app = imported(module_of(file_client), tmp_path)
    assert Path(app.default(file_client)).read_text(encoding="utf-8") == "the server's own"


@pytest.mark.servers("6.31.0")
def test_a_chat_with_files_is_taken_again(file_client: Client, tmp_path: Path) -> None:
    app = imported(module_of(file_client), tmp_path)
    path = tmp_path / "note.txt"
    path.write_text("a note", encoding="utf-8")
    chat = app.chatbot(file_client, path)
    again = app.chatbot_again(file_client, chat)
    assert [message["role"] for message in again] == ["user", "assistant"]


@pytest.mark.servers("6.31.0")
def test_an_app_is_as_its_module_says(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "my_app.py"
    assert cli.main(["typed", server.url]) == 0
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    assert cli.main(["typed", "--check", str(path)]) == 0
    path.write_text(path.read_text(encoding="utf-8").replace("text: str = 'hello'", "text: str = 'bye'"))
    assert cli.main(["typed", "--check", str(path)]) == 1
    assert "+    text: str='hello',\n" in capsys.readouterr().out


@pytest.mark.servers("6.31.0")
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_snippet_calls_the_app(
    lang: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = snippet(monkeypatch, server.url, "/echo", "--lang", lang)
    assert printed(lang, text, tmp_path).replace("data: ", "") in ('["hello"]', "hello")


@pytest.mark.servers("6.31.0")
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_snippet_sends_a_file(
    lang: str, file_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file.txt").write_text("a note", encoding="utf-8")
    text = snippet(monkeypatch, file_server.url, "/file", "--lang", lang)
    result = printed(lang, text, tmp_path).replace("data: ", "")
    if lang == "python":
        assert Path(result).read_text(encoding="utf-8") == "a note"
    else:
        (file,) = json.loads(result)
        assert (file["orig_name"], file["size"]) == ("file.txt", 6)
