"""A ChatInterface with more functions, for Gradio 4.44 to 6.31: what a Discord bot is deployed from.

It runs inside a server's environment, as a script (see `servers.py`): it launches itself on a free port,
prints one line that begins with READY and ends when its standard input closes.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

import gradio as gr

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
from launching import launch, stay


def on(fn, inputs, outputs, api_name):
    """Register `fn` as an endpoint; the button that would trigger it is never pressed."""
    gr.Button(visible=False).click(fn, inputs, outputs, api_name=api_name)


def chat(message, history):
    """Answers in steps, and knows how often it was spoken to."""
    said = sum(1 for each in history if not isinstance(each, dict) or each["role"] == "user")
    yield "..."
    yield f"{said}: {message}"


def fail(text):
    raise gr.Error(f"no {text}, please")


def crash(text):
    raise ValueError(text)


def describe(image, mood, times, loud):
    return f"{os.path.basename(image or 'nothing')} {mood} {times} {loud}"


def slow(seconds):
    time.sleep(seconds)
    return seconds


def add_functions():
    """One for everything a bot has to carry."""
    on(lambda text: text.upper(), gr.Textbox(label="Text"), gr.Textbox(), "shout")
    on(lambda count: "word " * int(count), gr.Number(label="Count"), gr.Textbox(), "long")
    on(
        lambda lines: "```py\n" + "x = 1\n" * int(lines) + "```",
        gr.Number(label="Lines"),
        gr.Textbox(),
        "code",
    )
    on(fail, gr.Textbox(label="Text"), gr.Textbox(), "fail")
    on(crash, gr.Textbox(label="Text"), gr.Textbox(), "crash")
    on(slow, gr.Number(label="Seconds"), gr.Number(), "slow")
    on(lambda file: (file, "here it is"), gr.File(label="File"), [gr.File(), gr.Textbox()], "copy")
    on(
        describe,
        [
            gr.Image(label="Image", type="filepath"),
            gr.Radio(["glad", "sad"], label="Mood", value="glad"),
            gr.Slider(1, 9, value=2, step=1, label="Times"),
            gr.Checkbox(label="Loud"),
        ],
        gr.Textbox(),
        "describe",
    )
    on(lambda value: {"got": value}, gr.JSON(label="Value"), gr.JSON(), "json")
    on(lambda: {"cat": 0.75, "dog": 0.25}, None, gr.Label(), "label")
    on(lambda: "/etc/hostname", None, gr.Textbox(), "path")
    on(lambda: None, None, gr.Textbox(), "nothing")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant", choices=["chat"], default="chat")
    parser.parse_args()
    with gr.ChatInterface(chat) as demo:
        add_functions()
    url = f"http://127.0.0.1:{launch(demo)}/"
    stay(url)


if __name__ == "__main__":
    main()
