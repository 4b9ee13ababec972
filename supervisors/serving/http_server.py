"""An HTTP server as an actor: it answers GET and HEAD, and bounds what one client may use.

It is built on aiohttp's low-level server, which takes 0.6 MB of memory; `aiohttp.web` with routing
and sessions would take 1.4 MB more.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from abc import abstractmethod
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp.web_server import Server

from actors.runtime.task_actor import TaskActor
from supervisors.serving.acceptor import Acceptor
from supervisors.serving.connection import Connection, plain
from supervisors.serving.unread import Unread

if TYPE_CHECKING:
    import ssl

    from aiohttp.web_request import BaseRequest
    from aiohttp.web_response import Response, StreamResponse

    from actors.runtime.context import Runtime
    from supervisors.serving.exposure import Address

_log = logging.getLogger(__name__)

# Seconds that unfinished responses get when the server stops.
_GRACE = 1.0


class HttpServer(TaskActor):
    """Listens from `on_start` on, so that an address in use is a crash at the start.

    With `listen_again` it is a warning, and the server tries again every so many seconds.
    `respond` answers a request; what it does between two awaits must not take long. It is cancelled
    when its client is gone.
    """

    def __init__(
        self,
        runtime: Runtime,
        address: Address,
        tls: ssl.SSLContext | None = None,
        listen_again: float | None = None,
    ) -> None:
        super().__init__(runtime)
        self._listen_again = listen_again
        self._requested_address = address
        self._tls = tls
        self._acceptor: Acceptor | None = None

    @property
    def address(self) -> Address:
        """The address after `on_start`, with the port that was chosen for port 0."""
        assert self._acceptor is not None, "start the server first"
        return self._acceptor.address

    @abstractmethod
    async def respond(self, request: BaseRequest) -> Response:
        """Answer a GET or HEAD; an exception is logged and answered with 500."""

    async def on_start(self) -> None:
        """Listen on the address, if it is free."""
        try:
            self._listen()
        except OSError as error:
            if self._listen_again is None or error.errno != errno.EADDRINUSE:
                raise
            _log.warning("%s is left out until the port is free: %s", self.kind, error)

    async def run(self) -> None:
        """Serve until stopped."""
        while self._acceptor is None:
            await self.runtime.clock.sleep(self._listen_again or 0.0)
            with suppress(OSError):
                self._listen()
        loop, unread = asyncio.get_running_loop(), Unread()
        server = Server(self._answer, handler_cancellation=True)
        tasks = {
            loop.create_task(self._acceptor.run(lambda: Connection(server, unread, loop=loop))),
            loop.create_task(self.attend()),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            server.pre_shutdown()
            await server.shutdown(_GRACE)
            self._acceptor.close_clients()

    def _listen(self) -> None:
        self._acceptor = Acceptor(self._requested_address, self._tls)
        _log.info("%s listens on %s", self.kind, self.address)

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
        listens = str(self.address) if self._acceptor is not None else None
        return {**super().describe(), "listens": listens}

    async def _answer(self, request: BaseRequest) -> StreamResponse:
        """Answer the one request that a connection may have: no client can queue up requests."""
        response = await self._response(request)
        response.force_close()
        return response

    async def _response(self, request: BaseRequest) -> Response:
        if request.method not in {"GET", "HEAD"}:
            refusal = plain(HTTPStatus.METHOD_NOT_ALLOWED)
            refusal.headers["Allow"] = "GET, HEAD"
            return refusal
        try:
            return await self.respond(request)
        except Exception:  # noqa: BLE001 # any bug in `respond` is answered with 500
            _log.exception("%s failed to answer %s", self.kind, request.path)
            return plain(HTTPStatus.INTERNAL_SERVER_ERROR)

    def _release_address(self) -> None:
        if self._acceptor is not None:
            self._acceptor.close()
