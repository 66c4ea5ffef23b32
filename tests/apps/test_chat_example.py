"""The chat example talks with a real `gr.ChatInterface`, which keeps the history."""

from __future__ import annotations

from typing import List

import pytest
from examples.loading import load

from gradio_client_lite import Client

from .servers import Server

chat = load("chat/chat.py")


@pytest.mark.servers("6.31.0")
def test_a_chat_goes_on_and_begins_anew(server: Server) -> None:
    said: List[str] = []
    lines = iter(["one", "two", "/new", "three", ""])
    with Client(server.url, verbose=False) as client:
        chat.talk(client, "/chat", lambda prompt: next(lines), said.append)
    assert "".join(said).splitlines() == [
        "you said one (0 before)",
        "you said two (2 before)",
        "you said three (0 before)",
    ]
    assert len(said) > 6  # more pieces than replies: they came while they were written
