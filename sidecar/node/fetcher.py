"""Gets the content of an artifact's sources and puts it, checked, into the blob store."""

from __future__ import annotations

import asyncio
import hashlib
import platform
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from actors.api.errors import ApiError, NotFound, Refused
from actors.registry import client as registry
from resources.artifact.sources import CA_KEY
from resources.kubernetes.reference import ObjectRef
from resources.node.files import DIRECTORIES
from resources.node.items import INVALID, REFERENCE_FAILED, STORE_FAILED, Content, Trouble
from resources.registry.credentials import InvalidCredentials, credentials_of
from resources.registry.request import Endpoint, Pull
from resources.text.yaml_writer import excess, yaml_text
from sidecar.node.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.api.client import Client
    from actors.runtime.clock import Clock
    from resources.artifact.sources import ConfigMapSource, InlineSource, OciSource
    from resources.registry.request import Credentials, Pulled
    from sidecar.volume.blobs import Blobs

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}


class FetchFailed(Exception):  # noqa: N818 - what it reports is a failure, not an error of ours
    """There is no content; seconds until it may be worth another try, if anybody said so.

    If it is `final` no other try is worth it: what was asked for is itself at fault.
    """

    def __init__(
        self, trouble: Trouble, retry_after: float | None = None, *, final: bool = False
    ) -> None:
        super().__init__(trouble.message)
        self.trouble = trouble
        self.retry_after = retry_after
        self.final = final


class PullObserver(Protocol):
    """Is told of every pull that succeeded, for metrics."""

    def pulled(self, size: int, seconds: float) -> None:
        """Count the bytes that came over the network, and how long it took."""
        ...


class Fetcher:
    """Every method returns content that is in the blob store, or raises FetchFailed."""

    def __init__(
        self,
        client: Client,
        blobs: Blobs,
        namespace: str,
        most_bytes: Mapping[str, int],
        clock: Clock,
        observer: PullObserver,
    ) -> None:
        """`most_bytes`: of what comes from a registry, by kind of artifact."""
        self._client = client
        self._blobs = blobs
        self._namespace = namespace
        self._most_bytes = most_bytes
        self._clock = clock
        self._observer = observer
        self._turns = Turns(clock)

    async def oci(self, kind: str, source: OciSource, digest: str) -> Content:
        """Pull exactly this digest, for this machine's platform."""
        endpoint = Endpoint(
            registry=source.registry,
            repository=source.repository,
            plain_http=source.plain_http,
            skip_verify=source.skip_verify,
            ca=await self._ca(source.ca_config_map),
            credentials=await self._credentials(source),
        )
        directory = DIRECTORIES[kind]
        staging = await self._stored(kind, "oci", self._blobs.staging, directory)
        request = Pull(
            endpoint=endpoint,
            digest=digest,
            kind=kind,
            os="linux",
            architecture=_ARCHITECTURES.get(platform.machine(), platform.machine()),
            directory=str(staging),
            max_bytes=self._most_bytes[kind],
        )
        found = await self._pull(request)
        await self._stored(kind, "oci", self._blobs.adopt, directory, found.path, found.sha256)
        needed = tuple(dependency.name for dependency in found.dependencies)
        return Content(found.sha256, f"oci:{digest}", found.version, needed)

    async def _pull(self, request: Pull) -> Pulled:
        reason, host = STORE_FAILED[request.kind, "oci"], request.endpoint.registry
        async with self._turns.turn(host) as wait:
            if wait:
                text = f"{request.endpoint}: the registry wants no requests for now"
                raise FetchFailed(Trouble(reason, text, transient=True), wait)
            begun = self._clock.monotonic()
            try:
                found = await registry.pull(request)
            except registry.RegistryError as error:
                self._turns.leave_in_peace(host, error.retry_after)
                trouble = Trouble(reason, str(error), error.transient)
                raise FetchFailed(trouble, error.retry_after, final=error.final) from error
            self._observer.pulled(found.pulled_bytes, self._clock.monotonic() - begun)
        return found

    async def config_map(self, kind: str, source: ConfigMapSource) -> Content:
        """Read one key of a ConfigMap as it is now, be that newer than what was asked for."""
        found = await self._read("ConfigMap", source.name)
        data = found.get("data") or {}
        origin = origin_of_config_map(source.name, found["metadata"].get("resourceVersion"))
        if source.key not in data:
            raise FetchFailed(_missing(f"key {source.key} of ConfigMap {source.name}"))
        return await self._put(kind, "configmap", data[source.key], origin)

    async def inline(self, kind: str, source: InlineSource, origin: str) -> Content:
        """Render the value in the resource."""
        if found := await asyncio.to_thread(excess, source.value):
            trouble = Trouble(INVALID, f"the value in the resource {found}")
            raise FetchFailed(trouble, final=True)
        text = await asyncio.to_thread(yaml_text, source.value)
        return await self._put(kind, "inline", text, origin)

    async def _put(self, kind: str, medium: str, text: str, origin: str) -> Content:
        data, directory = text.encode(), DIRECTORIES[kind]
        return Content(await self._stored(kind, medium, self._blobs.put, directory, data), origin)

    async def _stored(self, kind: str, medium: str, step: Any, *arguments: Any) -> Any:
        """Do something to the disk, off the loop."""
        try:
            return await asyncio.to_thread(step, *arguments)
        except OSError as error:
            text = f"{error.strerror}: {error.filename}" if error.filename else str(error)
            raise FetchFailed(Trouble(STORE_FAILED[kind, medium], text, transient=True)) from error

    async def _credentials(self, source: OciSource) -> Credentials | None:
        if not source.secret:
            return None
        secret = await self._read("Secret", source.secret)
        try:
            return credentials_of(secret, source.registry, source.repository)
        except InvalidCredentials as error:
            text = f"Secret {source.secret}: {error}"
            raise FetchFailed(Trouble(REFERENCE_FAILED, text)) from None

    async def _ca(self, name: str) -> str:
        if not name:
            return ""
        data = (await self._read("ConfigMap", name)).get("data") or {}
        if CA_KEY not in data:
            raise FetchFailed(_missing(f"key {CA_KEY} of ConfigMap {name}"))
        return str(data[CA_KEY])

    async def _read(self, kind: str, name: str) -> dict[str, Any]:
        """Return an object of our namespace.

        That we may not read it passes: the operator grants it by name, a moment after it was named.
        """
        try:
            raw = await self._client.get(ObjectRef(kind, self._namespace, name))
        except NotFound as error:
            raise FetchFailed(_missing(f"{kind} {name}")) from error
        except ApiError as error:
            refused = isinstance(error, Refused)
            why = "may not be read yet" if refused else "cannot be read"
            trouble = Trouble(REFERENCE_FAILED, f"{kind} {name} {why}: {error}", transient=True)
            raise FetchFailed(trouble, error.retry_after) from error
        found: dict[str, Any] = msgspec.json.decode(raw)
        return found


def origin_of_config_map(name: str, version: str | None) -> str:
    """A name for what a ConfigMap held at one resourceVersion."""
    return f"configmap:{name}@{version}"


def origin_of_inline(source: InlineSource) -> str:
    """A name for the value, the same for equal ones."""
    return f"inline:{hashlib.sha256(msgspec.json.encode(source.value)).hexdigest()}"


def _missing(what: str) -> Trouble:
    return Trouble(REFERENCE_FAILED, f"{what} does not exist")
