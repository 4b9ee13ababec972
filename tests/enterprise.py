"""An enterprise's way to registries: a proxy that alone knows the names, and closed registries."""

from __future__ import annotations

import socket
import threading
from base64 import b64encode
from contextlib import suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, NamedTuple

from tests.registries import Serving, wrapped

if TYPE_CHECKING:
    from deploy.local.certificates import KeyPair
    from deploy.local.registry import Registry


class Seen(NamedTuple):
    """A request; `authorization` is the header, empty for none."""

    path: str
    authorization: str


class ClosedRegistry(Serving):
    """A registry behind TLS that wants a password, and remembers what it was asked.

    Serves between `with` and its end; its content is that of a registry that everybody may read.
    """

    def __init__(self, registry: Registry, keys: KeyPair, username: str, password: str) -> None:
        self._registry = registry
        self.basic = f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"
        self.seen: list[Seen] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.socket = wrapped(self._server.socket, keys)

    @property
    def shown(self) -> set[str]:
        """Every credential that it was shown, empty for none."""
        return {seen.authorization for seen in self.seen}

    def asked_for(self, part: str) -> bool:
        """Whether anything with this in its path was asked for."""
        return any(part in seen.path for seen in self.seen)

    def _handler(self):
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                authorization = self.headers.get("Authorization", "")
                owner.seen.append(Seen(self.path, authorization))
                if authorization != owner.basic:
                    self._answer(401, {"WWW-Authenticate": 'Basic realm="closed"'}, b"")
                    return
                backend = HTTPConnection(owner._registry.address, timeout=60)
                accept = {"Accept": self.headers.get("Accept", "*/*")}
                backend.request(self.command, self.path, headers=accept)
                answer = backend.getresponse()
                self._answer(answer.status, dict(answer.getheaders()), answer.read())
                backend.close()

            def do_HEAD(self):
                self.do_GET()

            def _answer(self, status, headers, body):
                with suppress(OSError):  # nobody listens any more
                    self.send_response(status)
                    for name, value in ({"Content-Length": str(len(body))} | headers).items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_):
                """Be quiet."""

        return Handler


class ConnectProxy(Serving):
    """A proxy that leads a name to a port of this machine, and refuses every other name."""

    def __init__(self, ports: dict[str, int]) -> None:
        self.ports = ports
        self.asked: list[str] = []
        self._server = ThreadingTCPServer(("127.0.0.1", 0), self._handler())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _handler(self):
        owner = self

        class Handler(StreamRequestHandler):
            def handle(self):
                method, target, _ = self.rfile.readline().decode().split()
                while self.rfile.readline().strip():
                    pass
                owner.asked.append(target)
                port = owner.ports.get(target)
                if method != "CONNECT" or port is None:
                    self.wfile.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                    return
                with socket.create_connection(("127.0.0.1", port)) as upstream:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                    back = threading.Thread(target=_pump, args=(upstream, self.connection))
                    back.start()
                    _pump(self.connection, upstream)
                    back.join()

        return Handler


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
