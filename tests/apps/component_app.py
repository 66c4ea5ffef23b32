"""A Gradio app with an endpoint for each component of 6.31 that takes a value, which tells what arrived.

It runs inside a server's environment, as a script (see `servers.py`).
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import sys

import gradio as gr
from gradio.components.base import Component

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
from launching import launch, stay

HERE = os.path.dirname(os.path.abspath(__file__))
#: Components, by the name of their endpoint; those with the same class differ in what they declare.
COMPONENTS = {
    "annotated_image": gr.AnnotatedImage,
    "audio": lambda: gr.Audio(type="filepath"),
    "browser_state": gr.BrowserState,
    "chatbot": gr.Chatbot,
    "checkbox": gr.Checkbox,
    "checkbox_group": lambda: gr.CheckboxGroup(["a", "b", ("One", 1)]),
    "code": gr.Code,
    "color": gr.ColorPicker,
    "dataframe": lambda: gr.Dataframe(type="array"),
    "dataset": lambda: gr.Dataset(components=["textbox"], samples=[["a"], ["b"]]),
    "date": lambda: gr.DateTime(type="string"),
    "dialogue": lambda: gr.Dialogue(speakers=["A", "B"]),
    "download_button": gr.DownloadButton,
    "dropdown": lambda: gr.Dropdown(["1", "2", ("Three", 3)]),
    "dropdown_free": lambda: gr.Dropdown(["a"], allow_custom_value=True),
    "dropdown_many": lambda: gr.Dropdown(["a", "b"], multiselect=True),
    "fallback": gr.components.Fallback,
    "file": gr.File,
    "file_explorer": lambda: gr.FileExplorer(root_dir=HERE),
    "files": lambda: gr.File(file_count="multiple"),
    "gallery": gr.Gallery,
    "highlighted_text": gr.HighlightedText,
    "html": gr.HTML,
    "image": lambda: gr.Image(type="filepath"),
    "image_editor": lambda: gr.ImageEditor(type="filepath"),
    "image_slider": lambda: gr.ImageSlider(type="filepath"),
    "json": gr.JSON,
    "label": gr.Label,
    "markdown": gr.Markdown,
    "model": gr.Model3D,
    "multimodal": gr.MultimodalTextbox,
    "native_plot": gr.components.NativePlot,
    "navbar": gr.Navbar,
    "number": gr.Number,
    "param_viewer": gr.ParamViewer,
    "plot": gr.Plot,
    "radio": lambda: gr.Radio(["a", "null", "true"]),
    "radio_numbers": lambda: gr.Radio([1, 2.5]),
    "simple_dropdown": lambda: _simple("SimpleDropdown")(["a", "b"]),
    "simple_image": lambda: _simple("SimpleImage")(),
    "simple_textbox": lambda: _simple("SimpleTextbox")(),
    "slider": gr.Slider,
    "text": gr.Textbox,
    "timer": gr.Timer,
    "upload_button": gr.UploadButton,
    "video": gr.Video,
    "whole": lambda: gr.Number(precision=0),
}


def _simple(name):
    return getattr(__import__("gradio._simple_templates", fromlist=[name]), name)


def plain(value):
    """What arrived as JSON, each file by its name and size."""
    value = value.model_dump() if hasattr(value, "model_dump") else value
    if isinstance(value, dict) and isinstance(value.get("path"), str) and "meta" in value:
        return {"file": value["orig_name"], "bytes": os.path.getsize(value["path"])}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def add(name, make):
    """An endpoint with one such component, which gives back what the page would have sent."""
    component = make()
    arrived = []

    def preprocess(payload, own=component.preprocess):
        arrived[:] = [plain(payload)]
        return own(payload)

    component.preprocess = preprocess
    gr.Button().click(lambda value: {"arrived": arrived[0]}, component, gr.JSON(), api_name=name)
    return type(component)


def declared(kind, found):
    """All kinds of components below one."""
    for below in kind.__subclasses__():
        if not inspect.isabstract(below):
            found.add(below)
        declared(below, found)
    return found


def takes_values(kind):
    """Whether an API says what it takes."""
    try:
        component = kind(render=False)
        component.api_info()
    except (AttributeError, NotImplementedError, TypeError):
        return False
    return not component.skip_api


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant", choices=["components"], default="components")
    parser.parse_args()
    with gr.Blocks() as demo:
        shown = {add(name, make) for name, make in COMPONENTS.items()}
        # A template only sets options of what it is made from.
        missing = [
            kind.__name__
            for kind in declared(Component, set())
            if kind not in shown and not shown & set(kind.__mro__) and takes_values(kind)
        ]
        gr.Button().click(lambda: json.dumps(missing), None, gr.Textbox(), api_name="missing")
        gr.Button().click(lambda file: file, gr.File(), gr.File(), api_name="same_file")
    stay(f"http://127.0.0.1:{launch(demo)}/")


if __name__ == "__main__":
    main()
