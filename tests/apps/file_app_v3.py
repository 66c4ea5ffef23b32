"""A Gradio app with every component whose values Gradio 3 forms in a way of its own, for 3.23 to 3.50.

It runs inside a server's environment, as a script (see `servers.py`): it launches itself on a free port,
prints one line that begins with READY and ends when its standard input closes. Its functions give back
what they got, or say what they got as JSON.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
from pathlib import Path

import gradio as gr

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
import matplotlib
import numpy as np
import pandas as pd
from launching import launch, stay

matplotlib.use("agg")

FOLDER = Path(tempfile.mkdtemp())
HAS_SUBTITLES = tuple(int(part) for part in gr.__version__.split(".")[:2]) >= (3, 28)


def same(value):
    return value


def on(fn, inputs, outputs, api_name, **options):
    """Register `fn` as an endpoint; the button that would trigger it is never pressed."""
    gr.Button(visible=False).click(fn, inputs, outputs, api_name=api_name, **options)


def path_of(file):
    """The path of a File component's value, or of each of several."""
    if isinstance(file, list):
        return [path_of(item) for item in file]
    return file and file.name


def digest(content):
    return hashlib.sha256(content).hexdigest()


def seen(value):
    """What a function got, with the name and the hash of a file in place of what stands for it."""
    if isinstance(value, dict) and value.get("is_file"):
        path = Path(value["name"])
        return {"file": path.name, "sha256": digest(path.read_bytes())}
    if isinstance(value, dict):
        return {key: seen(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [seen(item) for item in value]
    return value


# --- files ------------------------------------------------------------------------------------------


def file_endpoints():
    on(path_of, gr.File(), gr.File(), "file")
    on(path_of, gr.File(), gr.File(), "direct", queue=False)
    on(path_of, gr.File(file_count="multiple"), gr.File(file_count="multiple"), "files")
    on(path_of, gr.File(file_count="directory"), gr.File(file_count="multiple"), "directory")
    on(lambda content: content and digest(content), gr.File(type="binary"), gr.Textbox(), "binary")
    on(path_of, gr.UploadButton(), gr.File(), "upload_button")
    on(path_of, gr.UploadButton(file_count="multiple"), gr.File(file_count="multiple"), "upload_buttons")
    on(same, gr.Model3D(), gr.Model3D(), "model3d")
    on(lambda a, b: [path_of(b), path_of(a)], [gr.File(), gr.File()], gr.File(file_count="multiple"), "swap")


def media_endpoints():
    on(path_of, gr.File(), gr.Image(), "show_image")
    on(path_of, gr.File(), gr.Audio(), "show_audio")
    on(same, gr.Image(type="filepath"), gr.Image(), "image")
    on(lambda image: list(image.convert("RGB").getpixel((0, 0))), gr.Image(type="pil"), gr.JSON(), "pixel")
    sketch = gr.Image(type="pil", tool="sketch", source="upload")
    on(lambda drawing: [drawing["image"], drawing["mask"]], sketch, [gr.Image(), gr.Image()], "sketch")
    on(lambda sound: [sound[0], sound[1].tolist()], gr.Audio(type="numpy"), gr.JSON(), "samples")
    on(same, gr.Audio(type="filepath"), gr.Audio(), "audio")
    on(same, gr.Video(), gr.Video(), "video")
    if HAS_SUBTITLES:
        on(lambda video, words: (video, words.name), [gr.Video(), gr.File()], gr.Video(), "subtitles")


def nested_endpoints():
    def captioned(files):
        return [(path, f"number {place}") if place else path for place, path in enumerate(path_of(files))]

    on(captioned, gr.File(file_count="multiple"), gr.Gallery(), "gallery")
    on(seen, gr.Gallery(), gr.JSON(), "seen_gallery")
    on(lambda file: [("look", (file.name, "a file")), (None, "so?")], gr.File(), gr.Chatbot(), "chatbot")
    on(chat_seen, gr.Chatbot(), gr.JSON(), "seen_chat")
    if hasattr(gr, "AnnotatedImage"):
        on(annotated, gr.File(), gr.AnnotatedImage(), "annotated")


def chat_seen(history):
    """Files stand as pairs of path and text from 3.35 on, before it as the dicts they were sent as."""

    def message(value):
        if isinstance(value, dict):
            value = (value["name"], value["alt_text"])
        if isinstance(value, (tuple, list)):
            path, *alt_text = value
            return [digest(Path(path).read_bytes()), *[text for text in alt_text if text is not None]]
        return value

    return [[message(value) for value in pair] for pair in history]


def annotated(file):
    return file.name, [((0, 0, 1, 1), "corner"), (np.ones((1, 1)), "all")]


# --- values without files ---------------------------------------------------------------------------


def plain_endpoints():
    on(same, gr.JSON(), gr.JSON(), "json")
    on(same, gr.Label(), gr.JSON(), "seen_label")
    on(same, gr.JSON(), gr.Label(), "label")
    on(lambda name: name, gr.Textbox(), gr.Label(), "one_label")
    on(same, gr.HighlightedText(), gr.HighlightedText(), "highlighted")
    on(same, gr.HighlightedText(), gr.JSON(), "seen_highlighted")
    on(same, gr.Dataframe(), gr.Dataframe(), "dataframe")
    on(lambda frame: {"columns": list(frame.columns), "rows": len(frame)}, gr.Dataframe(), gr.JSON(), "frame")
    on(lambda rows: rows, gr.Dataframe(type="array"), gr.JSON(), "rows")
    on(same, gr.Timeseries(x="t", y="v"), gr.Timeseries(x="t", y="v"), "timeseries")
    on(figure, gr.Number(), gr.Plot(), "plot")
    on(line, gr.Number(), gr.LinePlot(), "line_plot")
    on(same, gr.Code(), gr.Code(), "code")
    state = gr.State(0)
    on(count, [state, gr.Number(value=1)], [state, gr.Number()], "count")
    on(lambda: gr.update(value="new", label="changed"), None, gr.Textbox(), "update")


def figure(height):
    from matplotlib.figure import Figure

    drawing = Figure()
    drawing.subplots().plot([0, height])
    return drawing


def line(height):
    frame = pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, height]})
    return gr.LinePlot.update(value=frame, x="x", y="y")


def count(state, step):
    return state + step, state + step


# --- described ones ---------------------------------------------------------------------------------


def described_endpoints():
    path = FOLDER / "default name.txt"
    path.write_text("the server's own", encoding="utf-8")
    on(path_of, gr.File(value=str(path), label="With Default"), gr.File(), "default")
    inputs = [
        gr.Textbox(label="Your Name!", value="Ann"),
        gr.Slider(0, 10, value=3, label="How many"),
        gr.Slider(0, 10, value=4, label="How many"),
        gr.Checkbox(label="???"),
        gr.Radio(["a", "b"], label="class"),
        gr.Dropdown(["c", "d"], value=["c"], multiselect=True, label="2 of them"),
        gr.Dropdown(["e", "f"], value="e"),
        gr.CheckboxGroup(["g", "h"], value=["h"], label="Group"),
        gr.ColorPicker(value="#aabbcc", label="Colour"),
    ]
    on(lambda *values: list(values), inputs, gr.JSON(label="All"), "described")


def generating_endpoints():
    def growing(files):
        for number in range(1, len(files) + 1):
            yield path_of(files[:number])

    on(growing, gr.File(file_count="multiple"), gr.File(file_count="multiple"), "growing")

    def images(files):
        for file in files:
            yield file.name

    on(images, gr.File(file_count="multiple"), gr.Image(), "images")
    if hasattr(gr.Audio, "stream_output"):
        on(images, gr.File(file_count="multiple"), gr.Audio(streaming=True), "stream")


def build():
    with gr.Blocks() as demo:
        file_endpoints()
        media_endpoints()
        nested_endpoints()
        plain_endpoints()
        described_endpoints()
        generating_endpoints()
    return demo


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant", choices=["v3_files"], default="v3_files")
    parser.parse_args()
    demo = build()
    demo.queue(concurrency_count=10)
    url = f"http://127.0.0.1:{launch(demo, show_error=True)}/"
    stay(url)


if __name__ == "__main__":
    main()
