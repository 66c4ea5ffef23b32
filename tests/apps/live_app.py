"""A Gradio app that blocks its own event loop, and one that is fed by a stream, for 3.23 to 6.31.

It runs inside a server's environment, as a script (see `servers.py`).
"""

from __future__ import annotations

import os
import sys
import time

import gradio as gr

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
from launching import launch, stay

RUNS = []


async def block(seconds):
    """Keep the server from doing anything else, as a model does that is called in an `async def`."""
    time.sleep(seconds)
    return f"blocked {seconds:g}"


def work(seconds):
    time.sleep(seconds)
    return f"worked {seconds:g}"


def listen(text, heard):
    """Take a chunk of a stream; `heard` is what came before in the same session."""
    RUNS.append(text)
    heard = (heard or "") + text
    if text == "fail":
        raise gr.Error("not heard")
    return heard, heard


def runs():
    return list(RUNS)


def on(fn, inputs, outputs, api_name, **options):
    """Register `fn` as an endpoint; the button that would trigger it is never pressed."""
    gr.Button(visible=False).click(fn, inputs, outputs, api_name=api_name, **options)


def listening(name, **options):
    """An endpoint that a stream feeds; a text stands for the sound."""
    from gradio.events import on as on_event

    audio = gr.Audio(sources=["microphone"], streaming=True, visible=False)
    text, state, out = gr.Textbox(visible=False), gr.State(""), gr.Textbox(visible=False)
    assert on_event
    audio.stream(listen, [text, state], [out, state], api_name=name, concurrency_limit=1, **options)


def build():
    with gr.Blocks() as demo:
        seconds, out = gr.Number(), gr.Textbox()
        on(block, seconds, out, "block")
        on(work, seconds, out, "work")
        on(runs, None, gr.JSON(), "runs")
        if int(gr.__version__.split(".")[0]) >= 5:
            listening("listen")
            listening("listen_briefly", time_limit=25)
            listening("listen_long", time_limit=600)
    return demo


def main():
    demo = build()
    demo.queue()
    stay(f"http://127.0.0.1:{launch(demo)}/")


if __name__ == "__main__":
    main()
