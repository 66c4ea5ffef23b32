"""The Gradio app that the scripts in tests/apps/moving call, for Gradio 6.31.

It runs inside a server's environment, as a script (see `servers.py`): it launches itself on a free port,
prints one line that begins with READY and ends when its standard input closes. Its functions are of the kinds
that the official guide shows: a calculator, a counter, a translator, a chat, a word list, files.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

import gradio as gr

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
from launching import launch, stay


def on(fn, inputs, outputs, api_name, **options):
    """Register `fn` as an endpoint; the button that would trigger it is never pressed."""
    gr.Button(visible=False).click(fn, inputs, outputs, api_name=api_name, **options)


def calculator(num1, operation, num2):
    if operation == "divide" and num2 == 0:
        raise gr.Error("Cannot divide by zero!", title="Arithmetic", duration=3)
    return {"add": num1 + num2, "subtract": num1 - num2, "divide": num1 / (num2 or 1)}[operation]


def count(limit):
    for number in range(int(limit)):
        yield str(number)
        time.sleep(0.02)


def spell(text, pause):
    """Letter by letter, slowly."""
    for end in range(1, len(text) + 1):
        yield text[:end]
        time.sleep(pause)


def steps(number, progress=gr.Progress()):  # noqa: B008 - as Gradio wants it
    for step in range(int(number)):
        progress((step, int(number)), desc="stepping")
        time.sleep(0.1)
    return f"{number} steps"


def count_word(word, words):
    return words.count(word), [*words, word]


def reply(message, history):
    answer = f"{len(history) // 2}: {message['text']} and {len(message['files'])} files"
    for end in (1, len(answer)):
        yield answer[:end]


def look(history, path):
    return [*history, {"role": "user", "content": {"path": path}}, {"role": "assistant", "content": "seen"}]


def check(name):
    return gr.validate(len(name) > 2, "a name has three letters")


def on_files():
    on(lambda path: path, gr.File(), gr.File(), "same")
    on(
        lambda paths: list(reversed(paths)),
        gr.File(file_count="multiple"),
        gr.File(file_count="multiple"),
        "turn",
    )
    on(
        lambda path: (os.path.basename(path), path),
        gr.Image(type="filepath"),
        [gr.Textbox(), gr.Image()],
        "show",
    )


def build():
    with gr.Blocks() as demo:
        operation = gr.Radio(["add", "subtract", "divide"], value="add", label="Operation")
        on(calculator, [gr.Number(label="A"), operation, gr.Number(2, label="B")], gr.Number(), "predict")
        on(lambda text: f"Bonjour {text}", gr.Textbox(label="Text"), gr.Textbox(label="French"), "translate")
        on(count, gr.Number(), gr.Textbox(), "count")
        on(spell, [gr.Textbox(), gr.Number(0.05)], gr.Textbox(), "spell")
        on(steps, gr.Number(), gr.Textbox(), "steps")
        on(lambda a, b: (a + b, a - b), [gr.Number(), gr.Number()], [gr.Number(), gr.Number()], "both")
        words = gr.State([])
        on(count_word, [gr.Textbox(label="Word"), words], [gr.Number(label="Count"), words], "count_word")
        on(lambda name: f"Hello {name}", gr.Textbox(), gr.Textbox(), "greet", validator=check)
        on(lambda: "hidden", None, gr.Textbox(), "hidden", api_visibility="private")
        on(look, [gr.Chatbot(), gr.File()], gr.Chatbot(), "look")
        on_files()
        gr.ChatInterface(reply, multimodal=True, api_name="chat")
    return demo


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant", choices=["moving"], default="moving")
    parser.parse_args()
    with gr.Blocks() as locked:
        on(lambda name: f"Hello {name}", gr.Textbox(), gr.Textbox(), "hello")
    login = f"http://127.0.0.1:{launch(locked, auth=('user', 'pass'))}/"
    demo = build()
    with demo:
        on(lambda: login, None, gr.Textbox(), "locked_app")
    demo.queue(default_concurrency_limit=4)
    stay(f"http://127.0.0.1:{launch(demo, show_error=True)}/")


if __name__ == "__main__":
    main()
