"""The app that the benchmark of latency calls. Runs in Gradio's environment, and ends with its input."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time

import gradio as gr

MEGABYTE = 1 << 20


def take(path):
    return str(os.path.getsize(path))


def give():
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(os.urandom(MEGABYTE))
    return file.name


def pause(seconds):
    time.sleep(seconds)
    return seconds


with gr.Blocks() as demo:
    button = gr.Button()
    unlimited = {"concurrency_limit": None}
    button.click(lambda text: text, gr.Textbox(), gr.Textbox(), api_name="queued", **unlimited)
    button.click(lambda text: text, gr.Textbox(), gr.Textbox(), api_name="direct", queue=False)
    button.click(pause, gr.Number(), gr.Number(), api_name="pause", **unlimited)
    button.click(take, gr.File(), gr.Textbox(), api_name="take", **unlimited)
    button.click(give, None, gr.File(), api_name="give", **unlimited)

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
demo.queue(default_concurrency_limit=None)
demo.launch(server_port=port, max_threads=400, prevent_thread_lock=True, quiet=True, show_error=True)
print(f"READY {port}", flush=True)
sys.stdin.read()
os._exit(0)
