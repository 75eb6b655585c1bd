"""Connections to the internet alone: for addresses that somebody else chose, such as a browser's push service.

Whoever may name an address could otherwise have this machine call its neighbours. The name is looked up when it is
called, and the connection goes to what was found then, so a name that changes its meaning in between wins nothing.
"""

from __future__ import annotations

import socket
import ssl
from http.client import HTTPSConnection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in its last four bytes


class NotPublicError(Exception):
    """The name leads to this machine or its neighbours."""


def is_public(address: str) -> bool:
    """Whether this IP address is one of the internet's."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(each.is_global and not each.is_multicast for each in (found, *_within(found)))


def _within(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses that an IPv6 address stands for."""
    if not isinstance(address, IPv6Address):
        return []
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [each for each in found if each is not None]


class PublicConnection(HTTPSConnection):
    """HTTPS to a public address. `connect` raises NotPublicError before anything has been sent anywhere."""

    def __init__(self, host: str, port: int | None, *, timeout: float, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=timeout, context=context)
        self._tls = context

    def connect(self) -> None:
        """To the first address of this name that answers; all of them have to be public."""
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        if not addresses or not all(map(is_public, addresses)):
            raise NotPublicError
        problem: OSError | None = None
        for address in addresses:
            try:
                plain = socket.create_connection((address, self.port), self.timeout)
            except OSError as error:
                problem = error
                continue
            self.sock = plain  # so that a limit of time can cut it off
            self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
            return
        raise problem or OSError
