"""The Gradio app whose descriptions are recorded in tests/samples, for Gradio 3.23 to 4.0.

It runs inside a server's environment, as a script (see `servers.py`). The recordings of later releases are of
a larger app, which had this one's functions and those of its release.
"""

from __future__ import annotations

import base64
import os
import sys
import tempfile
from pathlib import Path

import gradio as gr

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
from launching import launch, stay

DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


def first(*values):
    return values[0]


def same(*values):
    return values[0] if len(values) == 1 else list(values)


def nothing():
    return None


def stream(count):
    for number in range(int(count)):
        yield str(number)


def batched(texts):
    return [texts]


def on(fn, inputs, outputs, api_name, **options):
    """Register `fn` as an endpoint; the button that would trigger it is never pressed."""
    named = {} if api_name is None else {"api_name": api_name}
    return gr.Button("Run", visible=False).click(fn, inputs, outputs, **named, **options)


def choices():
    return [
        gr.CheckboxGroup(["a", "b", "c"], value=["a"], label="Many"),
        gr.Radio(["park", "zoo", "it's"], value="zoo", label="Where"),
        gr.Dropdown(["ran", "swam"], value="ran", label="Activity"),
        gr.Dropdown(["x", "y"], multiselect=True, value=["x"], label="Multi"),
        gr.Checkbox(True, label="Loud?"),
        gr.Slider(0, 10, value=3, step=1, label="Slider (0-10)"),
        gr.ColorPicker("#ff0000", label="Color"),
        gr.Code("print(1)", label="Code"),
    ]


def files(dot):
    return [
        gr.File(label="File"),
        gr.File(file_count="multiple", label="Files"),
        gr.Image(dot, label="Image"),
        gr.Image(label="Plain image"),
        gr.Audio(label="Audio"),
        gr.Video(label="Video"),
        gr.Gallery(label="Gallery"),
        gr.UploadButton("Upload"),
        gr.Model3D(label="Model"),
    ]


def data():
    return [
        gr.Dataframe([["a", 1], ["b", 2]], headers=["h1", "h2"], label="Frame"),
        gr.Dataframe(label="Empty frame"),
        gr.JSON({"k": [1, None, True]}, label="Json"),
        gr.Plot(label="Plot"),
        gr.Label(label="Label"),
        gr.HighlightedText(label="Highlighted"),
        gr.Markdown("# hi"),
        gr.HTML("<b>x</b>"),
    ]


def build():
    dot = os.path.join(tempfile.mkdtemp(), "dot.png")
    Path(dot).write_bytes(DOT)
    with gr.Blocks() as demo:
        name = gr.Textbox("World", label="Your Name!", info="who?")
        plain, real = gr.Textbox(), gr.Number(label="Real")
        times, loud = gr.Number(4, label="Number of times"), gr.Checkbox(True, label="Loud?")
        where = gr.Radio(["park", "zoo", "it's"], value="zoo", label="Where")
        slider = gr.Slider(0, 10, value=3, step=1, label="Slider (0-10)")
        state, out = gr.State([1, 2]), gr.Textbox(label="Output")
        on(first, [name, times, loud, where, slider], out, "typed")
        on(same, [plain, real], [out, gr.JSON(label="Result")], "no_default")
        on(first, [name, plain, real], out, "reserved")
        on(lambda a, s, b, c: (a, s), [name, state, times, plain], [out, state], "stateful")
        on(same, choices(), choices(), "choices")
        on(same, files(dot), files(dot), "files")
        on(same, data(), data(), "data")
        on(same, gr.Chatbot(label="Bot"), gr.Chatbot(label="Bot"), "chat_values")
        on(nothing, None, None, "nothing")
        on(lambda: 0, None, state, "only_state")
        on(lambda s, a, b: (s, a), [state, name, real], [state, out], "state_first")
        running = on(stream, slider, out, "stream")
        on(batched, name, out, "batched", batch=True)
        on(first, name, out, "direct", queue=False)
        on(nothing, None, None, "stop")
        on(None, None, None, "cancel", cancels=[running])
        on(first, name, out, None)
        on(lambda text: text, plain, out, None)
        if hasattr(gr, "ChatInterface"):
            gr.ChatInterface(lambda message, history: message)
    return demo


def main():
    demo = build()
    demo.queue()
    stay(f"http://127.0.0.1:{launch(demo)}/")


if __name__ == "__main__":
    main()
