"""The URLs of an app, built from where the caller reached it and the prefix its config names.

`config["root"]` is never used: behind proxies it is what the server believes, not what the caller can reach.
Source: gradio/routes.py of 4.16 – 6.31; from 5.0 on all but config and login live under `/gradio_api`.
"""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple
from urllib.parse import quote, unquote

from ..errors import ArgumentError
from ..secrecy import Hidden, hide
from .urlparts import join_url, split_url


def normalise_src(src: str) -> str:
    """`src` with one trailing slash and without query or fragment.

    Raises:
        ArgumentError: it is malformed.

    Example:
        >>> normalise_src("https://example.com/app?x=1")
        'https://example.com/app/'
    """
    src = hide(src)
    try:
        parts = split_url(hide(src.strip()))
    except ValueError:
        # Not chained, and without the URL: either may quote a password.
        raise ArgumentError("src is not a well-formed URL; correct it.") from None
    path = parts.path.rstrip("/") + "/"
    if parts.userinfo is None:
        return join_url(parts.scheme, parts.authority, path)
    return hide(join_url(parts.scheme, hide(f"{parts.userinfo}@{parts.authority}"), path))


def page_of(src: str) -> Optional[Tuple[str, str]]:
    """Of which app a URL may be a page: the app's URL, and the page's name; None where it has no path.

    Example:
        >>> page_of("http://host/app/page/")
        ('http://host/app/', 'page')
    """
    parts = split_url(src)
    above, _, name = parts.path.rstrip("/").rpartition("/")
    return (join_url(parts.scheme, parts.authority, above + "/"), unquote(name)) if name else None


class Routes(NamedTuple):
    """Every URL the client calls.

    Args:
        src: the app's URL with its trailing slash.
        api_prefix: "" or "gradio_api/".
        direct: where direct calls go, below that.
    """

    src: str
    api_prefix: str = ""
    direct: str = "run/predict"

    @property
    def api(self) -> str:
        """What the API routes start with."""
        return self.src + self.api_prefix

    @property
    def config(self) -> str:
        return self.src + "config"

    @property
    def login(self) -> str:
        return self.src + "login"

    @property
    def info(self) -> str:
        return self.api + "info?serialize=False"

    @property
    def join(self) -> str:
        return self.api + "queue/join"

    @property
    def cancel(self) -> str:
        return self.api + "cancel"

    def end_of_stream(self, event_id: str) -> str:
        """Tells that a job which a stream feeds gets no more (`.stream()`, from 5.0 on)."""
        return f"{self.api}stream/{quote(event_id, safe='')}/close"

    @property
    def reset(self) -> str:
        return self.api + "reset"

    @property
    def run(self) -> str:
        """Direct calls; the body's fn_index, not this name, chooses the function."""
        return self.api + self.direct

    @property
    def app_id(self) -> str:
        """A number; every release answers at once, whoever asks."""
        return self.api + "app_id"

    @property
    def data_of_job(self) -> str:
        """Where the arguments of a job go whose stream has asked for them (4.0 – 4.8)."""
        return self.api + "queue/data"

    def join_stream(self, session_hash: str, fn_index: int) -> str:
        """The event stream of one job (4.0 – 4.8)."""
        return Hidden(f"{self.join}?fn_index={fn_index}&session_hash={quote(session_hash, safe='')}")

    def data(self, session_hash: str) -> str:
        """The event stream of a session."""
        return Hidden(f"{self.api}queue/data?session_hash={quote(session_hash, safe='')}")

    def heartbeat(self, session_hash: str) -> str:
        return Hidden(f"{self.api}heartbeat/{quote(session_hash, safe='')}")
