"""Who may use the app: one user with a password, or everybody."""

from __future__ import annotations

import hmac
import secrets
import threading
from typing import Dict, Optional, Tuple


class Logins:
    """Checks credentials and cookies.

    Args:
        auth: user name and password; None lets everybody in.
    """

    def __init__(self, auth: Optional[Tuple[str, str]]) -> None:
        self._auth = auth
        self._name = secrets.token_urlsafe(8)  # cookies know no ports: two apps on one host differ by name
        self._lock = threading.Lock()  # guards the tokens
        self._users: Dict[str, str] = {}

    @property
    def required(self) -> bool:
        """Whether one has to log in at all."""
        return self._auth is not None

    def log_in(self, user: str, password: str) -> Optional[str]:
        """A new token, or None if the credentials are wrong."""
        if self._auth is None or not all(map(_same, (user, password), self._auth)):
            return None
        token = secrets.token_urlsafe(16)
        with self._lock:
            self._users[token] = user
        return token

    def cookies(self, token: str) -> Tuple[str, str]:
        """The two cookies that carry a token (`login` of gradio/routes.py 6.31.0)."""
        return (
            f"access-token-{self._name}={token}; HttpOnly; Path=/; SameSite=none; Secure",
            f"access-token-unsecure-{self._name}={token}; HttpOnly; Path=/; SameSite=lax",
        )

    def user(self, cookie_header: str) -> Optional[str]:
        """Who sent this `Cookie` header, or None."""
        pairs = (pair.strip().partition("=") for pair in cookie_header.split(";"))
        sent = {name: value for name, _, value in pairs}
        for name in (f"access-token-{self._name}", f"access-token-unsecure-{self._name}"):
            with self._lock:
                if sent.get(name) in self._users:
                    return self._users[sent[name]]
        return None

    def allow(self, cookie_header: str) -> bool:
        """Whether this `Cookie` header lets its sender in."""
        return not self.required or self.user(cookie_header) is not None


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
