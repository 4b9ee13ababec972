"""Reads the Secrets and ConfigMaps that artifacts name; keeps none of their content."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.json import Decoder

from actors.api.errors import ApiError, NotFound, decoded
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
from resources.registry.credentials import DEFAULT_POLICY, InvalidCredentials
from resources.registry.request import Endpoint
from resources.registry.route import Place, Unusable, credentials_of, routed, secrets_of
from resources.signatures.policy import Mode, Policy

if TYPE_CHECKING:
    from actors.api.client import Client
    from actors.registry.table_file import TableFile
    from resources.artifact.sources import OciSource
    from resources.registry.credentials import RegistryPolicy
    from resources.registry.request import Credentials
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

    def __init__(
        self, client: Client, policy: RegistryPolicy, registries: TableFile, namespace: str = ""
    ) -> None:
        """`namespace` is the operator's own, in which the Secrets of the table are."""
        self._client = client
        self._policy = policy
        self.registries = registries
        self._namespace = namespace
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

        The table of registries adds mirrors, and what it says of each host.

        Raises:
            Unresolved: the Secret or ConfigMap does not exist, or lacks what is needed of it.
            ApiError: the Secret or ConfigMap cannot be read.
        """
        table, ca = self.registries.table, ""
        credentials: dict[Place, Credentials] = {}
        if source.ca_config_map:
            ref = ObjectRef("ConfigMap", namespace, source.ca_config_map)
            ca = (await self._content(ReferencedObject(Role.CA, ref, CA_KEY), source))[1].decode()
        if source.secret:
            ref = ObjectRef("Secret", namespace, source.secret)
            document, _ = await self._content(ReferencedObject(Role.SECRET, ref), source)
            credentials = credentials_of(
                document, self._policy, table, source.registry, source.repository
            )
        own = Endpoint(
            registry=source.registry,
            repository=source.repository,
            plain_http=source.plain_http,
            skip_verify=source.skip_verify,
            ca=ca,
            local_registries=self._policy.local_registries,
        )
        secrets = await self._secrets(secrets_of(table, source.registry, source.repository))
        return routed(own, table, credentials, partial(_of_table, secrets))

    async def _secrets(self, names: dict[str, str]) -> dict[str, dict[str, Any] | Unusable]:
        """The Secrets of the table by the host that they are for, or why there is none."""
        found: dict[str, dict[str, Any] | Unusable] = {}
        for host, name in names.items():
            what = f"Secret {name} of the operator's namespace"
            try:
                read = await self.read(ObjectRef("Secret", self._namespace, name))
            except ApiError as error:
                found[host] = Unusable(f"{what} cannot be read: {error}")
            else:
                found[host] = read.document if read else Unusable(f"{what} does not exist")
        return found

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
        return content_of(target, document, oci, self._policy, self.registries.table)

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


def _of_table(
    secrets: dict[str, dict[str, Any] | Unusable], place: Place
) -> Credentials | Unusable | None:
    """The credentials for a place in the Secret that the table has for its host."""
    secret = secrets.get(place.host)
    if secret is None or isinstance(secret, Unusable):
        return secret
    try:
        return DEFAULT_POLICY.credentials_of(secret, *place)
    except InvalidCredentials as error:
        name = secret["metadata"]["name"]
        return Unusable(f"Secret {name} of the operator's namespace: {error}")
