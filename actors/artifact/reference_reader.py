"""Reads the Secrets and ConfigMaps that artifacts name; keeps none of their content."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.json import Decoder

from actors.api.errors import NotFound, decoded
from actors.watch.store import revision_of
from resources.artifact.references import (
    ReferencedObject,
    Role,
    Unresolved,
    content_of,
    missing_text,
    trusted_objects,
)
from resources.artifact.sources import CA_KEY, Sources
from resources.kubernetes.reference import ObjectRef
from resources.registry.request import Endpoint
from resources.signatures.policy import Mode, Policy

if TYPE_CHECKING:
    from actors.api.client import Client
    from resources.artifact.sources import OciSource
    from resources.registry.credentials import RegistryPolicy
    from resources.signatures.demand import Demand

_documents = Decoder(dict[str, Any])


class ReadObject(NamedTuple):
    """One object as a GET returned it, with its resourceVersion."""

    version: str
    document: dict[str, Any]

    @property
    def revision(self) -> int:
        """The resourceVersion as a number."""
        return revision_of(self.version)


class ReferenceReader:
    """Reads objects by name; callers that ask while an object is being read share one request."""

    def __init__(self, client: Client, policy: RegistryPolicy) -> None:
        self._client = client
        self._policy = policy
        self._reading: dict[ObjectRef, asyncio.Task[ReadObject | None]] = {}

    async def read(self, ref: ObjectRef) -> ReadObject | None:
        """The object, None if it does not exist; raises ApiError."""
        task = self._reading.get(ref)
        if task is None:
            task = self._reading[ref] = asyncio.create_task(self._read(ref))
            task.add_done_callback(lambda done: self._over(ref, done))
        # A caller that is stopped must not cancel the request of the others.
        return await asyncio.shield(task)

    async def endpoint(self, namespace: str, source: OciSource) -> Endpoint:
        """The repository of a source, with the credentials and the CA that the source names.

        Raises:
            Unresolved: the Secret or ConfigMap does not exist, or lacks what is needed of it.
            ApiError: the Secret or ConfigMap cannot be read.
        """
        ca, credentials = "", None
        if source.ca_config_map:
            ref = ObjectRef("ConfigMap", namespace, source.ca_config_map)
            ca = (await self._content(ReferencedObject(Role.CA, ref, CA_KEY), source))[1].decode()
        if source.secret:
            ref = ObjectRef("Secret", namespace, source.secret)
            document, _ = await self._content(ReferencedObject(Role.SECRET, ref), source)
            credentials = self._policy.credentials_of(document, source.registry, source.repository)
        return Endpoint(
            registry=source.registry,
            repository=source.repository,
            plain_http=source.plain_http,
            skip_verify=source.skip_verify,
            ca=ca,
            credentials=credentials,
            local_registries=self._policy.local_registries,
        )

    async def policy(self, namespace: str, demand: Demand, root_file: str) -> Policy:
        """Who has to have signed, with the content of the keys and the trusted root that are named.

        Raises:
            Unresolved: an object does not exist, or holds no keys or no trusted root.
            ApiError: an object cannot be read.
        """
        sources = Sources(signatures=demand._replace(mode=Mode.WARN))
        texts = [key.text for key in demand.keys if not key.kind]
        root = ""
        for target in trusted_objects(namespace, sources):
            _, content = await self._content(target, None)
            if target.role is Role.ROOT:
                root = content.decode()
            else:
                texts.append(content.decode())
        return Policy(tuple(texts), demand.identities, root, "" if root else root_file)

    def content(
        self, target: ReferencedObject, document: dict[str, Any], oci: OciSource | None
    ) -> bytes:
        """What of an object matters; raises Unresolved if it lacks what is needed of it."""
        return content_of(target, document, oci, self._policy)

    async def _content(
        self, target: ReferencedObject, source: OciSource | None
    ) -> tuple[dict[str, Any], bytes]:
        read = await self.read(target.ref)
        if read is None:
            raise Unresolved(missing_text(target))
        return read.document, self.content(target, read.document, source)

    async def _read(self, ref: ObjectRef) -> ReadObject | None:
        try:
            document = decoded(_documents, await self._client.get(ref))
        except NotFound:
            return None
        return ReadObject(document["metadata"]["resourceVersion"], document)

    def _over(self, ref: ObjectRef, done: asyncio.Task[ReadObject | None]) -> None:
        del self._reading[ref]
        if not done.cancelled():
            done.exception()  # marks it as retrieved: every caller may have been stopped
