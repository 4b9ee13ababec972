"""What a process tells of its actors, over HTTP."""

from __future__ import annotations

from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec

from cli.cluster.connection import connected
from cli.failure import Failure
from cli.trace.places import operator_place, sidecar_place
from cli.trace.port_forward import PortForward

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from cli.trace.asked import Asked

# Seconds: the dump of all actors has some megabytes.
_TIMEOUT = 60.0


class DebugClient:
    """Asks the debug server at a URL; `failure` says what else is known if that fails."""

    def __init__(self, url: str, who: str, failure: Callable[[], str] = str) -> None:
        self.url = url.rstrip("/")
        self.who = who
        self._failure = failure

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> bytes | None:
        """The body of the answer, None if there is no such thing; raises Failure."""
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT)
        wanted = {name: value for name, value in (query or {}).items() if value}
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(f"{self.url}{path}", params=wanted) as response,
            ):
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            why = self._failure() or f"{self.url}: {error or type(error).__name__}"
            raise Failure(f"{self.who} cannot be asked: {why}") from error
        if response.status == HTTPStatus.NOT_FOUND:
            return None
        if response.status != HTTPStatus.OK:
            text = content.decode("utf-8", "replace").strip()
            raise Failure(f"{self.who} answered {response.status}: {text}")
        return content

    async def json(
        self, path: str, query: Mapping[str, str] | None = None
    ) -> dict[str, Any] | None:
        """The same, decoded."""
        content = await self.get(path, query)
        try:
            return None if content is None else msgspec.json.decode(content, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError) as error:
            raise Failure(f"{self.who} does not tell of actors: {error}") from error


@asynccontextmanager
async def debug_client(asked: Asked) -> AsyncIterator[DebugClient]:
    """A client of the process that is asked for, through a port-forward if it is in a pod."""
    if asked.server:
        yield DebugClient(asked.server, f"the process at {asked.server}")
        return
    async with connected(asked.access) as connection:
        if asked.pod or asked.node:
            place = await sidecar_place(connection, asked.pod, asked.node)
            who = f"the sidecar of pod {place.namespace}/{place.pod}"
        else:
            place = await operator_place(connection, asked.operator_namespace)
            who = f"the operator in pod {place.namespace}/{place.pod}"
        async with PortForward(connection.transport, *place).listening() as forward:
            yield DebugClient(forward.url, who, lambda: forward.failure)
