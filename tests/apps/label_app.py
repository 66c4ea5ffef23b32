"""A Gradio app with labels, choices and defaults of every kind, for Gradio 4.44 to 6.31.

It runs inside a server's environment, as a script (see `servers.py`).
"""

from __future__ import annotations

import argparse
import os
import sys

import gradio as gr

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
from launching import launch, stay

TRANSLATIONS = {"en": {"greeting": "Hello"}, "de": {"greeting": "Hallo"}}


def inputs(text):
    return [
        gr.Textbox(label=text("greeting"), value="1"),
        gr.Textbox(label=text("not translated")),
        gr.Radio([("One", 1), ("Two", 2.5), ("Three", "3")], label="Größe", value=1),
        gr.Radio([True, False], label="Yes?", value=True),
        gr.Dropdown(["a", "ü", 3, "it's"], label=text("which"), value=3),
        gr.CheckboxGroup([1, 2, "x"], label="12", value=[1, "x"]),
        gr.JSON(label="", value={"a": [None, True, 1.5, {"b": "ü"}]}),
        gr.Number(label=text("number"), value=1.0),
        gr.Checkbox(label=text("check")),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant", choices=["labels"], default="labels")
    parser.parse_args()
    i18n = gr.I18n(**TRANSLATIONS) if hasattr(gr, "I18n") else None
    text = i18n or str
    with gr.Blocks() as demo:
        outputs = [gr.JSON(label=text("greeting")), gr.Textbox(label=text("result"))]
        gr.Button().click(lambda *values: (list(values), "done"), inputs(text), outputs, api_name="all")
        gr.Button().click(lambda value: value, gr.JSON(), gr.JSON(label=text("greeting")), api_name="one")
    options = {} if i18n is None else {"i18n": i18n}
    stay(f"http://127.0.0.1:{launch(demo, **options)}/")


if __name__ == "__main__":
    main()
