"""Tests `dial.py`: which proxy a URL goes through."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.request

import pytest

from gradio_client_lite.errors import ArgumentError
from gradio_client_lite.transport.dial import ProxyChoice, parse_proxy
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


# --- the settings of the system


@pytest.fixture
def system(monkeypatch):
    """A Windows or macOS with settings."""

    def settings(proxies, bypass=lambda host: False, platform="win32"):
        monkeypatch.setattr(sys, "platform", platform)
        monkeypatch.setattr(urllib.request, "getproxies", lambda: proxies)
        monkeypatch.setattr(urllib.request, "proxy_bypass", bypass)

    return settings


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_settings_of_the_system_count(system, platform):
    system({"http": "http://plain:1", "https": "http://tls:1"}, lambda host: host == "free.test", platform)
    choice = ProxyChoice()
    assert choose(choice, "http://h/") == "plain"
    assert choose(choice, "https://h/") == "tls"
    assert choose(choice, "https://free.test/") is None
    assert "settings of the system" in choice.choose(parse_url("http://h/")).advice


def test_settings_of_the_system_are_for_those_who_trust_them(system):
    system({"http": "http://plain:1"})
    assert choose(ProxyChoice(trust_env=False), "http://h/") is None
    assert choose(ProxyChoice({}), "http://h/") is None


@pytest.mark.parametrize("url", ["http://127.0.0.1:7860/", "http://localhost:7860/", "http://[::1]/"])
def test_this_machine_needs_no_proxy_of_the_system(system, url):
    system({"http": "http://plain:1"})
    assert choose(ProxyChoice(), url) is None


@pytest.mark.parametrize("name", ["HTTP_PROXY", "NO_PROXY"])
def test_the_environment_wins_over_the_system(system, monkeypatch, name):
    system({"http": "http://plain:1", "https": "http://tls:1"})
    monkeypatch.setenv(name, "http://env:1" if name == "HTTP_PROXY" else "elsewhere.test")
    assert choose(ProxyChoice(), "http://h/") == ("env" if name == "HTTP_PROXY" else None)
    assert choose(ProxyChoice(), "https://h/") is None


def test_linux_has_no_settings_to_ask_for(system):
    system({"http": "http://plain:1"}, platform="linux")
    assert choose(ProxyChoice(), "http://h/") is None


@pytest.mark.parametrize("error", [OSError("no such host"), UnicodeError("no host"), re.error("bad pattern")])
def test_exceptions_that_cannot_be_looked_up_except_nothing(system, error):
    def fail(host):
        raise error

    system({"http": "http://plain:1"}, fail)
    assert choose(ProxyChoice(), "http://h/") == "plain"


def test_settings_of_the_system_that_cannot_be_read_are_none(system, monkeypatch):
    def fail():
        raise OSError("no permission")

    system({})
    monkeypatch.setattr(urllib.request, "getproxies", fail)
    assert choose(ProxyChoice(), "http://h/") is None


def test_the_system_is_asked_only_for_what_needs_it():
    program = (
        "import sys; sys.platform = 'win32'\n"
        "from gradio_client_lite.transport.dial import ProxyChoice\n"
        "from gradio_client_lite.transport.url import parse_url\n"
        "ProxyChoice().choose(parse_url('http://127.0.0.1:7860/'))\n"
        "print('urllib.request' in sys.modules)"
    )
    environ = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True, env=environ
    )
    assert done.stdout == "False\n"


@pytest.mark.parametrize("name", ["http_proxy", "ALL_PROXY"])
def test_proxy_of_the_environment_says_where_it_comes_from(monkeypatch, name):
    monkeypatch.setenv(name, "http://p:1")
    advice = ProxyChoice().choose(parse_url("http://h/")).advice
    assert f"comes from the environment variable {name.upper()}" in advice
    assert "NO_PROXY" in advice
    assert "trust_env" in advice


def test_proxy_of_the_environment_that_cannot_be_used_says_where_it_comes_from(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://p:1")
    with pytest.raises(ArgumentError, match=r"socks5.*ALL_PROXY.*NO_PROXY.*trust_env"):
        ProxyChoice().choose(parse_url("http://h/"))


def test_proxy_that_was_passed_needs_no_words():
    assert ProxyChoice("http://p:1").choose(parse_url("http://h/")).advice == ""
