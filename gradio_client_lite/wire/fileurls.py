"""Where the files of an app are.

Source: the routes `file=…`, `file/…`, `proxy=…` and `stream/…` of gradio/routes.py, 4.16 – 6.31. URLs are
built from the path and from where the caller reached the app; those a server names may hold what it believes
its own address to be, and lead anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Mapping, Optional, Tuple
from urllib.parse import quote, unquote, urljoin, urlsplit

from .names import download_name
from .routes import Routes

_PLAYLIST = "/playlist.m3u8"
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Location:
    """One file to download.

    Args:
        url: where it is.
        name: what to save it as.
        own: whether that is the app's own origin, which alone may see its credentials.
        steady: the same URL gives the same bytes; False for a stream that may still grow.
        live: reading it consumes it (4.x streams): it can be asked for only once.
        whole: of a stream of segments, where the server puts them together; None when there is no such place.
    """

    url: str
    name: str
    own: bool
    steady: bool = True
    live: bool = False
    whole: Optional[Location] = None


def is_url(path: str) -> bool:
    """Whether a path is an http(s) URL, told as the official client does."""
    return path.startswith(("http://", "https://"))


def location_of(file: Mapping[str, Any], routes: Routes, *, live_streams: bool) -> Location:
    """Where a FileData of an output is.

    Args:
        file: with a `path`: of the server's system, of a stream, or a URL.
        routes: of the app.
        live_streams: whether reading a stream consumes it, as before Gradio 5.
    """
    path = file["path"]
    if file.get("is_stream"):
        return _stream(path, file, routes, live_streams)
    if is_url(path):
        return Location(path, _url_name(path), own=is_own(path, routes))
    return Location(f"{routes.api}file={_quoted(path)}", download_name(path), own=True)


def segment_urls(playlist: str, url: str) -> List[str]:
    """The URLs of the segments that a streamed medium has so far, in order.

    Source: gradio/routes.py 5.0.2 – 6.31.0, route `stream/…/playlist.m3u8`, which writes RFC 8216: one URI
    a line, relative to the playlist's own, among lines that begin with `#`. What makes no URL is passed over.

    Args:
        playlist: the text of its playlist.
        url: where that came from.

    Example:
        >>> segment_urls("#EXTM3U\\n#EXTINF:1.0,\\na.aac\\n", "http://host/stream/s/1/2/playlist.m3u8")
        ['http://host/stream/s/1/2/a.aac']
    """
    urls = []
    for line in playlist.splitlines():
        name = line.strip()
        if name and not name.startswith("#"):
            try:
                urls.append(urljoin(url, name))
            except ValueError:
                continue
    return [found for found in urls if found.startswith(("http://", "https://"))]


def segment_of(url: str, routes: Routes) -> Location:
    """Where one segment of a stream is; it never changes."""
    return Location(url, _url_name(url), own=is_own(url, routes))


def is_own(url: str, routes: Routes) -> bool:
    """Whether a URL has the app's origin: scheme, host and port."""
    origin = _origin(url)
    return origin is not None and origin == _origin(routes.src)


def is_own_file(url: str, routes: Routes) -> bool:
    """Whether a URL is that of a file of the app, which others may not be able to fetch."""
    if not is_own(url, routes):
        return False
    path, base = urlsplit(url).path, urlsplit(routes.api).path
    return any(path.startswith(base + route) for route in ("file=", "file/", "proxy="))


def _stream(path: str, file: Mapping[str, Any], routes: Routes, live: bool) -> Location:
    url = _stream_url(path, file.get("url"), routes)
    own = is_own(url, routes)
    place, mark, query = url.partition("?")
    if not place.endswith(_PLAYLIST):
        return Location(url, _stream_name(file, url), own, steady=False, live=live)
    # gradio/routes.py 5.0 on: the segments as one file, in the format of the first.
    whole = place[: -len(_PLAYLIST)] + "/playlist-file" + mark + query
    one_file = Location(whole, _stream_name(file, whole), own, steady=False)
    return Location(url, _url_name(url), own, steady=False, whole=one_file)


def _stream_url(path: str, url: Any, routes: Routes) -> str:
    if is_url(path):
        return path
    place = f"{routes.api}stream/{_quoted(path)}"
    if not isinstance(url, str) or not url:
        return place
    told, mark, query = url.partition("?")
    if unquote(told).endswith("stream/" + path):
        return place + mark + query
    # No route of Gradio's own; the official client takes the URL as it is.
    return url if is_url(url) else routes.api + url.lstrip("/")


def _stream_name(file: Mapping[str, Any], url: str) -> str:
    name = file.get("orig_name")
    return download_name(name) if isinstance(name, str) and name else _url_name(url)


def _url_name(url: str) -> str:
    try:
        return download_name(unquote(urlsplit(url).path))
    except ValueError:
        return download_name("")


def _quoted(path: str) -> str:
    return quote(path, safe="/", errors="surrogatepass")


def _origin(url: str) -> Optional[Tuple[str, str, int]]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, _PORTS[parts.scheme] if port is None else port
