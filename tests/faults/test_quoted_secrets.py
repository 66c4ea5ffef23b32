"""What a server was sent it may say again; no error shows that, and none is long."""

from __future__ import annotations

import base64
import html
import json
import logging
import threading
import traceback
from typing import Any, Callable, Dict, Iterator, List
from urllib.parse import quote

import pytest
from spaces.answers import Answer
from spaces.double import Hub
from transport import sockets
from transport.peers import Peer, Request, answer

from gradio_client_lite import Client
from gradio_client_lite.errors import AppError, GradioClientError, ValidationError
from gradio_client_lite.testing import serve as serve_app

from .badserver import BadServer, Behaviour, config, event, reply, streaming
from .test_calling import wait_until
from .test_old_servers import old_config, socket_that

Serve = Callable[..., BadServer]

# Put together here, so that no line of source that a traceback quotes holds one of them.
SECRETS = {
    name: "".join(("s3cr3t", "&<é>", name)) for name in ("token", "url", "login", "header", "more", "oauth")
}
SECRETS["cookie"] = "".join(("s3cr3t", "-cookie"))
#: Of one call alone, and of the Hub alone.
CALL, GRANTED, DISCORD = ("".join(("s3cr3t", "-", name)) for name in ("call", "granted", "discord"))
BASIC = base64.b64encode(f"user:{SECRETS['url']}".encode()).decode()
BIG = 3_000_000


def quoted(*more: str) -> str:
    """Every secret in every form that answers have them in."""
    plain = " ".join([*SECRETS.values(), *more])
    forms = [quote(plain), json.dumps(plain), repr(plain), html.escape(plain), BASIC]
    return " ".join([plain, *forms, *(base64.b64encode(s.encode()).decode() for s in SECRETS.values())])


def texts_of(error: BaseException) -> List[str]:
    texts, left, seen = [], [error], set()
    while left:
        one = left.pop()
        seen.add(id(one))
        texts += [str(one), repr(one), repr(vars(one)), repr(one.args)]
        chained = (one.__cause__, one.__context__)
        left += [each for each in chained if each is not None and id(each) not in seen]
    return texts + traceback.format_exception(type(error), error, error.__traceback__)


def assert_hidden(texts: List[str]) -> None:
    for text in texts:
        # The beginning is common to all, so that halves are found too.
        assert "s3cr3t" not in text
        assert BASIC not in text
        assert not any(base64.b64encode(s.encode()).decode()[:16] in text for s in SECRETS.values())


def connect(server: BadServer, **changes: Any) -> Client:
    return Client(
        server.url.replace("//", f"//user:{quote(SECRETS['url'], safe='')}@"),
        **{
            "hf_token": SECRETS["token"],
            "auth": ("user", SECRETS["login"]),
            "headers": {"x-secret": SECRETS["header"], "cookie": f"a={SECRETS['more']}"},
            "oauth_token": SECRETS["oauth"],
            "verbose": False,
            "httpx_kwargs": {"timeout": 5, "cookies": {"session": SECRETS["cookie"]}},
            "stream_grace": 0.1,
            **changes,
        },
    )


def fail(server: BadServer, api_name: str = "/echo") -> GradioClientError:
    with pytest.raises(GradioClientError) as caught, connect(server) as client:
        client.predict("a", api_name=api_name, headers={"x-call": CALL})
    return caught.value


def detail(status: str) -> Behaviour:
    def behave(peer: Peer, request: Request) -> None:
        more = [request.headers["x-call"]] if "x-call" in request.headers else []
        reply({"detail": quoted(*more)}, status)(peer, request)

    return behave


def validation(peer: Peer, request: Request) -> None:
    entry = {"__type__": "validate", "is_valid": False, "message": quoted(), "parameter_name": quoted()}
    reply({"detail": [entry]}, "422 Unprocessable")(peer, request)


def app_error(peer: Peer, request: Request) -> None:
    fields = {"error": quoted(), "title": quoted(), "traceback": [quoted(), {quoted(): [quoted()]}]}
    reply(fields, "500 Internal Server Error")(peer, request)


def padded(peer: Peer, request: Request) -> None:
    """Secrets where texts are cut."""
    text = "".join("x" * (295 - n) + SECRETS["token"] for n in range(30))
    reply({"detail": text}, "400 Bad Request")(peer, request)


def stopping(peer: Peer, request: Request) -> None:
    streaming(event("unexpected_error", message=quoted()))(peer, request)


def completed(peer: Peer, request: Request) -> None:
    output = {"error": quoted(), "title": quoted()}
    streaming(event("process_completed", "e0", output=output, success=False))(peer, request)


def redirecting(peer: Peer, request: Request) -> None:
    plain = " ".join(SECRETS.values())
    place = f"http://127.0.0.1:9/{quote(plain)}/{SECRETS['token']}?{quote(plain)}"
    peer.send(answer(b"", "307 Temporary Redirect", location=place))


def no_json(peer: Peer, request: Request) -> None:
    peer.send(answer(quoted().encode(), content_type=quote(SECRETS["token"])))


PLACES: Dict[str, Dict[str, Behaviour]] = {
    "config": {"config": detail("400 Bad Request"), "page": detail("400 Bad Request")},
    "login": {"login": detail("500 Internal Server Error")},
    "login redirect": {"login": redirecting},
    "config redirect": {"config": redirecting},
    "join": {"join": detail("400 Bad Request")},
    "join cut": {"join": padded},
    "join without an id": {"join": no_json},
    "join redirect": {"join": redirecting},
    "validation": {"join": validation},
    "stream": {"data": detail("400 Bad Request")},
    "stream redirect": {"data": redirecting},
    "unexpected error": {"data": stopping},
    "error of a function": {"data": completed},
    "event that is no JSON": {"data": lambda p, r: streaming(b"data: " + quoted().encode() + b"\n\n")(p, r)},
    "protocol": {"config": lambda p, r: reply(config(protocol=quoted()))(p, r)},
    "prefix": {"config": lambda p, r: reply(config(api_prefix=quoted()))(p, r)},
}


@pytest.mark.parametrize("place", PLACES)
def test_error_quotes_no_secret(serve: Serve, caplog: pytest.LogCaptureFixture, place: str) -> None:
    with caplog.at_level(logging.DEBUG):
        error = fail(serve(**PLACES[place]))
    assert_hidden([*texts_of(error), caplog.text])


def test_error_of_a_direct_call_quotes_no_secret_in_any_field(serve: Serve) -> None:
    error = fail(serve(predict=app_error), "/direct")
    assert isinstance(error, AppError)
    assert "[hidden]" in error.title
    assert_hidden(texts_of(error))


def test_reason_of_a_closed_websocket_quotes_no_secret(serve: Serve) -> None:
    server = serve(config=old_config(), join=socket_that(sockets.close(1011, SECRETS["token"] * 3)))
    assert_hidden(texts_of(fail(server)))


def test_cookie_that_was_replaced_is_not_quoted(serve: Serve) -> None:
    text = f"{SECRETS['cookie']} {GRANTED}"
    replaced = reply({"detail": text}, "400 Bad Request", set_cookie=f"session={GRANTED}; Path=/")
    assert_hidden(texts_of(fail(serve(join=replaced))))


@pytest.mark.parametrize("size", range(1170, 1230, 7))
def test_secret_where_the_excerpt_of_a_body_ends_is_not_quoted(serve: Serve, size: int) -> None:
    body = ("x" * size + SECRETS["cookie"] + "y" * 400).encode()
    error = fail(serve(join=reply(body, "400 Bad Request")))
    assert SECRETS["cookie"][:6] not in str(error)


def test_headers_that_a_redirect_left_behind_are_not_quoted(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    there = serve(join=detail("400 Bad Request"))
    place = f"{there.url}{quote(SECRETS['header'], safe='')}/config"
    here = serve(config=lambda peer, request: peer.send(answer(b"", "302 Found", location=place)))
    error = fail(here)
    assert "another server" in caplog.text
    assert_hidden([*texts_of(error), caplog.text])


def test_header_of_another_call_is_not_quoted(serve: Serve) -> None:
    with connect(serve(join=reply({"detail": CALL}, "400 Bad Request"))) as client:
        client.submit("a", api_name="/echo", headers={"x-call": CALL}).exception(10)
        error = client.submit("b", api_name="/echo").exception(10)
    assert error is not None
    assert_hidden(texts_of(error))


def test_session_hash_of_before_is_not_quoted(serve: Serve) -> None:
    with connect(serve(join=reply({"detail": CALL}, "400 Bad Request"))) as client:
        client.session_hash = CALL
        client.reset_session()
        error = client.submit("a", api_name="/echo").exception(10)
    assert error is not None
    assert_hidden(texts_of(error))


def test_app_that_names_itself_by_a_secret_has_it_nowhere_in_a_text(
    serve: Serve, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    named = config()
    name = SECRETS["token"] + SECRETS["header"]
    named["dependencies"] = [{**each, "api_name": name} for each in named["dependencies"][:1]]
    called = threading.Event()

    def call_back(_: object) -> None:
        called.set()
        raise ValueError("the user's own")

    with connect(serve(config=reply(named)), verbose=True) as client:
        job = client.submit("a", fn_index=0, result_callbacks=call_back)
        assert job.result(10) == "a"
        assert called.wait(10)
        texts = [repr(client), repr(client.endpoints), repr(job)]
    wait_until(lambda: "the user's own" in caplog.text)
    assert_hidden([*texts, caplog.text, capsys.readouterr().out])


def test_last_update_of_a_failed_job_quotes_no_secret(serve: Serve) -> None:
    with connect(serve(data=completed)) as client:
        job = client.submit("a", api_name="/echo", headers={"x-call": CALL})
        updates = list(job.updates(10))
    assert_hidden([repr(update) for update in updates])


def test_results_are_not_changed(serve: Serve) -> None:
    with connect(serve()) as client:
        assert client.predict(SECRETS["token"], api_name="/echo") == SECRETS["token"]


# --- the Hub


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serve_app({"/shout": str.upper}) as app, Hub() as hub:
        hub.user("me", token="hf_me")
        hub.space("owner/app", app=app.url)
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


def test_error_of_a_duplicate_quotes_no_secret(hub: Hub) -> None:
    said = Answer(400, json.dumps({"error": quoted() + "hf_me"}).encode(), {})
    hub.next("POST", ".*duplicate", said)
    secrets = {str(i): secret for i, secret in enumerate(SECRETS.values())}
    with pytest.raises(GradioClientError) as caught:
        Client.duplicate("owner/app", hf_token="hf_me", secrets=secrets, verbose=False)
    assert "[hidden]" in str(caught.value)
    assert_hidden(texts_of(caught.value))
    assert "hf_me" not in str(caught.value)


def test_error_of_a_bot_quotes_no_secret(hub: Hub) -> None:
    said = Answer(400, json.dumps({"error": DISCORD}).encode(), {})
    with Client("owner/app", "hf_me", verbose=False) as client:
        hub.next("POST", ".*secrets", said)
        with pytest.raises(GradioClientError) as caught:
            client.deploy_discord(DISCORD, api_names="shout")
    assert "[hidden]" in str(caught.value)
    assert_hidden(texts_of(caught.value))


# --- lengths

LONG: Dict[str, Dict[str, Behaviour]] = {
    "config": {"config": reply(b"x" * BIG, "400 Bad Request"), "page": reply(b"x" * BIG, "400 Bad Request")},
    "protocol": {"config": reply(config(protocol="p" * BIG))},
    "prefix": {"config": reply(config(api_prefix="p" * BIG))},
    "version": {"config": reply(config(version="1" * BIG, protocol="new"))},
    "name": {"config": reply(config(api_name="a" * BIG)), "join": reply(b"no")},
    "join": {"join": reply({"detail": "x" * BIG}, "400 Bad Request")},
    "redirect": {"join": reply(b"", "307 Temporary Redirect", location=f"http://127.0.0.1:9/{'x' * 60000}")},
    "validation": {"join": reply({"detail": [{"x": "y" * BIG}]}, "422 Unprocessable")},
    "stream": {"data": reply({"detail": ["x"] * 100_000}, "400 Bad Request")},
    "unexpected error": {"data": streaming(event("unexpected_error", message="x" * BIG))},
    "unknown data": {
        "data": streaming(event("process_completed", "e0", output={"x" * BIG: 1}, success=True))
    },
    "event": {"data": streaming(b"data: " + b"x" * BIG + b"\n\n")},
}


@pytest.mark.parametrize("place", LONG)
def test_text_is_bounded_whatever_the_server_sends(
    serve: Serve, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    with caplog.at_level(logging.DEBUG):
        error = fail(serve(**LONG[place]))
    assert all(len(text) < 2500 for text in texts_of(error)[:-20])
    assert len(str(error)) <= 2000
    assert all(len(record.getMessage()) < 2500 for record in caplog.records)


def test_text_of_a_functions_error_is_bounded(serve: Serve) -> None:
    failing = reply({"error": "x" * BIG, "title": "t" * BIG}, "500 Internal Server Error")
    error = fail(serve(predict=failing), "/direct")
    assert isinstance(error, AppError)
    assert len(str(error)) == 10_000
    assert len(repr(error)) < 10_100
    assert (error.message, len(error.title)) == (str(error), 2000)


def test_text_of_a_validation_is_bounded(serve: Serve) -> None:
    entry = {"__type__": "validate", "is_valid": False, "message": "x" * 1000, "parameter_name": "a"}
    error = fail(serve(join=reply({"detail": [entry] * 1000}, "422 Unprocessable")))
    assert isinstance(error, ValidationError)
    assert len(str(error)) == 10_000
