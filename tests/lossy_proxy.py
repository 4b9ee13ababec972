"""Carries requests to an API server, and loses the answers that a test chooses."""

import asyncio
import socket
import ssl
import struct
from contextlib import suppress
from threading import Thread
from urllib.parse import urlsplit


class LossyProxy:
    """Speaks plain HTTP to its clients while in the context, each request on its own connection.

    The connection is reset once the API server has answered a request that `loses` picks by method
    and path; `requests` has each request, with the code of the API server's answer.
    """

    def __init__(self, control_plane):
        self._upstream = urlsplit(control_plane.url)
        self._tls = ssl.create_default_context()
        self._tls.check_hostname, self._tls.verify_mode = False, ssl.CERT_NONE
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._open: set[asyncio.StreamWriter] = set()
        self.requests: list[tuple[str, str, int]] = []
        self.loses = lambda _method, _path: False

    def __enter__(self):
        self._thread.start()
        self._server = self._wait(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_error):
        self._wait(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def lose_once(self, *wanted):
        """Lose the answer to the first request of each of these methods and ends of a path."""
        left = list(wanted)

        def loses(method, path):
            for method_of, end in left:
                if method == method_of and path.endswith(end):
                    left.remove((method_of, end))
                    return True
            return False

        self.loses = loses

    def about(self, end):
        """Method and code of each request whose path ends so."""
        return [(method, code) for method, path, code in self.requests if path.endswith(end)]

    def _wait(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _end(self):
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in self._open:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    async def _serve(self, reader, writer):
        self._open.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            await self._carry(reader, writer)
        writer.close()

    async def _carry(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode().split("\r\n")[:-2]
        method, target, _ = lines[0].split(" ")
        headers = dict(line.split(": ", 1) for line in lines[1:])
        body = await reader.readexactly(int(headers.get("Content-Length", "0")))
        kept = [line for line in lines if not line.lower().startswith(("connection:", "host:"))]
        kept += [f"Host: {self._upstream.netloc}", "Connection: close", "", ""]
        answers, upstream = await asyncio.open_connection(
            self._upstream.hostname, self._upstream.port, ssl=self._tls
        )
        self._open.add(upstream)
        try:
            upstream.write("\r\n".join(kept).encode() + body)
            path = urlsplit(target).path
            status = await answers.readline()
            self.requests.append((method, path, int(status.split()[1])))
            if self.loses(method, path):
                await answers.read()
                _reset(writer)
                return
            writer.write(status)
            while chunk := await answers.read(1 << 16):
                writer.write(chunk)
                await writer.drain()
        finally:
            upstream.close()


def _reset(writer):
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
