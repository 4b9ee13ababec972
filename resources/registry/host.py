"""Hosts of registries: their API endpoint, and which token servers may see their credentials."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import NamedTuple

_DOCKER_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_DOCKER_HUB_API = "registry-1.docker.io"

_PORTS = {"http": 80, "https": 443}
# Narrow on purpose: a URL in which two parsers could see two different hosts is refused.
_URL = re.compile(
    r"(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?([/?][!-\[\]-~]*)?",
    re.ASCII | re.IGNORECASE,
)
_ADDRESS = re.compile(r"[0-9.]+|\[.*\]", re.ASCII)

# Domains in which anybody can register a name, such as `co.uk`, unlike `docker.io`. There are
# thousands; these are the usual names below a country, and clouds that host registries of many
# tenants.
_SHARED_BELOW_COUNTRY = frozenset(
    {"ac", "co", "com", "edu", "gen", "go", "gob", "gouv", "gov", "gv", "id", "in", "ltd", "me"}
    | {"mil", "ne", "net", "nom", "or", "org", "plc", "sch", "web"}
)
_SHARED_DOMAINS = frozenset(
    {"amazonaws.com", "azurecr.io", "azurewebsites.net", "cloudfront.net", "github.io", "gitlab.io"}
    | {"googleapis.com", "herokuapp.com", "jfrog.io", "pkg.dev", "run.app", "scw.cloud"}
)


class Origin(NamedTuple):
    """The origin of a URL: scheme, host and port."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"


def is_docker_hub(registry: str) -> bool:
    """Whether the registry is Docker Hub, by any of its names."""
    return registry.lower() in _DOCKER_HUB


def api_host(registry: str) -> str:
    """Host and port of the registry's API."""
    return _DOCKER_HUB_API if is_docker_hub(registry) else registry


def api_repository(registry: str, repository: str) -> str:
    """The repository's name in the API: Docker Hub keeps its official ones in `library/`."""
    if is_docker_hub(registry) and "/" not in repository:
        return f"library/{repository}"
    return repository


def origin_of(url: str) -> Origin | None:
    """The origin of an http or https URL; None if the text is none or is ambiguous."""
    match = _URL.fullmatch(url)
    if match is None:
        return None
    scheme, host, port, _ = match.groups()
    number = int(port) if port else _PORTS[scheme.lower()]
    if number >= 1 << 16 or (host.startswith("[") and not _is_ipv6(host.strip("[]"))):
        return None
    return Origin(scheme.lower(), host.lower().rstrip("."), number)


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def may_see_credentials(realm: Origin, registry: Origin) -> bool:
    """Whether the token server at `realm` may get the credentials of a registry.

    The token server must be reached by https, or by http if the registry is. Its host must be the
    registry's host, a subdomain of it, or in the parent domain of the registry's host
    (auth.docker.io for registry-1.docker.io, gitlab.com for registry.gitlab.com), unless anybody
    can register a name in that domain.
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
    """Whether anybody can register a name in the domain."""
    labels = domain.split(".")
    if len(labels) < 2 or any(not label for label in labels):
        return True
    if any(domain == shared or domain.endswith(f".{shared}") for shared in _SHARED_DOMAINS):
        return True
    below_country = len(labels) == 2 and len(labels[1]) == 2
    return below_country and labels[0] in _SHARED_BELOW_COUNTRY
