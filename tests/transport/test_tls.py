"""TLS against real handshakes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509 import Name, NameAttribute, load_pem_x509_certificate

from gradio_client_lite.errors import ArgumentError, ConnectFailed, ConnectionLost, ProtocolError, TLSError
from gradio_client_lite.transport import tls
from gradio_client_lite.transport.connection import Connection
from gradio_client_lite.transport.http import Timeout
from gradio_client_lite.transport.sockets import Deadline
from gradio_client_lite.transport.tls import TLS, NestedTLS

from .peers import always, answer, later


def test_an_unknown_authority_is_refused_with_advice(serve, connect_to, wrap):
    server = serve(always(), wrap=wrap)
    with pytest.raises(TLSError) as caught:
        connect_to(server.url).request("GET", server.url + "a?token=s3cret")
    text = str(caught.value)
    assert server.url + "a" in text
    assert "ssl_verify=False" in text
    assert "ca.pem" in text
    assert "s3cret" not in text
    assert isinstance(caught.value, ConnectFailed)
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)


def test_verification_may_be_turned_off(serve, connect_to, wrap):
    server = serve(always(), wrap=wrap)
    assert connect_to(server.url, verify=False).request("GET", server.url).body == b"ok"


def test_a_ca_file_is_trusted(serve, connect_to, wrap, ca_file):
    server = serve(always(), wrap=wrap)
    assert connect_to(server.url, verify=ca_file).request("GET", server.url).body == b"ok"


def test_a_ca_directory_is_loaded_as_one(tmp_path, monkeypatch):
    loaded = []
    monkeypatch.setattr(
        ssl.SSLContext, "load_verify_locations", lambda self, **where: loaded.append(where), raising=True
    )
    TLS(str(tmp_path)).context()
    assert loaded == [{"capath": str(tmp_path)}]


def test_a_context_is_used_as_it_is(serve, connect_to, wrap, authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    server = serve(always(), wrap=wrap)
    assert connect_to(server.url, verify=context).request("GET", server.url).body == b"ok"


def test_the_environment_names_authorities_unless_it_is_not_trusted(
    serve, connect_to, wrap, ca_file, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)
    server = serve(always(), wrap=wrap)
    assert connect_to(server.url).request("GET", server.url).body == b"ok"
    with pytest.raises(TLSError):
        connect_to(server.url, trust_env=False).request("GET", server.url)


@pytest.mark.parametrize("place", ["missing", "empty"])
def test_a_python_without_authorities_takes_the_systems(
    serve, connect_to, wrap, ca_file, tmp_path, monkeypatch, place
):
    """That of python.org for macOS looks into a folder of its own, which is empty."""
    (tmp_path / "empty").mkdir()
    nowhere = ssl.get_default_verify_paths()._replace(
        openssl_cafile=str(tmp_path / "missing.pem"), openssl_capath=str(tmp_path / place)
    )
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    monkeypatch.setattr(ssl, "create_default_context", lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    monkeypatch.setattr("gradio_client_lite.transport.tls._BUNDLES", (str(tmp_path / "no.pem"), ca_file))
    server = serve(always(), wrap=wrap)
    assert connect_to(server.url).request("GET", server.url).body == b"ok"
    # Who names authorities, by a mistake that has none, has not asked for the system's.
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    with pytest.raises(TLSError):
        connect_to(server.url).request("GET", server.url)


def hashed(certificate):
    """How a folder of authorities names one: X509_NAME_hash of OpenSSL."""
    plain = [NameAttribute(part.oid, " ".join(part.value.lower().split())) for part in certificate.subject]
    encoded = Name(plain).public_bytes()
    body = encoded[2 + (encoded[1] & 0x7F if encoded[1] > 0x7F else 0) :]
    return f"{int.from_bytes(hashlib.sha1(body).digest()[:4], 'little'):08x}.0"


@pytest.fixture
def system(tmp_path, monkeypatch):
    """Gives the system a file of all authorities, and a folder of hashed names."""

    def place(file, names):
        folder = tmp_path / "hashed"
        folder.mkdir()
        for name, text in names.items():
            (folder / name).write_text(text)
        paths = ssl.get_default_verify_paths()._replace(openssl_cafile=str(file), openssl_capath=str(folder))
        monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        monkeypatch.delenv("SSL_CERT_DIR", raising=False)

    return place


@pytest.mark.parametrize("named", [False, True])
def test_the_file_of_all_authorities_is_not_read_where_a_folder_holds_the_one_needed(
    serve, connect_to, wrap, ca_file, tmp_path, system, monkeypatch, named
):
    text = Path(ca_file).read_text()
    unreadable = tmp_path / "all.pem"
    unreadable.write_text("none")
    system(unreadable, {hashed(load_pem_x509_certificate(text.encode())): text})
    if named:
        monkeypatch.setattr(tls, "_BUNDLES", (str(unreadable),))
        monkeypatch.setenv("SSL_CERT_FILE", str(unreadable))
    server = serve(always(), wrap=wrap)
    assert connect_to(server.url).request("GET", server.url).body == b"ok"
    assert server.connections == 1


def test_the_file_of_all_authorities_is_read_once_where_the_folder_lacks_one(
    serve, connect_to, wrap, ca_file, system
):
    system(ca_file, {"0123abcd.0": Path(ca_file).read_text()})
    server = serve(always(), wrap=wrap)
    for _ in range(2):
        assert connect_to(server.url).request("GET", server.url).body == b"ok"
    assert server.connections == 3


def test_a_file_that_somebody_names_is_read_at_once(
    serve, connect_to, wrap, ca_file, tmp_path, system, monkeypatch
):
    system(tmp_path / "all.pem", {"0123abcd.0": ""})
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)
    server = serve(always(), wrap=wrap)
    assert connect_to(server.url).request("GET", server.url).body == b"ok"
    assert server.connections == 1


def test_an_authority_in_neither_place_is_refused(serve, connect_to, wrap, tmp_path, system):
    system(tmp_path / "missing.pem", {"0123abcd.0": ""})
    server = serve(always(), wrap=wrap)
    with pytest.raises(TLSError, match="refused"):
        connect_to(server.url).request("GET", server.url)
    assert server.connections == 1


@pytest.mark.parametrize("content", [b"none", None])
def test_a_file_of_all_authorities_that_cannot_be_read_is_passed_over(
    serve, connect_to, wrap, tmp_path, system, content
):
    file = tmp_path / "all.pem"
    if content is None:
        file.mkdir()  # as root may read any file
        (file / "x").write_bytes(b"")
    else:
        file.write_bytes(content)
    system(file, {"0123abcd.0": ""})
    server = serve(always(), wrap=wrap)
    transport = connect_to(server.url)
    for _ in range(2):
        with pytest.raises(TLSError, match="refused"):
            transport.request("GET", server.url)


def test_the_certificate_of_another_host_has_no_more_authorities_read(
    serve, connect_to, authority, ca_file, tmp_path, system
):
    text = Path(ca_file).read_text()
    system(ca_file, {hashed(load_pem_x509_certificate(text.encode())): text})
    for name in ("other.test", "127.0.0.2"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        server = serve(always(), wrap=lambda sock, made=context: made.wrap_socket(sock, server_side=True))
        for url in (server.url, server.url.replace("127.0.0.1", "localhost")):
            with pytest.raises(TLSError, match="refused"):
                connect_to(url).request("GET", url)
        assert server.connections == 2


def test_the_client_after_a_refusal_reads_the_authorities_anew(serve, connect_to, wrap, ca_file, tmp_path):
    """As where one was put into the store of Windows, or into a file whose time and size stayed the same."""

    def write(text):
        file.write_bytes(text.ljust(10_000, b"\n"))
        os.utime(file, (1, 1))

    file = tmp_path / "all.pem"
    write(trustme.CA().cert_pem.bytes())
    server = serve(always(), wrap=wrap)
    with pytest.raises(TLSError):
        connect_to(server.url, verify=str(file)).request("GET", server.url)
    write(Path(ca_file).read_bytes())
    assert connect_to(server.url, verify=str(file)).request("GET", server.url).body == b"ok"


def test_a_context_is_shared_as_long_as_its_class_is_that_of_ssl(monkeypatch):
    class Other:
        def __init__(self, _protocol):
            self.set_alpn_protocols = print

    assert isinstance(TLS(False).context(), ssl.SSLContext)
    monkeypatch.setattr(ssl, "SSLContext", Other)
    assert isinstance(TLS(False).context(), Other)


def test_clients_with_equal_settings_share_a_context(ca_file):
    for verify in (True, False, ca_file):
        assert TLS(verify).context() is TLS(verify).context()
    assert len({id(TLS(verify).context()) for verify in (True, False, ca_file)}) == 3
    assert TLS(Path(ca_file)).context().verify_mode == ssl.CERT_REQUIRED
    assert TLS(False).context().verify_mode == ssl.CERT_NONE


def test_a_context_is_made_anew_once_a_file_of_it_has_changed(ca_file, tmp_path, monkeypatch):
    file = tmp_path / "ca.pem"
    file.write_bytes(Path(ca_file).read_bytes())
    old = TLS(str(file)).context()
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    system = TLS().context()
    assert TLS(trust_env=False).context() is not system
    file.write_bytes(Path(ca_file).read_bytes() * 2)
    assert TLS(str(file)).context() is not old
    assert TLS().context() is not system


def test_a_client_certificate_is_of_its_client_alone(authority, ca_file, tmp_path):
    both = tmp_path / "both.pem"
    authority.issue_cert("client@example.org").private_key_and_cert_chain_pem.write_to_path(both)
    with_certificate = TLS(ca_file, str(both)).context()
    assert with_certificate is not TLS(ca_file).context()
    assert with_certificate is not TLS(ca_file, str(both)).context()


def test_contexts_of_ever_new_files_are_not_kept(ca_file, tmp_path):
    for number in range(2 * tls._MOST_SHARED):
        file = tmp_path / f"{number}.pem"
        file.write_bytes(Path(ca_file).read_bytes())
        TLS(str(file)).context()
    assert len(tls._shared) <= tls._MOST_SHARED


def test_another_hosts_certificate_is_refused(serve, connect_to, authority, ca_file):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.test").configure_cert(context)
    server = serve(always(), wrap=lambda sock: context.wrap_socket(sock, server_side=True))
    with pytest.raises(TLSError, match="refused"):
        connect_to(server.url, verify=ca_file).request("GET", server.url)


@pytest.mark.parametrize("verify", ["no-such-file.pem", __file__, None, 5, "a\0b"])
def test_a_ca_file_that_is_none_is_an_argument_error(serve, connect_to, wrap, verify):
    server = serve(always(), wrap=wrap)
    with pytest.raises(ArgumentError, match="ssl_verify"):
        connect_to(server.url, verify=verify).request("GET", server.url)


@pytest.fixture(scope="module")
def demanding(authority):
    """Makes a server demand a client certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return lambda sock: context.wrap_socket(sock, server_side=True)


@pytest.mark.parametrize("parts", ["one file", "two files"])
def test_a_client_certificate_is_shown(serve, connect_to, demanding, authority, ca_file, tmp_path, parts):
    issued = authority.issue_cert("client@example.org")
    both, cert, key = (tmp_path / name for name in ("both.pem", "cert.pem", "key.pem"))
    issued.private_key_and_cert_chain_pem.write_to_path(both)
    issued.cert_chain_pems[0].write_to_path(cert)
    issued.private_key_pem.write_to_path(key)
    server = serve(always(), wrap=demanding)
    chosen = str(both) if parts == "one file" else (str(cert), str(key))
    assert connect_to(server.url, verify=ca_file, cert=chosen).request("GET", server.url).body == b"ok"


def test_a_missing_client_certificate_is_refused(serve, connect_to, demanding, ca_file):
    server = serve(always(), wrap=demanding)
    # TLS 1.3 reports it while reading; the reset of the closing server may come first.
    with pytest.raises((TLSError, ConnectionLost)) as caught:
        connect_to(server.url, verify=ca_file).request("GET", server.url)
    assert not isinstance(caught.value, TLSError) or "cert" in str(caught.value)


@pytest.mark.parametrize("cert", ["no-such.pem", ("a\0b",), (), ("a", "b", "c", "d"), 5, [None]])
def test_a_client_certificate_that_is_none_is_an_argument_error(serve, connect_to, wrap, ca_file, cert):
    server = serve(always(), wrap=wrap)
    with pytest.raises(ArgumentError, match="client certificate"):
        connect_to(server.url, verify=ca_file, cert=cert).request("GET", server.url)


@pytest.fixture
def encrypted(authority, tmp_path):
    """A client certificate, and its key in need of the password "pw"."""
    issued = authority.issue_cert("client@example.org")
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    protected = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pw"))
    (tmp_path / "key.pem").write_bytes(protected)
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    return tmp_path / "cert.pem", tmp_path / "key.pem"


def test_an_encrypted_key_is_opened_by_its_password(serve, connect_to, demanding, ca_file, encrypted):
    server = serve(always(), wrap=demanding)
    transport = connect_to(server.url, verify=ca_file, cert=(*encrypted, "pw"))
    assert transport.request("GET", server.url).body == b"ok"


def test_nobody_is_asked_for_the_password_of_a_key(serve, connect_to, wrap, ca_file, encrypted):
    """OpenSSL would ask on the terminal."""
    server = serve(always(), wrap=wrap)
    with pytest.raises(ArgumentError, match="where the key is encrypted"):
        connect_to(server.url, verify=ca_file, cert=encrypted).request("GET", server.url)


@pytest.mark.parametrize("reply", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"Bad request version", b""])
def test_https_to_a_plain_http_server_says_to_use_http(serve, connect_to, reply):
    def script(peer):
        peer.sock.recv(65536)  # all of it, as newer OpenSSL greets at length
        peer.send(reply)

    server = serve(script)
    url = server.url.replace("http:", "https:")
    with pytest.raises(TLSError, match=f"plain http.*use {server.url}") as caught:
        connect_to(url).request("GET", url)
    assert "ssl_verify" not in str(caught.value)
    assert caught.value.retryable is (reply == b"")  # as servers hang up that are being started anew


def test_https_proxy_that_speaks_plain_http_is_told_to_be_one(serve, connect_to):
    def script(peer):
        peer.sock.recv(65536)  # all of it, as newer OpenSSL greets at length
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    server = serve(script)
    proxy = server.url.replace("http:", "https:")
    with pytest.raises(TLSError, match=f"proxy https.*use {server.url[:-1]}$"):
        connect_to(proxies=proxy).request("GET", "http://h.test/")


@pytest.mark.parametrize("alert", [b"\x15\x03\x01\x00\x02\x02\x46", b"\x15\x03\x03\x00\x02\x02\x0a\n\n"])
def test_http_to_a_server_that_answers_in_tls_says_to_use_https(serve, connect_to, alert):
    def script(peer):
        peer.head()
        peer.send(alert)

    server = serve(script)
    with pytest.raises(ProtocolError, match=r"answered in TLS.*use https://127\.0\.0\.1:") as caught:
        connect_to(server.url).request("GET", server.url)
    assert not caught.value.retryable


def test_the_handshake_counts_as_connecting(serve, connect_to):
    done = threading.Event()
    server = serve(lambda peer: done.wait(10))
    url = server.url.replace("http:", "https:")
    with pytest.raises(TimeoutError, match="connect timeout"):
        connect_to(url).request("GET", url, timeout=Timeout(connect=0.1))
    done.set()


def test_connections_and_the_context_are_reused(serve, connect_to, wrap, ca_file, monkeypatch):
    made = []
    original = ssl.SSLContext.wrap_socket
    monkeypatch.setattr(
        ssl.SSLContext, "wrap_socket", lambda self, *a, **k: made.append(self) or original(self, *a, **k)
    )
    server = serve(always(), wrap=wrap)
    transport = connect_to(server.url, verify=ca_file)
    made.clear()
    with transport.stream("GET", server.url), transport.stream("GET", server.url):
        for _ in range(3):
            transport.request("GET", server.url)
    clients = [context for context in made if context.verify_mode == ssl.CERT_REQUIRED]
    assert len({id(context) for context in clients}) == 1
    assert server.connections == len(clients) <= 3


def test_large_uploads_and_answers_pass_through_tls(serve, connect_to, wrap, ca_file):
    body = bytes(range(256)) * 20_000
    server = serve(always(lambda request: answer(request.body)), wrap=wrap)
    transport = connect_to(server.url, verify=ca_file)
    for _ in range(2):
        assert transport.request("POST", server.url, body=body).body == body
    assert server.connections == 1


def test_what_was_written_through_two_layers_of_tls_has_left(wrap, authority):
    """As nothing is read behind a message to a WebSocket that would send the rest."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        theirs.settimeout(2)

        def serve_all():
            with wrap(theirs) as peer:
                begin.wait(10)
                left = 200_000
                while left > 0:
                    left -= len(peer.recv(65536))
            return left

        begin = threading.Event()
        taken = later(serve_all)
        connection = Connection(NestedTLS(ours, context, "localhost", 10), None)
        connection.prepare(10, Deadline(10))
        threading.Timer(0.2, begin.set).start()
        connection.write(b"x" * 200_000)
        assert taken() == 0


def test_an_early_answer_is_seen_through_tls(serve, connect_to, wrap, ca_file):
    done = threading.Event()

    def script(peer):
        peer.head()
        peer.answer(b"too large", "413 Too Large")
        done.wait(10)

    server = serve(script, wrap=wrap)
    response = connect_to(server.url, verify=ca_file).request("POST", server.url, body=b"x" * 50_000_000)
    done.set()
    assert response.status == 413


def test_abort_wakes_a_read_through_tls(serve, connect_to, wrap, ca_file):
    def script(peer):
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        peer.closed()

    server = serve(script, wrap=wrap)
    stream = connect_to(server.url, verify=ca_file).stream("GET", server.url)
    caught = []

    def read():
        try:
            stream.read_some()
        except ConnectionLost as exc:
            caught.append(exc)

    thread = threading.Thread(target=read)
    thread.start()
    stream.abort()
    thread.join(10)
    assert len(caught) == 1


def test_a_kept_tls_connection_the_server_closed_is_replaced(serve, connect_to, wrap, ca_file):
    def script(peer):
        peer.request()
        peer.answer(b"first")
        peer.sock.settimeout(0)
        with contextlib.suppress(ssl.SSLWantReadError):
            # Sends the close alert.
            peer.sock.unwrap()
        ended.set()
        peer.closed()

    ended = threading.Event()
    server = serve(script, always(b"second"), wrap=wrap)
    transport = connect_to(server.url, verify=ca_file)
    assert transport.request("POST", server.url).body == b"first"
    assert ended.wait(10)
    assert transport.request("POST", server.url).body == b"second"


def test_garbage_within_a_tls_answer_is_a_lost_connection(serve, connect_to, wrap, ca_file):
    def script(peer):
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
        with socket.fromfd(peer.sock.fileno(), socket.AF_INET, socket.SOCK_STREAM) as bare:
            bare.sendall(b"no TLS record")
        peer.closed()

    server = serve(script, wrap=wrap)
    with pytest.raises(ConnectionLost) as caught:
        connect_to(server.url, verify=ca_file).request("GET", server.url)
    assert isinstance(caught.value.__cause__, ssl.SSLError)


def test_importing_the_package_imports_no_ssl():
    code = "import sys, gradio_client_lite.transport; print('ssl' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "False"
