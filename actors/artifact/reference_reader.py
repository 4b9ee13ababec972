"""Secrets and ConfigMaps that artifacts name: read by name when needed, and not kept."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.json import Decoder

from actors.api.errors import NotFound, decoded
from actors.watch.store import revision_of
from resources.artifact.resolution import ReferencedObject, Role, Unresolved, content_of, missing
from resources.artifact.sources import CA_KEY
from resources.kubernetes.reference import ObjectRef
from resources.registry.credentials import credentials_of
from resources.registry.request import Endpoint

if TYPE_CHECKING:
    from actors.api.client import Client
    from resources.artifact.sources import OciSource

_documents = Decoder(dict[str, Any])


class Referent(NamedTuple):
    """One object as it was when it was read."""

    version: str
    document: dict[str, Any]

    @property
    def revision(self) -> int:
        """The resourceVersion as a number."""
        return revision_of(self.version)


class Referents:
    """Whoever asks for an object while it is being read gets the same answer."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._reading: dict[ObjectRef, asyncio.Task[Referent | None]] = {}

    async def read(self, ref: ObjectRef) -> Referent | None:
        """The object, None if it is not there; raises ApiError."""
        task = self._reading.get(ref)
        if task is None:
            task = self._reading[ref] = asyncio.create_task(self._read(ref))
            task.add_done_callback(lambda done: self._over(ref, done))
        # One of those who wait may be stopped; the others still want it.
        return await asyncio.shield(task)

    async def endpoint(self, namespace: str, source: OciSource) -> Endpoint:
        """How the registry of a source is talked to.

        Raises:
            Unresolved: its Secret or ConfigMap is not there, or not as it should be.
            ApiError: they cannot be read.
        """
        ca, credentials = "", None
        if source.ca_config_map:
            ref = ObjectRef("ConfigMap", namespace, source.ca_config_map)
            ca = (await self._content(ReferencedObject(Role.CA, ref, CA_KEY), source))[1].decode()
        if source.secret:
            ref = ObjectRef("Secret", namespace, source.secret)
            document, _ = await self._content(ReferencedObject(Role.SECRET, ref), source)
            credentials = credentials_of(document, source.registry, source.repository)
        return Endpoint(
            registry=source.registry,
            repository=source.repository,
            plain_http=source.plain_http,
            skip_verify=source.skip_verify,
            ca=ca,
            credentials=credentials,
        )

    async def _content(
        self, target: ReferencedObject, source: OciSource
    ) -> tuple[dict[str, Any], bytes]:
        found = await self.read(target.ref)
        if found is None:
            raise Unresolved(missing(target))
        return found.document, content_of(target, found.document, source)

    async def _read(self, ref: ObjectRef) -> Referent | None:
        try:
            document = decoded(_documents, await self._client.get(ref))
        except NotFound:
            return None
        return Referent(document["metadata"]["resourceVersion"], document)

    def _over(self, ref: ObjectRef, done: asyncio.Task[Referent | None]) -> None:
        del self._reading[ref]
        if not done.cancelled():
            done.exception()  # seen, also if nobody waits any more
