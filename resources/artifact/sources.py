"""The sources of an artifact's content: a registry, a ConfigMap, the resource itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from msgspec.json import Decoder

from resources.artifact.config import Config
from resources.artifact.plugin import Plugin
from resources.artifact.rulesfile import Rulesfile
from resources.kubernetes.invalid_spec import InvalidSpec
from resources.signatures.demand import DEFAULT_MODES, DefaultModes, Demand, demand_of
from resources.text.duration import seconds_of

if TYPE_CHECKING:
    from resources.artifact.oci_artifact import OCIArtifact

Artifact = Rulesfile | Plugin | Config

DEFAULT_REGISTRY = "ghcr.io"
CONTENT_KEYS = {"Rulesfile": "rules.yaml", "Config": "config.yaml"}
"""The key of a ConfigMap that holds the content, by kind of artifact."""
CA_KEY = "ca.crt"

_DECODERS: dict[str, Decoder[Artifact]] = {
    "Rulesfile": Decoder(Rulesfile),
    "Plugin": Decoder(Plugin),
    "Config": Decoder(Config),
}
_REGISTRY = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?", re.ASCII)
_IPV6_REGISTRY = re.compile(r"\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?", re.ASCII)
# From the OCI distribution spec, "Pulling manifests".
_REPOSITORY = re.compile(
    r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*", re.ASCII
)
# What people write who know tools that take a whole reference: oci://host:port/path:tag@digest
_WHOLE = re.compile(
    r"([a-z]+://)?(?:(?P<host>[^/]*[.:][^/]*|localhost)/)?"
    r"(?P<path>[^:@]+)(?::(?P<tag>[^@]*))?(?:@(?P<digest>.*))?"
)
_LEAST_POLL = 30.0  # seconds


class OciSource(NamedTuple):
    """An artifact in a registry; `secret` and `ca_config_map` are names of objects, or empty."""

    registry: str
    repository: str
    reference: str
    plain_http: bool = False
    skip_verify: bool = False
    secret: str = ""
    ca_config_map: str = ""
    poll_seconds: float = 600.0

    @property
    def is_pinned(self) -> bool:
        """Whether the reference is a digest, which is not looked up in the registry."""
        return self.reference.startswith("sha256:")

    def __str__(self) -> str:
        separator = "@" if self.is_pinned else ":"
        return f"{self.registry}/{self.repository}{separator}{self.reference}"


class ConfigMapSource(NamedTuple):
    """One key of a ConfigMap."""

    name: str
    key: str


class InlineSource(NamedTuple):
    """A YAML value in the resource itself, in the field `key` of its spec.

    A text is YAML itself, as v0.1 of the Go operator had it.
    """

    value: object
    key: str = ""

    @property
    def warning(self) -> str:
        """What a user should change although it works; empty if nothing."""
        if not isinstance(self.value, str):
            return ""
        return (
            f"spec.{self.key} is a text, and is read as YAML: without the |- it is the value itself"
        )


class Sources(NamedTuple):
    """The sources of one artifact; all are None only if the spec is empty.

    A Plugin's `config` is no source, but its entry in falco.yaml.
    """

    oci: OciSource | None = None
    config_map: ConfigMapSource | None = None
    inline: InlineSource | None = None
    signatures: Demand | None = None
    """What is demanded of the signatures of `oci`; None without it."""

    @property
    def is_enforced(self) -> bool:
        """Whether no node may install what the operator has not found to be signed."""
        return self.signatures is not None and self.signatures.is_enforced

    @property
    def needs_resolving(self) -> bool:
        """Whether a node needs the operator to know which content the spec refers to."""
        if self.config_map is not None or self.is_enforced:
            return True
        oci = self.oci
        return oci is not None and not (oci.is_pinned and not oci.secret and not oci.ca_config_map)


def decode(kind: str, raw: bytes) -> Artifact:
    """The artifact; raises msgspec.DecodeError if its fields have types of another CRD."""
    return _DECODERS[kind].decode(raw)


def sources_of(artifact: Artifact, defaults: DefaultModes = DEFAULT_MODES) -> Sources:
    """The sources of an artifact's content.

    Raises:
        InvalidSpec: the name of the registry or repository is not valid, or a key or regular
            expression by which signatures are verified.
    """
    oci = None if isinstance(artifact, Config) else artifact.spec.oci_artifact
    source = _oci(oci) if oci is not None else None
    signatures = None
    if oci is not None and source is not None:
        signatures = demand_of(oci.verify, source.registry, source.repository, defaults)
    return Sources(source, _config_map(artifact), _inline(artifact), signatures)


def _config_map(artifact: Artifact) -> ConfigMapSource | None:
    if isinstance(artifact, Plugin) or artifact.spec.config_map_ref is None:
        return None
    return ConfigMapSource(artifact.spec.config_map_ref.name, CONTENT_KEYS[type(artifact).__name__])


def _inline(artifact: Artifact) -> InlineSource | None:
    if isinstance(artifact, Plugin):
        return None
    if isinstance(artifact, Rulesfile):
        source = InlineSource(artifact.spec.inline_rules, "inlineRules")
    else:
        source = InlineSource(artifact.spec.config, "config")
    return source if source.value is not None else None


def _oci(oci: OCIArtifact) -> OciSource:
    registry, image = oci.registry, oci.image
    name = (registry.name if registry else None) or DEFAULT_REGISTRY
    if not (_REGISTRY.fullmatch(name) or _IPV6_REGISTRY.fullmatch(name)):
        field = "spec.ociArtifact.registry.name"
        raise InvalidSpec(
            field, name, "a host name with an optional port, without https:// and without a path"
        )
    _check_repository(image.repository, name, is_default=not (registry and registry.name))
    tls = registry.tls if registry else None
    auth = registry.auth if registry else None
    return OciSource(
        registry=name,
        repository=image.repository,
        reference=image.tag or "latest",
        plain_http=registry.plain_http if registry else False,
        skip_verify=tls.insecure_skip_verify if tls else False,
        secret=auth.secret_ref.name if auth and auth.secret_ref else "",
        ca_config_map=tls.ca_config_map_ref.name if tls and tls.ca_config_map_ref else "",
        poll_seconds=_seconds(oci.poll_interval),
    )


def _check_repository(repository: str, registry: str, *, is_default: bool) -> None:
    """Refuse what is no path, or starts with a registry; a mirror may have a folder ghcr.io."""
    whole = _WHOLE.fullmatch(repository)
    host = whole["host"] if whole else None
    doubles = host is not None and (is_default or host == registry)
    if _REPOSITORY.fullmatch(repository) and not doubles:
        return
    allowed = "lower-case path components separated by /"
    if whole and (host or whole["tag"] or whole["digest"]) and _REPOSITORY.fullmatch(whole["path"]):
        parts = {
            "registry.name": host,
            "image.repository": whole["path"],
            "image.tag": whole["digest"] or whole["tag"],
        }
        form = ", ".join(f"{field}: {value}" for field, value in parts.items() if value)
        seems = (
            "start with the name of a registry, which belongs to registry.name"
            if host
            else "end with a tag or digest, which belongs to image.tag"
        )
        allowed = f"the path alone; it seems to {seems}: {form}"
    raise InvalidSpec("spec.ociArtifact.image.repository", repository, allowed)


def _seconds(duration: str) -> float:
    """The seconds of a duration as the CRD accepts it, at least 30; any other text counts as 30."""
    return max(seconds_of(duration), _LEAST_POLL)
