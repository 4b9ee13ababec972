"""A request on its way: whether it may still be sent, and whether the API server may have it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from actors.api import lean_import
from actors.api.errors import Unavailable

with lean_import.without_certificates():
    import aiohttp

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class Sending:
    """One request on its way, and the connection that it was given.

    `check` raises Unavailable if the request may not be sent at this moment.
    """

    def __init__(self, check: Callable[[], None]) -> None:
        self.check = check
        self._connection: Any = None
        self._transport: asyncio.Transport | None = None

    @property
    def begun(self) -> bool:
        """Whether the request was given a connection, so that the API server may have it."""
        return self._transport is not None

    def connected(self, connection: Any) -> None:
        """Check, once more, whether the request may be sent over this connection."""
        self.check()
        self._connection, self._transport = connection, connection.transport

    def cut_off(self) -> None:
        """Drop the connection, and what of the request has not left this process.

        aiohttp closes it, and asyncio would first send what is buffered. A connection that has
        been given back for the next request is left alone.
        """
        transport = self._transport
        if transport is not None and (
            transport.is_closing() or self._connection.transport is transport
        ):
            transport.abort()

    def ended(self) -> None:
        """Let go of the connection: uvloop's keeps the context that opened it, and thus this.

        A closed connection in such a circle stays until the garbage collector looks at all objects,
        which it does not in an idle process: 60 KiB each, 6 MiB after a burst.
        """
        self._connection = self._transport = None


sending_now: ContextVar[Sending | None] = ContextVar("sending", default=None)


class CheckedRequest(aiohttp.ClientRequest):
    """Checks again whether it may be sent, once it has a connection and before each byte.

    A connection may take seconds to make, and the process may be frozen meanwhile.
    """

    async def send(self, conn: Any) -> aiohttp.ClientResponse:
        """Send it over this connection, if it may be sent."""
        if (sending := sending_now.get()) is not None:
            sending.connected(conn)
        return await super().send(conn)

    async def write_bytes(self, writer: Any, conn: Any, content_length: int | None = None) -> None:
        """Write the headers, which have waited for it, and the body; in a task of its own."""
        if (sending := sending_now.get()) is not None:
            try:
                sending.check()
            except Unavailable:
                sending.cut_off()  # whoever waits for the response sees a lost connection
                return
        await super().write_bytes(writer, conn, content_length)
