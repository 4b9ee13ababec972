"""Fetches the content of an artifact's sources into the blob store."""

from __future__ import annotations

import asyncio
import hashlib
import platform
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from actors.api.errors import ApiError, NotFound, Refused
from actors.registry import client as registry
from actors.runtime.activity import decide
from actors.write.retry import is_unready
from resources.artifact.medium import Medium
from resources.artifact.reasons import INVALID, REFERENCE_FAILED, STORE_FAILED
from resources.artifact.sources import CA_KEY
from resources.check.needs import needs
from resources.kubernetes.reference import ObjectRef
from resources.node.artifact import Trouble
from resources.node.files import DIRECTORIES
from resources.node.slots import Content
from resources.registry.credentials import InvalidCredentials
from resources.registry.request import Endpoint, Pull
from resources.registry.route import OwnCredentials, credentials_of, routed
from resources.text.keyed_text import NoText, config_map_text
from resources.text.yaml_writer import excess, yaml_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actors.api.client import Client
    from actors.registry.table_file import TableFile
    from actors.runtime.clock import Clock
    from resources.artifact.sources import ConfigMapSource, InlineSource, OciSource
    from resources.registry.credentials import RegistryPolicy
    from resources.registry.request import Pulled
    from resources.registry.table import RegistryTable
    from sidecar.node.pull_limiter import PullLimiter
    from sidecar.volume.blobs import Blobs

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}


class FetchFailed(Exception):  # noqa: N818 - what it reports is a failure, not an error of ours
    """A source gave no content.

    `retry_after`: seconds until another try, if the server named them. `final`: another try would
    fail as well, because the content itself is at fault.
    """

    def __init__(
        self, trouble: Trouble, retry_after: float | None = None, *, final: bool = False
    ) -> None:
        super().__init__(trouble.message)
        self.trouble = trouble
        self.retry_after = retry_after
        self.final = final


class ReadTooEarly(FetchFailed):
    """Reading a referenced object is forbidden, but not for long: its Role may lag behind.

    The operator grants it by name, at the same moment at which it resolves the artifact.
    `retry_after` is when to try again.
    """


class PullObserver(Protocol):
    """Counts pulls, for metrics."""

    def pulled(self, size: int, seconds: float) -> None:
        """Count a pull that succeeded, with the bytes that came over the network."""
        ...


class Fetcher:
    """Every method returns content that is in the blob store, or raises FetchFailed."""

    def __init__(
        self,
        client: Client,
        blobs: Blobs,
        namespace: str,
        policy: RegistryPolicy,
        registries: TableFile,
        most_bytes: Mapping[str, int],
        clock: Clock,
        pulls: PullLimiter,
        observer: PullObserver,
    ) -> None:
        """`most_bytes` limits, by kind of artifact, what is pulled from a registry."""
        self._client = client
        self._blobs = blobs
        self._namespace = namespace
        self._policy = policy
        self.registries = registries
        self._most_bytes = most_bytes
        self._clock = clock
        self._observer = observer
        self._pulls = pulls

    async def oci(
        self, kind: str, source: OciSource, digest: str, pods: Callable[[], int | None]
    ) -> Content:
        """Pull exactly this digest, for this machine's platform, as so many pods do now."""
        begun = self._clock.monotonic()
        await self._pulls.spread(pods)
        decide(f"waited {self._clock.monotonic() - begun:.1f} s, so that not all pods pull at once")
        endpoint = await self._endpoint(kind, source)
        request = Pull(
            endpoint=endpoint,
            digest=digest,
            kind=kind,
            os="linux",
            architecture=_ARCHITECTURES.get(platform.machine(), platform.machine()),
            max_bytes=self._most_bytes[kind],
        )
        pulled = await self._pull(request)
        dependencies = tuple(dependency.name for dependency in pulled.dependencies)
        needed = needs(pulled.requirements, pulled.dependencies)
        return Content(pulled.sha256, f"oci:{digest}", pulled.version, dependencies, needed)

    async def _endpoint(self, kind: str, source: OciSource) -> Endpoint:
        """The repository by the table of registries, with nobody's credentials but the source's."""
        if not self.registries.is_known:
            text = f"{source}: the table of registries is not known yet: {self.registries.problem}"
            raise FetchFailed(Trouble(STORE_FAILED[kind, Medium.OCI], text, transient=True))
        own = Endpoint(
            registry=source.registry,
            repository=source.repository,
            plain_http=source.plain_http,
            skip_verify=source.skip_verify,
            ca=await self._ca(source.ca_config_map),
            local_registries=self._policy.local_registries,
        )
        table = self.registries.table
        return routed(own, table, await self._credentials(source, table), lambda _: None)

    async def _pull(self, request: Pull) -> Pulled:
        """Pull it into the blob store in its turn; nothing is left of a pull that fails."""
        directory = DIRECTORIES[request.kind]
        reason = STORE_FAILED[request.kind, Medium.OCI]
        async with self._pulls.turn(request.endpoint.lane):
            if wait := self._pulls.wait(request.endpoint):
                text = f"{request.endpoint}: the registry wants no requests for now"
                raise FetchFailed(Trouble(reason, text, transient=True), wait)
            received = await self._stored(request.kind, Medium.OCI, self._blobs.receive, directory)
            with received.file as file:
                try:
                    pulled = await self._from_registry(request, file.fileno())
                    step = (self._blobs.adopt, directory, received.path, pulled.sha256)
                    await self._stored(request.kind, Medium.OCI, *step)
                except BaseException:
                    self._blobs.discard(received.path)
                    raise
        return pulled

    async def _from_registry(self, request: Pull, descriptor: int) -> Pulled:
        lane, begun = request.endpoint.lane, self._clock.monotonic()
        endpoint = self._pulls.rested(request.endpoint)
        try:
            pulled = await registry.pull(
                msgspec.structs.replace(request, endpoint=endpoint), descriptor
            )
        except registry.RegistryError as error:
            self._pulls.heard(lane, error.problem, error.holds)
            reason = STORE_FAILED[request.kind, Medium.OCI]
            trouble = Trouble(reason, str(error), error.transient)
            raise FetchFailed(trouble, error.retry_after, final=error.final) from error
        self._pulls.heard(lane, None, pulled.holds)
        self._observer.pulled(pulled.pulled_bytes, self._clock.monotonic() - begun)
        return pulled

    async def config_map(self, kind: str, source: ConfigMapSource) -> Content:
        """Read one key of a ConfigMap as it is now, which may be newer than the resolved one."""
        config_map = await self._read("ConfigMap", source.name)
        version = config_map["metadata"].get("resourceVersion")
        origin = origin_of_config_map(source.name, version)
        text = _text(config_map, source.name, source.key)
        return await self._put(kind, Medium.CONFIG_MAP, text, origin)

    async def inline(self, kind: str, source: InlineSource, origin: str) -> Content:
        """Write the value in the resource as YAML, or the text in it, which is YAML."""
        if problem := await asyncio.to_thread(excess, source.value):
            trouble = Trouble(INVALID, f"the value in the resource {problem}")
            raise FetchFailed(trouble, final=True)
        value = source.value
        text = value if isinstance(value, str) else await asyncio.to_thread(yaml_text, value)
        return await self._put(kind, Medium.INLINE, text, origin)

    async def _put(self, kind: str, medium: Medium, text: str, origin: str) -> Content:
        data, directory = text.encode(), DIRECTORIES[kind]
        return Content(await self._stored(kind, medium, self._blobs.put, directory, data), origin)

    async def _stored(self, kind: str, medium: Medium, step: Any, *arguments: Any) -> Any:
        """Run a step that may wait for the disk, off the event loop."""
        try:
            return await asyncio.to_thread(step, *arguments)
        except OSError as error:
            text = f"{error.strerror}: {error.filename}" if error.filename else str(error)
            raise FetchFailed(Trouble(STORE_FAILED[kind, medium], text, transient=True)) from error

    async def _credentials(self, source: OciSource, table: RegistryTable) -> OwnCredentials:
        if not source.secret:
            return {}
        secret = await self._read("Secret", source.secret)
        try:
            return credentials_of(secret, self._policy, table, source.registry, source.repository)
        except InvalidCredentials as error:
            text = f"Secret {source.secret}: {error}"
            raise FetchFailed(Trouble(REFERENCE_FAILED, text)) from None

    async def _ca(self, name: str) -> str:
        if not name:
            return ""
        return _text(await self._read("ConfigMap", name), name, CA_KEY)

    async def _read(self, kind: str, name: str) -> dict[str, Any]:
        """Return an object of the namespace."""
        try:
            raw = await self._client.get(ObjectRef(kind, self._namespace, name))
        except NotFound as error:
            raise FetchFailed(_missing(f"{kind} {name}")) from error
        except ApiError as error:
            why = "may not be read" if isinstance(error, Refused) else "cannot be read"
            trouble = Trouble(REFERENCE_FAILED, f"{kind} {name} {why}: {error}", transient=True)
            failed = ReadTooEarly if is_unready(error) else FetchFailed
            raise failed(trouble, error.retry_after) from error
        document: dict[str, Any] = msgspec.json.decode(raw)
        return document


def origin_of_config_map(name: str, version: str | None) -> str:
    """The origin of what a ConfigMap holds at one resourceVersion."""
    return f"configmap:{name}@{version}"


def origin_of_inline(source: InlineSource) -> str:
    """The origin of an inline value, equal for equal values; the older sidecar quoted texts."""
    kind = "inline-text" if isinstance(source.value, str) else "inline"
    return f"{kind}:{hashlib.sha256(msgspec.json.encode(source.value)).hexdigest()}"


def _text(config_map: Mapping[str, Any], name: str, key: str) -> str:
    """The text under a key of a ConfigMap; raises FetchFailed."""
    try:
        return config_map_text(config_map, key)
    except NoText as error:
        raise FetchFailed(Trouble(REFERENCE_FAILED, f"ConfigMap {name} {error}")) from None


def _missing(name: str) -> Trouble:
    return Trouble(REFERENCE_FAILED, f"{name} does not exist")
