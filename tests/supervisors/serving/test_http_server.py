"""What a client can and cannot do to any of the servers, on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import socket

import pytest

from actors.runtime.clock import SystemClock
from actors.runtime.context import Runtime
from actors.runtime.lifecycle import ExitReason
from supervisors.process.servers import HealthServer
from supervisors.serving import connection, http_server, unread
from supervisors.serving.connection import reply
from supervisors.serving.exposure import Address
from supervisors.serving.http_server import HttpServer
from tests.eventually import soon
from tests.supervisors.serving.clients import ANY_PORT, exit_of, get, running, talk


@pytest.fixture
def runtime():
    """The real clock, and no observer."""
    return Runtime(SystemClock(), random.Random(1))


class Big(HttpServer):
    """Answers every path with more than any socket buffers, but `/crash`."""

    async def respond(self, request):
        if request.path == "/crash":
            raise ValueError("not said to the client")
        return reply(bytes(50_000_000), "application/octet-stream")


class Thorough(HttpServer):
    """Takes for ever to answer."""

    def __init__(self, *args):
        super().__init__(*args)
        self.begun, self.given_up = asyncio.Event(), asyncio.Event()

    async def respond(self, request):  # noqa: ARG002
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.given_up.set()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
async def test_only_get_and_head_are_served(runtime, method):
    async with running(HealthServer(runtime, ANY_PORT, {})) as server:
        answer = await get(server, "/healthz", method=method, data=b"x" * 100_000)
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"


async def test_head_is_get_without_content(runtime):
    async with running(HealthServer(runtime, ANY_PORT, {})) as server:
        answer = await get(server, "/healthz", method="HEAD")
    assert (answer.status, answer.text, answer.headers["Content-Length"]) == (200, "", "3")


async def test_no_version_is_told_and_no_access_logged(runtime, caplog):
    caplog.set_level(logging.DEBUG)
    async with running(Big(runtime, ANY_PORT)) as server:
        caplog.clear()
        ours = [await get(server, "/"), await get(server, "/", method="POST")]
        garbage = await talk(server.address, b"\x16\x03\x01 not HTTP\r\n\r\n")
        assert [record.message for record in caplog.records if record.name != "asyncio"] == []
        ours.append(await get(server, "/crash"))
    assert {answer.headers["Server"] for answer in ours} == {"falco-operator"}
    assert ours[-1].status == 500
    assert "not said" not in ours[-1].text
    assert garbage.startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))
    assert b"Server: falco-operator" in garbage
    assert not any(word in garbage for word in (b"aiohttp", b"Python", b"not HTTP"))


@pytest.mark.parametrize(
    "request_text",
    [
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 100 + b"\r\n",
    ],
    ids=["long line", "long header", "many headers"],
)
async def test_a_request_that_is_too_large_is_refused(runtime, request_text):
    async with running(HealthServer(runtime, ANY_PORT, {})) as server:
        assert b" 400 " in (await talk(server.address, request_text)).splitlines()[0]


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: "])
async def test_a_client_that_sends_no_complete_request_is_cut_off(runtime, monkeypatch, sent):
    monkeypatch.setattr(connection, "IDLE", 0.05)
    async with running(HealthServer(runtime, ANY_PORT, {})) as server:
        assert await talk(server.address, sent) == b""


async def test_a_client_that_does_not_read_is_cut_off(runtime, monkeypatch):
    lost = asyncio.get_running_loop().create_future()

    class Observed(connection.Connection):
        def connection_lost(self, exc):
            super().connection_lost(exc)
            lost.set_result(exc)

    monkeypatch.setattr(http_server, "Connection", Observed)
    monkeypatch.setattr(connection, "_SLOWEST", 0.05)
    async with running(Big(runtime, ANY_PORT)) as server:
        with socket.create_connection(server.address) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await asyncio.wait_for(lost, 60)
            with contextlib.suppress(ConnectionError), client.makefile("rb") as stream:
                assert len(await asyncio.to_thread(stream.read)) < 50_000_000


async def test_of_clients_that_do_not_read_the_oldest_are_cut_off(runtime, monkeypatch):
    monkeypatch.setattr(unread, "MOST_UNREAD", 60_000_000)
    async with running(Big(runtime, ANY_PORT)) as server:
        clients = []
        for _ in range(3):
            reader, writer = await asyncio.open_connection(*server.address)
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
            clients.append((reader, writer))
        with contextlib.suppress(ConnectionError):
            assert len(await clients[0][0].read()) < 50_000_000
        for reader, _ in clients[1:]:
            assert len(await reader.read()) > 50_000_000
        for _, writer in clients:
            writer.close()


async def test_nothing_is_made_for_a_client_that_is_gone(runtime):
    server = Thorough(runtime, ANY_PORT)
    async with running(server):
        _, writer = await asyncio.open_connection(*server.address)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await server.begun.wait()
        writer.close()
        await server.given_up.wait()


async def test_port_zero_takes_a_free_port_and_logs_it(runtime, caplog):
    caplog.set_level(logging.INFO)
    async with running(HealthServer(runtime, ANY_PORT, {})) as server:
        assert server.address.port > 0
        assert f"HealthServer listens on {server.address}" in caplog.text
        assert server.describe()["listens"] == str(server.address)


async def test_no_host_is_every_interface_in_both_families(runtime):
    async with running(HealthServer(runtime, Address("", 0), {})) as server:
        port = server.address.port
        for host in ("127.0.0.1", "::1") if socket.has_dualstack_ipv6() else ("127.0.0.1",):
            answer = await talk(Address(host, port), b"GET /healthz HTTP/1.0\r\n\r\n")
            assert answer.splitlines()[0].endswith(b" 200 OK")


async def test_an_address_in_use_is_a_crash_at_start_that_names_it(runtime):
    async with running(HealthServer(runtime, ANY_PORT, {})) as server:
        end = await exit_of(HealthServer(runtime, server.address, {}))
    assert end.reason is ExitReason.CRASH
    assert str(server.address) in str(end.error)
    assert "Address already in use" in str(end.error)


async def test_an_address_in_use_may_be_waited_for(runtime, caplog):
    async with running(HealthServer(runtime, ANY_PORT, {})) as server:
        waiting = HealthServer(runtime, server.address, {}, listen_again=0.01)
        ref = waiting.launch()
        await soon(lambda: "HealthServer is left out until the port is free" in caplog.text)
        assert waiting.describe()["listens"] is None
    await soon(lambda: waiting.describe()["listens"])
    assert (await get(waiting, "/healthz")).status == 200
    assert len(caplog.records) == 1
    await ref.stop()


async def test_an_address_that_never_gets_free_keeps_nobody_from_stopping(runtime):
    async with running(HealthServer(runtime, ANY_PORT, {})) as server:
        ref = HealthServer.start(runtime, server.address, {}, listen_again=3600.0)
        await ref.stop()
        assert not ref.is_alive()


async def test_a_server_that_was_stopped_leaves_its_address_to_the_next(runtime):
    async with running(HealthServer(runtime, ANY_PORT, {})) as first:
        assert (await get(first, "/healthz")).status == 200
    async with running(HealthServer(runtime, first.address, {})) as second:
        assert (await get(second, "/healthz")).status == 200


async def test_a_server_stopped_before_it_ran_leaves_its_address_as_well(runtime):
    server = HealthServer(runtime, ANY_PORT, {})
    ref = server.launch()
    await ref.stop()
    async with running(HealthServer(runtime, ANY_PORT, {})):
        pass


async def test_stopping_does_not_wait_for_an_idle_client(runtime, monkeypatch):
    monkeypatch.setattr(http_server, "_GRACE", 3600.0)
    async with asyncio.timeout(60), running(HealthServer(runtime, ANY_PORT, {})) as server:
        reader, writer = await asyncio.open_connection(*server.address)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        await reader.readuntil(b"ok\n")
    assert await reader.read() == b""
    writer.close()
