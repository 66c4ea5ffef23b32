"""Client: connects to an app, then delegates."""

from __future__ import annotations

import time
import weakref
from copy import copy
from functools import partial
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    Mapping,
    Optional,
    Tuple,
    Union,
)

from .app.app import App
from .app.console import say, say_long_wait
from .app.endpoint import Endpoint, find_endpoint
from .app.headers import RequestHeaders
from .app.options import (
    check_arguments,
    check_file_urls,
    check_headers,
    check_seconds,
    default_headers,
    hide_options,
    hide_pair,
    http_options,
    locate_url,
    make_transport,
    sendable_options,
)
from .errors import (
    ArgumentError,
    ConnectionFailed,
    DeadlineExceeded,
    GradioClientError,
    HTTPStatusError,
    UnsupportedAppError,
)
from .generations import derive_info, dialect_of, open_sessions
from .jobs.attachments import Attachments
from .jobs.calls import Calls
from .jobs.feed import follow
from .jobs.future import Callback, LiveJobs
from .jobs.job import Job, splat
from .limits import DEFAULT_LIMITS, Limits
from .queues.base import new_session_hash, parse_event_id, post_json
from .queues.direct import DirectCalls
from .secrecy import hide, hide_fields
from .spaces.client import HubClient
from .threads import hand_over
from .updates import Update
from .wire.arguments import encode_body
from .wire.refusal import bare_url
from .wire.texts import sendable
from .workers import Workers, call_after_fork

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Literal, Type

    from .app.options import AppLocation
    from .queues.base import Driver
    from .spaces.runtime import SpaceStatus


#: Seconds that closing a client waits for its threads.
_CLOSING = 2.0


class Client(HubClient):
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
        on_status: called, on this thread, with a `SpaceStatus` (space_id, stage, url, text) at every stage of
            a Space that is waited for, such as "BUILDING" or "SLEEPING". What it raises ends the waiting.

    Raises:
        ArgumentError: an option is unknown or of the wrong kind.
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
        self._given = {name: value for name, value in locals().items() if value is not self}
        src, hf_token, token = sendable(src, "src"), sendable(hf_token, "hf_token"), sendable(token, "token")
        auth, oauth_token = sendable(auth, "auth"), sendable(oauth_token, "oauth_token")
        headers, httpx_kwargs = sendable(headers, "headers"), sendable_options(httpx_kwargs)
        check_arguments(src, max_workers, auth)
        check_headers("headers", headers)
        if timeout is not None:
            check_seconds("timeout", timeout)
        if limits is not None and not isinstance(limits, Limits):
            raise ArgumentError(f"limits must be a Limits, or None; it is {limits!r}.")
        check_file_urls(file_urls)
        check_seconds("stream_grace", stream_grace)
        check_seconds("stream_idle_timeout", stream_idle_timeout)
        self._options = http_options(httpx_kwargs)
        self._timeout = timeout
        self.verbose = verbose
        self.hf_token = self.token = hf_token if token is None else token
        self.oauth_token = oauth_token
        self.ssl_verify = ssl_verify
        location = locate_url(src, self.token)
        if location is None:
            from .spaces.source import find_app  # an app outside of Hugging Face needs none of it

            location = find_app(
                src,
                self.token,
                self._options,
                ssl_verify,
                verbose=verbose,
                space_timeout=space_timeout,
                on_status=on_status,
            )
        self.space_id = location.space_id
        self._headers = RequestHeaders(default_headers(location.token, self._options, headers))
        self._transport = make_transport(location.url, self._options, ssl_verify, file_urls)
        self._transport.secrets.ask(self._headers.secrets)
        self._transport.secrets.add(self.token, oauth_token, location.token, auth and auth[1])
        # A password in the URL is the transport's business; it must not reach texts.
        self._app = App(
            self._transport,
            bare_url(location.url),
            self._headers,
            limits or DEFAULT_LIMITS,
            file_urls,
            dialect_of=dialect_of,
            derive_info=derive_info,
        )
        try:
            self._attachments = Attachments(self._app, download_files, progress=upload_progress)
            self._connect(auth, location)
            self._prepare_calls(max_workers, stream_grace, stream_idle_timeout)
        except BaseException as exc:
            self._app.threads.close()
            self._transport.close()
            self._transport.secrets.blank_error(exc)
            raise
        if verbose:
            say(f"Loaded as API: {self._transport.secrets.blank(self.src)}")

    @property
    def download_files(self) -> Union[str, Path, Literal[False]]:
        """The folder for files of results; False when they are not fetched."""
        return self._attachments.folder

    @property
    def session_hash(self) -> str:
        """What the server keeps this client's State under; setting it changes to that session."""
        return self._sessions.current.session_hash

    @session_hash.setter
    def session_hash(self, session_hash: str) -> None:
        self._sessions.open(hide(sendable(session_hash, "session_hash")), chosen=True)

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
        headers = hide_fields(headers)
        job, driver, described = self._prepare(api_name, fn_index, headers, args, kwargs)
        try:
            return self._run(job, driver, described)
        except GradioClientError:
            raise
        except BaseException:
            # Such as KeyboardInterrupt; telling the server of it must not hold it up.
            job.abandon()
            raise

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
        headers = hide_fields(headers)
        callbacks = _callback_list(result_callbacks)
        job, driver, described = self._prepare(api_name, fn_index, headers, args, kwargs)
        for callback in callbacks:
            job.add_done_callback(callback)
        self._begin(job, driver, described)
        return job

    def stream_messages(
        self,
        *data: Any,
        api_name: Optional[str] = None,
        fn_index: Optional[int] = None,
        headers: Optional[Dict[str, str]] = None,
        **kwargs: Any,
    ) -> Iterator[Update]:
        """Call an endpoint and yield everything it reports, in order: status, progress, logs, outputs.

        Arguments are those of `predict`. The call begins at once; the final output comes last. Leaving the
        loop early cancels the call, in the background.

        Raises:
            The same as `submit`, at once; the rest as the loop goes on, after what was received before it.

        Example:
            >>> for update in client.stream_messages("hello", api_name="/echo"):   # doctest: +SKIP
            ...     print(update.outputs if update.type == "output" else update.code)
        """
        headers = hide_fields(headers)
        job, driver, described = self._prepare(api_name, fn_index, headers, data, kwargs)
        self._begin(job, driver, described)
        return follow(job)

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
        url = self._app.routes.join
        headers = self._headers(request_headers or {})
        body = encode_body({**data, **hash_data}, "send_data")
        timeout = self._transport.timeout.whole(self._app.limits.bound("joining"))
        size = self._app.limits.bound("answer_bytes")
        with self._transport.secrets:
            answer = post_json(self._transport, url, headers, body, "joining the queue", timeout, size)
            return parse_event_id(answer, "send_data")

    def reset_session(self) -> None:
        """Forget this client's State on the server: later calls belong to a new session."""
        self._sessions.open(new_session_hash())

    def close(self) -> None:
        """End everything: unfinished jobs fail with ClientClosed, connections and threads end. Idempotent.

        The server is still told of jobs that were cancelled before, if it takes that within a second. It
        returns when the client's threads have ended, but after 2 seconds in any case: one that cannot be
        woken, as it looks up a host name, connects or runs a callback, is left to end by itself, and a
        warning is logged. Called on one of these threads, as by a callback, it waits for none.

        What is still open at the end of the interpreter is closed then; callbacks are not called any more.
        """
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

    def __reduce__(self) -> Tuple[Any, ...]:
        from .embed.pickling import reduced  # most clients are never pickled

        return reduced(self, self._given)

    # -- parts of connecting

    def _connect(self, auth: Optional[Tuple[str, str]], location: AppLocation) -> None:
        try:
            self._log_in_and_load(auth)
        except (ConnectionFailed, DeadlineExceeded, HTTPStatusError, UnsupportedAppError):
            # A Space may have stopped since it was looked at. Then the Hub knows why, or when it is back.
            if not location.look_again():
                raise
            self._log_in_and_load(auth)

    def _log_in_and_load(self, auth: Optional[Tuple[str, str]]) -> None:
        deadline = self._app.connecting(self._timeout)
        if auth is not None:
            self._app.login((auth[0], auth[1]), deadline)
        self._app.connect(deadline)

    def _prepare_calls(self, max_workers: int, grace: float, idle_timeout: float) -> None:
        """Make what calls need besides the app; nothing is sent yet."""
        self.endpoints: Dict[int, Endpoint] = {
            fn_index: Endpoint(spec, self._app.info, self._transport.secrets)
            for fn_index, spec in self._app.spec.endpoints.items()
        }
        direct = DirectCalls(
            self._transport, self._app.routes, self._headers, self._options.timeout, self._app.limits
        )
        threads = self._app.threads
        self._workers = Workers(max_workers, "gradio-worker", threads=threads)
        self._sessions = open_sessions(self._app, self._workers, grace, idle_timeout)
        self._transport.secrets.ask(self._sessions.secrets)
        self._calls = Calls(
            self._app,
            self._sessions,
            direct,
            self._workers,
            Workers(None, "gradio-callback", threads=threads),
            self._attachments,
            partial(say_long_wait, self.space_id if self.verbose else None),
            self.oauth_token,
            LiveJobs(),
            Workers(max_workers, "gradio-cancel", threads=threads),
        )
        self._finalizer = weakref.finalize(self, hand_over, self._calls.close)
        self._finalizer.atexit = False  # there `threads` closes what is open
        threads.close_at_the_end(self._calls.end)
        if not self._app.description.ready():
            self._app.describe()

    # -- parts of a call

    def _prepare(
        self,
        api_name: Optional[str],
        fn_index: Optional[int],
        headers: Optional[Mapping[str, str]],
        args: Tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Tuple[Job, Driver, bool]:
        endpoint = find_endpoint(self.endpoints, api_name, fn_index)
        check_headers("headers", headers)
        extra = self.add_zero_gpu_headers(dict(headers or {}))
        with self._transport.secrets:  # texts name parameters and components, as the app has named them
            return self._calls.prepare(endpoint, extra, args, kwargs, owner=self)

    def _begin(self, job: Job, driver: Driver, described: bool) -> None:
        """Send a job that the caller has at hand; a child that is forked meanwhile has a copy of it."""
        call_after_fork(job)
        self._send(job, driver, described)

    def _send(self, job: Job, driver: Driver, described: bool) -> None:
        """Have a worker send a job, once it can be bound; what keeps it from that ends the job."""
        self._calls.jobs.add(job)
        if job.done():  # the client is closed
            return
        try:
            if described:
                self._hand_to_worker(job, driver)
            else:
                self._app.describe(partial(self._send_described, job, driver))
        except BaseException:
            job.abandon()
            raise

    def _send_described(self, job: Job, driver: Driver, error: Optional[BaseException]) -> None:
        if error is None:
            self._hand_to_worker(job, driver)
        else:
            # Others may have it too, and each gets a traceback of its own when it is raised.
            own = copy(error)
            own.__cause__ = error.__cause__ or error
            job.fail(own)

    def _hand_to_worker(self, job: Job, driver: Driver) -> None:
        try:
            self._workers.submit(driver.submit, job)
        except RuntimeError as exc:
            error = ConnectionFailed(f"No thread could be started to call {job.label}: {exc}.")
            error.__cause__ = exc
            job.fail(error)

    def _run(self, job: Job, driver: Driver, described: bool) -> Any:
        """Send a job and wait for its result."""
        from concurrent.futures import TimeoutError as WaitTimeout

        if self._timeout is None and described:
            self._calls.jobs.add(job)
            driver.submit(job)
        else:  # sending it, and a direct call's answer, count for the timeout too
            self._send(job, driver, described)
        try:
            return job.result(self._timeout)
        except (WaitTimeout, TimeoutError) as exc:
            if job.done():
                return job.result()
            # Telling the server may take a while, which the caller has not got.
            job.abandon()
            raise DeadlineExceeded(
                f"{job.label} gave no result within {self._timeout} seconds; it was cancelled. "
                "Make the client with a larger timeout, or use submit()."
            ) from exc


def _callback_list(
    callbacks: Union[Callable[..., object], List[Callable[..., object]], None],
) -> List[Callback]:
    given = [] if callbacks is None else callbacks
    listed = list(given) if isinstance(given, (list, tuple)) else [given]
    if not all(callable(callback) for callback in listed):
        raise ArgumentError("result_callbacks must be a function or a list of functions.")
    return [splat(callback) for callback in listed]
