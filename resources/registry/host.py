"""Hosts of registries: how they are reached, and which others may see their credentials."""

from __future__ import annotations

import re
from typing import NamedTuple

_DOCKER_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_DOCKER_HUB_API = "registry-1.docker.io"

_PORTS = {"http": 80, "https": 443}
# Narrow on purpose: where two parsers could see two hosts, there is none.
_URL = re.compile(
    r"(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?([/?][!-\[\]-~]*)?",
    re.ASCII | re.IGNORECASE,
)
_ADDRESS = re.compile(r"[0-9.]+|\[.*\]", re.ASCII)

# Domains in which anybody can have a name: `co.uk`, but not `docker.io`. There are thousands; these
# are the usual shapes below a country, and clouds in which registries are let to many.
_SHARED_BELOW_COUNTRY = frozenset(
    {"ac", "co", "com", "edu", "gen", "go", "gob", "gouv", "gov", "gv", "id", "in", "ltd", "me"}
    | {"mil", "ne", "net", "nom", "or", "org", "plc", "sch", "web"}
)
_SHARED_DOMAINS = frozenset(
    {"amazonaws.com", "azurecr.io", "azurewebsites.net", "cloudfront.net", "github.io", "gitlab.io"}
    | {"googleapis.com", "herokuapp.com", "jfrog.io", "pkg.dev", "run.app", "scw.cloud"}
)


class Origin(NamedTuple):
    """Whom a URL leads to."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"


def is_docker_hub(registry: str) -> bool:
    """Whether this is one of the names of Docker Hub."""
    return registry.lower() in _DOCKER_HUB


def api_host(registry: str) -> str:
    """Host and port of the registry's API."""
    return _DOCKER_HUB_API if is_docker_hub(registry) else registry


def api_repository(registry: str, repository: str) -> str:
    """The repository's name in the API: Docker Hub's own ones are in `library/`."""
    if is_docker_hub(registry) and "/" not in repository:
        return f"library/{repository}"
    return repository


def origin_of(url: str) -> Origin | None:
    """The origin of an http or https URL; None if it is none, or one that is not plainly clear."""
    match = _URL.fullmatch(url)
    if match is None:
        return None
    scheme, host, port, _ = match.groups()
    number = int(port) if port else _PORTS[scheme.lower()]
    return Origin(scheme.lower(), host.lower().rstrip("."), number) if number < 1 << 16 else None


def may_see_credentials(realm: Origin, registry: Origin) -> bool:
    """Whether a token server gets the credentials of a registry.

    It must be reached by https (by http only if the registry is), and be the registry's own host, a
    subdomain of it, or in the domain that the registry's host is in (auth.docker.io for
    registry-1.docker.io, gitlab.com for registry.gitlab.com), unless that is open to anybody.
    """
    if realm.scheme != "https" and registry.scheme == "https":
        return False
    if realm.host == registry.host:
        return True
    if _ADDRESS.fullmatch(realm.host) or _ADDRESS.fullmatch(registry.host):
        return False
    _, _, parent = registry.host.partition(".")
    return any(
        realm.host == domain or realm.host.endswith(f".{domain}")
        for domain in (registry.host, parent)
        if not _is_shared(domain)
    )


def _is_shared(domain: str) -> bool:
    """Whether names in the domain may belong to anybody."""
    labels = domain.split(".")
    if len(labels) < 2 or any(not label for label in labels):
        return True
    if any(domain == shared or domain.endswith(f".{shared}") for shared in _SHARED_DOMAINS):
        return True
    below_country = len(labels) == 2 and len(labels[1]) == 2
    return below_country and labels[0] in _SHARED_BELOW_COUNTRY
