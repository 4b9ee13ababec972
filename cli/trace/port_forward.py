"""A port of a pod as a port of this machine, through the API server."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import WSMsgType

from actors.api.errors import ApiError
from resources.kubernetes.kinds import object_path
from resources.kubernetes.reference import ObjectRef

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from actors.api.transport import Transport

PROTOCOL = "v4.channel.k8s.io"
"""Each message begins with the number of its channel, and the first of a channel holds the port."""
DATA, ERROR = 0, 1
_LOOPBACK = "127.0.0.1"
_CHUNK = 1 << 15


class PortForward:
    """Forwards each connection to a local port by a WebSocket of its own, as kubectl does.

    `failure` says why a connection could not be forwarded; empty while all could.
    Source: kubelet's portforward/websocket.go.
    """

    def __init__(self, transport: Transport, namespace: str, pod: str, port: int) -> None:
        self._transport = transport
        self._ref = ObjectRef("Pod", namespace, pod)
        self._port = port
        self._connections: set[asyncio.Task[None]] = set()
        self.url = ""
        self.failure = ""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[PortForward]:
        """Listen on a free port of the loopback interface; `url` tells which."""
        server = await asyncio.start_server(self._accept, _LOOPBACK, 0)
        host, port = server.sockets[0].getsockname()[:2]
        self.url = f"http://{host}:{port}"
        try:
            yield self
        finally:
            server.close()
            for connection in self._connections:
                connection.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._forward(reader, writer)
        except ApiError as error:
            self.failure = self._why(error)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client or the process has gone
        finally:
            self._connections.discard(task)
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = f"{object_path(self._ref)}/portforward"
        async with await self._transport.websocket(
            path, {"ports": str(self._port)}, PROTOCOL
        ) as socket:

            async def send() -> None:
                while data := await reader.read(_CHUNK):
                    await socket.send_bytes(bytes([DATA]) + data)

            sending = asyncio.create_task(send())
            begun = set[int]()
            try:
                async for message in socket:
                    if message.type is not WSMsgType.BINARY or not message.data:
                        self.failure = f"{self._where} is answered by what is no port-forward"
                        return
                    channel, data = message.data[0], message.data[1:]
                    if channel not in begun:
                        begun.add(channel)  # the port, as two bytes
                    elif channel == ERROR:
                        self.failure = data.decode("utf-8", "replace")
                        return
                    else:
                        writer.write(data)
                        await writer.drain()
            finally:
                sending.cancel()
                with suppress(asyncio.CancelledError, ConnectionError):
                    await sending

    @property
    def _where(self) -> str:
        return f"port {self._port} of pod {self._ref.namespace}/{self._ref.name}"

    def _why(self, error: ApiError) -> str:
        where = self._where
        if error.code == HTTPStatus.FORBIDDEN:
            return (
                f"you may not forward {where}: that takes the verbs get and create for "
                "pods/portforward"
            )
        return f"{where} cannot be forwarded: {error.code or error.reason} {error.message}".rstrip()
