"""Tests the parts of URLs in `urls.py`, from servers that want to cost time or to be taken for another."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from gradio_client_lite.errors import ArgumentError, ProtocolError
from gradio_client_lite.transport.url import parse_url, resolve
from gradio_client_lite.wire.fileurls import location_of, segment_names
from gradio_client_lite.wire.urls import Routes, join_reference, split_url

# Letters that are put in order when a text is normalised, in a time of the square of their number.
MARKS = "\u0300" * 250_000 + "\u0316" * 250_000
PAGE = "http://host/a/b"


@pytest.mark.parametrize("host", [f"a{MARKS}", "\ufdfa" * 500_000, "a" * 513, f"{MARKS}.b:80"], ids=range(4))
def test_a_host_longer_than_any_is_refused_before_it_is_normalised(host: str) -> None:
    url = f"http://{host}/x"
    with pytest.raises(ValueError, match="longer"):
        split_url(url)
    with pytest.raises(ArgumentError, match="malformed"):
        parse_url(url)
    with pytest.raises(ValueError, match="longer"):
        join_reference(PAGE, f"//{host}/x")
    with pytest.raises(ProtocolError, match="redirects to what is no"):
        resolve(parse_url(PAGE), url.encode().decode("latin-1"))
    assert segment_names([url, "a.aac"]) == ["a.aac"]
    location = location_of({"path": url}, Routes("http://host/"), live_streams=False)
    assert (location.url, location.own) == (url, False)


@pytest.mark.parametrize(
    "reference", [f"//{MARKS}@host/x", f"http:/\t/a{MARKS}/", "/a\nb", "x\0"], ids=range(4)
)
def test_nor_is_what_joining_would_take_for_one(reference: str) -> None:
    with pytest.raises(ValueError, match=r"control character|longer"):
        join_reference(PAGE, reference)


@pytest.mark.parametrize("build", [lambda n: f"http://{n}:65535/", lambda n: f"http://user:pw@{n}/"])
def test_names_as_long_as_dns_has_them_are_taken(build: Callable[[str], Any]) -> None:
    name = ".".join(["\u00e9" * 50] * 5)
    assert split_url(build(name)).host == name


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("c", "http://host/a/c"),
        ("/c", "http://host/c"),
        ("//other/c", "http://other/c"),
        ("https://other/c?d=1", "https://other/c?d=1"),
        ("?d=1", "http://host/a/b?d=1"),
        ("\u00e9", "http://host/a/\u00e9"),
    ],
)
def test_references(reference: str, url: str) -> None:
    assert join_reference(PAGE, reference) == url


@pytest.mark.parametrize(
    "host",
    [
        "][8",
        "a[::1]",
        "[::1]a",
        "[::1][::2]",
        "[::1]:80]",
        "[127.0.0.1]",
        "[host]",
        "[]",
        "[::1%0:1]",
        "[::1%]",
    ],
)
def test_brackets_stand_around_an_address_of_ipv6_and_nothing_else(host: str) -> None:
    """Others take what stands in them, or before them, for the host."""
    with pytest.raises(ValueError, match="brackets"):
        split_url(f"http://{host}/x")
    with pytest.raises(ArgumentError, match="malformed"):
        parse_url(f"http://user:pw@{host}/x")


@pytest.mark.parametrize("authority", ["[::1]", "[::1]:80", "[fe80::1%25eth0]:1", "[::ffff:127.0.0.1]"])
def test_addresses_of_ipv6_are_taken_in_brackets(authority: str) -> None:
    assert split_url(f"http://{authority}/x").host == authority[1:].partition("]")[0]
