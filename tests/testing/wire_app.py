"""A real Gradio app with the functions of `wire_functions.py`; the server's own interpreter runs it."""

import sys
from pathlib import Path

import gradio as gr

sys.path.append(str(Path(__file__).resolve().parent))
sys.path.append(str(Path(__file__).resolve().parents[1] / "apps"))
import wire_functions
from launching import launch, stay
from wire_functions import DIRECT, QUEUED, tools

tools.info, tools.warning, tools.error = gr.Info, gr.Warning, gr.Error
with gr.Blocks() as demo:
    for name in QUEUED:
        gr.api(getattr(wire_functions, name), api_name=name)
    for name in DIRECT:
        gr.api(getattr(wire_functions, name), api_name=name, queue=False)

stay(f"http://127.0.0.1:{launch(demo, show_error=True)}/")
