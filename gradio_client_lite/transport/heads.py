"""The head of a request: the caller's headers, and what the transport adds to them."""

from __future__ import annotations

from typing import Optional, Tuple

from .connection import body_size
from .cookies import CookieJar
from .headers import basic_auth, encode_head
from .proxy import Proxy
from .redirect import Hop, same_place
from .url import Target

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class HeadMaker:
    """Adds length, cookies and basic auth, where they belong, to a caller's headers.

    Args:
        base: the base URL; that place gets the basic auth.
        cookies: the jar.
        auth: (user, password); None for the userinfo of the base URL, if it has any.
    """

    def __init__(self, base: Target, cookies: CookieJar, auth: Optional[Tuple[str, str]]) -> None:
        userinfo = auth or base.userinfo
        self._base = base
        self._cookies = cookies
        self._authorization = basic_auth(*userinfo) if userinfo else None

    def make(self, hop: Hop, proxy: Optional[Proxy]) -> bytes:
        """Return the head of a request.

        Args:
            hop: the request.
            proxy: the one that will read it and so wants an absolute URL; None when there is none.
        """
        target, fields = hop.target, dict(hop.fields)
        if hop.body is not None:
            fields["content-length"] = str(body_size(hop.body))
        elif hop.method in _WITH_BODY:
            fields["content-length"] = "0"
        if hop.cookies:
            cookie = self._cookies.header(target, fields.get("cookie", ""))
            if cookie:
                fields["cookie"] = cookie
        if hop.auth and "authorization" not in fields:
            if target.userinfo is not None:
                fields["authorization"] = basic_auth(*target.userinfo)
            elif self._authorization is not None and same_place(self._base, target):
                fields["authorization"] = self._authorization
        if proxy is None:
            return encode_head(hop.method, target.path, target.netloc, fields)
        if proxy.authorization:
            fields["proxy-authorization"] = proxy.authorization
        return encode_head(hop.method, target.url, target.netloc, fields)
