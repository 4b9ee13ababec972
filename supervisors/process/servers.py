"""The HTTP servers of a process: metrics, health, and the dump of its actors."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from resources.kubernetes.reference import ObjectRef
from supervisors.process.certificate import Certificate
from supervisors.process.connection import plain, reply
from supervisors.process.description import rendered
from supervisors.process.exposure import ip_version
from supervisors.process.http_server import HttpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from aiohttp.web_request import BaseRequest
    from aiohttp.web_response import Response

    from actors.runtime.context import Runtime
    from supervisors.process.exposure import Address

# Seconds between two checks of the certificate's files.
_CERTIFICATE_PERIOD = 30.0
_HOST = re.compile(r"(?:\[(?P<six>[^\[\]]*)\]|(?P<name>[^:\[\]]*))(?::[0-9]*)?", re.ASCII)


class MetricsServer(HttpServer):
    """Serves `/metrics`, over TLS if `certificates` is given; clients are not authenticated.

    `render` takes an Accept header and returns content and content type.
    """

    kind = "MetricsServer"

    def __init__(
        self,
        runtime: Runtime,
        address: Address,
        render: Callable[[str], tuple[bytes, str]],
        certificates: Path | None,
        listen_again: float | None = None,
    ) -> None:
        self._certificate = Certificate(certificates) if certificates is not None else None
        tls = self._certificate.context if self._certificate is not None else None
        super().__init__(runtime, address, tls, listen_again)
        self._render = render

    async def attend(self) -> None:
        """Reload the certificate when its files change."""
        if self._certificate is None:
            await super().attend()
            return
        while True:
            await self.runtime.clock.sleep(_CERTIFICATE_PERIOD)
            self._certificate.refresh()

    async def respond(self, request: BaseRequest) -> Response:
        """Answer in the format that the client accepts."""
        if request.path != "/metrics":
            return plain(HTTPStatus.NOT_FOUND)
        return reply(*self._render(request.headers.get("Accept", "")))


class HealthServer(HttpServer):
    """Serves `/healthz` and `/readyz`.

    `/healthz` is 200: any answer at all shows that the event loop runs, and only a loop that does
    not run is a reason for the kubelet to kill the process. `/readyz` is 200, or 503 with a line
    for each check that fails; a check returns its failure, or None. What `remark` returns is added
    to a 200.
    """

    kind = "HealthServer"

    def __init__(
        self,
        runtime: Runtime,
        address: Address,
        ready: Mapping[str, Callable[[], str | None]],
        remark: Callable[[], str | None] = lambda: None,
        listen_again: float | None = None,
    ) -> None:
        super().__init__(runtime, address, listen_again=listen_again)
        self._checks = ready
        self._remark = remark

    async def respond(self, request: BaseRequest) -> Response:
        """Run all checks of the path."""
        if request.path == "/healthz":
            return plain(HTTPStatus.OK, "ok")
        if request.path != "/readyz":
            return plain(HTTPStatus.NOT_FOUND)
        failures = [f"{name}: {why}" for name, check in self._checks.items() if (why := check())]
        if failures:
            return plain(HTTPStatus.SERVICE_UNAVAILABLE, "\n".join(failures))
        return plain(HTTPStatus.OK, "\n".join(filter(None, ["ok", self._remark()])))


class DebugServer(HttpServer):
    """Serves `/debug/actors`: the supervision tree as JSON, indented with `?pretty`; read only.

    `/debug/actors/Falco/namespace/name` is the actor of that object.

    The Host header must be an IP address or localhost, so that no web page can read the dump by
    pointing its own host name to this address (DNS rebinding).
    """

    kind = "DebugServer"

    def __init__(
        self,
        runtime: Runtime,
        address: Address,
        tree: Callable[[], dict[str, Any]],
        find: Callable[[ObjectRef], dict[str, Any] | None],
        listen_again: float | None = None,
    ) -> None:
        super().__init__(runtime, address, listen_again=listen_again)
        self._tree = tree
        self._find = find
        self._whole = asyncio.Lock()

    async def respond(self, request: BaseRequest) -> Response:
        """Describe all actors, one client at a time, or the actor of one object."""
        if not _is_local(request.headers.get("Host", "")):
            return plain(HTTPStatus.FORBIDDEN, "the Host must be an IP address or localhost")
        path, _, name = request.path.partition("/debug/actors")
        if path or name[:1] not in {"", "/"}:
            return plain(HTTPStatus.NOT_FOUND)
        indent = 2 if "pretty" in request.query else 0
        if not name:
            async with self._whole:  # a dump has some megabytes
                return reply(await rendered(self._tree, indent=indent), "application/json")
        ref = _object_of(name[1:])
        entry = self._find(ref) if ref is not None else None
        if entry is None:
            return plain(HTTPStatus.NOT_FOUND, "no such actor")
        return reply(await rendered(entry, indent=indent), "application/json")


def _object_of(path: str) -> ObjectRef | None:
    """The object of `Kind/namespace/name` or `Kind/name`."""
    kind, *rest = path.split("/")
    match rest:
        case [name]:
            return ObjectRef(kind, "", name)
        case [namespace, name]:
            return ObjectRef(kind, namespace, name)
        case _:
            return None


def _is_local(host: str) -> bool:
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = match["six"] or match["name"] or ""
    return name.lower() == "localhost" or ip_version(name) is not None
