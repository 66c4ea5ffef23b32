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


def steady_queue():
    """Keep old queues from losing calls, which then fail with an error without a text.

    Up to 3.4x they make each call by HTTP to themselves, giving up after five seconds of silence and on
    connections that both ends drop after five seconds of idling; a busy machine meets both limits.
    """
    from gradio import queueing

    if not hasattr(queueing, "AsyncRequest"):
        return
    httpx = queueing.httpx

    class Patient(httpx.AsyncClient):
        def __init__(self, **options):
            super().__init__(**{"timeout": 60.0, "limits": httpx.Limits(keepalive_expiry=1.0), **options})

    httpx.AsyncClient = Patient


def calm_queue(demo):
    """Have a queue that is free look for work a hundred times a second at most.

    6.31 does so a thousand times, but for Windows, where it does twenty times, as earlier releases do: each
    server that waits for its next test would take a twentieth of a core.
    """
    queue = getattr(demo, "_queue", None)
    if hasattr(queue, "sleep_when_free"):
        queue.sleep_when_free = max(queue.sleep_when_free, 0.01)


def free_port():
    """A port nobody listens on now, and none of TEST_SERVER_TAKEN in the environment."""
    taken = os.environ.get("TEST_SERVER_TAKEN", "").split()
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if str(port) not in taken:
            return port


def launch(demo, **options):
    """Launch on a free port; another process may take it in between, so try a few. The port.

    TEST_SERVER_PORT in the environment names one, for a server that is started again.
    """
    steady_queue()
    for _ in range(5):
        port = int(os.environ.get("TEST_SERVER_PORT", "0")) or free_port()
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
            calm_queue(demo)
            return port
    raise RuntimeError("no free port could be had")


def stay(url):
    """Say where the app is, and end when the process that started this one does, however it ends."""
    print("READY " + json.dumps({"url": url, "gradio": gr.__version__, "pid": os.getpid()}), flush=True)
    sys.stdin.read()
    os._exit(0)
