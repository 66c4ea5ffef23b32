"""A network of pretended names and addresses, for tests of where requests may lead.

Every packet stays on loopback: what is resolved and what is connected to is noted, and servers of the test
answer for the addresses they were given.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from typing import Any, Dict, List, Tuple

from gradio_client_lite.transport.dial import connect_tcp
from gradio_client_lite.transport.http import Transport
from gradio_client_lite.transport.reach import Address

from .peers import PeerServer, Script


class Net:
    """Hosts of a test, each with addresses of any kind.

    Args:
        stack: closes what is opened here.

    Attributes:
        names: the addresses of each host name; an address stands for itself.
        dialled: every address that was connected to.
    """

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self._ports: Dict[Tuple[str, int], int] = {}
        self.names: Dict[str, List[str]] = {}
        self.dialled: List[str] = []

    def put(self, host: str, *addresses: str, script: Script, port: int = 80) -> PeerServer:
        """Start a server for a host at these addresses, or at the one that `host` is."""
        server = self._stack.enter_context(PeerServer(script))
        self.answer_at(host, *addresses, server=server, port=port)
        return server

    def answer_at(self, host: str, *addresses: str, server: PeerServer, port: int = 80) -> None:
        """Let a server that runs answer for a host at these addresses, or at the one that `host` is."""
        if addresses:
            self.names[host] = list(addresses)
        for address in addresses or (host,):
            self._ports[str(ipaddress.ip_address(address)), port] = server.port

    def resolve(self, host: str, port: int) -> List[Address]:
        found = self.names.get(host) or [host]
        return [self._address(str(ipaddress.ip_address(address)), port) for address in found]

    def _address(self, address: str, port: int) -> Address:
        if ":" in address:
            return Address(socket.AF_INET6, (address, port, 0, 0))
        return Address(socket.AF_INET, (address, port))

    def connect(self, address: Address, deadline: Any) -> Any:
        self.dialled.append(address.text)
        place: Any = address.place
        port = self._ports.get((address.text, place[1]))
        if port is None:
            raise ConnectionRefusedError("nobody is there")
        return connect_tcp(Address(socket.AF_INET, ("127.0.0.1", port)), deadline)

    def transport(self, url: str, **options: Any) -> Transport:
        """A transport in this network, for the app at a URL."""
        options = {"trust_env": False, "resolve": self.resolve, "connect": self.connect, **options}
        return self._stack.enter_context(contextlib.closing(Transport(base_url=url, **options)))
