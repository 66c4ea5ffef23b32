"""Every exception this package raises, as one tree.

Siblings differ by what the caller does next::

    GradioClientError
    ├── UsageError                           correct the call; nothing was sent
    │   ├── ArgumentError (TypeError)            arguments and options: missing, unknown, of a wrong kind
    │   ├── InvalidValue (ValueError)            of the right kind, but of a value that cannot be
    │   ├── UnknownEndpointError (ValueError)
    │   ├── InvalidAPIEndpointError (ValueError) the app's author keeps this endpoint to the app itself
    │   ├── InvalidSpaceId (ValueError)
    │   ├── InvalidFile (ValueError)             a file to send is missing, unreadable or has changed
    │   │   └── FileTooLarge
    │   ├── FolderError (ValueError)             downloads: no folder, no permission, no room
    │   ├── VendoringError (ValueError)
    │   └── CompatibilityError (RuntimeError)
    ├── SerializationSetupError (ValueError) a name of the official client; nothing raises it
    ├── MissingPackageError (ImportError)    install the package that the text names
    ├── MissingFeature (ImportError)         this copy was made without it; make the copy anew
    ├── AuthenticationError (ValueError)     log in, or pass other credentials
    ├── UnsupportedAppError (ValueError)     the URL is not that of a Gradio app this client can call
    ├── AppError (ValueError)                the app's function raised; its text is for the user
    ├── ValidationError (ValueError)         the app refused the values; correct them
    ├── HubError                             the Hugging Face Hub has no such Space to offer
    │   ├── SpaceNotFound (ValueError)           correct the name, or pass a token that may see it
    │   ├── HubPermissionError (PermissionError) pass a token with the right that the text names
    │   │   ├── SpaceGated                           ask the owner for access
    │   │   └── SpaceDisabled                        the Hub has taken it down
    │   ├── SpaceNameTaken (ValueError)          choose another name
    │   ├── SpaceNotRunning (ValueError)         the owner must act
    │   └── SpaceUnfinished (ValueError)         a Space was made, but not all of it; call again
    │       └── SpaceDuplicationError
    ├── RetryLater                           the app is there, but too busy now; try again
    │   ├── QueueError
    │   ├── TooManyRequestsError
    │   ├── ServerUnavailable (HTTPStatusError)  502, 503 or 504
    │   └── HubUnavailable
    ├── HTTPStatusError (ValueError)         another HTTP status than expected
    ├── ProtocolError (ValueError)           the server sent what no Gradio server sends; report it
    │   ├── EventTooLarge
    │   ├── ResponseTooLarge
    │   └── ForbiddenAddress                     it named a URL that only it should reach; see `file_urls`
    ├── ConnectionFailed (ConnectionError)   the network, the server or a proxy failed; try again
    │   ├── ConnectFailed
    │   │   ├── TLSError
    │   │   └── ProxyError
    │   ├── ConnectionLost                       a request was under way
    │   ├── TooManyRedirects
    │   ├── StreamLost                           the server has dropped the jobs with these event ids
    │   ├── HubOffline
    │   ├── ServerStopped
    │   └── ClientClosed
    └── DeadlineExceeded (TimeoutError)      raise the deadline, or try again
        ├── ConnectTimeout
        └── ReadTimeout

The official client's names keep their official bases, so `except ValueError` goes on working.

Each says whether the same call may go well later (`retryable`), and how long the server asked to wait before
that (`retry_after`); docs/errors.md has a table.

A text never holds a token, a password or a cookie, and is of bounded length, whatever a server sent: 2,000
characters, or 10,000 for the texts that an app has for its user.
"""

from __future__ import annotations

from typing import Any, Optional, Tuple

#: Marks in a text where some of it was cut out.
CUT = "…"


def shorten(text: str, limit: int = 2000) -> str:
    """Cut out the middle of a text longer than `limit` characters; its end is kept, where advice stands.

    Example:
        >>> shorten("one two three", 9)
        'one t…ree'
    """
    if len(text) <= limit:
        return text
    tail = limit // 3
    return text[: limit - tail - len(CUT)] + CUT + text[len(text) - tail :]


def shown(value: Any, limit: int = 200) -> str:
    """Return the `repr` of a value, cut while it is made, so that a huge one is never built."""
    from reprlib import Repr

    brief = Repr()
    brief.maxstring = brief.maxother = limit
    try:
        return shorten(brief.repr(value), limit)
    except Exception:  # raised by the value: a number of too many digits, a broken `__repr__`
        return f"<{type(value).__name__}>"


class GradioClientError(Exception):
    """The base of every exception of this package.

    Attributes:
        longest: how many characters of the text there may be.
        retryable: whether the same call may go well when it is made again, with nothing else changed. A call
            that had been sent may have run; whether it may run twice is for the caller to say.
        retry_after: seconds the server asked to wait before that, at most a day; None where it did not say.

    Example:
        >>> TLSError("a wrong certificate").retryable, ConnectionLost("cut off").retryable
        (False, True)
    """

    longest = 2000
    retryable: bool = False
    retry_after: Optional[float] = None

    def __init__(self, *args: object) -> None:
        super().__init__(*(shorten(arg, self.longest) if isinstance(arg, str) else arg for arg in args))


class UsageError(GradioClientError):
    """The call itself is wrong; nothing was sent."""


class ArgumentError(UsageError, TypeError):
    """An argument or option is missing, unknown, given twice or of the wrong kind."""


class InvalidValue(UsageError, ValueError):
    """An argument or option is of the right kind, but not of a possible value."""


class UnknownEndpointError(UsageError, ValueError):
    """The app has no such endpoint, or several and none was named."""


class InvalidAPIEndpointError(UsageError, ValueError):
    """The endpoint exists, but the app's author has made it private."""


class InvalidSpaceId(UsageError, ValueError):
    """A text cannot be the name of a Space, "owner/name"."""


class InvalidFile(UsageError, ValueError):
    """A file to send is missing, cannot be read or changed while it was sent."""


class FileTooLarge(InvalidFile):
    """A file to send is larger than the app takes."""


class FolderError(UsageError, ValueError):
    """Downloads cannot be saved: the path is no folder, or cannot be written to."""


class VendoringError(UsageError, ValueError):
    """The package cannot be copied, or a copy is missing, changed or out of date."""


class CompatibilityError(UsageError, RuntimeError):
    """The official client is imported already, so nothing else can go by its name; or this is a
    sub-interpreter that allows no threads.
    """


class SerializationSetupError(GradioClientError, ValueError):
    """Kept for code that catches it: no value needs a serializer that has to be set up."""


class MissingPackageError(GradioClientError, ImportError):
    """This app needs a package that is not installed; the text names it."""


class MissingFeature(GradioClientError, ImportError):
    """This copy of the package was made without a feature that was used; the text names it."""


class AuthenticationError(GradioClientError, ValueError):
    """The app wants credentials, or refused the given ones."""


class UnsupportedAppError(GradioClientError, ValueError):
    """The URL does not lead to a Gradio app this client can call."""


class AppError(GradioClientError, ValueError):
    """The app's own function failed.

    Args:
        message: the text for the user; may hold HTML. The middle of one longer than `longest` is cut out.
        duration: seconds a user interface should show it; None or 0 means until closed.
        visible: whether a user interface should show it at all.
        title: the heading to show above it.
        print_exception: whether the app prints the traceback on its own console.
        extra: fields newer servers may add; kept in `extra`, otherwise ignored.
    """

    longest = 10_000

    def __init__(
        self,
        message: str = "Error raised.",
        duration: Optional[float] = 10,
        visible: bool = True,
        title: str = "Error",
        print_exception: bool = True,
        **extra: Any,
    ) -> None:
        super().__init__(message)
        self.message = shorten(message, self.longest) if isinstance(message, str) else message
        self.duration = duration
        self.visible = visible
        self.title = shorten(title) if isinstance(title, str) else title
        self.print_exception = print_exception
        self.extra = extra


class ValidationError(GradioClientError, ValueError):
    """The app's own validation refused the values that were passed."""

    longest = 10_000


class HubError(GradioClientError):
    """The Hugging Face Hub does not offer the Space, or not to this token."""


class SpaceNotFound(HubError, ValueError):
    """There is no such Space, or the token may not see it."""


class HubPermissionError(HubError, PermissionError):
    """The token is valid, but lacks the right that the operation needs."""


class SpaceGated(HubPermissionError):
    """The Space's owner gives access to those who ask for it."""


class SpaceDisabled(HubPermissionError):
    """The Hub has taken the Space down."""


class SpaceNameTaken(HubError, ValueError):
    """A Space of this name exists and is not the one meant."""


class SpaceNotRunning(HubError, ValueError):
    """The Space is paused, stopped or broken, so waiting would not help.

    Args:
        text: the whole message.
        space_id: "owner/name".
        stage: such as "PAUSED" or "RUNTIME_ERROR".
        url: its page at the Hub.
        reason: what the Hub says went wrong; "" when it says nothing.
    """

    def __init__(
        self, text: str, *, space_id: str = "", stage: str = "", url: str = "", reason: str = ""
    ) -> None:
        super().__init__(text)
        self.space_id = space_id
        self.stage = stage
        self.url = url
        self.reason = reason


class SpaceUnfinished(HubError, ValueError):
    """A Space was made, but something that belongs to it failed; the cause is chained.

    Args:
        text: the whole message, with what exists and how to go on.
        space_id: the Space that exists.
        url: its page at the Hub.
    """

    def __init__(self, text: str, *, space_id: str = "", url: str = "") -> None:
        super().__init__(text)
        self.space_id = space_id
        self.url = url


class SpaceDuplicationError(SpaceUnfinished):
    """A copy of a Space was made, but is not as it was asked for."""


class RetryLater(GradioClientError):
    """The app is reachable but will not take the request now."""

    retryable = True


class QueueError(RetryLater):
    """The app's queue is full."""


class TooManyRequestsError(RetryLater):
    """The app answered 429: it wants fewer requests."""


class HTTPStatusError(GradioClientError, ValueError):
    """The server answered with a status that has no better name here.

    Args:
        text: the whole message.
        status: the HTTP status code. With 408, 425, 429, 502, 503 and 504 the call is `retryable`.
        url: what was requested, without credentials.
    """

    def __init__(self, text: str, *, status: int = 0, url: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.url = url
        self.retryable = self.retryable or status in (408, 425, 429, 502, 503, 504)


class ServerUnavailable(RetryLater, HTTPStatusError):
    """The answer was 502, 503 or 504: the app, or a proxy before it, is starting, overloaded or gone."""


class HubUnavailable(RetryLater):
    """The Hub answered 5xx for as long as it was asked."""


class ProtocolError(GradioClientError, ValueError):
    """The server sent something that is not Gradio's protocol."""


class EventTooLarge(ProtocolError):
    """One server-sent event is larger than the decoder's limit."""


class ResponseTooLarge(ProtocolError):
    """A response body, after decompression, is larger than its limit."""


class ForbiddenAddress(ProtocolError):
    """A server named a URL that is further inside than itself, so nothing was requested from it.

    A public server must not name loopback, link-local and private addresses in results and redirects.
    `Client(file_urls=…)` says what may be named.
    """


class ConnectionFailed(GradioClientError, ConnectionError):
    """The network, the server or a proxy failed; trying again may help."""

    retryable = True


class ConnectFailed(ConnectionFailed):
    """No connection to the server could be made."""


class TLSError(ConnectFailed):
    """The TLS handshake failed, or the certificate is not trusted."""

    retryable = False


class ProxyError(ConnectFailed):
    """The proxy could not be reached, or refused the request."""


class ConnectionLost(ConnectionFailed):
    """The connection broke after the request had been sent, before its answer was whole."""


class TooManyRedirects(ConnectionFailed):
    """The server kept redirecting."""

    retryable = False


class StreamLost(ConnectionFailed):
    """The event stream broke and the server has dropped the jobs that were on it.

    The copy of a job in a forked child ends with it too, while the job goes on in the parent process.

    Args:
        text: the whole message.
        event_ids: the server's ids of the jobs that had not finished.
    """

    def __init__(self, text: str, event_ids: Tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.event_ids = event_ids


class HubOffline(ConnectionFailed):
    """HF_HUB_OFFLINE is set, so the Hub was not asked."""

    retryable = False


class ServerStopped(ConnectionFailed):
    """The server said that it is stopping."""


class ClientClosed(ConnectionFailed):
    """The client was closed before the job had finished."""

    retryable = False


class DeadlineExceeded(GradioClientError, TimeoutError):
    """A deadline passed."""

    retryable = True


class ConnectTimeout(DeadlineExceeded):
    """No connection was made within the connect timeout."""


class ReadTimeout(DeadlineExceeded):
    """The server sent nothing for as long as the read timeout."""


def for_waiters(error: BaseException, doing: str) -> BaseException:
    """Make the error for threads that wait for what another thread has failed to do.

    An interrupt or an exit concerns the other thread alone; the waiting ones are told to try again.

    Args:
        error: raised in the other thread.
        doing: the beginning of a sentence, such as "Fetching the API description".
    """
    if isinstance(error, Exception):
        return error
    interrupted = ConnectionFailed(f"{doing} was interrupted in another thread; try again.")
    interrupted.__cause__ = error
    return interrupted
