"""The names of the queue's messages, as code written for the official client compares them."""

from __future__ import annotations

from enum import Enum


class ServerMessage(str, Enum):
    """What `msg` says in a message of the queue (gradio/server_messages.py).

    Example:
        >>> "process_completed" == ServerMessage.process_completed
        True
    """

    send_hash = "send_hash"
    queue_full = "queue_full"
    estimation = "estimation"
    send_data = "send_data"
    process_starts = "process_starts"
    process_generating = "process_generating"
    process_completed = "process_completed"
    log = "log"
    progress = "progress"
    heartbeat = "heartbeat"
    server_stopped = "Server stopped unexpectedly."
    unexpected_error = "unexpected_error"
    close_stream = "close_stream"
    process_streaming = "process_streaming"
