"""Launching a test app: what the scripts that run inside a server's environment share.

They run isolated (`python -I`) and so do not see their neighbours; each adds this folder to the end of
`sys.path` first.
"""

from __future__ import annotations

import json
import os
import socket
import sys

import gradio as gr


def free_port():
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def launch(demo, **options):
    """Launch on a free port; another process may take it in between, so try a few. The port."""
    for _ in range(5):
        port = free_port()
        try:
            demo.launch(
                server_name="127.0.0.1",
                server_port=port,
                prevent_thread_lock=True,
                share=False,
                quiet=True,
                **options,
            )
        except OSError as error:
            print(f"port {port}: {error}", flush=True)
        else:
            return port
    raise RuntimeError("no free port could be had")


def stay(url):
    """Say where the app is, and end when the process that started this one does, however it ends."""
    print("READY " + json.dumps({"url": url, "gradio": gr.__version__}), flush=True)
    sys.stdin.read()
    os._exit(0)
