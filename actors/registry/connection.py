"""Connections to registries: to addresses that a registry may have, and with bounded headers.

A name is resolved once, and the connection is made to an address that has been checked, so no
other answer of the DNS can lead elsewhere. Every form of an address (decimal, octal, shortened) is
a name here: what the resolver makes of it is checked.
"""

from __future__ import annotations

import socket
from functools import partial
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

from actors.registry.failure import ExchangeError
from resources.registry.address import is_permitted, refused_kind
from resources.registry.limits import MAX_HEADER_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO


def pools(local_registries: frozenset[str]) -> dict[str, Callable[..., HTTPConnectionPool]]:
    """By scheme, what makes the connections to one host."""
    return {
        "http": partial(_pool, HTTPConnectionPool, partial(_Http, local_registries)),
        "https": partial(_pool, HTTPSConnectionPool, partial(_Https, local_registries)),
    }


def proxy_pools() -> dict[str, Callable[..., HTTPConnectionPool]]:
    """The same for a proxy, which the administrator has chosen, whatever its address."""
    return {
        "http": partial(_pool, HTTPConnectionPool, partial(_Http, None)),
        "https": partial(_pool, HTTPSConnectionPool, partial(_Https, None)),
    }


def check_literal(host: str, port: int, local_registries: frozenset[str]) -> None:
    """Refuse a host that is an address, in any form; raises ExchangeError.

    Names are resolved by the proxy through which such a host is reached.
    """
    if is_permitted(host, port, local_registries):
        return
    try:
        _addresses(host.strip("[]"), port, socket.AI_NUMERICHOST)
    except (socket.gaierror, UnicodeError):  # it is a name
        return


def peer_of(response: Any) -> str | None:
    """The address that an answer of requests came from; None if it came through a proxy.

    The answer must not have been read yet.
    """
    connection = response.raw.connection
    return connection.peer if connection is not None else None


class _Checked(HTTPConnection):
    """Connects to checked addresses only, unless it is to a proxy: then `local` is None."""

    def __init__(self, local: frozenset[str] | None, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.response_class = _BoundedResponse
        self.peer: str | None = None
        self._local = local

    def _new_conn(self) -> socket.socket:
        if self._local is None:
            return super()._new_conn()
        permitted = is_permitted(self.host, self.port, self._local)
        try:
            addresses = _addresses(self._dns_host, self.port, permitted=permitted)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        failure: OSError = OSError("the name has no address")
        for address in addresses:
            try:
                connected = create_connection(
                    (address, self.port), self.timeout, socket_options=self.socket_options
                )
            except OSError as error:
                failure = error
            else:
                self.peer = address
                return connected
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, "timed out") from failure
        raise NewConnectionError(self, str(failure)) from failure


class _Http(_Checked):
    pass


class _Https(_Checked, HTTPSConnection):
    pass


class _BoundedResponse(HTTPResponse):
    """An answer whose status line and headers, interim ones included, fit a bound."""

    def begin(self) -> None:
        """Read the head of the answer."""
        stream: Any = self.fp
        head: Any = _Head(stream)
        self.fp = head
        try:
            super().begin()
        finally:
            if self.fp is head:
                self.fp = stream


class _Head:
    """Reads lines from a stream until they exceed the bound."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._left = MAX_HEADER_BYTES

    def readline(self, most: int) -> bytes:
        """Return the next line; raises ExchangeError beyond the bound."""
        line = self._stream.readline(min(most, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise ExchangeError(f"the answer has headers of more than {MAX_HEADER_BYTES} bytes")
        return line

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()


def _pool(
    kind: Callable[..., HTTPConnectionPool],
    connection: Callable[..., HTTPConnection],
    *arguments: Any,
    **options: Any,
) -> HTTPConnectionPool:
    pool = kind(*arguments, **options)
    pool.ConnectionCls = connection  # type: ignore[assignment]
    return pool


def _addresses(host: str, port: int, flags: int = 0, *, permitted: bool = False) -> list[str]:
    """The addresses of a host that a registry may have; raises ExchangeError if there are none."""
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    found = list(dict.fromkeys(str(info[4][0]) for info in infos))
    if permitted:
        return found
    allowed = [address for address in found if refused_kind(address) is None]
    if found and not allowed:
        what = f"{host} has the {refused_kind(found[0])} address {found[0]}"
        raise ExchangeError(f"{what}, which only --allow-local-registry permits")
    return allowed
