"""The app of `faulted_app.py`, without a login, which also says what its server holds.

It runs inside a server's environment, as a script (see `servers.py`).
"""

from __future__ import annotations

import os
import sys

import gradio as gr

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
from faulted_app import build, on, serve


def held(demo):
    """What the server holds, in numbers and bytes; what a release does not have is left out.

    A session that has ended is marked, and Gradio keeps what is left of it. Of a job that ran when its stream
    was cut it keeps the id.
    """
    queue = demo._queue
    found = {
        "connections": len(demo.server.server_state.connections),
        "iterators": sum(map(count, demo.app.iterators.values())),
        "kept memory": resident(),
    }
    sessions = list(demo.app.state_holder.session_data.values())
    if hasattr(sessions[0], "is_closed"):
        found["sessions"] = sum(not session.is_closed for session in sessions)
    found["kept sessions"] = len(sessions)
    found["events"] = sum(map(len, filter(None, queue.active_jobs)))
    if hasattr(queue, "event_queue_per_concurrency_id"):
        waiting = queue.event_queue_per_concurrency_id.values()
        found["events"] += sum(len(each.queue) for each in waiting)
        messages = list(queue.pending_messages_per_session.values())
        found["messages"] = sum(each.qsize() for each in messages)
        found["kept ids"] = sum(map(len, list(queue.pending_event_ids_session.values())))
    else:
        found["events"] += len(queue.event_queue)
    return found


def count(iterator):
    """One; before Gradio 4 those of a session that have not ended."""
    return sum(each is not None for each in iterator.values()) if isinstance(iterator, dict) else 1


def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main():
    with build() as demo:
        on(lambda: held(demo), None, gr.JSON(), "held", queue=False)
    serve(demo)


if __name__ == "__main__":
    main()
