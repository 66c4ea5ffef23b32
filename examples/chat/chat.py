"""Talk with a chat app in the terminal; its replies appear while they are written.

    python chat.py URL [--endpoint /chat]

An empty line ends it, Ctrl-C a reply that takes too long, and "/new" begins another chat.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any, Callable, Iterator

from gradio_client_lite import Client
from gradio_client_lite.errors import GradioClientError


def reply(client: Client, message: str, api_name: str) -> Iterator[str]:
    """Yield what is new of the reply to a message, as it comes.

    Chat apps send the whole reply again and again, a little longer each time. What replaces something else,
    as a reply does a "Thinking…", begins on a line of its own.

    Raises:
        GradioClientError: the app failed, or is gone; after what had come before.
    """
    shown = ""
    job = client.submit(message, api_name=api_name)
    try:
        for value in job:
            text = text_of(value)
            more = text[len(shown) :] if text.startswith(shown) else f"\n{text}"
            shown = text
            if more:
                yield more
        job.result()  # raises what the job has failed with
    finally:
        job.cancel()  # does nothing where it has ended


def text_of(value: Any) -> str:
    """The text of a reply: apps give a text, a message, parts of one, or a list of these."""
    if isinstance(value, dict):
        return text_of(value.get("content", value.get("text", "")))
    if isinstance(value, (list, tuple)):
        return "\n".join(filter(None, map(text_of, value)))
    return "" if value is None else str(value)


def harmless(text: str) -> str:
    """The text without what could move the cursor or change the terminal: an app may say anything."""
    return "".join(one if one.isprintable() or one == "\n" else "\N{REPLACEMENT CHARACTER}" for one in text)


def talk(client: Client, api_name: str, ask: Callable[[str], str], say: Callable[[str], object]) -> None:
    """Ask for messages and show the replies, until there are no more.

    The history is the app's, which keeps it for the session of this client.

    Args:
        client: the app.
        api_name: its endpoint.
        ask: gives a line, as `input` does; EOFError or an empty one ends the chat.
        say: shows a piece of a reply.
    """
    while True:
        try:
            message = ask("> ")
        except (EOFError, KeyboardInterrupt):
            return
        if not message:
            return
        if message == "/new":
            client.reset_session()
            continue
        try:
            for piece in reply(client, message, api_name):
                say(harmless(piece))
        except KeyboardInterrupt:
            say(" …")
        except GradioClientError as error:
            say(harmless(f"error: {error}"))
        say("\n")


def show(text: str) -> None:
    """Write a piece of a reply at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("url", help="the app, or the name of its Space")
    parser.add_argument("--endpoint", default="/chat")
    given = parser.parse_args()
    with Client(given.url, verbose=False) as client:
        talk(client, given.endpoint, input, show)


if __name__ == "__main__":
    main()
