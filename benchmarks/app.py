"""The app that the benchmarks call. Runs in a Gradio environment as a script.

It prints one line, READY and its URL, and ends when its standard input closes.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time

import gradio as gr

MEGABYTE = 1 << 20
ROWS = [
    [number, number * 1.37, f"row {number}", f"label {number % 7}", number % 2 == 0]
    for number in range(90_000)
]
last = ""


def echo(text):
    return text


def sleep(text):
    time.sleep(1)
    return text


def pause(seconds):
    time.sleep(seconds)
    return seconds


def table():
    return {"headers": ["a", "b", "c", "d", "e"], "data": ROWS}


def take(path):
    global last
    last = path
    return str(os.path.getsize(path))


def give():
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(os.urandom(MEGABYTE))
    return file.name


def elsewhere(_):
    raise gr.Error("Only the light server (light.py) answers this.")


def build():
    with gr.Blocks() as demo:
        text, number, file, output = gr.Textbox(), gr.Number(), gr.File(), gr.Textbox()
        button = gr.Button()
        unlimited = {"concurrency_limit": None}
        button.click(echo, text, output, api_name="queued", **unlimited)
        button.click(echo, text, output, api_name="direct", queue=False)
        button.click(sleep, text, output, api_name="sleep", **unlimited)
        button.click(pause, number, gr.Number(), api_name="pause", **unlimited)
        button.click(table, None, gr.JSON(), api_name="table")
        button.click(take, file, output, api_name="take", **unlimited)
        button.click(give, None, gr.File(), api_name="give", **unlimited)
        button.click(lambda: last, None, gr.File(), api_name="give_back")
        for name, component in (
            *(("growing", output), ("progress", output), ("tiny", output)),
            *(("chat", gr.Chatbot()), ("whole", gr.JSON()), ("held", output)),
        ):
            button.click(elsewhere, text if name == "held" else number, component, api_name=name)
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
