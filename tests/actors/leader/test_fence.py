"""Writes of a process that does not lead."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from actors.api.errors import Unavailable
from actors.api.lean_import import configuration_class
from actors.leader.fence import Fence, FencedTransport
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

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    configuration = configuration_class()()
    configuration.host = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    fence = Fence(FakeClock())
    transport = FencedTransport(configuration, Silent(), fence)
    try:
        yield fence, transport, requests, heard
    finally:
        await transport.close()
        server.close()
        await server.wait_closed()


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
