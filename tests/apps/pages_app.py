"""One server with multipage apps, for Gradio 5.17 and later: at its root, below a path, and with a login.

It runs inside a server's environment, as a script (see `servers.py`).
"""

from __future__ import annotations

import os
import socket
import sys
import threading

import gradio as gr
import uvicorn
from fastapi import FastAPI

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
from launching import calm_queue, stay


def build(name):
    with gr.Blocks() as demo:
        text, answer = gr.Textbox(), gr.Textbox()
        gr.Button().click(lambda text: f"{name}: {text}", text, answer, api_name="home")
    for page in ("second", "third~page"):
        with demo.route(page.title(), f"/{page}"):
            text, answer = gr.Textbox(), gr.Textbox()
            named = page.partition("~")[0]
            gr.Button().click(lambda text, page=page: f"{name}/{page}: {text}", text, answer, api_name=named)
    calm_queue(demo)
    return demo


def main():
    app = FastAPI()
    gr.mount_gradio_app(app, build("locked"), path="/locked", auth=("user", "pass"))
    gr.mount_gradio_app(app, build("mounted"), path="/some/app")
    gr.mount_gradio_app(app, build("root"), path="/")
    listener = socket.create_server(("127.0.0.1", 0))  # which takes connections before it is served
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    threading.Thread(target=server.run, args=([listener],), daemon=True).start()
    stay(f"http://127.0.0.1:{listener.getsockname()[1]}/")


if __name__ == "__main__":
    main()
