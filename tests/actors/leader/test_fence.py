"""Writes of a process that does not lead."""

import asyncio
import socket
from contextlib import asynccontextmanager, suppress

import pytest

from actors.api.errors import Unavailable
from actors.api.lean_import import configuration_class
from actors.leader.fence import Fence, FencedTransport
from tests.eventually import soon
from tests.fake_clock import FakeClock, settle


class Silent:
    def api_request(self, *_):
        pass


async def passing(fence, begun):
    async with fence.passage():
        begun.set()
        await asyncio.get_running_loop().create_future()


async def test_a_fence_is_closed_until_it_is_opened():
    fence = Fence(FakeClock())
    assert not fence.open
    with pytest.raises(Unavailable, match="does not hold the Lease"):
        async with fence.passage():
            pass


async def test_a_fence_closes_by_itself_at_its_moment_which_can_be_moved_on():
    clock = FakeClock()
    fence = Fence(clock)
    fence.open_until(10)
    await clock.advance(8)
    fence.open_until(18)
    await clock.advance(9.9)
    assert fence.open
    await clock.advance(0.1)
    assert not fence.open
    assert clock.armed == []


async def test_a_fence_goes_by_the_clock_even_if_its_timer_is_late():
    clock = FakeClock()
    fence = Fence(clock)
    fence.open_until(10)
    clock._time = 10.0  # the loop was busy all the time
    assert not fence.open


@pytest.mark.parametrize("close", ["at its moment", "at once"])
async def test_what_is_under_way_is_cut_off_when_the_fence_closes(close):
    clock, begun = FakeClock(), asyncio.Event()
    fence = Fence(clock)
    fence.open_until(10)
    write = asyncio.create_task(passing(fence, begun))
    await begun.wait()
    if close == "at once":
        fence.close()
    else:
        await clock.advance(10)
    with pytest.raises(Unavailable, match="does not hold the Lease"):
        await write


async def test_what_is_under_way_goes_on_when_the_moment_moves_on():
    clock, begun = FakeClock(), asyncio.Event()
    fence = Fence(clock)
    fence.open_until(10)
    write = asyncio.create_task(passing(fence, begun))
    await begun.wait()
    fence.open_until(20)
    await clock.advance(15)
    assert not write.done()
    write.cancel()
    await asyncio.wait((write,))
    assert write.cancelled(), "a cancellation from outside stays one"


async def test_a_fence_that_was_closed_can_be_opened_again():
    clock = FakeClock()
    fence = Fence(clock)
    fence.open_until(10)
    fence.close()
    fence.close()
    fence.open_until(5)
    async with fence.passage():
        pass
    await clock.advance(5)
    assert not fence.open


@asynccontextmanager
async def serving(serve):
    """A transport behind a fence, to a server that does this with each connection."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listening.bind(("127.0.0.1", 0))
    server = await asyncio.start_server(serve, sock=listening, limit=4096)
    configuration = configuration_class()()
    configuration.host = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    fence = Fence(FakeClock())
    transport = FencedTransport(configuration, Silent(), fence)
    try:
        yield fence, transport
    finally:
        await transport.close()
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def fenced(answer):
    """A transport behind a fence, to a server that answers like this, or not at all."""
    requests: list[bytes] = []
    heard = asyncio.Event()

    async def serve(reader, writer):
        requests.append(await reader.readline())
        heard.set()
        if answer:
            writer.write(answer)
        else:
            await reader.read()
        writer.close()

    async with serving(serve) as (fence, transport):
        yield fence, transport, requests, heard


EMPTY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize(("method", "verb"), [("PATCH", "patch"), ("DELETE", "delete")])
async def test_a_write_is_not_sent_while_the_fence_is_closed(method, verb):
    async with fenced(EMPTY) as (fence, transport, requests, _):
        with pytest.raises(Unavailable, match="NotLeading"):
            await transport.request(method, "/api/v1/nodes/n", verb=verb)
        assert requests == []
        fence.open_until(10)
        assert await transport.request(method, "/api/v1/nodes/n", verb=verb) == b"{}"


@pytest.mark.parametrize("verb", ["get", "list"])
async def test_a_read_passes_a_closed_fence(verb):
    async with fenced(EMPTY) as (_, transport, _, _):
        assert await transport.request("GET", "/api/v1/nodes", verb=verb) == b"{}"


async def test_a_request_without_answer_is_given_up_when_the_fence_closes():
    async with fenced(None) as (fence, transport, _, heard):
        fence.open_until(10)
        write = asyncio.create_task(transport.request("PATCH", "/api/v1/nodes/n", verb="patch"))
        await heard.wait()
        fence.close()
        with pytest.raises(Unavailable, match="NotLeading"):
            await write
        await settle()


# A process that is frozen, and goes on after its time: the clock has moved, and no timer has run.


def freezing(transport, monkeypatch, freeze):
    """Freeze once a connection has been made, before it is used."""
    connector = transport._session.connector
    connect = connector.connect

    async def slowly(*arguments, **options):
        connection = await connect(*arguments, **options)
        freeze()
        return connection

    monkeypatch.setattr(connector, "connect", slowly)


@pytest.mark.parametrize("body", [b"{}", None])
async def test_a_write_whose_connection_took_longer_than_the_lease_is_not_sent(monkeypatch, body):
    async with fenced(EMPTY) as (fence, transport, requests, heard):
        fence.open_until(10)
        freezing(transport, monkeypatch, lambda: setattr(fence._clock, "_time", 10.0))
        with pytest.raises(Unavailable, match="NotLeading"):
            await transport.request("PATCH", "/api/v1/nodes/n", verb="patch", body=body)
        await heard.wait()
        assert requests == [b""], "the connection was closed, and nothing came over it"
        assert not transport._session.connector._conns, "nor is it kept for others"


async def test_a_write_that_was_frozen_right_before_its_first_byte_is_not_sent(monkeypatch):
    async with fenced(EMPTY) as (fence, transport, requests, heard):
        fence.open_until(10)
        loop = asyncio.get_running_loop()
        later = lambda: loop.call_soon(setattr, fence._clock, "_time", 10.0)  # noqa: E731
        freezing(transport, monkeypatch, later)
        with pytest.raises(Unavailable):
            await transport.request("PATCH", "/api/v1/nodes/n", verb="patch", body=b"{}")
        await heard.wait()
        assert requests == [b""]


@pytest.mark.filterwarnings("ignore:Sending a large body")
async def test_what_is_cut_off_sends_nothing_of_what_is_still_buffered():
    received, reading = bytearray(), asyncio.Event()
    ended = asyncio.Event()

    async def serve(reader, writer):
        await reading.wait()
        with suppress(ConnectionResetError):
            while chunk := await reader.read(65536):
                received.extend(chunk)
        writer.transport.abort()
        ended.set()

    async with serving(serve) as (fence, transport):
        fence.open_until(10)
        body = bytes(32_000_000)  # more than the sockets take
        write = transport.request("PATCH", "/api/v1/nodes/n", verb="patch", body=body)
        task = asyncio.create_task(write)
        await soon(lambda: transport._session.connector._acquired)
        (protocol,) = transport._session.connector._acquired
        await soon(protocol.transport.get_write_buffer_size)
        fence.close()
        with pytest.raises(Unavailable, match="NotLeading"):
            await task
        reading.set()
        await ended.wait()
        assert len(received) < len(body)


async def test_a_connection_is_used_again_after_a_write_that_passed():
    connections = []

    async def serve(reader, writer):
        connections.append(writer)
        while await reader.readline():
            await reader.readuntil(b"{}")
            writer.write(EMPTY)
        writer.close()

    async with serving(serve) as (fence, transport):
        fence.open_until(10)
        for _ in range(3):
            await transport.request("PATCH", "/api/v1/nodes/n", verb="patch", body=b"{}")
        assert len(connections) == 1
