"""URLs of an app's files: where each file of a result can be downloaded, and which file a URL names.

Source: the routes `file=…`, `file/…`, `proxy=…` and `stream/…` of gradio/routes.py, 4.16 – 6.31. URLs are
built from the path and from where the caller reached the app; those a server names may hold what it believes
its own address to be, and lead anywhere.

A file elsewhere can sometimes be had through the app, which may reach what the caller does not. From 6.20 on
`file=<URL>` fetches the URL and passes it on, where it is at a public address (gradio/route_utils.py 6.31,
`secure_url_stream_response`; changelog of 6.20, #13596); before, it only redirected to it (routes.py 3.23 –
5.50), which gains nothing. `proxy=<URL>` fetches for the caller in every release, but from 3.35 on only from
the hosts of apps that were loaded with `gr.load`, whose files have such a `url` (gradio/processing_utils.py
4.21 – 6.31, `move_files_to_cache`; routes.py, `build_proxy_request`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Iterable, List, Mapping, NamedTuple, Optional
from urllib.parse import quote, unquote

from .names import download_name
from .urls import Routes, UrlParts, is_url, join_reference, join_url, origin_of_url, split_url

_PLAYLIST = "/playlist.m3u8"
# Cached files end in a folder named by a hash; these are copies that the server made for itself
# (gradio/utils.py, `get_cache_folder`).
_CACHED = re.compile(r"[/\\](?:[0-9a-f]{40}|[0-9a-f]{64})[/\\][^/\\]+\Z").search
_OTHERS = re.compile(r"(?:\.gradio|gradio_cached_examples|\.\.)[/\\]|[/\\]\.\.?\Z").search


@dataclass(frozen=True)
class Location:
    """One file to download.

    Args:
        url: where it is.
        name: what to save it as.
        own: whether its origin is the app's, which alone may see the app's credentials.
        steady: whether the URL gives the same bytes each time; False for a stream that may still grow.
        live: whether reading it consumes it (4.x streams), so that it can be requested only once.
        whole: where the server joins the segments of this stream to one file; None where it does not.
        named_at: the address of the server that gave the URL; None for the app.
        through: for a file on another server, where the app may pass it on; None where it does not.
        size: in bytes, as the app states it for the values of `gr.File` (3.35 – 6.31); None for others.
    """

    url: str
    name: str
    own: bool
    steady: bool = True
    live: bool = False
    whole: Optional[Location] = None
    named_at: Optional[str] = None
    through: Optional[Location] = None
    size: Optional[int] = None


def location_of(
    file: Mapping[str, Any], routes: Routes, *, live_streams: bool, hands_on: bool = False
) -> Location:
    """Locate a FileData of an output.

    Args:
        file: with a `path`: of the server's system, of a stream, or a URL.
        routes: of the app.
        live_streams: see `Dialect.live_streams`.
        hands_on: see `Dialect.hands_on`.
    """
    path = file["path"]
    if file.get("is_stream"):
        return _stream(path, file, routes, live_streams)
    if is_url(path):
        return _named(path, file.get("url"), routes, hands_on)
    stated = file.get("size")
    size = stated if isinstance(stated, int) and not isinstance(stated, bool) and stated >= 0 else None
    return Location(f"{routes.api}file={_quoted(path)}", download_name(path), own=True, size=size)


def segment_names(playlist: Iterable[str]) -> List[str]:
    """Read the segments that a streamed medium has so far, in order, each as the playlist names it.

    Source: gradio/routes.py 5.0.2 – 6.31.0, route `stream/…/playlist.m3u8`, which writes RFC 8216: one URI
    a line, relative to the playlist's own, among lines that begin with `#`. What makes no URL is passed over.
    """
    names = (line.strip() for line in playlist)
    return [name for name in names if name and not name.startswith("#") and _makes_url(name)]


def segment_of(name: str, playlist: Location, peer: Optional[str], routes: Routes) -> Location:
    """Locate one segment of a stream; it never changes.

    Args:
        name: as the playlist names it. It is joined with the playlist's URL only now: both may be long, and
            there may be many.
        playlist: where the playlist is.
        peer: the address of the server that gave the playlist after redirects; None for the app.
        routes: of the app.
    """
    url = join_reference(playlist.url, name)
    return Location(url, _url_name(url), is_own(url, routes), named_at=peer)


def _makes_url(name: str) -> bool:
    if name.isprintable() and ":" not in name and "//" not in name:
        return True  # a path, as nearly all are
    try:
        return is_url(join_reference("http://host/", name))
    except ValueError:
        return False


def is_own(url: str, routes: Routes) -> bool:
    """Whether a URL has the app's origin: scheme, host and port."""
    origin = origin_of_url(url)
    return origin is not None and origin == origin_of_url(routes.src)


class OwnFile(NamedTuple):
    """A file of the app that an argument names by URL, which its server may be unable or refuse to fetch.

    Args:
        url: where it is, as the app was reached.
        name: what it is called there.
        path: what the server takes in place of the URL; None where only an upload of its content will do.
    """

    url: str
    name: str
    path: Optional[str]


def own_file(url: str, routes: Routes) -> Optional[OwnFile]:
    """Take a URL for that of one of the app's files, http and https being one; None for anything else.

    A server fetches no URL that needs a login and, from Gradio 5 on, none at an address that is not public
    (gradio/processing_utils.py, `ssrf_protected_download`); behind a mapped port it may not even know its
    own. As an argument it takes what is in its cache, in a folder named by a hash (`hash_file`; SHA-1 before
    4.44) as all its results and uploads are, but nothing else that it serves (`_check_allowed`).
    """
    try:
        parts, here = split_url(url), split_url(routes.api)
        if parts.host != here.host or _port(parts) != _port(here):
            return None
    except ValueError:
        return None
    path = unquote(parts.path)
    kinds = ("file=", "file/", "proxy=", "stream/")
    kind = next((kind for kind in kinds if path.startswith(unquote(here.path) + kind)), None)
    if kind is None:
        return None
    named = path[len(unquote(here.path) + kind) :]
    cached = _CACHED(named) and not _OTHERS(named) and "\ufffd" not in named
    known = kind.startswith("file") and (is_url(named) or cached)
    query = f"?{parts.query}" if parts.query else ""
    reached = join_url(here.scheme, here.authority, parts.path) + query
    return OwnFile(reached, download_name(named), named if known else None)


def _port(parts: UrlParts) -> Optional[int]:
    """The port; that of https for http's own, as a server that takes both is the same app."""
    port = parts.port or (443 if parts.scheme in ("http", "https") else None)
    return 443 if port == 80 else port


def _named(path: str, url: Any, routes: Routes, hands_on: bool) -> Location:
    """Locate a file whose path is a URL."""
    name = _url_name(path)
    if is_own(path, routes):
        return Location(path, name, own=True)
    through = None
    _, proxied, there = url.partition("/proxy=") if isinstance(url, str) else ("", "", "")
    if proxied and is_url(there):
        # Built from where the caller reached the app, which does not always know that itself.
        through = Location(f"{routes.api}proxy={there}", name, own=True)
    elif hands_on:
        through = Location(f"{routes.api}file={_quoted(path)}", name, own=True)
    return Location(path, name, own=False, through=through)


def _stream(path: str, file: Mapping[str, Any], routes: Routes, live: bool) -> Location:
    url = _stream_url(path, file.get("url"), routes)
    own = is_own(url, routes)
    bare, mark, query = url.partition("?")
    if not bare.endswith(_PLAYLIST):
        return Location(url, _stream_name(file, url), own, steady=False, live=live)
    # gradio/routes.py 5.0 on: the segments as one file, in the format of the first.
    whole = bare[: -len(_PLAYLIST)] + "/playlist-file" + mark + query
    one_file = Location(whole, _stream_name(file, whole), own, steady=False)
    return Location(url, _url_name(url), own, steady=False, whole=one_file)


def _stream_url(path: str, url: Any, routes: Routes) -> str:
    if is_url(path):
        return path
    built = f"{routes.api}stream/{_quoted(path)}"
    if not isinstance(url, str) or not url:
        return built
    bare, mark, query = url.partition("?")
    if unquote(bare).endswith("stream/" + path):
        return built + mark + query
    # No route of Gradio's own; the official client takes the URL as it is.
    return url if is_url(url) else routes.api + url.lstrip("/")


def _stream_name(file: Mapping[str, Any], url: str) -> str:
    name = file.get("orig_name")
    return download_name(name) if isinstance(name, str) and name else _url_name(url)


def _url_name(url: str) -> str:
    try:
        return download_name(unquote(split_url(url).path))
    except ValueError:
        return download_name("")


def _quoted(path: str) -> str:
    return quote(path, safe="/", errors="surrogatepass")
