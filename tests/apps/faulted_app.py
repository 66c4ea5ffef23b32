"""The Gradio app that is called while faults strike, for Gradio 3.50 to 6.31: few functions, to be quick.

It runs inside a server's environment, as a script (see `servers.py`): it launches itself on a free port,
prints one line that begins with READY and ends when its standard input closes. Each function's result follows
from its arguments and the session's State; the workload in tests/faults/chaos knows the right results.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import os
import sys
import tempfile
import time

import gradio as gr

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
from launching import launch, stay

USERS = [("user", "pass")]


def on(fn, inputs, outputs, api_name, **options):
    """Register `fn` as an endpoint, as many of it at once as are called, where the release can say so."""
    click = gr.Button(visible=False).click
    if "concurrency_limit" in inspect.signature(click).parameters and fn is not None:
        options.setdefault("concurrency_limit", None)
    return click(fn, inputs, outputs, api_name=api_name, **options)


def grow(steps):
    text = ""
    for step in range(int(steps)):
        text += f"{step} \u0085 é "
        yield text


def count(steps, pause):
    for step in range(int(steps)):
        time.sleep(pause)
        yield step


def count_calls(text, calls):
    return f"{text} {calls + 1}", calls + 1, calls + 1


def digest(path):
    with open(getattr(path, "name", path), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def written(content):
    path = os.path.join(tempfile.mkdtemp(), "note (1).txt")
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)
    return path


def fail(text):
    raise gr.Error(text)


def build():
    with gr.Blocks() as demo:
        on(lambda text: text, gr.Textbox(label="Text"), gr.Textbox(), "echo")
        on(lambda text: text, gr.Textbox(), gr.Textbox(), "direct", queue=False)
        on(grow, gr.Number(), gr.Textbox(), "grow")
        on(count, [gr.Number(), gr.Number()], gr.Number(), "count")
        if not gr.__version__.startswith("5."):  # whose session may so be left after a cut
            calls = gr.State(0)
            on(count_calls, [gr.Textbox(), calls], [gr.Textbox(), calls, gr.Number()], "count_calls")
        on(digest, gr.File(), gr.Textbox(), "digest")
        on(written, gr.Textbox(), gr.File(), "written")
        on(fail, gr.Textbox(), gr.Textbox(), "fail")
        endless = on(count, [gr.Number(), gr.Number()], gr.Number(), "endless")
        on(None, None, None, "stop", cancels=[endless])
    return demo


def serve(demo, **options):
    """Launch with room for all calls at once, and stay."""
    names = ("default_concurrency_limit", "concurrency_count")  # 4.0 has neither
    known = [name for name in names if name in inspect.signature(demo.queue).parameters]
    demo.queue(**dict.fromkeys(known[:1], 40))
    stay(f"http://127.0.0.1:{launch(demo, show_error=True, max_threads=200, **options)}/")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant", choices=["faulted"], default="faulted")
    parser.parse_args()
    serve(build(), auth=USERS)


if __name__ == "__main__":
    main()
