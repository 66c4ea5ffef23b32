from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.wire.playlist import segment_urls

URL = "https://host/app/gradio_api/stream/s/1/2/playlist.m3u8?__sign=x"
REAL = (
    "#EXTM3U\n#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-TARGETDURATION:1\n#EXT-X-VERSION:4\n"
    "#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1.000,\na-1.aac\n#EXTINF:1.000,\nb-2.aac?__sign=x\n#EXT-X-ENDLIST\n"
)


def test_segments_stand_beside_their_playlist() -> None:
    base = "https://host/app/gradio_api/stream/s/1/2/"
    assert segment_urls(REAL, URL) == [base + "a-1.aac", base + "b-2.aac?__sign=x"]


def test_a_playlist_without_segments() -> None:
    assert segment_urls("#EXTM3U\n", URL) == []


def test_what_is_no_web_address_is_passed_over() -> None:
    assert segment_urls("file:///etc/passwd\nhttp://[bad\nx.aac\n", URL)[-1].endswith("/x.aac")
    assert len(segment_urls("file:///etc/passwd\nhttp://[bad\nx.aac\n", URL)) == 1


@given(st.text())
def test_any_text_is_a_playlist(text: str) -> None:
    assert all(url.startswith(("http://", "https://")) for url in segment_urls(text, URL))
