"""TLS: the context, one a process for equal settings, and TLS inside TLS for https proxies.

To parse the file of all authorities takes ten times as long as all else that making a client does. Where the
system has them in a folder too, each under the hash of its name, OpenSSL finds there the one it needs. So the
file is read only when a certificate was refused without it, and the connection is then made once more.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Tuple, TypeVar, Union, cast

from ..errors import ArgumentError
from ..light import pattern
from ..secrecy import hide
from .sockets import Deadline, SocketLike, shutdown

if TYPE_CHECKING:
    import ssl

    Verify = Union[bool, str, os.PathLike[str], ssl.SSLContext]
    Cert = Union[str, Tuple[str, ...]]
    _T = TypeVar("_T")

_RECORD = 65536
# Where systems have their authorities: Debian, Fedora, SUSE; macOS and BSD. A Python that was built elsewhere
# (that of python.org for macOS, or one that a program brings along) may look for them in vain where it was.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


# How such a folder names an authority: `c_rehash` and `openssl rehash` make it so.
_HASHED = pattern(r"[0-9a-f]{8}\.[0-9]+\Z")


class MoreAuthorities(Exception):
    """A certificate was refused, and there are more authorities now: connect once more."""


class _Made:
    """A context, and the file of authorities that it has not read yet."""

    __slots__ = ("context", "unread")

    def __init__(self, context: ssl.SSLContext, unread: Optional[str] = None) -> None:
        self.context = context
        self.unread = unread


# By their settings. Changed by single operations only; of two that are made at once, one is kept.
_shared: Dict[Tuple[Any, ...], _Made] = {}
_MOST_SHARED = 32
# A certificate that is good, of another host or address (X509_V_ERR_*_MISMATCH of OpenSSL).
_OTHERS_NAME = (62, 64)


class TLS:
    """Wraps sockets in TLS with one context, made when it is first needed.

    Clients with the same settings share it, unless they have a client certificate.

    Args:
        verify: True checks against the system's authorities, False accepts any certificate; a path names
            a CA file (PEM) or directory; an `ssl.SSLContext` is used as it is.
        cert: client certificate: the path of a PEM file, or (cert, key) or (cert, key, password).
        trust_env: with True, SSL_CERT_FILE and SSL_CERT_DIR replace the system's authorities.
    """

    def __init__(self, verify: Verify = True, cert: Optional[Cert] = None, *, trust_env: bool = True) -> None:
        self._verify = verify
        self._cert = hide_password(cert)
        self._trust_env = trust_env
        self._made: Optional[_Made] = None
        self._lock = threading.Lock()

    def forget_lock(self) -> None:
        """In a child after fork: the lock may be held by a thread that does not exist there."""
        self._lock = threading.Lock()

    def context(self) -> ssl.SSLContext:
        """Return the context, made at the first call; ArgumentError where a file for it is not usable."""
        return self._make().context

    def _make(self) -> _Made:
        if self._made is None:
            with self._lock:
                if self._made is None:
                    self._made = _share(self._verify, self._cert, self._trust_env)
        return self._made

    def wrap(self, sock: SocketLike, host: str, deadline: Deadline) -> SocketLike:
        """Do the handshake over a connected socket, which the result then owns.

        Raises:
            MoreAuthorities: over another socket it may succeed.
        """
        made = self._make()
        unread = made.unread
        try:
            return _wrap(sock, made.context, host.partition("%")[0], deadline)
        except OSError as exc:
            if getattr(exc, "verify_code", None) in (None, *_OTHERS_NAME):
                raise
            if unread is None or not _load_also(made, unread):
                _forget(made)
                raise
            raise MoreAuthorities from exc


def _load_also(made: _Made, unread: str) -> bool:
    """Read the file that was left unread; whether that could be done."""
    try:
        _load(made.context, unread)
    except OSError:  # OpenSSL passes over such a file, too
        return False
    finally:
        made.unread = None
    return True


def _forget(made: _Made) -> None:
    """Have the next client make a context anew, as there may be authorities by then that this one lacks."""
    for settings in [settings for settings, other in _shared.copy().items() if other is made]:
        _shared.pop(settings, None)


def _wrap(sock: SocketLike, context: ssl.SSLContext, host: str, deadline: Deadline) -> SocketLike:
    sock.settimeout(deadline.left())
    if isinstance(sock, socket.socket) and not hasattr(sock, "pending"):
        return context.wrap_socket(sock, server_hostname=host)
    return NestedTLS(sock, context, host, deadline.left())


def hide_password(cert: Any) -> Any:
    """Return the same certificate with the password of its key hidden."""
    return (*cert[:2], *hide(tuple(cert[2:]))) if isinstance(cert, (list, tuple)) else cert


def _share(verify: Verify, cert: Optional[Cert], trust_env: bool) -> _Made:
    """Return what another client has made of the same settings, while the files they name are the same."""
    import ssl

    if isinstance(verify, ssl.SSLContext):
        made = _Made(verify)
    elif cert is not None:
        made = _make(verify, trust_env)
    else:
        settings = _settings(verify, trust_env)
        made = _shared.get(settings) or _make(verify, trust_env)
        if len(_shared) >= _MOST_SHARED:
            _shared.clear()
        made = _shared.setdefault(settings, made)
    if cert is not None:
        _load_client_certificate(made.context, cert)
    return made


def _settings(verify: Any, trust_env: bool) -> Tuple[Any, ...]:
    """What a context depends on: the settings, and which files they mean at this moment."""
    import ssl

    # A host may have put another class in its place, as truststore does.
    kind = ssl.SSLContext
    if verify is False:
        return (kind, False)
    if verify is not True:
        return kind, type(verify), _state(verify)
    paths = ssl.get_default_verify_paths()
    named = [os.environ.get(name) for name in (paths.openssl_cafile_env, paths.openssl_capath_env)]
    return (kind, trust_env, *map(_state, (*named, paths.openssl_cafile, paths.openssl_capath)))


def _state(path: Any) -> Tuple[Any, ...]:
    try:
        path = os.fspath(path)
        found = os.stat(path)
    except (OSError, TypeError, ValueError):
        return (repr(path),)
    return path, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _make(verify: Union[bool, str, os.PathLike[str]], trust_env: bool) -> _Made:
    import ssl

    if verify is True:
        made = _system_context(trust_env)
    elif verify is False:
        made = _Made(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        made.context.check_hostname = False
        made.context.verify_mode = ssl.CERT_NONE
    else:
        made = _Made(_custom_context(verify))
    made.context.set_alpn_protocols(["http/1.1"])
    return made


def _load_client_certificate(context: ssl.SSLContext, cert: Cert) -> None:
    parts: Tuple[Any, ...] = tuple(cert) if isinstance(cert, (list, tuple)) else (cert,)
    # Without any password OpenSSL would ask for one on the terminal, and wait.
    missing: Tuple[Any, ...] = (None, None, "")[len(parts) :]
    try:
        chain, key, password = parts + missing
        context.load_cert_chain(chain, key, lambda: password)
    except (OSError, TypeError, ValueError) as exc:
        raise ArgumentError(
            f"The client certificate {parts[:1]} could not be loaded: pass a PEM file with certificate and "
            "key, or (cert, key), or (cert, key, password) where the key is encrypted."
        ) from exc


def _system_context(trust_env: bool) -> _Made:
    import ssl

    paths = ssl.get_default_verify_paths()
    file, folder = paths.openssl_cafile, paths.openssl_capath
    named = any(name in os.environ for name in (paths.openssl_cafile_env, paths.openssl_capath_env))
    if trust_env:
        file = os.environ.get(paths.openssl_cafile_env, file)
        folder = os.environ.get(paths.openssl_capath_env, folder)
    # Somebody's own file is read at once: it is named because it holds what is nowhere else.
    if file in (paths.openssl_cafile, *_BUNDLES) and _is_hashed(folder):
        return _Made(ssl.create_default_context(capath=folder), file if os.path.exists(file) else None)
    if named and trust_env:
        # OpenSSL itself reads SSL_CERT_FILE and SSL_CERT_DIR.
        return _Made(ssl.create_default_context())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if named else ssl.create_default_context()
    own = [place for place in (file, folder) if _holds_any(place)]
    for place in own if named else ():
        _load(context, place)
    if not own and not context.cert_store_stats()["x509_ca"]:
        for bundle in filter(os.path.exists, _BUNDLES):
            _load(context, bundle)
            break
    return _Made(context)


def _is_hashed(folder: str) -> bool:
    """Whether OpenSSL finds authorities in a folder by their names' hashes."""
    try:
        return sys.platform != "win32" and any(map(_HASHED.match, os.listdir(folder)))
    except OSError:
        return False


def _holds_any(place: str) -> bool:
    """Whether a file or directory of certificates is there, and not empty as far as one can see."""
    try:
        return bool(os.listdir(place))
    except OSError as exc:
        return not isinstance(exc, FileNotFoundError)


def _custom_context(path: Union[str, os.PathLike[str]]) -> ssl.SSLContext:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        _load(context, os.fspath(path))
    except (OSError, TypeError, ValueError) as exc:
        raise ArgumentError(
            f"ssl_verify: {path!r} is no PEM file, or directory, of certificates; nor True, False or an "
            "ssl.SSLContext."
        ) from exc
    return context


def _load(context: ssl.SSLContext, path: str) -> None:
    if os.path.isdir(path):
        context.load_verify_locations(capath=path)
    else:
        context.load_verify_locations(cafile=path)


class NestedTLS:
    """TLS over a socket that is TLS already: an https target through an https proxy.

    `ssl` can wrap only real sockets, so records pass through two memory buffers. One thread reads or writes
    at a time, as `Connection` does. The handshake waits, within the timeout; after it the socket never does.
    """

    def __init__(
        self, outer: SocketLike, context: ssl.SSLContext, host: str, timeout: Optional[float]
    ) -> None:
        import ssl

        self._outer = outer
        self._timeout = timeout
        # What the outer socket has not taken yet: every byte of a record has to go out, in order.
        self._unsent = memoryview(b"")
        # How much of the data given last is in records that are not out yet.
        self._taken = 0
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._want_read, self._want_write = ssl.SSLWantReadError, ssl.SSLWantWriteError
        self._blocked = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
        self._eof = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
        self._inner = context.wrap_bio(self._in, self._out, server_hostname=host)
        self._pump(self._inner.do_handshake)

    def _pump(self, step: Callable[[], _T]) -> _T:
        """Repeat a TLS step, moving records, until it needs no more input; the timeout is for all of it.

        Raises:
            BlockingIOError, ssl.SSLWantReadError: the outer socket has nothing to read at the moment.
            ssl.SSLWantWriteError: the same, and it has to take a record first.
        """
        deadline = self._deadline()
        while True:
            try:
                result = step()
            except self._want_read:
                self._flush(deadline)
                self._limit(deadline)
                buffer = bytearray(_RECORD)
                try:
                    count = self._outer.recv_into(buffer)
                except self._blocked as error:
                    if self._unsent:
                        raise self._want_write from error
                    raise
                if count:
                    self._in.write(memoryview(buffer)[:count])
                else:
                    self._in.write_eof()
                continue
            self._flush(deadline)
            return result

    def _flush(self, deadline: Optional[Deadline]) -> None:
        """Send the records that are ready; where the socket does not wait, as far as it takes them."""
        with suppress(*self._blocked):
            while self._unsent or self._out.pending:
                self._unsent = self._unsent or memoryview(self._out.read())
                self._limit(deadline)
                self._unsent = self._unsent[self._outer.send(self._unsent) :]

    def _deadline(self) -> Optional[Deadline]:
        return Deadline(self._timeout) if self._timeout else None

    def _limit(self, deadline: Optional[Deadline]) -> None:
        if deadline is not None:
            self._outer.settimeout(deadline.left())

    def recv_into(self, buffer: Any) -> int:
        try:
            return cast(int, self._pump(lambda: self._inner.read(len(buffer), buffer)))
        except self._eof:
            return 0

    def send(self, data: Any) -> int:
        """Return once a record of it is out; where that would block, the same data has to come again."""
        if self._taken:
            self._flush(self._deadline())
        else:
            self._taken = self._pump(lambda: self._inner.write(data))
        if self._unsent:
            raise BlockingIOError("nothing can be sent")
        count, self._taken = self._taken, 0
        return count

    def settimeout(self, seconds: Optional[float]) -> None:
        self._timeout = seconds
        self._outer.settimeout(seconds)

    def shutdown(self, _how: int) -> None:
        shutdown(self._outer)

    def fileno(self) -> int:
        return self._outer.fileno()

    def close(self) -> None:
        self._outer.close()
