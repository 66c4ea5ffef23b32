"""The playlist of a streamed medium: which segments it has so far.

Source: gradio/routes.py 5.0.2 – 6.31.0, the route `stream/{session}/{run}/{component}/playlist.m3u8`, which
writes RFC 8216: one URI a line, relative to the playlist's own, among lines that begin with `#`.
"""

from __future__ import annotations

from typing import List
from urllib.parse import urljoin


def segment_urls(playlist: str, url: str) -> List[str]:
    """The URLs of the segments, in order; lines that make no URL are passed over.

    Args:
        playlist: its text.
        url: where it came from.

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
