"""A port-forward, against a server that speaks as the kubelet does."""

from __future__ import annotations

import asyncio
import contextlib

import aiohttp
import pytest
from aiohttp import web
from kubernetes_asyncio.client import Configuration

from actors.api.transport import Transport
from cli.trace.port_forward import DATA, ERROR, PROTOCOL, PortForward

PORT = 8082
HELLO = b"\x92\x1f"  # of the port, the low byte first


class Kubelet:
    """Answers one connection: sends `answers` by channel once `until` bytes have come."""

    def __init__(self, *answers, until=1, status=0):
        self.answers = answers
        self.until = until
        self.status = status
        self.asked: list[web.Request] = []
        self.received = b""
        self.has_some = asyncio.Event()

    async def handle(self, request):
        self.asked.append(request)
        if request.headers["Accept"] != "*/*":
            return web.Response(status=406)  # as the kubelet answers
        if self.status:
            return web.Response(status=self.status)
        socket = web.WebSocketResponse(protocols=(PROTOCOL,))
        await socket.prepare(request)
        for channel in (DATA, ERROR):
            await socket.send_bytes(bytes([channel]) + HELLO)
        while len(self.received) < self.until:
            data = (await socket.receive()).data
            assert data[0] == DATA
            self.received += data[1:]
            self.has_some.set()
        for channel, content in self.answers:
            await socket.send_bytes(bytes([channel]) + content)
        await socket.close()
        return socket


class Uncounted:
    def api_request(self, *_):
        pass


@contextlib.asynccontextmanager
async def forwarding(kubelet):
    """A forward to a pod of a cluster that has this kubelet."""
    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", kubelet.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    configuration = Configuration()
    host, port = runner.addresses[0][:2]
    configuration.host = f"http://{host}:{port}"
    transport = Transport(configuration, Uncounted())
    try:
        async with PortForward(transport, "ns", "pod", PORT).listening() as forward:
            yield forward
    finally:
        await transport.close()
        await runner.cleanup()


async def exchanged(forward, content):
    """What comes back of a connection until it is closed."""
    host, port = forward.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(content)
    try:
        return await reader.read()
    finally:
        writer.close()


async def test_bytes_go_both_ways_whole_and_in_order():
    chunks = [bytes([number]) * 40_000 for number in range(20)]
    kubelet = Kubelet(*((DATA, chunk) for chunk in chunks), until=100_000)
    async with forwarding(kubelet) as forward:
        assert await exchanged(forward, b"x" * 100_000) == b"".join(chunks)
        assert forward.failure == ""
    (request,) = kubelet.asked
    assert request.path_qs == "/api/v1/namespaces/ns/pods/pod/portforward?ports=8082"
    assert kubelet.received == b"x" * 100_000


async def test_http_goes_through():
    kubelet = Kubelet((DATA, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), until=20)
    async with (
        forwarding(kubelet) as forward,
        aiohttp.ClientSession() as session,
        session.get(f"{forward.url}/debug/actors") as response,
    ):
        assert await response.text() == "ok"


async def test_what_the_kubelet_says_of_a_port_is_kept():
    kubelet = Kubelet((ERROR, b"connection refused"))
    async with forwarding(kubelet) as forward:
        assert await exchanged(forward, b"x") == b""
        assert forward.failure == "connection refused"


class Garbled(Kubelet):
    """Sends what is no message of a channel."""

    def __init__(self, send):
        super().__init__()
        self.send = send

    async def handle(self, request):
        socket = web.WebSocketResponse(protocols=(PROTOCOL,))
        await socket.prepare(request)
        for channel in (DATA, ERROR):
            await socket.send_bytes(bytes([channel]) + HELLO)
        await self.send(socket, request)
        await socket.receive()
        return socket


@pytest.mark.parametrize(
    "send",
    [
        lambda socket, _: socket.send_str("text"),
        lambda socket, _: socket.send_bytes(b""),
        lambda _, request: asyncio.sleep(0, request.transport.write(b"\xff" * 20)),
    ],
    ids=["text", "empty", "no frame"],
)
async def test_what_is_no_message_of_a_channel_ends_the_connection(send):
    async with forwarding(Garbled(send)) as forward:
        assert await exchanged(forward, b"x") == b""
        assert forward.failure.endswith("is answered by what is no port-forward")


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (403, "you may not forward port 8082 of pod ns/pod: that takes the verbs get and create"),
        (404, "port 8082 of pod ns/pod cannot be forwarded: 404"),
    ],
)
async def test_a_refusal_is_a_sentence(status, why):
    async with forwarding(Kubelet(status=status)) as forward:
        assert await exchanged(forward, b"x") == b""
        assert forward.failure.startswith(why)


async def test_connections_end_with_the_forward():
    kubelet = Kubelet(until=1_000)
    async with forwarding(kubelet) as forward:
        host, port = forward.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"x")
        await kubelet.has_some.wait()
    assert await reader.read() == b""
    writer.close()
