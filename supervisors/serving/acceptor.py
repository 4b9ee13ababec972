"""Accepts the clients of one HTTP server, within a budget of its own."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from supervisors.serving.connection import IDLE, Connection
from supervisors.serving.exposure import Address

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

_MOST_CLIENTS = 64
# Seconds in which a new client is not closed in favour of a newer one: time to send a request head,
# and a bound on how many clients a flood can have accepted, 1,280 a second.
_FRESH = 0.05
# Seconds until the next try to accept, while the process has no descriptor left.
_EXHAUSTED_PAUSE = 0.05
_BACKLOG = 512
_NO_IPV6 = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_CLIENT_GONE = {errno.EAGAIN, errno.ECONNABORTED, errno.EPROTO, errno.EPERM}


class Acceptor:
    """Every client that sends its request at once is answered, whatever other clients do.

    A client beyond the budget takes the place of another one: of an idle client, or, if there is
    none, of one that has not read its response; of the address with the most clients, and of these
    the oldest. Clients in a TLS handshake count as idle. Clients are accepted one a step of the
    loop, so that a request that has already arrived is read before newer clients are accepted.
    """

    def __init__(self, address: Address, tls: ssl.SSLContext | None) -> None:
        """Listen on the address.

        Raises:
            OSError: the address cannot be used; the message names it and the cause.
        """
        self._listener = listen(address)
        self._listener.setblocking(False)
        self.address = Address(*self._listener.getsockname()[:2])
        self._tls = tls
        self._spare = _Spare()
        self._spare.hold()
        self._clients: dict[asyncio.Task[None], _Client] = {}
        """In the order in which they were accepted."""

    async def run(self, connect: Callable[[], Connection]) -> None:
        """Accept until cancelled."""
        while True:
            await self._make_room()
            await self._knock()
            try:
                accepted = self._accept()
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._evict()
                    self._spare.hold()
                    await asyncio.sleep(_EXHAUSTED_PAUSE)
                elif error.errno not in _CLIENT_GONE:
                    raise
                continue
            self._serve(_Client(accepted, connect(), asyncio.get_running_loop().time()))

    def close_clients(self) -> None:
        """Close all connections at once."""
        for task in self._clients:
            task.cancel()

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()
        self._spare.release()

    async def _knock(self) -> None:
        """Wait until a client is there to be accepted."""
        loop = asyncio.get_running_loop()
        knocked = asyncio.Event()
        loop.add_reader(self._listener, knocked.set)
        try:
            await knocked.wait()
        finally:
            loop.remove_reader(self._listener)

    def _accept(self) -> socket.socket:
        try:
            client, _ = self._listener.accept()
        except OSError as error:
            if error.errno not in _EXHAUSTED or not self._spare.release():
                raise
            client, _ = self._listener.accept()
        client.setblocking(False)
        return client

    async def _make_room(self) -> None:
        """Wait until there is room for one more, and for one that knocks close another."""
        while len(self._clients) >= _MOST_CLIENTS:
            await self._knock()
            if not self._evict():
                await asyncio.sleep(_FRESH)

    def _evict(self) -> bool:
        """Close one client in favour of a newer one; False if all clients are fresh."""
        stale = asyncio.get_running_loop().time() - _FRESH
        old = {task: client for task, client in self._clients.items() if client.since <= stale}
        idle = {task: client for task, client in old.items() if client.connection.idle}
        candidates = idle or old
        if not candidates:
            return False
        crowd = Counter(client.peer for client in self._clients.values())
        # max returns the first of equals, which is the oldest.
        victim = max(candidates, key=lambda task: crowd[candidates[task].peer])
        del self._clients[victim]
        victim.cancel()
        return True

    def _serve(self, client: _Client) -> None:
        task = asyncio.get_running_loop().create_task(client.serve(self._tls))
        self._clients[task] = client
        task.add_done_callback(client.close)
        task.add_done_callback(self._gone)

    def _gone(self, task: asyncio.Task[None]) -> None:
        self._clients.pop(task, None)
        if self._listener.fileno() >= 0:
            self._spare.hold()


class _Client:
    """One client from its accept on, through the TLS handshake, until its connection is lost."""

    def __init__(self, accepted: socket.socket, connection: Connection, since: float) -> None:
        self._socket = accepted
        self.connection = connection
        self.since = since
        self.peer = _peer(accepted)

    async def serve(self, tls: ssl.SSLContext | None) -> None:
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: self.connection,
            self._socket,
            ssl=tls,
            ssl_handshake_timeout=IDLE if tls is not None else None,
        )
        await self.connection.lost

    def close(self, task: asyncio.Task[None]) -> None:
        """Close what is open, when `serve` has ended; a failed handshake is the client's affair."""
        if not task.cancelled():
            task.exception()
        self.connection.abort()
        self._socket.close()


class _Spare:
    """A descriptor that is kept to accept one client when the process has no other left."""

    def __init__(self) -> None:
        self._descriptor: int | None = None

    def hold(self) -> None:
        if self._descriptor is None:
            with suppress(OSError):  # as long as there are none
                self._descriptor = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def release(self) -> bool:
        if self._descriptor is None:
            return False
        os.close(self._descriptor)
        self._descriptor = None
        return True


def _peer(client: socket.socket) -> str:
    try:
        return str(client.getpeername()[0])
    except OSError:  # gone already
        return ""


def listen(address: Address) -> socket.socket:
    """Listen on an address; on IPv4 and IPv6 if it has no host.

    Raises:
        OSError: the address cannot be used; the message names it and the cause.
    """
    try:
        if address.host:
            return _listen_on_host(address)
        if socket.has_dualstack_ipv6():
            return _listen_on_all(address.port)
        return socket.create_server(("", address.port), backlog=_BACKLOG)
    except OSError as error:
        why = error.strerror or str(error)
        raise OSError(error.errno, f"cannot listen on {address}: {why}") from error


def _listen_on_host(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    return socket.create_server(tuple(address), family=family, backlog=_BACKLOG)


def _listen_on_all(port: int) -> socket.socket:
    try:
        return socket.create_server(
            ("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG
        )
    except OSError as error:
        if error.errno not in _NO_IPV6:
            raise
        return socket.create_server(("", port), backlog=_BACKLOG)
