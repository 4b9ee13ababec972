"""Requests to the API server about one Lease."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from actors.api.body import json_body
from actors.api.errors import Garbled, NotFound, Unavailable
from resources.kubernetes.kinds import KINDS, collection_path, object_path
from resources.kubernetes.lease import Lease

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from actors.api.transport import Transport
    from actors.runtime.clock import Clock
    from resources.kubernetes.lease import LeaseSpec
    from resources.kubernetes.reference import ObjectRef

_decoder = msgspec.json.Decoder(Lease)


class Leases(Protocol):
    """Reads and writes one Lease by optimistic concurrency; every method raises ApiError."""

    async def get(self) -> Lease | None:
        """Return the Lease by a quorum read; None if it does not exist."""
        ...

    async def create(self, spec: LeaseSpec) -> Lease:
        """Create the Lease; raises Conflict if it exists."""
        ...

    async def update(self, version: str, spec: LeaseSpec) -> Lease:
        """Change the fields of this spec; raises Conflict if the Lease has another version."""
        ...


class LeaseClient:
    """The `Leases` of the API server."""

    def __init__(self, transport: Transport, ref: ObjectRef) -> None:
        self._transport = transport
        self._ref = ref

    async def get(self) -> Lease | None:
        """Return the Lease by a quorum read; None if it does not exist."""
        try:
            raw = await self._transport.request("GET", object_path(self._ref), verb="get")
        except NotFound:
            return None
        return _lease(raw)

    async def create(self, spec: LeaseSpec) -> Lease:
        """Create the Lease; raises Conflict if it exists."""
        body = {
            "apiVersion": KINDS["Lease"].api_version,
            "kind": "Lease",
            "metadata": {"name": self._ref.name, "namespace": self._ref.namespace},
            "spec": spec,
        }
        path = collection_path("Lease", self._ref.namespace)
        return await self._write("POST", path, "create", body, "application/json")

    async def update(self, version: str, spec: LeaseSpec) -> Lease:
        """Change the fields of this spec; raises Conflict if the Lease has another version.

        It is a merge patch: with a resourceVersion it is as strict as an update, and it keeps the
        labels and annotations that others have set on the Lease.
        """
        body = {"metadata": {"resourceVersion": version}, "spec": spec}
        path = object_path(self._ref)
        return await self._write("PATCH", path, "patch", body, "application/merge-patch+json")

    async def _write(
        self, method: str, path: str, verb: str, body: dict[str, Any], content_type: str
    ) -> Lease:
        raw = await self._transport.request(
            method,
            path,
            verb=verb,
            body=json_body(body),
            headers={"Content-Type": content_type},
        )
        return _lease(raw)


@asynccontextmanager
async def answered_within(clock: Clock, seconds: float) -> AsyncIterator[None]:
    """Cancel the requests made inside after this many seconds, and raise Unavailable."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(None) as scope:
            timer = clock.call_later(seconds, lambda: scope.reschedule(loop.time()))
            try:
                yield
            finally:
                timer.cancel()
    except TimeoutError as error:
        raise Unavailable(0, "Timeout", f"no answer within {seconds:.3g} s") from error


def _lease(raw: bytes) -> Lease:
    try:
        return _decoder.decode(raw)
    except msgspec.DecodeError as error:
        raise Garbled(0, "Garbled", str(error)) from error
