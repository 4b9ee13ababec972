"""An HTTP server as an actor: it answers GET and HEAD, and bounds what one client may use.

It is built on aiohttp's low-level server, which takes 0.6 MB of memory; `aiohttp.web` with routing
and sessions would take 1.4 MB more.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from abc import abstractmethod
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp.web_protocol import RequestHandler
from aiohttp.web_response import Response, StreamResponse
from aiohttp.web_server import Server

from actors.runtime.task_actor import TaskActor
from supervisors.process.exposure import Address

if TYPE_CHECKING:
    import ssl

    from aiohttp.web_request import BaseRequest

    from actors.runtime.context import Runtime

_log = logging.getLogger(__name__)

# Seconds after which a connection without a request, complete with headers, is closed.
_IDLE = 15.0
# Seconds that a client may take to read one response.
_SLOWEST = 30.0
# Seconds that unfinished responses get when the server stops.
_GRACE = 1.0
_MOST_CONNECTIONS = 64
_MOST_HEADERS = 50
_NO_IPV6 = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}


class HttpServer(TaskActor):
    """Listens from `on_start` on, so that an address in use is a crash at the start.

    `respond` answers a request; it runs on the loop and must not take long.
    """

    def __init__(
        self, runtime: Runtime, address: Address, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(runtime)
        self._requested_address = address
        self._tls = tls
        self._listener: socket.socket | None = None
        self._address: Address | None = None

    @property
    def address(self) -> Address:
        """The address after `on_start`, with the port that was chosen for port 0."""
        assert self._address is not None, "start the server first"
        return self._address

    @abstractmethod
    def respond(self, request: BaseRequest) -> Response:
        """Answer a GET or HEAD; an exception is logged and answered with 500."""

    async def on_start(self) -> None:
        """Listen on the address."""
        self._listener = listen(self._requested_address)
        self._address = Address(*self._listener.getsockname()[:2])
        _log.info("%s listens on %s", self.kind, self._address)

    async def run(self) -> None:
        """Serve until stopped."""
        assert self._listener is not None, "on_start listens"
        loop, server = asyncio.get_running_loop(), Server(self._answer)
        accepting = await loop.create_server(
            lambda: _Connection(server, loop=loop),
            sock=self._listener,
            ssl=self._tls,
            ssl_handshake_timeout=_IDLE if self._tls is not None else None,
        )
        try:
            await self.attend()
        finally:
            accepting.close()
            server.pre_shutdown()
            await server.shutdown(_GRACE)

    async def attend(self) -> None:
        """Run beside the server until cancelled; never returns."""
        await asyncio.get_running_loop().create_future()

    async def on_stop(self) -> None:
        """Stop listening."""
        self._release_address()

    async def on_failure(self, *_error: Any) -> None:
        """Stop listening."""
        self._release_address()

    def describe(self) -> dict[str, object]:
        """Add the address, for the actor dump."""
        listens = str(self._address) if self._address is not None else None
        return {**super().describe(), "listens": listens}

    async def _answer(self, request: BaseRequest) -> StreamResponse:
        if request.method not in {"GET", "HEAD"}:
            refusal = plain(HTTPStatus.METHOD_NOT_ALLOWED)
            refusal.headers["Allow"] = "GET, HEAD"
            return refusal
        try:
            return self.respond(request)
        except Exception:  # noqa: BLE001 # any bug in `respond` is answered with 500
            _log.exception("%s failed to answer %s", self.kind, request.path)
            return plain(HTTPStatus.INTERNAL_SERVER_ERROR)

    def _release_address(self) -> None:
        if self._listener is not None:
            self._listener.close()


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
        return socket.create_server(("", address.port))
    except OSError as error:
        why = error.strerror or str(error)
        raise OSError(error.errno, f"cannot listen on {address}: {why}") from error


def _listen_on_host(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    return socket.create_server(tuple(address), family=family)


def _listen_on_all(port: int) -> socket.socket:
    try:
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    except OSError as error:
        if error.errno not in _NO_IPV6:
            raise
        return socket.create_server(("", port))


class _Connection(RequestHandler):
    """The connection of one client, with limits on time, headers and number of connections."""

    __slots__ = ()

    def __init__(self, server: Server, *, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type] # None turns the access log off
            auto_decompress=False,
            keepalive_timeout=_IDLE,
            lingering_time=0.0,  # request bodies are never read
            logger=_log,
            max_headers=_MOST_HEADERS,
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Close the connection if there are too many."""
        if self._manager is not None and len(self._manager.connections) >= _MOST_CONNECTIONS:
            transport.abort()  # type: ignore[attr-defined] # every stream transport has abort
            return
        super().connection_made(transport)
        # A drain then waits until everything is sent.
        transport.set_write_buffer_limits(0)  # type: ignore[attr-defined]

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
            async with asyncio.timeout(_SLOWEST):
                outcome = await super().finish_response(request, resp, start_time)
                await request.writer.drain()
                return outcome
        except TimeoutError:
            if self.transport is not None:
                self.transport.abort()
            return resp, True
