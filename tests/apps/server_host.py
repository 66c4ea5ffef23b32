"""Imports Gradio once, which takes seconds, and runs each app that it is asked for in a fork of itself.

A server's environment runs it, isolated, as a script. Its standard input is a socket, which brings for each
app one message: its script, arguments and environment variables in JSON, and two file descriptors, for its
standard input and its output. It ends when the socket closes; the apps end with their standard inputs.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import socket
import sys
import tempfile

import gradio  # noqa: F401 - the forks have it then


def main():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the apps
    with socket.socket(fileno=os.dup(0)) as requests:
        while True:
            content, descriptors, _, _ = socket.recv_fds(requests, 1 << 20, 2)
            if not content:
                os._exit(0)
            if os.fork() == 0:
                break
            for descriptor in descriptors:
                os.close(descriptor)
    run(json.loads(content), *descriptors)


def run(request, given, output):
    """Become the app."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for descriptor, place in ((given, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, place)
    os.close(given)
    os.close(output)
    os.environ.clear()
    os.environ.update(request["environ"])
    tempfile.tempdir = None  # which was found by the variables before
    sys.argv = [request["script"], *request["arguments"]]
    runpy.run_path(request["script"], run_name="__main__")


if __name__ == "__main__":
    main()
