"""After os.fork the child makes connections of its own."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from forking import fork

from gradio_client_lite.transport.http import Transport

from .peers import always, answer

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


def in_child(work):
    """Run a function in a forked child; return what it returned, as text."""
    read, write = os.pipe()
    child = fork()
    if child == 0:
        # A child that hangs must end the test, not hang it.
        signal.alarm(20)
        try:
            os.write(write, str(work()).encode())
        except BaseException as exc:
            os.write(write, repr(exc).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return text


def test_the_child_does_not_share_the_parents_connection(serve, connect_to):
    server = serve(always(lambda request: answer(request.path.encode())))
    transport = connect_to(server.url)
    transport.request("GET", server.url)
    said = in_child(lambda: (transport.request("GET", server.url + "child").body, transport))
    assert said == f"(b'/child', <Transport {server.url} idle=1 active=0>)"
    assert transport.request("GET", server.url + "parent").body == b"/parent"
    assert server.connections == 2


def test_locks_held_in_the_parent_do_not_stop_the_child(serve, connect_to):
    server = serve(always())
    transport = connect_to(server.url, cookies={"a": "1"})
    transport.request("GET", server.url)
    with transport._pool._lock, transport.cookies._lock, transport._tls._lock:
        said = in_child(lambda: transport.request("GET", server.url).status)
    assert said == "200"


def test_aborting_in_the_child_leaves_the_parents_stream_alone(serve, connect_to):
    proceed = threading.Event()

    def script(peer):
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc")
        proceed.wait(10)
        peer.send(b"def")
        peer.closed()

    server = serve(script)
    stream = connect_to(server.url).stream("GET", server.url)
    assert stream.read_some() == b"abc"

    def child():
        stream.abort()
        stream.close()
        return "done"

    assert in_child(child) == "done"
    proceed.set()
    assert stream.read_some() == b"def"


def test_a_transport_is_not_kept_alive_for_forks():
    import weakref

    watch = weakref.ref(Transport(base_url="http://h/"))
    assert watch() is None


def test_child_begins_with_no_connection_and_new_locks(serve, connect_to):
    server = serve(always())
    transport = connect_to(server.url)
    transport.request("GET", server.url)
    locks = transport._pool._lock, transport.cookies._lock, transport._tls._lock
    transport.after_fork()
    assert "idle=0 active=0" in repr(transport)
    assert not {*map(id, locks)} & {
        id(transport._pool._lock),
        id(transport.cookies._lock),
        id(transport._tls._lock),
    }
