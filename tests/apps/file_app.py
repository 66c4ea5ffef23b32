"""A Gradio app with every component that carries files, for Gradio 4.0 to 6.31.

It runs inside a server's environment, as a script (see `servers.py`): it launches itself on a free port,
prints one line that begins with READY and ends when its standard input closes. Its functions give back
what they got, so that a file's round trip shows in the result.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import gradio as gr

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
from launching import launch, stay

MAJOR = int(gr.__version__.partition(".")[0])
FIRST_4 = gr.__version__.startswith("4.0.")
FOLDER = Path(tempfile.mkdtemp())
MAX_FILE_SIZE = "10kb"


def same(value):
    return value


def on(fn, inputs, outputs, api_name, **options):
    """Register `fn` as an endpoint; the button that would trigger it is never pressed."""
    gr.Button(visible=False).click(fn, inputs, outputs, api_name=api_name, **options)


def simple_endpoints():
    on(same, gr.File(), gr.File(), "file")
    on(same, gr.File(file_count="multiple"), gr.File(file_count="multiple"), "files")
    on(same, gr.Image(type="filepath"), gr.Image(type="filepath"), "image")
    on(same, gr.Audio(type="filepath"), gr.Audio(type="filepath"), "audio")
    on(same, gr.Video(), gr.Video(), "video")
    on(same, gr.Model3D(), gr.Model3D(), "model3d")
    on(same, gr.UploadButton(), gr.File(), "upload_button")
    on(lambda a, b: [b, a], [gr.File(), gr.File()], gr.File(file_count="multiple"), "swap")
    on(same, gr.File(), gr.File(), "direct", queue=False)
    on(slow, gr.Number(), gr.Number(), "slow")
    on(same, gr.Textbox(), gr.Textbox(), "text")
    on(lambda path: [path, {"path": "/no/file"}], gr.File(), [gr.File(), gr.JSON()], "path_as_json")


def rewritten_endpoint():
    """A picture whose file is emptied and written anew once it is named, as by another job that gives it."""
    import numpy
    from gradio import processing_utils

    save = processing_utils.save_img_array_to_cache

    def save_and_rewrite(*args, **options):
        path = Path(save(*args, **options))
        content = path.read_bytes()
        path.write_bytes(b"")
        threading.Timer(0.5, path.write_bytes, [content]).start()
        return str(path)

    processing_utils.save_img_array_to_cache = save_and_rewrite
    on(lambda: numpy.zeros((9, 9, 3), dtype="uint8"), None, gr.Image(), "rewritten")


def newer_endpoints():
    """What not every release has."""
    if hasattr(gr, "ImageEditor"):
        on(same, gr.ImageEditor(type="filepath"), gr.ImageEditor(type="filepath"), "image_editor")
        on(same, gr.Gallery(type="filepath"), gr.Gallery(type="filepath"), "gallery")
    if hasattr(gr, "DownloadButton"):
        on(same, gr.File(), gr.DownloadButton(), "download_button")
    if hasattr(gr, "MultimodalTextbox"):
        on(same, gr.MultimodalTextbox(), gr.MultimodalTextbox(), "multimodal")
    if hasattr(gr, "ImageSlider"):
        on(same, gr.ImageSlider(type="filepath"), gr.ImageSlider(type="filepath"), "image_slider")


def video_endpoints():
    def with_subtitles(video, subtitles):
        return gr.Video(value=video, subtitles=subtitles) if MAJOR >= 6 else (video, subtitles)

    on(with_subtitles, [gr.Video(), gr.File()], gr.Video(), "subtitles")


def chatbot_endpoints():
    def messages(path):
        if MAJOR >= 5:
            return [{"role": "user", "content": "look"}, {"role": "assistant", "content": {"path": path}}]
        return [("look", (path,))]

    options = {"type": "messages"} if MAJOR == 5 else {}
    on(messages, gr.File(), gr.Chatbot(**options), "chatbot")
    on(same, gr.Chatbot(**options), gr.Chatbot(**options), "chatbot_again")

    def components(path):
        pictures = {"role": "assistant", "content": gr.Gallery([path])}
        return [{"role": "assistant", "content": gr.Image(path)}, pictures]

    if MAJOR >= 5:
        on(components, gr.File(), gr.Chatbot(**options), "chatbot_components")


def generating_endpoints():
    def one_by_one(paths):
        yield from paths

    def growing(paths):
        for count in range(1, len(paths) + 1):
            yield paths[:count]

    on(one_by_one, gr.File(file_count="multiple"), gr.File(), "one_by_one")
    on(growing, gr.File(file_count="multiple"), gr.File(file_count="multiple"), "growing")


def default_endpoint():
    path = FOLDER / "default name.txt"
    path.write_text("the server's own", encoding="utf-8")
    on(same, gr.File(value=str(path)), gr.File(), "default")


# --- streamed media ---------------------------------------------------------------------------------


async def unencoded(value, output_id, first_chunk):
    """A chunk of a stream as it is: from 5.0 on encoding it needs ffmpeg, which a test cannot ask for."""
    output = {
        "path": output_id,
        "is_stream": True,
        "orig_name": "audio-stream.mp3",
        "meta": {"_type": "gradio.FileData"},
    }
    if value is None:
        return None, output
    return {"data": Path(value["path"]).read_bytes(), "duration": 1.0, "extension": ".aac"}, output


async def nothing_left(output_id):
    """No encoder, so nothing is held back in one."""


def streamed_audio():
    audio = gr.Audio(streaming=True)
    if MAJOR >= 5:
        # Not by a subclass: Gradio would write a stub beside this file for it.
        audio.stream_output, audio.flush_stream_output = unencoded, nothing_left
    return audio


def slow(seconds):
    time.sleep(seconds)
    return seconds


def stream_endpoints():
    def chunks(paths):
        yield from paths

    on(chunks, gr.File(file_count="multiple"), streamed_audio(), "stream")


def build():
    with gr.Blocks() as demo:
        simple_endpoints()
        rewritten_endpoint()
        newer_endpoints()
        video_endpoints()
        chatbot_endpoints()
        generating_endpoints()
        stream_endpoints()
        default_endpoint()
    return demo


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant", choices=["files", "private_files"], default="files")
    private = parser.parse_args().variant == "private_files"
    demo = build()
    if not FIRST_4:  # where each function has a limit of its own alone
        demo.queue(default_concurrency_limit=10)
    options = {"auth": ("user", "pass"), "max_file_size": MAX_FILE_SIZE} if private else {}
    options["allowed_paths"] = [str(FOLDER)]  # served, but taken as no argument
    url = f"http://127.0.0.1:{launch(demo, show_error=True, **options)}/"
    stay(url)


if __name__ == "__main__":
    main()
