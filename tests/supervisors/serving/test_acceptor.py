"""Whatever strangers do to a server, who sends a request at once is answered."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import resource
import socket

import pytest

from actors.runtime.clock import SystemClock
from actors.runtime.context import Runtime
from supervisors.process.servers import HealthServer, MetricsServer
from supervisors.serving import acceptor
from supervisors.serving.exposure import Address
from tests.supervisors.serving.clients import ANY_PORT, get, running

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def server():
    """A health server on the real clock."""
    return HealthServer(Runtime(SystemClock(), random.Random(1)), ANY_PORT, {})


async def connected(server, text, host="127.0.0.1"):
    """A client that has sent this text."""
    reader, writer = await asyncio.open_connection(*server.address, local_addr=(host, 0))
    writer.write(text)
    return reader, writer


async def is_served(client):
    """Whether a client gets an answer; another request may be on its way."""
    reader, writer = client
    with contextlib.suppress(ConnectionError):
        writer.write(REQUEST)
        return await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    return False


def probe(address):
    """The first line of an answer to a client that sends its request once it is connected."""
    with socket.create_connection(address, timeout=60) as client:
        client.sendall(REQUEST)
        return client.recv(1000).splitlines()[0]


async def loops(server, text):
    """Open a connection, send this text, read until it is closed, and begin anew, for ever."""
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await connected(server, text)
            with contextlib.closing(writer):
                while await reader.read(100):
                    pass


@pytest.mark.parametrize(
    "text", [b"", REQUEST[:-2], REQUEST * 1000], ids=["silent", "slow", "many"]
)
async def test_probes_are_answered_while_a_hundred_strangers_loop(server, text):
    async with running(server):
        strangers = [asyncio.create_task(loops(server, text)) for _ in range(100)]
        answers = [await asyncio.to_thread(probe, server.address) for _ in range(10)]
        for stranger in strangers:
            stranger.cancel()
        await asyncio.gather(*strangers, return_exceptions=True)
    assert answers == [b"HTTP/1.1 200 OK"] * 10


async def test_a_client_that_does_not_read_its_response_makes_room(monkeypatch):
    monkeypatch.setattr(acceptor, "_MOST_CLIENTS", 2)
    runtime = Runtime(SystemClock(), random.Random(1))
    server = MetricsServer(runtime, ANY_PORT, lambda _: (bytes(20_000_000), "text/plain"), None)
    async with running(server):
        readers = []
        for _ in range(2):
            client = await connected(server, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
            await client[0].readline()
            readers.append(client)
        assert (await get(server, "/")).status == 404
        with contextlib.suppress(ConnectionError):
            assert len(await readers[0][0].read()) < 20_000_000
        for _, writer in readers:
            writer.close()


async def test_the_oldest_idle_client_makes_room(server, monkeypatch):
    monkeypatch.setattr(acceptor, "_MOST_CLIENTS", 3)
    async with running(server):
        clients = [await connected(server, b"") for _ in range(4)]
        assert await is_served(clients[3])
        assert await clients[0][0].read() == b""
        assert await is_served(clients[1])
        assert await is_served(clients[2])
        for _, writer in clients:
            writer.close()


async def test_the_address_with_most_clients_makes_room_for_the_others(server, monkeypatch):
    monkeypatch.setattr(acceptor, "_MOST_CLIENTS", 4)
    # Else the one alone may be the only client that is old enough to make room.
    monkeypatch.setattr(acceptor, "_FRESH", 0.0)
    async with running(server):
        alone = await connected(server, b"", host="127.0.0.2")
        crowd = [await connected(server, b"", host="127.0.0.3") for _ in range(9)]
        assert await is_served(alone)
        assert [await client[0].read() for client in crowd[:5]] == [b""] * 5
        for _, writer in (alone, *crowd):
            writer.close()


async def test_a_client_is_answered_when_the_process_has_no_descriptor_left(server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with running(server):
        client = socket.socket()
        client.setblocking(False)
        taken = [os.dup(client.fileno())]
        resource.setrlimit(resource.RLIMIT_NOFILE, (taken[0] + 50, hard))
        try:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(os.dup(client.fileno()))
            loop = asyncio.get_running_loop()
            await loop.sock_connect(client, server.address)
            await loop.sock_sendall(client, REQUEST)
            answer = await asyncio.wait_for(loop.sock_recv(client, 100), 60)
        finally:
            for descriptor in taken:
                os.close(descriptor)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            client.close()
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert (await get(server, "/healthz")).status == 200


async def test_stopping_closes_every_client_and_the_port(server):
    async with running(server):
        reader, writer = await connected(server, b"")
        assert await is_served((reader, writer))
    await reader.read()
    assert reader.at_eof()
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*server.address)


def test_a_port_in_use_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address(*taken.getsockname())
        with pytest.raises(OSError, match=f"cannot listen on {address}"):
            acceptor.listen(address)
