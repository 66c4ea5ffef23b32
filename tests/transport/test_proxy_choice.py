"""Which proxy a URL goes through."""

from __future__ import annotations

import os

import pytest

from gradio_client_lite.errors import ArgumentError
from gradio_client_lite.transport.proxy import ProxyChoice, parse_proxy
from gradio_client_lite.transport.url import parse_url


def choose(choice, url):
    proxy = choice.choose(parse_url(url))
    return proxy.host if proxy else None


@pytest.mark.parametrize(
    ("text", "label", "authorization"),
    [
        ("http://p:3128", "http://p:3128", None),
        ("https://p", "https://p:443", None),
        ("p:3128", "http://p:3128", None),
        ("http://us%40r:p%3Aw@p:1/", "http://p:1", "Basic dXNAcjpwOnc="),
        ("user:pw@p:1", "http://p:1", "Basic dXNlcjpwdw=="),
        ("http://[::1]:1", "http://[::1]:1", None),
    ],
)
def test_proxy_urls(text, label, authorization):
    proxy = parse_proxy(text)
    assert (proxy.label, proxy.authorization) == (label, authorization)
    assert "Basic" not in repr(proxy)


@pytest.mark.parametrize(
    "text", ["socks5://user:hunter2@p:1", "socks://p", "ftp://u:hunter2@p", "http://u:hunter2@:x"]
)
def test_unusable_proxies_are_refused_without_leaking(text):
    for proxies in (text, {"all": text}):
        with pytest.raises(ArgumentError) as caught:
            ProxyChoice(proxies)
        assert "hunter2" not in str(caught.value)


def test_socks_in_the_environment_is_refused_when_it_would_be_used(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://p:1")
    monkeypatch.setenv("NO_PROXY", "free.test")
    choice = ProxyChoice()
    assert choose(choice, "http://free.test/") is None
    with pytest.raises(ArgumentError, match="socks5"):
        choose(choice, "http://other.test/")


@pytest.mark.parametrize("suffix", ["", "://"])
def test_a_mapping_is_keyed_by_scheme(suffix):
    choice = ProxyChoice({"http" + suffix: "http://one", "ALL" + suffix: "http://two"})
    assert choose(choice, "http://h/") == "one"
    assert choose(choice, "https://h/") == "two"
    assert choose(ProxyChoice({"https" + suffix: "http://one"}), "http://h/") is None


def test_one_url_serves_everything():
    choice = ProxyChoice("http://one")
    assert [choose(choice, url) for url in ("http://h/", "https://h/", "http://127.0.0.1/")] == ["one"] * 3


def test_the_most_exact_key_wins():
    choice = ProxyChoice(
        {
            "all://": "http://any",
            "https://": "http://tls",
            "all://h.test": "http://host",
            "http://h.test:81": "http://port",
            "all://*.sub.test": "http://sub",
            "all://direct.test": None,
        }
    )
    assert choose(choice, "http://x/") == "any"
    assert choose(choice, "https://x/") == "tls"
    assert choose(choice, "https://h.test/") == "host"
    assert choose(choice, "http://h.test:81/") == "port"
    assert choose(choice, "http://a.b.sub.test/") == "sub"
    assert choose(choice, "http://sub.test/") == "any"
    assert choose(choice, "http://direct.test/") is None


def test_arguments_replace_the_environment(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://env")
    assert choose(ProxyChoice({"https": "http://arg"}), "http://h/") is None
    assert choose(ProxyChoice({}), "http://h/") is None
    assert choose(ProxyChoice("http://arg"), "http://h/") == "arg"


def test_arguments_may_name_exceptions():
    choice = ProxyChoice({"all": "http://one", "no_proxy": "h.test"})
    assert choose(choice, "http://h.test/") is None
    assert choose(choice, "http://x.test/") == "one"


def test_the_environment_is_asked_unless_it_is_not_trusted(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://plain")
    monkeypatch.setenv("https_proxy", "http://tls")
    assert choose(ProxyChoice(), "http://h/") == "plain"
    assert choose(ProxyChoice(), "https://h/") == "tls"
    assert choose(ProxyChoice(trust_env=False), "http://h/") is None


def test_lower_case_wins_and_an_empty_one_means_none(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://upper")
    monkeypatch.setenv("http_proxy", "http://lower")
    assert choose(ProxyChoice(), "http://h/") == "lower"
    monkeypatch.setenv("http_proxy", "")
    assert choose(ProxyChoice(), "http://h/") is None


def test_all_proxy_is_the_fallback(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "http://any")
    monkeypatch.setenv("HTTP_PROXY", "http://plain")
    assert choose(ProxyChoice(), "https://h/") == "any"
    assert choose(ProxyChoice(), "http://h/") == "plain"


def test_http_proxy_is_ignored_in_cgi_scripts(monkeypatch):
    monkeypatch.setenv("REQUEST_METHOD", "GET")
    monkeypatch.setenv("HTTP_PROXY", "http://evil")
    assert choose(ProxyChoice(), "http://h/") is None
    monkeypatch.setenv("http_proxy", "http://good")
    assert choose(ProxyChoice(), "http://h/") == "good"


def test_http_proxy_is_ignored_in_cgi_scripts_on_windows(monkeypatch):
    """Where variables are found in any case."""

    class Environ(dict):
        def get(self, name, default=None):
            return super().get(name.upper(), default)

    environ = Environ(REQUEST_METHOD="GET", HTTP_PROXY="http://evil", HTTPS_PROXY="http://good")
    monkeypatch.setattr(os, "environ", environ)
    choice = ProxyChoice()
    monkeypatch.undo()
    assert choose(choice, "http://h/") is None
    assert choose(choice, "https://h/") == "good"


@pytest.mark.parametrize(
    ("entry", "url", "direct"),
    [
        ("*", "http://h/", True),
        ("example.com", "http://example.com/", True),
        ("example.com", "http://www.example.com/", True),
        ("example.com", "http://badexample.com/", False),
        (".example.com", "http://www.example.com/", True),
        (".example.com", "http://example.com/", True),
        ("*.example.com", "http://www.example.com/", True),
        ("EXAMPLE.com", "http://example.COM/", True),
        ("example.com:81", "http://example.com:81/", True),
        ("example.com:81", "http://example.com/", False),
        ("example.com:443", "https://example.com/", True),
        ("127.0.0.1", "http://127.0.0.1:7860/", True),
        ("localhost", "http://127.0.0.1/", False),
        ("0.0.1", "http://127.0.0.1/", False),
        ("10.0.0.0/8", "http://10.1.2.3/", True),
        ("10.0.0.0/8", "http://11.1.2.3/", False),
        ("10.0.0.0/8", "http://example.com/", False),
        ("::1", "http://[::1]/", True),
        ("[::1]", "http://[::1]:81/", True),
        ("[::1]:81", "http://[::1]:81/", True),
        ("[::1]:81", "http://[::1]/", False),
        ("fe80::/10", "http://[fe80::1]/", True),
        ("nonsense/99", "http://10.1.2.3/", False),
        ("a.test, b.test ,c.test", "http://b.test/", True),
        ("a.test b.test", "http://b.test/", True),
        (",,", "http://h/", False),
        (".", "http://h/", False),
    ],
)
def test_no_proxy(monkeypatch, entry, url, direct):
    monkeypatch.setenv("ALL_PROXY", "http://p")
    monkeypatch.setenv("NO_PROXY", entry)
    assert (choose(ProxyChoice(), url) is None) is direct
