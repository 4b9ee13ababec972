"""The way to an artifact by the table of registries: its mirrors, and what is known of each host.

What an artifact says of its registry is for that host, and wins there. Credentials are for the host
that they name, or else for the registry of the artifact, and for no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from resources.registry.credentials import InvalidCredentials
from resources.registry.request import Endpoint, Proxy
from resources.registry.table import host_name, places_at, table_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from resources.registry.credentials import RegistryPolicy
    from resources.registry.request import Credentials
    from resources.registry.table import RegistryTable


class Place(NamedTuple):
    """A repository of a host."""

    host: str
    repository: str


class Unusable(NamedTuple):
    """Why a place cannot be asked with the credentials that it needs."""

    reason: str


OwnCredentials = dict[Place, "Credentials"]


def places_of(table: RegistryTable, registry: str, repository: str) -> list[Place]:
    """Where a repository is asked for, the registry itself last unless it is never asked."""
    mirror = table.mirror(registry, repository)
    own = Place(registry, repository)
    if mirror is None:
        return [own]
    mirrors = [Place(*each) for each in places_at(mirror, registry, repository)]
    return mirrors if mirror.skip_fallback else [*mirrors, own]


def is_cached(table: RegistryTable, registry: str, repository: str) -> bool:
    """Whether a repository is pulled through a host that fetches what it lacks."""
    places = places_of(table, registry, repository)
    return any(table.host(place.host).pull_through for place in places)


def credentials_of(
    secret: Mapping[str, Any],
    policy: RegistryPolicy,
    table: RegistryTable,
    registry: str,
    repository: str,
) -> OwnCredentials:
    """The credentials in the Secret of an artifact, by the places that they are for.

    A mirror gets those that name its host: by the annotation, or in a Docker configuration.

    Raises:
        InvalidCredentials: the Secret has none for any place, or they cannot be read.
    """
    found: OwnCredentials = {}
    strict = policy._replace(annotation_required=True)
    failure: InvalidCredentials | None = None
    places = places_of(table, registry, repository)
    for place in dict.fromkeys((Place(registry, repository), *places)):
        is_own = host_name(place.host) == host_name(registry)
        try:
            found[place] = (policy if is_own else strict).credentials_of(secret, *place)
        except InvalidCredentials as error:
            failure = failure or error
    if not found and failure is not None:
        raise failure
    return found


def routed(
    own: Endpoint,
    table: RegistryTable,
    own_credentials: OwnCredentials,
    table_credentials: Callable[[Place], Credentials | Unusable | None],
) -> Endpoint:
    """The endpoint of an artifact, with its mirrors and with all that the table adds.

    `own` has the settings of the artifact, of which none but `local_registries` counts for others.
    `table_credentials` returns those of the table's Secrets, in a sidecar none: where a user says
    how the host is known, they are not sent.
    """
    has_own_tls = own.plain_http or own.skip_verify or own.ca

    def reached(place: Place) -> Endpoint:
        host = table.host(place.host)
        is_own = has_own_tls and host_name(place.host) == host_name(own.registry)
        known = own_credentials.get(place) or (None if is_own else table_credentials(place))
        return Endpoint(
            registry=place.host,
            repository=place.repository,
            plain_http=own.plain_http if is_own else host.plain_http,
            skip_verify=own.skip_verify if is_own else host.skip_verify,
            ca=own.ca if is_own else host.ca,
            credentials=None if isinstance(known, Unusable) else known,
            local_registries=(*own.local_registries, *table.local_registries),
            proxy=Proxy(table.proxy, table.no_proxy) if table.proxy else None,
            pull_through=host.pull_through,
            unusable=known.reason if isinstance(known, Unusable) else "",
        )

    route = route_of(table, own.registry, own.repository, plain_http=own.plain_http)
    registry = replace(reached(Place(own.registry, own.repository)), route=route)
    mirror = table.mirror(own.registry, own.repository)
    if mirror is None:
        return registry
    locations = places_at(mirror, own.registry, own.repository)
    return replace(
        registry,
        mirrors=tuple(reached(Place(*each)) for each in locations),
        skip_fallback=mirror.skip_fallback,
    )


def route_of(
    table: RegistryTable, registry: str, repository: str, *, plain_http: bool = False
) -> str:
    """A name of the way to a repository, another one for another table; empty without a table.

    Whoever takes plain HTTP for a registry has a way of their own: where nobody answers by it, the
    registry does not hang for others.
    """
    digest = table_digest(table)
    if not digest and not plain_http:
        return ""
    mirror = table.mirror(registry, repository)
    way = f"{mirror.prefix if mirror is not None else registry}@{digest}"
    return f"{way} by plain HTTP" if plain_http else way


def secrets_of(table: RegistryTable, registry: str, repository: str) -> dict[str, str]:
    """The names of the table's Secrets by the host that they are for."""
    hosts = [place.host for place in places_of(table, registry, repository)]
    return {host: secret for host in hosts if (secret := table.host(host).secret)}
