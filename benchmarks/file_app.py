"""The app of the file benchmark: takes a file, and gives the last one back. Runs in Gradio's environment."""

from __future__ import annotations

import os
import socket
import sys

import gradio as gr

last = None


def take(path):
    global last
    last = path
    return str(os.path.getsize(path))


with gr.Blocks() as demo:
    button = gr.Button()
    button.click(take, gr.File(), gr.Textbox(), api_name="take")
    button.click(lambda: last, None, gr.File(), api_name="give")

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
demo.launch(server_port=port, prevent_thread_lock=True, quiet=True, show_error=True)
print(f"READY http://127.0.0.1:{port}/", flush=True)
sys.stdin.read()  # ends with the process that started this one
os._exit(0)
