"""A real Gradio app with the functions of `wire_functions.py`; the server's own interpreter runs it."""

import sys

import gradio as gr
import wire_functions
from wire_functions import DIRECT, QUEUED, tools

tools.info, tools.warning, tools.error = gr.Info, gr.Warning, gr.Error
with gr.Blocks() as demo:
    for name in QUEUED:
        gr.api(getattr(wire_functions, name), api_name=name)
    for name in DIRECT:
        gr.api(getattr(wire_functions, name), api_name=name, queue=False)

_, url, _ = demo.launch(show_error=True, quiet=True, prevent_thread_lock=True)
print(url, flush=True)
sys.stdin.read()
demo.close()
