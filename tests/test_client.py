"""Client over the embedded app.

Tests `client.py` and `app/connect.py`.
"""

from __future__ import annotations

import contextvars
import inspect
import sys
import threading
from types import ModuleType, SimpleNamespace
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest

import gradio_client_lite
from gradio_client_lite import Client, Job
from gradio_client_lite.errors import AppError, ArgumentError, AuthenticationError, ClientClosed
from gradio_client_lite.testing import App, serve
from gradio_client_lite.testing import AppError as RaisedError
from gradio_client_lite.updates import LogUpdate, OutputUpdate, Status

PATIENCE = 10.0


def pair(first: str, second: int = 2) -> Tuple[str, int]:
    return first, second


def count(to: int) -> Iterator[int]:
    yield from range(to)


def fail(text: str) -> str:
    raise RaisedError(text, title="Oh", duration=3)


def talk(text: str) -> str:
    from gradio_client_lite.testing import info, warning

    info("one")
    warning("two")
    return text


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    functions: Dict[str, Any] = {
        "/echo": lambda text: text,
        "/pair": pair,
        "/count": count,
        "/fail": fail,
        "/talk": talk,
    }
    with serve(functions) as made:
        yield made


@pytest.fixture
def client(app: App) -> Iterator[Client]:
    with Client(app.url, verbose=False) as made:
        yield made


# --- signatures


def parameters(function: Callable[..., Any]) -> str:
    return ", ".join(
        str(parameter.replace(annotation=inspect.Parameter.empty))
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY
        else "*" + str(parameter.replace(annotation=inspect.Parameter.empty))
        for parameter in list(inspect.signature(function).parameters.values())[1:]
    )


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (Client.predict, "*args, *api_name=None, *fn_index=None, *headers=None, **kwargs"),
        (
            Client.submit,
            "*args, *api_name=None, *fn_index=None, *headers=None, *result_callbacks=None, **kwargs",
        ),
        (Client.stream_messages, "*data, *api_name=None, *fn_index=None, *headers=None, **kwargs"),
        (Client.send_data, "data, hash_data, protocol, request_headers"),
        (Client.view_api, "all_endpoints=None, print_info=True, return_format=None"),
        (Client.add_zero_gpu_headers, "headers"),
        (Client.reset_session, ""),
        (Client.close, ""),
        (Job.result, "timeout=None"),
        (Job.outputs, ""),
        (Job.status, ""),
        (Job.cancel, "wait=None"),
        (Job.add_done_callback, "fn"),
    ],
)
def test_method_has_the_official_parameters(function: Callable[..., Any], expected: str) -> None:
    assert parameters(function) == expected


def test_constructor_has_the_official_parameters_and_defaults() -> None:
    given = inspect.signature(Client).parameters
    positional = [name for name, item in given.items() if item.kind is item.POSITIONAL_OR_KEYWORD]
    assert positional[0] == "src"
    defaults = {name: item.default for name, item in given.items()}
    official = {
        "hf_token": None,
        "max_workers": 40,
        "verbose": True,
        "auth": None,
        "httpx_kwargs": None,
        "headers": None,
        "ssl_verify": True,
        "analytics_enabled": True,
        "token": None,
        "oauth_token": None,
    }
    assert {name: defaults[name] for name in official} == official
    assert positional[1:6] == ["hf_token", "max_workers", "verbose", "auth", "httpx_kwargs"]


def test_public_names_can_all_be_had() -> None:
    for name in gradio_client_lite.__all__:
        assert getattr(gradio_client_lite, name) is not None
        assert name in dir(gradio_client_lite)
    with pytest.raises(AttributeError, match="nonsense"):
        gradio_client_lite.nonsense  # noqa: B018


# --- what is known of the app


def test_config_is_one_dict_which_scripts_may_change(client: Client) -> None:
    config = client.config
    version = config["version"]
    config["mine"] = 1
    config["version"] = "changed"
    assert client.config is config
    assert str(client.app_version) == version
    assert "mine" not in client._app.config


def test_attributes_tell_of_the_app(app: App, client: Client) -> None:
    assert client.src == app.url
    assert client.protocol == "sse_v3"
    assert client.api_prefix == "gradio_api/"
    assert str(client.app_version) == str(client.config["version"])
    assert client.space_id is None
    assert client.verbose is False
    assert [endpoint.api_name for endpoint in client.endpoints.values()] == [
        "/echo",
        "/pair",
        "/count",
        "/fail",
        "/talk",
    ]


def test_all_that_a_client_keeps_but_what_its_users_read_has_an_underscore(client: Client) -> None:
    shown = {name for name in vars(client) if not name.startswith("_")}
    assert shown == {"endpoints", "hf_token", "oauth_token", "space_id", "ssl_verify", "token", "verbose"}


def test_repr_is_one_line_and_str_the_description(app: App, client: Client) -> None:
    assert repr(client).startswith(f"<Client {app.url} Gradio ")
    assert "\n" not in repr(client)
    assert str(client) == client.view_api(print_info=False, return_format="str")


def test_view_api_prints_unless_told_otherwise(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    assert client.view_api() is None
    printed = capsys.readouterr().out
    assert 'predict(text, api_name="/echo")' in printed
    assert client.view_api(print_info=False, return_format="str") == printed[:-1]
    assert client.view_api(print_info=False) is None
    assert capsys.readouterr().out == ""


def test_view_api_moves_no_cursor(
    client: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    value = {"label": "a", "python_type": {"type": "str\x1b[2J", "description": ""}, "component": "Textbox"}
    endpoint = {"parameters": [], "returns": [value]}
    info = {"named_endpoints": {"/echo\x1b[2J": endpoint}, "unnamed_endpoints": {}}
    monkeypatch.setattr(client._app, "info", lambda: info)
    text = client.view_api(return_format="str")
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert printed.count("\\x1b[2J") == str(text).count("\x1b[2J") == 2


def test_view_api_gives_the_description(client: Client) -> None:
    described = client.view_api(print_info=False, return_format="dict")
    assert isinstance(described, dict)
    names = [item["parameter_name"] for item in described["named_endpoints"]["/pair"]["parameters"]]
    assert names == ["first", "second"]


def test_an_attribute_error_in_a_property_of_a_subclass_is_its_own(app: App) -> None:
    class Titled(Client):
        @property
        def title(self) -> Any:
            return self.config.title  # type: ignore[attr-defined]

    with Titled(app.url, verbose=False) as client, pytest.raises(AttributeError, match="'dict' object"):
        client.title  # noqa: B018


def test_verbose_client_says_what_it_loaded(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    Client(app.url).close()
    assert capsys.readouterr().out == f"Loaded as API: {app.url}\n"


# --- calling


def test_predict_takes_arguments_by_place_and_by_name(client: Client) -> None:
    assert client.predict("a", api_name="/pair") == ("a", 2)
    assert client.predict("a", second=5, api_name="/pair") == ("a", 5)
    assert client.predict("a", fn_index=0) == "a"


def test_predict_of_a_generator_is_its_last_value(client: Client) -> None:
    assert client.predict(4, api_name="/count") == 3


def test_predict_raises_what_the_function_raised(client: Client) -> None:
    with pytest.raises(AppError) as caught:
        client.predict("bad", api_name="/fail")
    error = caught.value
    assert (error.message, error.title, error.duration) == ("bad", "Oh", 3)


def test_submit_streams(client: Client) -> None:
    job = client.submit(3, api_name="/count")
    assert list(job) == [0, 1, 2]
    assert job.outputs() == [0, 1, 2]
    assert job.status().code is Status.FINISHED


def test_many_jobs_on_one_worker_all_end(app: App) -> None:
    with Client(app.url, max_workers=1, verbose=False) as client:
        jobs = [client.submit(str(number), api_name="/echo") for number in range(100)]
        assert [job.result(PATIENCE) for job in jobs] == [str(number) for number in range(100)]


def test_result_callbacks_are_called_in_order_with_the_result(client: Client) -> None:
    got: List[Any] = []
    done = threading.Event()
    client.submit(
        "a", api_name="/pair", result_callbacks=[lambda *parts: got.append(parts), lambda *_: done.set()]
    )
    assert done.wait(PATIENCE)
    assert got == [("a", 2)]


def test_callback_may_call_the_app(client: Client) -> None:
    got: List[str] = []
    done = threading.Event()

    def again(result: str) -> None:
        got.append(client.predict(result + "b", api_name="/echo"))
        done.set()

    client.submit("a", api_name="/echo", result_callbacks=again)
    assert done.wait(PATIENCE)
    assert got == ["ab"]


@pytest.mark.parametrize("callbacks", [3, [print, None]])
def test_callback_that_is_no_function_is_refused(client: Client, callbacks: Any) -> None:
    with pytest.raises(ArgumentError, match="result_callbacks"):
        client.submit("a", api_name="/echo", result_callbacks=callbacks)


def test_stream_messages_yields_everything_in_order(client: Client) -> None:
    updates = list(client.stream_messages("a", api_name="/talk"))
    logs = [update.log for update in updates if isinstance(update, LogUpdate)]
    assert logs == [("one", "info"), ("two", "warning")]
    assert updates[-1] == OutputUpdate("a", success=True, final=True)


def test_stream_messages_raises_what_the_function_raised(client: Client) -> None:
    updates = client.stream_messages("bad", api_name="/fail")
    with pytest.raises(AppError, match="bad"):
        list(updates)


def test_stream_messages_takes_arguments_by_name(client: Client) -> None:
    (*_, last) = client.stream_messages("a", second=5, api_name="/pair")
    assert last == OutputUpdate(("a", 5), success=True, final=True)


def test_send_data_gives_the_event_id(client: Client) -> None:
    data = {"data": ["a"], "fn_index": 0, "session_hash": "wrong"}
    event_id = client.send_data(data, {"session_hash": client.session_hash}, "sse_v3", {"x-a": "1"})
    assert isinstance(event_id, str)
    assert event_id
    assert data == {"data": ["a"], "fn_index": 0, "session_hash": "wrong"}


# --- sessions, headers and cookies


def test_reset_session_begins_another(client: Client) -> None:
    before = client.session_hash
    client.reset_session()
    assert client.session_hash != before
    assert client.predict("a", api_name="/echo") == "a"


def test_job_of_the_session_before_goes_on(client: Client) -> None:
    job = client.submit(500, api_name="/count")
    client.reset_session()
    assert job.result(PATIENCE) == 499


def test_session_hash_can_be_chosen(client: Client) -> None:
    client.session_hash = "chosen"
    assert client.session_hash == "chosen"
    assert client.predict("a", api_name="/echo") == "a"


def test_headers_and_cookies_can_be_changed(client: Client) -> None:
    client.headers["x-a"] = "1"
    client.cookies["session"] = "2"
    assert client.headers["x-a"] == "1"
    assert dict(client.cookies)["session"] == "2"
    client.headers = {"x-b": "3"}
    assert client.headers == {"x-b": "3"}


#: Ways to give headers.
WITH_HEADERS: Dict[str, Callable[[Client, Any], Any]] = {
    "the constructor": lambda client, headers: Client(client.src, verbose=False, headers=headers),
    "the attribute": lambda client, headers: setattr(client, "headers", headers),
    "predict": lambda client, headers: client.predict("a", api_name="/echo", headers=headers),
    "submit": lambda client, headers: client.submit("a", api_name="/echo", headers=headers),
    "stream_messages": lambda client, headers: client.stream_messages("a", api_name="/echo", headers=headers),
    "send_data": lambda client, headers: client.send_data({}, {}, "sse_v3", headers),
}


@pytest.mark.parametrize("way", WITH_HEADERS)
@pytest.mark.parametrize(
    "headers",
    [[("x-a", "s3cr3t")], "x-a: s3cr3t", 3, {"x-a": 3}, {3: "a"}, {"x-a": "s3cr3t\nx-b: c"}, {"x a": ""}],
)
def test_headers_of_a_wrong_kind_are_refused(client: Client, way: str, headers: Any) -> None:
    with pytest.raises(ArgumentError, match="header") as caught:
        WITH_HEADERS[way](client, headers)
    assert "s3cr3t" not in str(caught.value)


def test_login_lets_in() -> None:
    with serve({"/echo": lambda text: text}, auth=("user", "pw")) as app:
        with pytest.raises(AuthenticationError):
            Client(app.url, verbose=False)
        with pytest.raises(AuthenticationError):
            Client(app.url, auth=("user", "wrong"), verbose=False)
        with Client(app.url, auth=("user", "pw"), verbose=False) as client:
            assert client.predict("a", api_name="/echo") == "a"


# --- ZeroGPU


@pytest.fixture
def gradio_request(monkeypatch: pytest.MonkeyPatch) -> contextvars.ContextVar[Any]:
    """Where Gradio keeps the request it is handling."""
    variable: contextvars.ContextVar[Any] = contextvars.ContextVar("request")
    module: Any = ModuleType("gradio.context")
    module.LocalContext = SimpleNamespace(request=variable)
    monkeypatch.setitem(sys.modules, "gradio.context", module)
    return variable


def test_ip_token_of_the_request_goes_to_a_space(
    client: Client, gradio_request: contextvars.ContextVar[Any]
) -> None:
    client.space_id = "owner/space"
    given = {"x-a": "1"}
    assert client.add_zero_gpu_headers(given) == {"x-a": "1"}
    gradio_request.set(SimpleNamespace(headers={"x-ip-token": "t"}))
    assert client.add_zero_gpu_headers(given) == {"x-a": "1", "x-ip-token": "t"}
    assert given == {"x-a": "1"}
    assert "x-ip-token" not in client.headers


@pytest.mark.parametrize("request_", [None, SimpleNamespace(), SimpleNamespace(headers={})])
def test_request_without_a_token_adds_none(
    client: Client, gradio_request: contextvars.ContextVar[Any], request_: Any
) -> None:
    client.space_id = "owner/space"
    gradio_request.set(request_)
    assert client.add_zero_gpu_headers({}) == {}


def test_ip_token_goes_to_nobody_else(client: Client, gradio_request: contextvars.ContextVar[Any]) -> None:
    gradio_request.set(SimpleNamespace(headers={"x-ip-token": "t"}))
    assert client.add_zero_gpu_headers({}) == {}


# --- the end


def test_context_manager_closes(app: App) -> None:
    with Client(app.url, verbose=False) as client:
        pass
    with pytest.raises(ClientClosed):
        client.predict("a", api_name="/echo")


def test_close_may_be_called_twice(client: Client) -> None:
    client.close()
    client.close()


def test_threads_may_share_a_client(client: Client) -> None:
    results: List[str] = []

    def work(number: int) -> None:
        results.extend(client.predict(f"{number}.{turn}", api_name="/echo") for turn in range(10))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(results) == sorted(f"{number}.{turn}" for number in range(8) for turn in range(10))
