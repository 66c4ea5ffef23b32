from __future__ import annotations

from os.path import splitext
from pathlib import PurePosixPath, PureWindowsPath
from typing import Callable, List, Tuple

import pytest
from file_names import NAMES
from hypothesis import example, given
from hypothesis import strategies as st

from gradio_client_lite.wire import names
from gradio_client_lite.wire.names import (
    download_name,
    form_name,
    strip_invalid_filename_characters,
    upload_name,
)

ANY_TEXT = st.text(st.characters(), max_size=400)
PATHS = st.lists(st.sampled_from(["..", ".", "/", "\\", "C:", "a", " ", "CON", "\0", "é", "\ud800"])).map(
    "".join
)


@pytest.mark.parametrize(
    ("name", "stripped"),
    [  # as gradio_client 2.7.2 gives them
        ("plain.txt", "plain.txt"),
        ("Größe (1) 100% #2 & 'x'.png", "Größe (1) 100% #2 & 'x'.png"),
        ("日本語 🙂.txt", "日本語 🙂.txt"),
        ('a<b>c:d"e/f\\g|h?i*j`k$l!m{n}.txt', "abcdefghijklmn.txt"),
        ("new\nline\x7f.txt", "newline.txt"),
        ("a.t/x?t", "a.txt"),
        ("?.txt", "file.txt"),
        ("", "file"),
        ("...", "file"),
        ("..", ".."),
        ("..\\x", "..x"),
        ("C:x", "Cx"),
        ("trailing. ", "trailing"),
        (".hidden", ".hidden"),
        ("CON", "_CON"),
        ("nul.tar.gz", "_nul.tar.gz"),
        ("com\u00b9 .txt", "_com\u00b9 .txt"),
        ("console.txt", "console.txt"),
        ("x" * 300 + ".txt", "x" * 196 + ".txt"),
        ("é" * 150 + ".txt", "é" * 98 + ".txt"),
        ("x." + "y" * 300, "file." + "y" * 195),
    ],
)
def test_what_a_name_loses_on_its_way_up(name: str, stripped: str) -> None:
    assert strip_invalid_filename_characters(name) == stripped


def test_the_limit_can_be_chosen() -> None:
    assert strip_invalid_filename_characters("éééé.txt", max_bytes=9) == "éé.txt"


def test_a_name_that_is_sent_leads_nowhere_and_can_be_encoded() -> None:
    assert upload_name("..") == "file"
    assert upload_name("a\udcffb.txt") == "a_b.txt"


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("x.txt", "x.txt"),
        ("🙂.txt", "🙂.txt"),  # .txt on older servers
        ("日本", "日本"),
        ("🙂", "file🙂"),
        ("~", "file~"),
        ("..~", "file..~"),
        ("file", "file"),
    ],
)
def test_a_name_of_which_older_servers_would_leave_nothing(name: str, called: str) -> None:
    assert form_name(name) == called


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/tmp/gradio/abc/my report.png", "my report.png"),
        ("C:\\temp\\gradio\\x.png", "x.png"),
        ("..\\x", "x"),
        ("C:x", "x"),
        ("c:d:x", "x"),
        ("../..", "file"),
        ("dir/", "file"),
        ("", "file"),
        ("CON", "_CON"),
        ("/a/nul.txt", "_nul.txt"),
        ("x.txt::$DATA", "x.txt$DATA"),
        ("$HOME {a} `b`!.txt", "$HOME {a} `b`!.txt"),
        ("Größe 100% #&'().txt", "Größe 100% #&'().txt"),
        ("x. . ", "x"),
        ("x" * 300 + ".txt", "x" * 196 + ".txt"),
        ("CONx" + "." + "y" * 196, "_CON." + "y" * 196),
    ],
)
def test_what_a_download_is_called(path: str, name: str) -> None:
    assert download_name(path) == name


@given(ANY_TEXT | PATHS | st.sampled_from(NAMES))
@example("a" * 199 + " b")
@example("\ud83d\ude42")
def test_a_name_is_one_component_on_every_system(path: str) -> None:
    for name in (download_name(path), upload_name(path)):
        assert name not in ("", ".", "..")
        assert PurePosixPath("/folder", name).parent == PurePosixPath("/folder")
        assert PurePosixPath("/folder", name).name == name
        assert PureWindowsPath("C:/folder", name).name == name
        assert PureWindowsPath(name).drive == ""
        assert len(name.encode("utf-8")) <= 201
        assert not any(ord(char) < 32 or char in '<>:"/\\|?*\x7f' for char in name)


@given(ANY_TEXT | PATHS)
def test_a_download_has_a_name_windows_can_store(path: str) -> None:
    name = download_name(path)
    assert not name.endswith((" ", "."))
    assert name.partition(".")[0].rstrip(" ").upper() not in ("CON", "NUL", "AUX", "PRN", "COM1", "LPT9")
    assert download_name(name) == name


# --- long names

LONG = 1 << 20


@pytest.mark.parametrize("piece", ["C:", ".", " .", "a", "a.", "\ud800", "é", "?", "/a", "\\.", "C:/"])
@pytest.mark.parametrize("clean", [download_name, upload_name])
def test_of_a_long_name_only_the_ends_are_looked_at(
    monkeypatch: pytest.MonkeyPatch, clean: Callable[[str], str], piece: str
) -> None:
    looked_at: List[int] = []

    def split(name: str) -> Tuple[str, str]:
        looked_at.append(len(name))
        return splitext(name)

    monkeypatch.setattr(names, "splitext", split)
    assert len(clean(piece * LONG).encode()) <= names.MAX_BYTES
    assert max(looked_at) <= 10_000


def test_a_long_name_keeps_its_beginning_and_its_extension() -> None:
    assert download_name("/x/C:" + "a" * LONG + ".tar.gz") == "a" * 197 + ".gz"
    assert upload_name("b" * LONG + ".png") == "b" * 196 + ".png"


def test_a_chosen_limit_is_no_shorter_for_a_long_name() -> None:
    assert strip_invalid_filename_characters("a" * LONG, 100_000) == "a" * 100_000
