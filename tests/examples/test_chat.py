"""The chat example, with an app of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import Event
from typing import Any, Iterator, List, Sequence

import gradio_client_lite
from gradio_client_lite import Client
from gradio_client_lite.testing import AppError, serve

from .loading import EXAMPLES, load

chat = load("chat/chat.py")


def converse(fn: Any, messages: Sequence[str]) -> List[str]:
    """Talk with a function as the app; the pieces that are shown."""
    said: List[str] = []
    lines = iter([*messages, ""])
    with serve({"/chat": fn}) as app, Client(app.url, verbose=False) as client:
        chat.talk(client, "/chat", lambda prompt: next(lines), said.append)
    return said


def grow(message: str) -> Iterator[str]:
    yield "Thinking"
    yield "Well"
    yield "Well, "
    yield f"Well, {message}"


def test_a_reply_is_shown_piece_by_piece() -> None:
    assert converse(grow, ["hello"]) == ["Thinking", "\nWell", ", ", "hello", "\n"]


def test_every_form_of_a_message_has_a_text() -> None:
    parts = [{"type": "text", "text": "a"}, {"role": "assistant", "content": ["b", None]}, 3]
    assert chat.text_of(parts) == "a\nb\n3"


def test_what_an_app_says_cannot_change_the_terminal() -> None:
    said = converse(lambda message: "\x1b[2Jred\r\nline", ["hello"])
    assert said == ["\N{REPLACEMENT CHARACTER}[2Jred\N{REPLACEMENT CHARACTER}\nline", "\n"]


def test_a_failure_is_told_and_the_chat_goes_on() -> None:
    def fail_once(message: str) -> str:
        if message == "bad":
            raise AppError("not that")
        return message

    assert converse(fail_once, ["bad", "good"]) == ["error: not that", "\n", "good", "\n"]


def test_another_chat_is_another_session() -> None:
    sessions: List[str] = []
    with serve({"/chat": lambda message: message}) as app, Client(app.url, verbose=False) as client:
        lines = iter(["a", "/new", ""])

        def ask(prompt: str) -> str:
            sessions.append(client.session_hash)
            return next(lines)

        chat.talk(client, "/chat", ask, lambda text: None)
    assert sessions[0] == sessions[1] != sessions[2]


def test_an_interrupt_cancels_the_reply() -> None:
    ended = Event()

    def never_ends(message: str) -> Iterator[str]:
        try:
            while True:
                yield message
                message += "."
                Event().wait(0.01)
        finally:
            ended.set()

    def interrupt(text: str) -> None:
        if text == "a":
            raise KeyboardInterrupt

    lines = iter(["a", ""])
    with serve({"/chat": never_ends}) as app, Client(app.url, verbose=False) as client:
        chat.talk(client, "/chat", lambda prompt: next(lines), interrupt)
        assert ended.wait(10)


def test_the_script_talks_until_its_input_ends() -> None:
    with serve({"/talk": grow}) as app:
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / "chat" / "chat.py"), app.url, "--endpoint", "/talk"],
            input="you\n",
            env={**os.environ, "PYTHONPATH": str(Path(gradio_client_lite.__file__).parent.parent)},
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "> Thinking\nWell, you\n> "
