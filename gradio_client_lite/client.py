"""Client: the face of this package. It connects to an app, and delegates to its parts.

The parts: the connected app (`app.app`), the calls and all that serves them (`jobs.calls`), the arguments it
was made by (`app.connect`), and what concerns Spaces (`spaces`, imported when it is used). No part knows the
client, so that one which nobody uses any more is collected, and closed by its finaliser.
"""

from __future__ import annotations

import time
import weakref
from functools import partial, wraps
from types import FunctionType
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Type,
    TypeVar,
    Union,
)

from .app.connect import Settings, check_options
from .app.console import say, say_long_wait
from .app.endpoint import Endpoint, find_endpoint
from .app.headers import zero_gpu_token
from .app.official import ClientAttributes
from .app.options import (
    check_headers,
    hidden_options,
    hide_options,
    hide_pair,
    http_options,
    locate_url,
)
from .errors import ArgumentError
from .generations import derive_info, dialect_of
from .jobs.attachments import Attachments
from .jobs.calls import Calls
from .jobs.job import Following, Job, done_callbacks
from .limits import Limits
from .queues.base import new_session_hash
from .secrecy import hide, hide_fields
from .threads import Threads, hand_over
from .wire.texts import sendable

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Literal

    from .app.app import App
    from .app.connecting import Connecting
    from .batch.mapping import Batch
    from .embed.pickling import Connector
    from .spaces.runtime import SpaceStatus

    _Client = TypeVar("_Client", bound="Client")

__all__ = ["DEFAULT_TEMP_DIR", "Client", "Endpoint", "Job"]

#: Seconds that closing a client waits for its threads.
_CLOSING = 2.0
#: Methods by which an unpickled client is connected, or ends without that. Those of a subclass, which may use
#: what its constructor sets, are called only once it is connected.
_UNCONNECTED = ("__getattr__", "__reduce__", "__repr__", "close")

if TYPE_CHECKING:
    DEFAULT_TEMP_DIR: str
else:

    def __getattr__(name: str) -> str:
        if name == "DEFAULT_TEMP_DIR":  # which the environment may say, until it is used
            return _default_folder()
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _default_folder() -> str:
    from .files.saving import default_folder  # of a feature that a copy may lack

    return default_folder()


def _when_connected(own: Callable[..., Any], until_then: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(own)
    def method(self: Client, *args: Any, **options: Any) -> Any:
        connected = self._connector is None
        if own.__name__ == "__getattr__":  # the look-up may have failed before another thread connected it
            connected = connected and args[0] not in vars(self)
        return (own if connected else until_then)(self, *args, **options)

    return method


class Client(ClientAttributes):
    """A connection to one Gradio app. Threads may share it.

    It can be pickled, by how it was made: the pickle holds these arguments, a token or password among them,
    and nothing that was found out or changed later. An unpickled copy connects when it is first used, in a
    session of its own; copies made alike are one client in a process. A subclass with other arguments
    defines `__reduce__`.

    Args:
        src: the app's URL, "http://…" or "https://…", or the name of its Hugging Face Space, "owner/name".
        hf_token: Hugging Face token to send to the Hub and to this app; `token` is its newer name. None is
            the one saved on this machine, if there is one, which goes to Hugging Face's own hosts over
            verified TLS only; True insists on that one; False sends none.
        max_workers: how many requests `submit` makes at the same time; jobs in flight are not limited.
        verbose: whether to say on the console what was loaded.
        auth: (user, password) for apps with a login.
        httpx_kwargs: `timeout`, `proxy` or `proxies`, `auth`, `cookies`, `headers`, `cert`, `verify`,
            `trust_env`, `follow_redirects`, with the meaning they have in httpx.
        headers: sent with every request, over the defaults of the same name.
        download_files: the folder for files of results, made when the first one comes; None is that of
            GRADIO_TEMP_DIR, else one of this user alone in the system's temporary folder. False fetches no
            files: results then hold the server's dicts. Either can be passed on in later calls, of other
            apps too.
        ssl_verify: True, False (accept any certificate), the path of a CA file or folder, or an SSLContext.
        analytics_enabled: accepted for compatibility; nothing is ever sent.
        token: the same as `hf_token`.
        oauth_token: Hugging Face token that the app's function may act with; sent only to endpoints that
            declare a `gr.OAuthToken`.
        timeout: seconds that `predict` may take in all, and connecting to the app; None waits for as long as
            the job takes.
        upload_progress: called with (bytes sent so far, bytes in all) while files are sent, on the thread
            that sends them.
        download_progress: called with (bytes received so far, bytes in all) while a file of a result is
            fetched, on the thread that fetches it; several files may be at the same time. None as the second
            where the server does not say, but in the last call both are the same. What either of the two
            raises ends the transfer.
        stream_grace: seconds that jobs get when their event stream was cut, before they fail with StreamLost.
        stream_idle_timeout: seconds of silence on a job's event stream after which the app is asked for a
            sign of life beside it, again and again. While it gives none it is busy, and the job waits on for
            as long as `timeout` or its caller allows; where it answers, or is gone, the stream counts as cut.
        space_timeout: seconds for finding a Space at the Hub and waiting until it runs, and for what
            `deploy_discord` asks the Hub for; None waits for as long as that takes.
        limits: what the server may cost in time, memory and disk; None for the defaults of `Limits`.
        file_urls: which addresses the server may lead to, by URLs of files in its results and by redirects.
            "public": those no further inside than the app itself, in the order public, private, link-local,
            loopback; an app at a public address names public ones only. "same-host": the same, and files of
            results are fetched from the app's host alone. "any": all of them. The app's own origin, and what
            the caller names, may be anywhere. Behind a proxy, which resolves names, only addresses and
            `localhost` are judged.
        on_status: called, on the thread that connects, with a `SpaceStatus` (space_id, stage, url, text) at
            every stage of a Space that is waited for, such as "BUILDING" or "SLEEPING". What it raises ends
            the waiting.

    Raises:
        ArgumentError: an option is unknown or of the wrong kind.
        CompatibilityError: this is a sub-interpreter that allows no threads.
        InvalidSpaceId: `src` is neither a URL nor the name of a Space.
        SpaceNotFound, HubPermissionError: there is no such Space, or it is not for this token.
        SpaceNotRunning: the Space is paused, stopped or broken.
        AuthenticationError: the app wants a login, or refused this one.
        RetryLater, HTTPStatusError: it, or what stands before it, answered with an error status.
        UnsupportedAppError: the URL is not that of a Gradio app.
        FolderError: `download_files` is no folder, or cannot be written to.
        ConnectionFailed, DeadlineExceeded: it cannot be reached.

    Example:
        >>> client = Client("http://127.0.0.1:7860")              # doctest: +SKIP
        >>> client.predict("hello", api_name="/echo")             # doctest: +SKIP
        'hello'
    """

    #: Connects a client that came out of a pickle when it is first used; None once it has, and of all others.
    _connector: Optional[Connector] = None
    #: Closed to break off connecting; None of a client whose making cannot be.
    _making: Optional[Threads] = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in _UNCONNECTED:
            own = vars(cls).get(name)
            if isinstance(own, FunctionType):
                setattr(cls, name, _when_connected(own, getattr(Client, name)))

    def __init__(
        self,
        src: str,
        hf_token: Union[str, bool, None] = None,
        max_workers: int = 40,
        verbose: bool = True,
        auth: Optional[Tuple[str, str]] = None,
        httpx_kwargs: Optional[Dict[str, Any]] = None,
        *,
        headers: Optional[Dict[str, str]] = None,
        download_files: Union[str, Path, Literal[False], None] = None,
        ssl_verify: Any = True,
        analytics_enabled: bool = True,
        token: Union[str, bool, None] = None,
        oauth_token: Optional[str] = None,
        timeout: Optional[float] = None,
        upload_progress: Optional[Callable[[int, int], object]] = None,
        download_progress: Optional[Callable[[int, Optional[int]], object]] = None,
        stream_grace: float = 15.0,
        stream_idle_timeout: float = 60.0,
        space_timeout: Optional[float] = 600.0,
        limits: Optional[Limits] = None,
        file_urls: Literal["public", "same-host", "any"] = "public",
        on_status: Optional[Callable[[SpaceStatus], object]] = None,
    ) -> None:
        # First of all, and under the same names: no frame below shows what may be secret.
        src, hf_token, token, oauth_token = hide(src), hide(hf_token), hide(token), hide(oauth_token)
        auth, headers, httpx_kwargs = hide_pair(auth), hide_fields(headers), hide_options(httpx_kwargs)
        given = {name: value for name, value in locals().items() if value is not self}
        settings = self._settings = Settings(given)
        self.verbose = verbose
        self.hf_token = self.token = settings.token
        self.oauth_token: Optional[str] = settings.oauth_token
        self.ssl_verify = ssl_verify
        location = locate_url(settings.src, settings.token)
        if location is None:
            from .spaces.source import find_app  # an app outside of Hugging Face needs none of it

            location = find_app(
                settings.src,
                settings.token,
                settings.http,
                ssl_verify,
                verbose=verbose,
                space_timeout=space_timeout,
                on_status=on_status,
                threads=self._making,
            )
        self.space_id = location.space_id
        app = self._app = settings.make_app(location, dialect_of, derive_info)
        if self._making is not None and self._making.closed:
            self._abort()
        try:
            attachments = Attachments(
                app, download_files, sending=upload_progress, fetching=download_progress
            )
            settings.connect(app, location)
            #: What can be called, by `fn_index`.
            self.endpoints: Dict[int, Endpoint] = {
                fn_index: Endpoint(spec, app.info, app.transport.secrets, app)
                for fn_index, spec in app.spec.endpoints.items()
            }
            advise = partial(say_long_wait, self.space_id if verbose else None)
            self._calls = Calls(app, attachments, settings, advise)
            self._finalizer = weakref.finalize(self, hand_over, self._calls.close)
            self._finalizer.atexit = False  # there `threads` closes what is open
            app.threads.close_at_the_end(self._calls.end)
        except BaseException as exc:
            app.threads.close()
            app.transport.close()
            app.transport.secrets.blank_error(exc)
            raise
        if verbose:
            say(f"Loaded as API: {app.transport.secrets.blank(self.src)}")

    @classmethod
    def connect(cls: Type[_Client], src: str, **options: Any) -> Connecting[_Client]:
        """Begin to connect, and return at once a `concurrent.futures.Future` of the client.

        It can be awaited. Cancelling it, or the task that awaits it, breaks off what is under way.

        Args:
            src: the app, as for the constructor.
            options: what the constructor takes besides; `on_status` is called on the thread that connects.

        Raises:
            Nothing; what the constructor would raise is the Future's exception.

        Example:
            >>> client = await Client.connect("http://127.0.0.1:7860")       # doctest: +SKIP
            >>> async with Client.connect("owner/name") as client:           # doctest: +SKIP
            ...     print(await client.submit("hello", api_name="/echo"))
        """
        from .app.connecting import Connecting  # most clients are connected by their constructor

        src, options = hide(src), hidden_options(options)
        kind: Any = cls
        client: _Client = kind.__new__(kind, src, **options)
        client._making = threads = Threads()
        return Connecting(client, partial(kind.__init__, client, src, **options), client._abort, threads)

    def _abort(self) -> None:
        """Break off connecting, on any thread."""
        app: Optional[App] = vars(self).get("_app")
        if app is not None:
            app.transport.close()

    # -- what it is connected to

    @property
    def src(self) -> str:
        """The app's URL with a trailing slash."""
        return self._app.src

    @property
    def config(self) -> Dict[str, Any]:
        """The app's `/config`; made when it is first asked for, and the caller's own from then on."""
        own = vars(self)
        config: Dict[str, Any] = own.get("_config") or own.setdefault("_config", self._app.config)
        return config

    @property
    def protocol(self) -> str:
        """How the app's queue is spoken to, for example "sse_v3"."""
        return self._app.spec.protocol

    @property
    def api_prefix(self) -> str:
        """What stands between `src` and a route: "/" or "gradio_api/"."""
        return self._app.spec.api_prefix or "/"

    @property
    def app_version(self) -> Any:
        """The server's Gradio version, comparable."""
        return self._app.spec.version

    @property
    def headers(self) -> Dict[str, str]:
        """The headers of every request; changes count from the next one on."""
        return self._app.headers.base

    @headers.setter
    def headers(self, headers: Mapping[str, str]) -> None:
        check_headers("headers", headers)
        self._app.headers.base = dict(headers or {})

    @property
    def cookies(self) -> Any:
        """The cookies, as a mapping of names to values; changes count from the next request on."""
        return self._app.transport.cookies

    @property
    def download_files(self) -> Union[str, Path, Literal[False]]:
        """The folder for files of results; False when they are not fetched."""
        return self._calls.attachments.folder

    @property
    def output_dir(self) -> str:
        """The same folder as a text; where files are not fetched, the default one."""
        return str(self.download_files or _default_folder())

    @property
    def session_hash(self) -> str:
        """What the server keeps this client's State under; setting it changes to that session."""
        return self._calls.sessions.current.session_hash

    @session_hash.setter
    def session_hash(self, session_hash: str) -> None:
        self._calls.sessions.open(hide(sendable(session_hash, "session_hash")), chosen=True)

    def reset_session(self) -> None:
        """Forget this client's State on the server: later calls belong to a new session."""
        self._calls.sessions.open(new_session_hash())

    def view_api(
        self,
        all_endpoints: Optional[bool] = None,
        print_info: bool = True,
        return_format: Optional[Literal["dict", "str"]] = None,
    ) -> Union[Dict[str, Any], str, None]:
        """Describe the endpoints, their parameters and what they return; waits until that is known.

        Args:
            all_endpoints: True lists unnamed endpoints too, False only named ones; None lists the
                unnamed ones where there are no others.
            print_info: whether to write the text to the console.
            return_format: "str" returns the text, "dict" the description; None returns nothing.
        """
        from .app.listing import render  # not needed to make calls

        info = self._app.info()
        text = render(info, all_endpoints) if print_info or return_format == "str" else None
        if print_info and text is not None:
            say(text)
        return info if return_format == "dict" else text if return_format == "str" else None

    def __str__(self) -> str:
        return str(self.view_api(print_info=False, return_format="str"))

    def __repr__(self) -> str:
        connector = self._connector
        if connector is not None:
            return f"<{type(self).__name__} {connector.src}, not connected yet>"
        if not hasattr(vars(self).get("_app"), "spec"):  # as a frame of the constructor may show it
            return "<Client, not connected>"
        text = f"<Client {self.src} Gradio {self.app_version} {self.protocol}>"
        return self._app.transport.secrets.blank(text)

    # -- calling

    def predict(
        self,
        *args: Any,
        api_name: Optional[str] = None,
        fn_index: Optional[int] = None,
        headers: Optional[Dict[str, str]] = None,
        **kwargs: Any,
    ) -> Any:
        """Call an endpoint and return its result; of a generator, its last value.

        Args:
            args: the function's arguments, in order.
            api_name: the endpoint, with its leading slash. Not needed where the app has only one.
            fn_index: the endpoint by number, where it has no name; `api_name` wins.
            headers: for this call alone, over those of the client.
            kwargs: arguments by parameter name; see `view_api`.

        Raises:
            ArgumentError, UnknownEndpointError: the call is wrong; nothing was sent.
            AppError: the app's function raised.
            ValidationError: the app refused the values.
            RetryLater: its queue is full, or it wants fewer requests.
            ConnectionFailed, DeadlineExceeded: the network, or the client's `timeout`.
        """
        headers = headers and hide_fields(headers)
        return self._calls.run(self._prepare(api_name, fn_index, headers, args, kwargs))

    def submit(
        self,
        *args: Any,
        api_name: Optional[str] = None,
        fn_index: Optional[int] = None,
        headers: Optional[Dict[str, str]] = None,
        result_callbacks: Union[Callable[..., object], List[Callable[..., object]], None] = None,
        **kwargs: Any,
    ) -> Job:
        """Start a call and return its Job at once.

        Arguments are those of `predict`, and it raises ArgumentError and UnknownEndpointError in the
        same way; every other failure is the job's. So are wrong arguments by name, or too few of them, while
        the app's description, which is fetched in the background from connecting on, is not there yet.

        Args:
            result_callbacks: one function or several, called in order with the result, a tuple's parts
                as separate arguments, on a thread of the client's; not after a failure.
        """
        headers = headers and hide_fields(headers)
        callbacks = done_callbacks(result_callbacks)
        job = self._prepare(api_name, fn_index, headers, args, kwargs)
        for callback in callbacks:
            job.add_done_callback(callback)
        return self._calls.begin(job)

    def stream_messages(
        self,
        *data: Any,
        api_name: Optional[str] = None,
        fn_index: Optional[int] = None,
        headers: Optional[Dict[str, str]] = None,
        **kwargs: Any,
    ) -> Following:
        """Call an endpoint and yield everything it reports, in order: status, progress, logs, outputs.

        Arguments are those of `predict`. The call begins at once; the final output comes last. Leaving the
        loop early cancels the call, in the background. `async for` does not hold the event loop.

        Raises:
            The same as `submit`, at once; the rest as the loop goes on, after what was received before it.

        Example:
            >>> for update in client.stream_messages("hello", api_name="/echo"):   # doctest: +SKIP
            ...     print(update.outputs if update.type == "output" else update.code)
        """
        headers = headers and hide_fields(headers)
        return Following(self._calls.begin(self._prepare(api_name, fn_index, headers, data, kwargs)))

    def _prepare(
        self,
        api_name: Optional[str],
        fn_index: Optional[int],
        headers: Optional[Mapping[str, str]],
        args: Tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Job:
        """The job of a call, not sent yet."""
        endpoint = find_endpoint(self.endpoints, api_name, fn_index)
        if headers is not None:
            check_headers("headers", headers)
        extra = self.add_zero_gpu_headers(dict(headers or {}))
        try:
            return self._calls.prepare(endpoint, extra, args, kwargs, owner=self)
        except BaseException as exc:  # texts name parameters and components, as the app has named them
            self._app.transport.secrets.blank_error(exc)
            raise

    def map(
        self,
        inputs: Iterable[Any],
        *,
        api_name: Optional[str] = None,
        fn_index: Optional[int] = None,
        headers: Optional[Dict[str, str]] = None,
        max_in_flight: int = 10,
        ordered: bool = True,
        retries: int = 0,
        max_pause: float = 600.0,
        on_error: Literal["raise", "return"] = "raise",
        on_progress: Optional[Callable[[int, int, Optional[int]], object]] = None,
        rows: bool = False,
        clients: Sequence[Client] = (),
    ) -> Batch:
        """Call an endpoint once for each input, and yield the results, by `for` or by `async for`.

        Inputs are taken, and calls begun, as results are asked for. Each call may take the client's
        `timeout`. Leaving the loop, or closing the generator, cancels the calls that are under way. When the
        iterable raises something, that comes after the results of the inputs before.

        Args:
            inputs: any iterable. A tuple holds arguments in order, and a dict arguments by name, unless it is
                a file; anything else is the one argument. A tuple of one holds a dict that is a value.
            api_name, fn_index, headers: as for `predict`, of every call.
            max_in_flight: how many calls may be under way at once. A server that has too many makes it fewer.
            ordered: whether results come in the order of the inputs, else as calls end. In order, results
                that wait for their turn are kept, up to three for each call that may be under way.
            retries: how often a call is made again after an error that says `retryable`, when the pause that
                the server asked for is over, or 1, 2, 4 … 60 seconds. It may run twice then.
            max_pause: seconds of such a pause at most; an error that asks for more is final.
            on_error: "raise" ends it with the first error that is final; "return" yields the error in place
                of the result.
            on_progress: called on this thread, after each call, with the numbers of those that have ended, of
                those among them that failed, and of inputs: None where they have no `len`.
            rows: whether to yield a `Row` (number, inputs, result, error, attempts) instead of each result.
            clients: more clients, of copies of the app. A call goes to the one that is the least busy; what
                may go well later is tried by another one.

        Raises:
            ArgumentError, UnknownEndpointError: the call is wrong; nothing was sent.
            The same as `predict`, as the loop goes on.

        Example:
            >>> for text in client.map(["a", "b"], api_name="/echo", retries=3):    # doctest: +SKIP
            ...     print(text)
        """
        from .batch.mapping import Batch

        lanes: List[Any] = [self, *clients] if isinstance(clients, Iterable) else [None]
        if not all(isinstance(client, Client) for client in lanes):
            raise ArgumentError("clients must be a list of what Client, or Client.duplicate, has made.")
        return Batch(
            dict.fromkeys(lanes),
            inputs,
            api_name=api_name,
            fn_index=fn_index,
            headers=headers and hide_fields(headers),
            max_in_flight=max_in_flight,
            ordered=ordered,
            retries=retries,
            max_pause=max_pause,
            on_error=on_error,
            on_progress=on_progress,
            rows=rows,
        )

    def send_data(
        self,
        data: Dict[str, Any],
        hash_data: Dict[str, Any],
        protocol: str,  # noqa: ARG002 - all protocols with this route take the same body
        request_headers: Optional[Dict[str, str]],
    ) -> str:
        """Join the queue with a body made by hand and return the event id.

        Args:
            data: `{"data": […], "fn_index": …, "session_hash": …}`.
            hash_data: more fields of the body; they win.
            protocol: the app's protocol.
            request_headers: for this request, over those of the client.

        Raises:
            The same as `predict`.
        """
        request_headers, hash_data, data = map(hide_fields, (request_headers, hash_data, data))
        check_headers("request_headers", request_headers)
        return self._calls.join({**data, **hash_data}, request_headers or {})

    # -- Spaces

    @classmethod
    def duplicate(
        cls: Type[_Client],
        from_id: str,
        to_id: Optional[str] = None,
        hf_token: Union[str, bool, None] = None,
        duplicate_from: str = "spaces",
        *,
        private: bool = True,
        hardware: Optional[str] = None,
        secrets: Optional[Dict[str, str]] = None,
        variables: Optional[Dict[str, str]] = None,
        sleep_timeout: float = 5,
        max_workers: int = 40,
        verbose: bool = True,
        token: Union[str, bool, None] = None,
        **options: Any,
    ) -> _Client:
        """Make a Space of one's own from another one, wait until it runs, and connect to it.

        A Space of that name that is there already is used as it is; only hardware and sleep time are brought
        to what is asked for.

        Args:
            from_id: the Space, "owner/name".
            to_id: the name of the copy, with or without an owner; None for that of the original.
            hf_token: a token that may write; as for the constructor. `token` is its newer name.
            duplicate_from: where the original is; "spaces" is all there is.
            private: whether only its owner may use the copy.
            hardware: what it shall run on, such as "t4-small"; it may cost money, which is then said. None is
                that of the original where it is free, else "cpu-basic".
            secrets: by name, for a new copy.
            variables: by name, for a new copy; everybody who sees it can read them.
            sleep_timeout: minutes without requests after which it sleeps; not used on "cpu-basic".
            options: what the constructor takes besides; `space_timeout` bounds making the copy too.

        Raises:
            InvalidSpaceId, InvalidValue, ArgumentError: an argument is wrong; nothing was sent.
            SpaceNotFound, AuthenticationError, HubPermissionError: the Hub refused.
            SpaceNameTaken: the name belongs to another Space.
            SpaceDuplicationError: the copy was made, but cannot be used yet; the cause is chained. Call
                again to go on.
            The same as the constructor.

        Example:
            >>> client = Client.duplicate("owner/name", hardware="t4-small")   # doctest: +SKIP
        """
        from .spaces.duplication import duplicate_space, until_connected
        from .spaces.rest import HubAccess

        hf_token, token, secrets = hide(hf_token), hide(token), hide(secrets)
        options = hidden_options(options)
        given = hf_token if token is None else token
        make: Any = cls
        check_options(make, from_id, given, max_workers, verbose, options)
        copy_options = {
            "private": private,
            "hardware": hardware,
            "secrets": secrets,
            "variables": variables,
            "sleep_timeout": sleep_timeout,
        }
        http = http_options(options.get("httpx_kwargs"))
        access = HubAccess(http, options.get("ssl_verify", True), given)
        timeout = options.get("space_timeout", 600.0)  # as the constructor has it
        copy = duplicate_space(from_id, to_id, duplicate_from, copy_options, access, timeout, verbose)
        with until_connected(copy, secrets):
            client: _Client = make(copy.space_id, given, max_workers, verbose, **options)
            return client

    def add_zero_gpu_headers(self, headers: Dict[str, str]) -> Dict[str, str]:
        """A copy of `headers` with the `x-ip-token` of the Gradio request this runs in, if there is one.

        A ZeroGPU Space counts the use of its GPU by that token. Only calls to Spaces get it.
        """
        token = zero_gpu_token() if self.space_id else None
        return {**headers, "x-ip-token": token} if token else dict(headers)

    def deploy_discord(
        self,
        discord_bot_token: Optional[str] = None,
        api_names: Union[str, Tuple[str, str], Sequence[Union[str, Tuple[str, str]]], None] = None,
        to_id: Optional[str] = None,
        hf_token: Optional[str] = None,
        *,
        private: bool = False,
    ) -> str:
        """Make, or update, a Space that runs this app as a Discord bot, and return the Space's URL.

        Args:
            discord_bot_token: the bot's password at Discord; without one, the Space explains how to get it.
            api_names: a function, a (function, command) pair or a list of them; None for a
                `gr.ChatInterface`.
            to_id: the name of the bot's Space; None makes one from the app's.
            hf_token: a token that may write; None for the client's, or the one saved on this machine. The
                bot of a private Space reaches it with this token, so there it must be given.
            private: whether the bot's Space is private; who may talk to the bot is set at Discord.

        Raises:
            UnknownEndpointError, InvalidValue, InvalidSpaceId: an argument is wrong.
            AuthenticationError, HubPermissionError: the token is missing, wrong, or may not do this.
            SpaceNameTaken: a Space of this name exists and is no bot.
            SpaceUnfinished: the Space was made, but then something failed; call again to go on.
            ConnectionFailed, DeadlineExceeded, RetryLater: the Hub cannot be reached, or is too busy.
        """
        from .spaces.discord.deploy import BotApp, BotOptions, deploy_bot
        from .spaces.rest import HubAccess

        hf_token, discord_bot_token = hide(hf_token), hide(discord_bot_token)
        given = self.token if hf_token is None else hf_token
        access = HubAccess(self._settings.http, self.ssl_verify, given)
        app = BotApp(self.src, self.space_id, self._app.info(), self.config)
        options = BotOptions(discord_bot_token, api_names, to_id, hf_token, private)
        return deploy_bot(access, app, options, self._settings.given["space_timeout"])

    # -- the end

    def close(self) -> None:
        """End everything: unfinished jobs fail with ClientClosed, connections and threads end. Idempotent.

        The server is still told of jobs that were cancelled before, if it takes that within a second. It
        returns when the client's threads have ended, but after 2 seconds in any case: one that cannot be
        woken, as it looks up a host name, connects or runs a callback, is left to end by itself, and a
        warning is logged. Called on one of these threads, as by a callback, it waits for none.

        What is still open at the end of the interpreter is closed then; callbacks are not called any more.
        """
        connector = self._connector
        if connector is not None:
            connector.close()
            return
        ends = time.monotonic() + _CLOSING
        if self._finalizer.detach() is not None:
            self._calls.close()
        self._app.threads.join(ends - time.monotonic())

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        exc: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    async def aclose(self) -> None:
        """Close it as `close` does, without holding the event loop."""
        import asyncio

        await asyncio.to_thread(self.close)

    async def __aenter__(self: _Client) -> _Client:
        connector = self._connector
        if connector is not None:
            import asyncio

            await asyncio.to_thread(connector.connect, self)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __reduce__(self) -> Tuple[Any, ...]:
        connector = self._connector
        if connector is not None:
            return connector.reduced
        from .embed.pickling import reduced  # most clients are never pickled

        return reduced(type(self), self._settings.given)

    if not TYPE_CHECKING:  # which would take any attribute for granted

        def __getattr__(self, name: str) -> Any:
            connector = self._connector
            # Libraries look for optional dunder names in whatever they are given.
            if connector is not None and not name.startswith("__"):
                connector.connect(self)
                return getattr(self, name)
            # Another thread may have connected it since the look-up. Else this raises what that has raised,
            # as a property of a subclass may have done, whose reason is not to be lost.
            return object.__getattribute__(self, name)
