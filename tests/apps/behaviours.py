"""One Gradio app with every behaviour the client must meet, for Gradio 3.23 to 6.31.

It runs inside a server's environment, as a script (see `servers.py`): it launches itself on a free
port, prints one line that begins with READY and ends when its standard input closes.

What a release does not know is left out by asking the release, never by its number alone.
"""

from __future__ import annotations

import argparse
import inspect
import os
import socket
import sys
import tempfile
import time

import gradio as gr
import pandas as pd

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
from launching import calm_queue, launch, stay, steady_queue

UNICODE = 'naïve ‰ 日本語 🙂 next\u0085line sep\u2028arator para\u2029graph tab\t quote" back\\slash'


def supports(callable_, *names):
    return all(name in inspect.signature(callable_).parameters for name in names)


def supported(callable_, **options):
    """The options that a callable has, in this release."""
    return {name: value for name, value in options.items() if supports(callable_, name)}


def undocumented():
    if supports(gr.Button().click, "api_visibility"):
        return {"api_visibility": "undocumented"}
    return {"show_api": False}


def private():
    if supports(gr.Button().click, "api_visibility"):
        return {"api_visibility": "private"}
    return {"api_name": False}


def on(fn, inputs=None, outputs=None, api_name=None, **options):
    """Register `fn` as an endpoint; the button that would trigger it is never pressed.

    Options that a release does not know are left out: Gradio 3 limits concurrency for the app as a whole,
    and shows every endpoint.
    """
    if api_name is not None:
        options["api_name"] = api_name
    click = gr.Button(visible=False).click
    if "js" in options and not supports(click, "js"):
        options["_js"] = options.pop("js")
    return click(fn, inputs, outputs, **supported(click, **options))


# --- values -----------------------------------------------------------------------------------------


def echo(text):
    return text


def calculate(num1, operation, num2):
    if operation == "add":
        return num1 + num2
    if operation == "divide":
        if num2 == 0:
            raise gr.Error("Cannot divide by zero!")
        return num1 / num2
    return num1 * num2


def swap(a, b):
    return b, a


def value_endpoints():
    on(lambda x: x, gr.Textbox(visible=False), gr.Textbox(visible=False), "noop", concurrency_limit=None)
    on(echo, gr.Textbox(label="Text", value="hello"), gr.Textbox(label="Echoed text"), "echo")
    on(
        calculate,
        [
            gr.Number(label="First number"),
            gr.Radio(["add", "divide", "multiply"], label="Operation", value="add"),
            gr.Number(value=3, label="Second number!", precision=0),
        ],
        gr.Number(label="Result"),
        "calculate",
    )
    on(swap, [gr.Textbox(), gr.Number(value=1.5)], [gr.Number(), gr.Textbox()], "swap")
    on(lambda text: None, gr.Textbox(), None, "no_output")
    on(lambda: 42, None, gr.Number(label="answer"), "no_input")
    on(lambda: None, None, None, "nothing")
    on(lambda x: None, gr.Textbox(), gr.Textbox(), "returns_none")
    on(lambda: UNICODE, None, gr.Textbox(), "unicode")
    on(lambda size: "x" * int(size), gr.Number(value=5_000_000), gr.Textbox(), "large")
    on(lambda x: x, gr.JSON(), gr.JSON(), "json")
    on(
        lambda: {"path": "/not/a/file", "nested": [{"path": "also not"}], "n": None},
        None,
        gr.JSON(),
        "json_path",
    )


def component_endpoints():
    frame = pd.DataFrame({"name": ["a", "b"], "n": [1, 2]})
    on(
        lambda x: x,
        gr.Dataframe(headers=["name", "n"], datatype=["str", "number"]),
        gr.Dataframe(),
        "dataframe",
    )
    on(lambda: frame, None, gr.Dataframe(label="table"), "make_dataframe")
    on(lambda: {"cat": 0.75, "dog": 0.25}, None, gr.Label(), "label")
    on(lambda: [("Ada", "person"), (" wrote", None)], None, gr.HighlightedText(), "highlighted")
    on(
        lambda one, many: [one, many],
        [
            gr.Dropdown(["x", "y", "z"], value="y", label="One"),
            gr.Dropdown(["x", "y", "z"], multiselect=True, value=["x"], label="Many"),
        ],
        gr.JSON(),
        "dropdown",
    )
    on(lambda x: x, gr.CheckboxGroup(["p", "q"], value=["q"]), gr.CheckboxGroup(["p", "q"]), "checkboxes")
    on(
        lambda flag, level: [flag, level],
        [gr.Checkbox(label="On?", value=True), gr.Slider(0, 10, value=4, step=1, label="Level")],
        gr.JSON(),
        "controls",
    )
    on(lambda x: gr.update(value=x, label="new"), gr.Textbox(), gr.Textbox(), "update")
    on(lambda x: f"# {x}", gr.Textbox(), gr.Markdown(), "markdown")
    on(lambda code: code, gr.Code(language="python"), gr.HTML(), "code")
    on(text_file, gr.Textbox(label="content"), gr.File(label="file"), "text_file")
    on(two_files, None, gr.File(file_count="multiple"), "two_files")
    on(lambda path: os.path.getsize(path), gr.File(label="file"), gr.Number(label="bytes"), "file_size")


def text_file(content):
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "note (1).txt")
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)
    return path


def two_files():
    return [text_file("one"), text_file("two")]


# --- streams ----------------------------------------------------------------------------------------


def count(n, delay):
    for i in range(int(n)):
        time.sleep(delay)
        yield i


def grow(n):
    text = ""
    for i in range(int(n)):
        text += f"{i} \u0085 é "
        yield text


def edit_json():
    yield {"list": [1, 2, 3], "deep": {"text": "a", "gone": True}, "same": "s"}
    yield {"list": [1, 2, 3, 4], "deep": {"text": "ab", "gone": True}, "same": "s"}
    yield {"list": [1, 9, 3, 4], "deep": {"text": "abc"}, "same": "s", "new": {"k": None}}
    yield {"list": [1, 9, 3], "deep": {"text": "zzz", "list": [{"a": 1}, {"b": 2}]}}
    yield {"list": [1, 9, 0.5], "deep": {"text": "zzz!", "list": [{"b": 2}]}, "a/b": 1}
    yield [1, {"whole": "other kind"}]


def delete_items():
    yield {"flat": [1, 2, 3, 4], "nested": [[1, 2], [3, 4]]}
    yield {"flat": [1], "nested": [[1], [3]]}


def two_streams():
    for i in range(3):
        yield "ab" * i, {"i": i, "seen": list(range(i))}


def fail_midway(n):
    for i in range(int(n)):
        yield f"part {i}"
    raise ValueError("failed after the parts")


def fail_midway_gr():
    yield 1
    yield 2
    raise gr.Error("gr.Error after two")


def stream_endpoints():
    on(count, [gr.Number(value=3), gr.Number(value=0.01)], gr.Number(), "count", concurrency_limit=None)
    on(grow, gr.Number(value=5), gr.Textbox(), "grow", concurrency_limit=None)
    on(edit_json, None, gr.JSON(), "edit_json")
    on(delete_items, None, gr.JSON(), "delete_items")
    on(two_streams, None, [gr.Textbox(), gr.JSON()], "two_streams")
    on(fail_midway, gr.Number(value=2), gr.Textbox(), "fail_midway")
    on(fail_midway_gr, None, gr.Number(), "fail_midway_gr")
    on(generate_nothing, None, gr.Textbox(), "generate_nothing")
    on(count, [gr.Number(value=3), gr.Number(value=0.01)], gr.Number(), "direct_count", queue=False)


def generate_nothing():
    yield from ()


# --- jobs -------------------------------------------------------------------------------------------


def slow(seconds):
    time.sleep(seconds)
    return seconds


async def block(seconds):
    """Keep the whole server from doing anything else, as a model does that is called in an `async def`."""
    time.sleep(seconds)
    return seconds


def listen(chunk, heard):
    """Take a chunk of live sound, for which a text stands, after those that the session has heard."""
    if chunk == "noise":
        raise gr.Error("not heard")
    heard += chunk
    return heard, heard


def live_endpoints():
    """Functions that a page feeds chunk by chunk, from 5.0 on."""
    if int(gr.__version__.partition(".")[0]) < 5:
        return
    audio = gr.Audio(streaming=True, visible=False)
    for name, limit in (("listen", 60), ("listen_on", None)):
        heard = gr.State("")
        audio.stream(
            lambda *args: listen(*args),  # one of its own has a limit of its own
            [gr.Textbox(), heard],
            [gr.Textbox(), heard],
            api_name=name,
            time_limit=limit,
            concurrency_limit=1,
        )


def tell(text):
    gr.Info("for your information: é")
    gr.Warning("be warned")
    return text


def with_progress(n, progress=gr.Progress()):  # noqa: B008  (Gradio finds it by this default)
    progress(0, desc="starting")
    for _ in progress.tqdm(range(int(n)), desc="working", unit="steps"):
        time.sleep(0.02)
    progress((1, 4), desc="a fraction")
    return "done"


def batched(texts, numbers):
    return ([text * int(number) for text, number in zip(texts, numbers)],)


def forever(seconds):
    """Long enough that only cancelling ends it within a test; ends by itself all the same."""
    until = time.monotonic() + seconds
    i = 0
    while time.monotonic() < until:
        yield i
        i += 1
        time.sleep(0.05)


def alone(seconds):
    """The same, one at a time: the next can begin only once this was stopped."""
    yield from forever(seconds)


TRACE = []


def traced(name, n):
    TRACE.append(name)
    for i in range(int(n)):
        time.sleep(0.1)
        yield i


def trace(name):
    """How often a run of this name has begun."""
    return TRACE.count(name)


def job_endpoints():
    on(slow, gr.Number(value=0.2), gr.Number(), "slow", concurrency_limit=None)
    # A function of its own: endpoints of one function share the lowest of their limits.
    on(lambda seconds: slow(seconds), gr.Number(value=0.2), gr.Number(), "one_at_a_time", concurrency_limit=1)
    on(block, gr.Number(value=1), gr.Number(), "block")
    if hasattr(gr, "Info"):
        on(tell, gr.Textbox(), gr.Textbox(), "tell")
    on(with_progress, gr.Number(value=3), gr.Textbox(), "progress")
    if not gr.__version__.startswith("4.0."):  # a batch is the end of its queue
        on(batched, [gr.Textbox(), gr.Number()], gr.Textbox(), "batched", batch=True, max_batch_size=8)
    stream = on(forever, gr.Number(value=60), gr.Number(), "forever", concurrency_limit=None)
    on(traced, [gr.Textbox(), gr.Number()], gr.Number(), "traced", concurrency_limit=None)
    on(trace, gr.Textbox(), gr.Number(), "trace", concurrency_limit=None)
    # Up to 4.29 cancelling means calling a function that names the one to cancel.
    on(None, None, None, "stop_forever", cancels=[stream])
    on(alone, gr.Number(value=60), gr.Number(), "alone", concurrency_limit=1)


# --- errors -----------------------------------------------------------------------------------------


def raise_value_error(text):
    raise ValueError(f"bad value: {text}")


def raise_gr_error(text):
    raise gr.Error(text)


def raise_detailed():
    details = {"duration": 3.5, "visible": False, "title": "Sad", "print_exception": False}
    raise gr.Error("with details", **supported(gr.Error.__init__, **details))


def error_endpoints():
    on(raise_value_error, gr.Textbox(), gr.Textbox(), "value_error")
    on(raise_gr_error, gr.Textbox(), gr.Textbox(), "gr_error")
    on(raise_detailed, None, gr.Textbox(), "detailed_error")
    on(echo, gr.Textbox(), gr.Textbox(), "direct", queue=False)
    on(
        lambda a, b: (b, a),
        [gr.Textbox(), gr.State(7)],
        [gr.Number(), gr.Textbox()],
        "direct_two",
        queue=False,
    )
    on(lambda x: x, gr.JSON(), gr.JSON(), "direct_json", queue=False)
    on(lambda: {"cat": 0.75, "dog": 0.25}, None, gr.Label(), "direct_label", queue=False)
    on(lambda: pd.DataFrame({"n": [1, 2]}), None, gr.Dataframe(), "direct_dataframe", queue=False)
    on(lambda: [("Ada", "person")], None, gr.HighlightedText(), "direct_highlighted", queue=False)
    on(
        lambda x: x,
        gr.CheckboxGroup(["p", "q"]),
        gr.CheckboxGroup(["p", "q"]),
        "direct_checkboxes",
        queue=False,
    )
    on(raise_gr_error, gr.Textbox(), gr.Textbox(), "direct_gr_error", queue=False)
    on(raise_value_error, gr.Textbox(), gr.Textbox(), "direct_value_error", queue=False)
    on(lambda: (1, 2, 3), None, [gr.Number(), gr.Number()], "wrong_output_count")


# --- sessions and requests --------------------------------------------------------------------------


def count_calls(before, state, after):
    state = {"calls": state["calls"] + 1}
    return f"{before} {state['calls']} {after}", state, state["calls"]


def header(name, request: gr.Request):
    # Gradio 3 has an object of its own for the headers of a queued call, without `get`.
    return dict(request.headers.items()).get(name, "absent")


def session(request: gr.Request):
    return request.session_hash


def user(request: gr.Request):
    return str(request.username)


# Before 3.30 or so Gradio looks for the class itself, not for its name.
for needs_request in (header, session, user):
    needs_request.__annotations__["request"] = gr.Request


def session_endpoints():
    state = gr.State({"calls": 0})
    on(
        count_calls,
        [gr.Textbox(label="before"), state, gr.Textbox(label="after", value="!")],
        [gr.Textbox(), state, gr.Number()],
        "count_calls",
    )
    on(lambda s: s, state, state, "only_state")
    on(header, gr.Textbox(label="name"), gr.Textbox(), "header")
    on(header, gr.Textbox(label="name"), gr.Textbox(), "direct_header", queue=False)
    on(session, None, gr.Textbox(), "session")
    on(user, None, gr.Textbox(), "user")


# --- names and visibility ---------------------------------------------------------------------------


def named_by_function(text):
    return f"named: {text}"


def naming_endpoints():
    on(echo, gr.Textbox(), gr.Textbox(), "undocumented", **undocumented())
    on(echo, gr.Textbox(), gr.Textbox(), **private())
    on(named_by_function, gr.Textbox(), gr.Textbox())
    on(lambda text: f"lambda: {text}", gr.Textbox(), gr.Textbox())
    on(
        lambda a, b: f"{a} {b}",
        [gr.Textbox(label="Same"), gr.Textbox(label="Same")],
        gr.Textbox(),
        "same_labels",
    )
    on(lambda a: a, gr.Textbox(label="a-b c?é"), gr.Textbox(label="1 odd (label)"), "odd_labels")
    on(echo, gr.Textbox(), gr.Textbox(), "echo")  # another of this name: Gradio renames it
    on(None, gr.Textbox(), gr.Textbox(), "javascript_only", js="x => x")


def chat(message, history):
    reply = f"you said {message} ({len(history)} before)"
    for end in range(0, len(reply) + 1, 10):
        yield reply[:end]
    yield reply


def newer_endpoints():
    if hasattr(gr, "api"):

        def typed(name: str, times: int = 2, flags: list[bool] | None = None) -> dict[str, str]:
            return {"said": name * times, "flags": str(flags)}

        def typed_stream(n: int):
            yield from range(n)

        gr.api(typed, api_name="typed")
        gr.api(typed_stream, api_name="typed_stream")
        # Older releases refuse to launch with a batched function that skips the queue.
        on(batched, [gr.Textbox(), gr.Number()], gr.Textbox(), "direct_batched", batch=True, queue=False)
    if supports(gr.Button().click, "validator") and hasattr(gr, "validate"):
        on(
            lambda age: f"{age} years",
            gr.Number(label="Age"),
            gr.Textbox(),
            "validated",
            validator=lambda age: gr.validate(age >= 18, "must be 18 or more"),
        )
    if hasattr(gr, "Success"):

        def succeed(text):
            gr.Success("well done", title="Hooray")
            return text

        on(succeed, gr.Textbox(), gr.Textbox(), "success")


def build():
    with gr.Blocks() as demo:
        value_endpoints()
        component_endpoints()
        stream_endpoints()
        job_endpoints()
        error_endpoints()
        session_endpoints()
        naming_endpoints()
        newer_endpoints()
        live_endpoints()
        if hasattr(gr, "ChatInterface"):
            gr.ChatInterface(chat)
    return demo


def build_queueless():
    """What Gradio 3 serves without a queue: no generators, no progress."""
    with gr.Blocks() as demo:
        value_endpoints()
        component_endpoints()
        error_endpoints()
        session_endpoints()
        naming_endpoints()
    return demo


def build_single():
    """One endpoint, so that it need not be named; and a queue that holds one event."""
    with gr.Blocks() as demo:
        on(slow, gr.Number(value=0.2), gr.Number(), "slow", concurrency_limit=1)
    return demo


# --- launching --------------------------------------------------------------------------------------

MAX_THREADS = 200
USERS = [("user", "pass"), ("ünï", "p@ss wörd&=")]


def launched(demo, **options):
    """Launch with threads enough for every test, as far as the release has the options. The port."""
    return launch(demo, max_threads=MAX_THREADS, **supported(demo.launch, **options))


def mount(demo, path):
    """Serve the app under `path` of another FastAPI app."""
    import threading

    import fastapi
    import uvicorn

    steady_queue()
    app = fastapi.FastAPI()
    gr.mount_gradio_app(app, demo, path=path)
    calm_queue(demo)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    started = threading.Event()

    class Server(uvicorn.Server):
        def install_signal_handlers(self):
            """Only the main thread may install them, and this server runs in another."""

        async def startup(self, sockets=None):
            await super().startup(sockets=sockets)
            started.set()

    server = Server(uvicorn.Config(app, log_level="warning"))
    threading.Thread(target=server.run, args=([listener],), daemon=True).start()
    if not started.wait(60):
        raise RuntimeError("uvicorn did not start")
    return listener.getsockname()[1]


def concurrency(demo):
    """Enough for every test, as the release has it; 4.0 has it for each function alone."""
    for name in ("default_concurrency_limit", "concurrency_count"):
        if supports(demo.queue, name):
            return {name: 40}
    return {}


def serve(variant, certificate, key):
    """Start the app in the given way; its URL."""
    if variant == "small_queue":
        demo = build_single()
        demo.queue(max_size=1)
        return f"http://127.0.0.1:{launched(demo)}/"
    if variant == "no_queue":
        return f"http://127.0.0.1:{launched(build_queueless(), show_error=True)}/"
    demo = build()
    demo.queue(**concurrency(demo))
    if variant == "subpath":
        return f"http://127.0.0.1:{mount(demo, '/sub/app')}/sub/app/"
    if variant == "https":
        options = {"ssl_certfile": certificate, "ssl_keyfile": key, "ssl_verify": False, "show_error": True}
        return f"https://localhost:{launched(demo, **options)}/"
    if variant == "auth":
        return f"http://127.0.0.1:{launched(demo, auth=USERS, show_error=True)}/"
    return f"http://127.0.0.1:{launched(demo, show_error=variant != 'hide_errors')}/"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant", default="plain")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    arguments = parser.parse_args()
    url = serve(arguments.variant, arguments.certificate, arguments.key)
    stay(url)


if __name__ == "__main__":
    main()
