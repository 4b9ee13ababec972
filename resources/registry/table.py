"""The table of registries: which mirrors are asked for a prefix, and how each host is reached.

The words are those of containers-registries.conf (prefix, location, mirror), of Talos and k3s
(skipFallback) and, for a host, those of `spec.ociArtifact.registry`. `read_table` makes a table of
YAML; `handed_on` is what sidecars get.
"""

from __future__ import annotations

import hashlib

import msgspec

from resources.kubernetes.meta import LocalReference
from resources.registry.host import api_repository, is_docker_hub


class Mirror(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """Where the repositories below a prefix are looked for: at each location, in this order.

    A location stands for the prefix: with the prefix `ghcr.io/a` and the location `b:5000/c`,
    `ghcr.io/a/d` is `b:5000/c/d`. `skip_fallback`: the registry itself is never asked.
    """

    prefix: str
    locations: tuple[str, ...]
    skip_fallback: bool = False


class HostTLS(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """How the certificate of a host is checked; `ca` is PEM text of authorities to trust."""

    ca: str = ""
    insecure_skip_verify: bool = False


class HostAuth(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """The Secret in the operator's namespace with which the operator itself looks tags up."""

    secret_ref: LocalReference


class Host(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """How a host is reached, be it a mirror or a registry that artifacts name.

    `pull_through`: it fetches what it lacks, and keeps it. A registry that does so may fetch as
    often as it is asked at once, so the operator pulls through it before nodes are told.
    """

    plain_http: bool = msgspec.field(default=False, name="plainHTTP")
    tls: HostTLS | None = None
    auth: HostAuth | None = None
    pull_through: bool = False

    @property
    def ca(self) -> str:
        """The authorities to trust besides the system's, as PEM text; may be empty."""
        return self.tls.ca if self.tls is not None else ""

    @property
    def skip_verify(self) -> bool:
        """Whether any certificate is accepted."""
        return self.tls is not None and self.tls.insecure_skip_verify

    @property
    def secret(self) -> str:
        """The name of the Secret with the operator's credentials; empty for none."""
        return self.auth.secret_ref.name if self.auth is not None else ""


class RegistryTable(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """The table; hosts and prefixes are in lower case, and Docker Hub is `docker.io`.

    `hosts` are as locations name them, with the port if there is one. `proxy` and `no_proxy` are
    used instead of those of the environment; an empty proxy leaves it at these. `local_registries`
    are hosts that may have any address (`resources.registry.address`).
    """

    mirrors: tuple[Mirror, ...] = ()
    hosts: dict[str, Host] = msgspec.field(default_factory=dict)
    proxy: str = ""
    no_proxy: tuple[str, ...] = ()
    local_registries: tuple[str, ...] = ()

    def host(self, registry: str) -> Host:
        """How the registry of this name is reached."""
        return self.hosts.get(host_name(registry), _PLAIN)

    def mirror(self, registry: str, repository: str) -> Mirror | None:
        """The entry with the longest prefix of a repository; None if there is none."""
        name = f"{_whole(registry, repository)}/"
        fitting = (each for each in self.mirrors if name.startswith(f"{each.prefix}/"))
        return max(fitting, key=lambda each: len(each.prefix), default=None)


_PLAIN = Host()
_decoder = msgspec.json.Decoder(RegistryTable)
NO_TABLE = RegistryTable()
TABLE_KEY = "registries.json"
"""The key of a Falco's ConfigMap, and the name of the file in its pods, that holds the table."""


def places_at(mirror: Mirror, registry: str, repository: str) -> list[tuple[str, str]]:
    """Host and repository at each location of an entry that covers this repository."""
    rest = _whole(registry, repository)[len(mirror.prefix) :].strip("/")
    found = []
    for location in mirror.locations:
        host, _, path = location.partition("/")
        found.append((host, "/".join(part for part in (path, rest) if part)))
    return found


def handed_on(table: RegistryTable) -> RegistryTable:
    """The table without the Secrets of the operator's namespace, which no other may read."""
    hosts = {name: msgspec.structs.replace(host, auth=None) for name, host in table.hosts.items()}
    return msgspec.structs.replace(table, hosts=hosts)


def table_text(table: RegistryTable) -> str:
    """The table as JSON, equal for equal tables."""
    return msgspec.json.encode(table, order="sorted").decode()


def table_of(text: bytes) -> RegistryTable:
    """The table in its JSON; fields of a newer operator are ignored.

    Raises:
        msgspec.DecodeError: it is no such JSON.
    """
    return _decoder.decode(text)


def table_digest(table: RegistryTable) -> str:
    """A short digest of the table; empty for the empty one."""
    if table == NO_TABLE:
        return ""
    return hashlib.sha256(table_text(table).encode()).hexdigest()[:12]


def host_name(registry: str) -> str:
    """The name by which the table knows a host."""
    return "docker.io" if is_docker_hub(registry) else registry.lower()


def _whole(registry: str, repository: str) -> str:
    return f"{host_name(registry)}/{api_repository(registry, repository)}"
