"""The HTTP servers of a process for those who run it: metrics and health."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from supervisors.serving.certificate import Certificate
from supervisors.serving.connection import plain, reply
from supervisors.serving.http_server import HttpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from aiohttp.web_request import BaseRequest
    from aiohttp.web_response import Response

    from actors.runtime.context import Runtime
    from supervisors.serving.exposure import Address

# Seconds between two checks of the certificate's files.
_CERTIFICATE_PERIOD = 30.0


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
