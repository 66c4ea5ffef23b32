"""The app that the benchmarks call. Run in a Gradio environment as a script.

It prints one line, READY and its URL, and ends when its standard input closes.
"""

from __future__ import annotations

import os
import socket
import sys
import time

import gradio as gr


def echo(text):
    return text


def sleep(text):
    time.sleep(1)
    return text


def growing(updates):
    """A text that grows by ten characters with each update."""
    text = ""
    for number in range(int(updates)):
        text += f"{number:09d} "
        yield text


def build():
    with gr.Blocks() as demo:
        text, number, output = gr.Textbox(), gr.Number(), gr.Textbox()
        button = gr.Button()
        unlimited = {"concurrency_limit": None}
        button.click(echo, text, output, api_name="queued", **unlimited)
        button.click(echo, text, output, api_name="direct", queue=False)
        button.click(sleep, text, output, api_name="sleep", **unlimited)
        button.click(growing, number, output, api_name="growing", **unlimited)
    return demo


def main():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    demo = build()
    demo.queue(default_concurrency_limit=None)
    demo.launch(
        server_name="127.0.0.1", server_port=port, max_threads=400, prevent_thread_lock=True, quiet=True
    )
    print(f"READY http://127.0.0.1:{port}/", flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
