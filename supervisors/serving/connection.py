"""One connection to an HTTP server of ours, with limits on time and headers."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp.web_protocol import RequestHandler
from aiohttp.web_response import Response, StreamResponse

if TYPE_CHECKING:
    from aiohttp.web_request import BaseRequest
    from aiohttp.web_server import Server

    from supervisors.serving.unread import Unread

_log = logging.getLogger(__name__)

# Seconds from the beginning of a connection to a complete request head. A probe sends its head at
# once.
IDLE = 5.0
# Seconds that a client may take to read one response.
_SLOWEST = 30.0
_MOST_HEADERS = 50


class Connection(RequestHandler):
    """The connection of one client; `lost` is done once the connection is closed."""

    __slots__ = ("_unread", "lost")

    def __init__(self, server: Server, unread: Unread, *, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type] # None turns the access log off
            auto_decompress=False,
            keepalive_timeout=IDLE,
            lingering_time=0.0,  # request bodies are never read
            logger=_log,
            max_headers=_MOST_HEADERS,
        )
        self._unread = unread
        self.lost: asyncio.Future[None] = loop.create_future()

    @property
    def idle(self) -> bool:
        """Whether no complete request head has come yet."""
        return self._current_request is None and not self._messages

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Have a drain wait until everything is sent."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(0)  # type: ignore[attr-defined]

    def connection_lost(self, exc: BaseException | None) -> None:
        """Let the acceptor know."""
        super().connection_lost(exc)
        if not self.lost.done():
            self.lost.set_result(None)

    def abort(self) -> None:
        """Close the connection at once, whatever is still to be sent."""
        if self.transport is not None:
            self.transport.abort()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> StreamResponse:
        """Answer a malformed request without echoing it, naming a version or logging."""
        del request, exc, message
        response = plain(HTTPStatus(status))
        response.force_close()
        return response

    async def finish_response(
        self, request: BaseRequest, resp: StreamResponse, start_time: float | None
    ) -> tuple[StreamResponse, bool]:
        """Send a response; close the connection if the client does not read it in time."""
        try:
            with self._unread.sending(self, resp.content_length or 0):
                async with asyncio.timeout(_SLOWEST):
                    outcome = await super().finish_response(request, resp, start_time)
                    await request.writer.drain()
                    return outcome
        except TimeoutError:
            self.abort()
            return resp, True


def plain(status: HTTPStatus, text: str = "") -> Response:
    """Make a response in plain text, by default the phrase of the status."""
    content = f"{text or status.phrase}\n".encode()
    return reply(content, "text/plain; charset=utf-8", status)


def reply(content: bytes, content_type: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Make a response that no cache stores and whose content type no browser guesses."""
    headers = {
        "Content-Type": content_type,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Server": "falco-operator",  # aiohttp would send its own version and Python's
    }
    return Response(status=status, body=content, headers=headers)
