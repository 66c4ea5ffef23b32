"""Half of a surrogate pair, which would break the event stream of every job of the session."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable, Dict

import pytest

from gradio_client_lite import Client, handle_file
from gradio_client_lite.errors import ArgumentError, ProtocolError

from .badserver import BadServer, config, reply

Serve = Callable[..., BadServer]
Connect = Callable[..., Client]

HALF = "\ud83d"


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [
        HALF,
        "\ude00",
        Text(HALF),
        [HALF],
        ("a", (HALF,)),
        {"a": {"b": [1, HALF]}},
        {HALF: 1},
        {"path": HALF, "meta": {"_type": "gradio.FileData"}},
    ],
)
@pytest.mark.parametrize("api_name", ["/echo", "/direct"])
def test_an_argument_with_one_is_refused(serve: Serve, connect: Connect, value: Any, api_name: str) -> None:
    server = serve()
    client = connect(server.url)
    for call in (client.predict, client.submit):
        with pytest.raises(
            ArgumentError, match=rf"^The argument (0|`text`).* of {api_name} holds half of a surrogate"
        ):
            call(value, api_name=api_name)
    assert server.told == []


def test_the_parameter_is_named_as_the_caller_named_it(serve: Serve, connect: Connect) -> None:
    server = serve()
    with pytest.raises(ArgumentError, match=r"^The argument `text` of /echo holds half"):
        connect(server.url).predict(text=[HALF], api_name="/echo")
    assert server.told == []


def test_two_halves_side_by_side_are_sent_as_the_character(serve: Serve, connect: Connect) -> None:
    assert connect(serve().url).predict("\ud83d\ude00", api_name="/echo") == "\U0001f600"


@pytest.mark.parametrize("protocol", ["sse", "ws"])
def test_older_protocols_refuse_it_too(serve: Serve, connect: Connect, protocol: str) -> None:
    server = serve(config=reply(config(protocol=protocol, enable_queue=True)))
    with pytest.raises(ArgumentError, match=r"argument (0|`text`)"):
        connect(server.url).submit(HALF, api_name="/echo")
    assert "join" not in server.routes()


@pytest.mark.parametrize(
    ("data", "hash_data", "named"),
    [
        ({"data": [HALF], "fn_index": 0}, {}, "The argument 0 of send_data"),
        ({"data": []}, {"session_hash": HALF}, "The `session_hash` of send_data"),
        ({"data": [], HALF: 1}, {}, "The body of send_data"),
    ],
)
def test_send_data_refuses_it(
    serve: Serve, connect: Connect, data: Dict[str, Any], hash_data: Dict[str, Any], named: str
) -> None:
    server = serve()
    with pytest.raises(ArgumentError, match=rf"^{named} holds half"):
        connect(server.url).send_data(data, hash_data, "sse_v3", None)
    assert server.told == []


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"auth": ("user", HALF)}, "auth"),
        ({"auth": (HALF, "password")}, "auth"),
        ({"headers": {"x-a": HALF}}, "headers['x-a']"),
        ({"headers": {HALF: "a"}}, "A name in headers"),
        ({"hf_token": HALF}, "hf_token"),
        ({"token": HALF}, "token"),
        ({"oauth_token": HALF}, "oauth_token"),
        ({"httpx_kwargs": {"headers": {"x-a": HALF}}}, "httpx_kwargs['headers']['x-a']"),
        ({"httpx_kwargs": {"cookies": {"a": HALF}}}, "httpx_kwargs['cookies']['a']"),
        ({"httpx_kwargs": {"auth": ("user", HALF)}}, "httpx_kwargs['auth']"),
        ({"httpx_kwargs": {"proxy": f"http://{HALF}@127.0.0.1:1"}}, "httpx_kwargs['proxy']"),
    ],
)
def test_options_with_one_are_refused(serve: Serve, options: Dict[str, Any], named: str) -> None:
    server = serve()
    with pytest.raises(ArgumentError) as caught:
        Client(server.url, verbose=False, **options)
    assert str(caught.value).startswith(f"{named} holds half of a surrogate pair")
    assert server.requests == []


def test_src_with_one_is_refused() -> None:
    for src in (f"http://127.0.0.1:1/{HALF}", f"owner/{HALF}"):
        with pytest.raises(ArgumentError, match=r"^src holds half"):
            Client(src)


def test_a_call_with_such_a_header_sends_nothing(serve: Serve, connect: Connect) -> None:
    server = serve()
    client = connect(server.url)
    for call in (client.predict, lambda *args, **kwargs: client.submit(*args, **kwargs).result(10)):
        with pytest.raises(ArgumentError, match="header 'x-a' holds half"):
            call("a", api_name="/echo", headers={"x-a": HALF})
    assert server.told == []


def test_a_header_or_cookie_that_is_set_later_is_refused(serve: Serve, connect: Connect) -> None:
    server = serve()
    client = connect(server.url)
    with pytest.raises(ArgumentError, match="cookie 'a' holds half"):
        client.cookies["a"] = HALF
    client.headers["x-a"] = HALF
    with pytest.raises(ArgumentError, match="header 'x-a' holds half"):
        client.predict("a", api_name="/echo")
    assert server.told == []


def test_a_header_with_both_halves_is_sent_as_utf8(serve: Serve, connect: Connect) -> None:
    server = serve()
    connect(server.url).predict("a", api_name="/echo", headers={"x-a": "\ud83d\ude00"})
    (request,) = [request for request in server.requests if request.path.endswith("queue/join")]
    assert request.headers["x-a"].encode("latin-1").decode() == "\U0001f600"


def test_names_with_one_are_refused(serve: Serve, connect: Connect) -> None:
    server = serve()
    client = connect(server.url)
    with pytest.raises(ArgumentError, match=r"^session_hash holds half"):
        client.session_hash = HALF
    with pytest.raises(ArgumentError, match=r"^api_name holds half"):
        client.predict("a", api_name=f"/{HALF}")
    assert server.told == []


# --- files


def test_a_file_is_not_given_such_a_name_type_or_url() -> None:
    with pytest.raises(ArgumentError, match=r"^name holds half"):
        handle_file(b"", name=HALF)
    with pytest.raises(ArgumentError, match=r"^mime_type holds half"):
        handle_file(b"", mime_type=HALF)
    with pytest.raises(ArgumentError, match=r"^The URL of a file holds half"):
        handle_file(f"http://127.0.0.1/{HALF}")


@pytest.mark.parametrize("field", ["url", "mime_type", HALF])
def test_a_file_with_such_a_field_is_refused(
    serve: Serve, connect: Connect, tmp_path: Path, field: str
) -> None:
    path = tmp_path / "a.txt"
    path.touch()
    file = handle_file(path)
    file[field] = HALF
    server = serve()
    with pytest.raises(ArgumentError, match=r"argument (0|`text`)"):
        connect(server.url).predict([file], api_name="/echo")
    assert server.told == []


def test_a_file_whose_name_is_no_unicode_is_sent(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    """Its name on this machine is not sent as it is: it goes up under one that is made harmless."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt"))
    path.write_bytes(b"content")
    server = serve(upload=reply(["/srv/caf_.txt"]))
    sent = connect(server.url, download_files=False).predict(handle_file(path), api_name="/echo")
    assert sent == {"path": "/srv/caf_.txt", "orig_name": "caf_.txt", "meta": {"_type": "gradio.FileData"}}


# --- the server's own


def test_one_in_the_answer_to_an_upload_is_the_servers_mistake(serve: Serve, connect: Connect) -> None:
    server = serve(upload=reply([f"/srv/{HALF}"]))
    with pytest.raises(ProtocolError, match="did not answer with a path"):
        connect(server.url).predict(handle_file(b"content"), api_name="/echo")


def test_one_in_an_event_id_is_the_servers_mistake(serve: Serve, connect: Connect) -> None:
    """The id goes back to the server, within URLs too."""
    server = serve(join=reply({"event_id": HALF}))
    with pytest.raises(ProtocolError, match="event id"):
        connect(server.url).predict("a", api_name="/echo")
