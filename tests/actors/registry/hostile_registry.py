"""A registry that says whatever it is told to, and remembers what it was asked."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from resources.registry.request import Endpoint
from tests.registries import LOCAL, Serving, wrapped

REPOSITORY = "falco/rules"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
PREFIX = "application/vnd.cncf.falco.rulesfile"
Act = Callable[[BaseHTTPRequestHandler], None]


class Seen(NamedTuple):
    """A request; `authorization` is the header, empty for none."""

    method: str
    path: str
    authorization: str


class HostileRegistry(Serving):
    """Serves between `with` and its end, by https if it has got a key pair.

    What is not told otherwise is answered 404.
    """

    def __init__(self, keys=None, host="127.0.0.1") -> None:
        self.seen: list[Seen] = []
        self._host = host
        self.over = threading.Event()
        self._acts: dict[str, Act] = {}
        self._server = ThreadingHTTPServer((host, 0), self._handler())
        self._scheme = "https" if keys else "http"
        if keys is not None:
            self._server.socket = wrapped(self._server.socket, keys)

    def __exit__(self, *_):
        self.over.set()
        super().__exit__()

    @property
    def url(self) -> str:
        """Its root, by its address; the same server is `localhost` as well."""
        return f"{self._scheme}://{self._host}:{self.port}"

    def endpoint(self, **more) -> Endpoint:
        """Its one repository."""
        plain = self._scheme == "http"
        options = {"plain_http": plain, "local_registries": LOCAL, **more}
        return Endpoint(f"{self._host}:{self.port}", REPOSITORY, **options)

    def act(self, path: str, act: Act) -> None:
        """Requests of this path are handled so."""
        self._acts[path] = act

    def serve(self, path: str, body: bytes, status: int = 200, **headers: str) -> None:
        """Requests of this path are answered so; `_` in a header's name stands for `-`."""
        self.act(path, lambda request: reply(request, body, status, **headers))

    def in_turn(self, path: str, *statuses: int) -> None:
        """Requests of this path fail so, one after the other; the next is handled as before."""
        usual, left = self._acts[path], list(statuses)

        def act(request: BaseHTTPRequestHandler) -> None:
            reply(request, b"", left.pop(0)) if left else usual(request)

        self.act(path, act)

    def redirect(self, path: str, location: str) -> None:
        """Requests of this path are sent elsewhere."""
        self.serve(path, b"", 307, Location=location)

    def blob(self, data: bytes) -> str:
        """The digest of a blob that it has."""
        digest = digest_of(data)
        self.serve(blob_path(digest), data)
        return digest

    def manifest(self, document: bytes, *tags: str) -> str:
        """The digest of a manifest that it has."""
        digest = digest_of(document)
        for reference in (digest, *tags):
            self.serve(manifest_path(reference), document, Docker_Content_Digest=digest)
        return digest

    def artifact(self, layer: bytes, *tags: str, config: bytes = b"{}", **changes) -> str:
        """The digest of a rules artifact; `changes` are laid over its layer's descriptor."""
        blob = {**descriptor(f"{PREFIX}.layer.v1+tar.gz", layer), **changes}
        self.blob(layer)
        self.blob(config)
        return self.manifest(manifest(descriptor(f"{PREFIX}.config.v1+json", config), blob), *tags)

    def _handler(self):
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __getattr__(self, name):
                if name.startswith("do_"):
                    return self.answer
                raise AttributeError(name)

            def answer(self):
                seen = Seen(self.command, self.path, self.headers.get("Authorization", ""))
                owner.seen.append(seen)
                act = owner._acts.get(self.path.partition("?")[0], _unknown)
                with suppress(OSError):  # nobody listens any more
                    act(self)

            def handle(self):
                with suppress(OSError):
                    super().handle()

            def log_message(self, *_):
                """Be quiet."""

        return Handler


def reply(request: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    """A whole answer."""
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(body)


def promise(request: BaseHTTPRequestHandler, length: int) -> None:
    """The head of an answer that is to have a body of this length, the last on its connection."""
    request.close_connection = True
    request.send_response(200)
    request.send_header("Content-Length", str(length))
    request.end_headers()


def chunked_for_ever(request: BaseHTTPRequestHandler) -> None:
    """A body that does not end, without saying so."""
    request.close_connection = True
    request.send_response(200)
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    piece = b"10000\r\n" + b"\0" * 65536 + b"\r\n"
    while True:
        request.wfile.write(piece)


def manifest(config, *layers) -> bytes:
    """A manifest of these descriptors."""
    return json.dumps(
        {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": list(layers)}
    ).encode()


def index(*entries) -> bytes:
    """An index of these descriptors."""
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": list(entries)}).encode()


def descriptor(media_type: str, data: bytes):
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def manifest_path(reference: str) -> str:
    return f"/v2/{REPOSITORY}/manifests/{reference}"


def blob_path(digest: str) -> str:
    return f"/v2/{REPOSITORY}/blobs/{digest}"


def _unknown(request: BaseHTTPRequestHandler) -> None:
    reply(request, b"", 404)
