"""Fixtures of the queue drivers' and the transport's tests, for those of Gradio 3.x and 4.0 - 4.8."""

from __future__ import annotations

from queues.conftest import _no_thread_is_left, make_queue, transport
from transport.conftest import authority, ca_file, connect_to, serve, steps, wrap

__all__ = [
    "_no_thread_is_left",
    "authority",
    "ca_file",
    "connect_to",
    "make_queue",
    "serve",
    "steps",
    "transport",
    "wrap",
]
