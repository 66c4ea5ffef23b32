"""The app that `benchmarks.tables` calls: functions whose results are large. Run in a Gradio environment.

It prints one line, READY and its URL, and ends when its standard input closes.
"""

from __future__ import annotations

import os
import socket
import sys

import gradio as gr

ROWS = [
    [number, number * 1.37, f"row {number}", f"label {number % 7}", number % 2 == 0]
    for number in range(90_000)
]


def table():
    return {"headers": ["a", "b", "c", "d", "e"], "data": ROWS}


def main():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with gr.Blocks() as demo:
        button = gr.Button()
        button.click(table, None, gr.JSON(), api_name="queued_json")
        button.click(table, None, gr.JSON(), api_name="direct_json", queue=False)
        button.click(table, None, gr.Dataframe(), api_name="queued_table")
        button.click(table, None, gr.Dataframe(), api_name="direct_table", queue=False)
        button.click(lambda: 1, None, gr.JSON(), api_name="small")
    demo.queue()
    demo.launch(server_name="127.0.0.1", server_port=port, prevent_thread_lock=True, quiet=True)
    print(f"READY http://127.0.0.1:{port}/", flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
