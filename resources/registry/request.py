"""The requests to a registry and their answers, as values that child processes can exchange.

A message for users is composed where the problem occurs, and never holds a secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from resources.registry.host import api_host
from resources.registry.limits import FILL_SECONDS, IDLE_SECONDS, MAX_LAYER_BYTES, PULL_SECONDS
from resources.registry.tag_or_digest import is_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator


class Credentials(msgspec.Struct, frozen=True):
    """A user name and password; with an empty user name, the password is a bearer token.

    An `identity_token` takes the place of both: it is the refresh token that `docker login` has
    got from a token server, and only that server takes it.
    """

    username: str
    password: str
    identity_token: str = ""

    def __repr__(self) -> str:
        return "Credentials(…)"


class Proxy(msgspec.Struct, frozen=True):
    """A proxy that is used instead of the environment's, and the hosts that are reached without."""

    url: str
    exceptions: tuple[str, ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which `actors.runtime.proxy` would use it."""
        exceptions = ",".join(self.exceptions)
        return {"HTTP_PROXY": self.url, "HTTPS_PROXY": self.url, "NO_PROXY": exceptions}


class Endpoint(msgspec.Struct, frozen=True):
    """A repository, and how to reach and authenticate to its registry.

    `ca` is PEM text of authorities to trust besides the system's. `local_registries` are the hosts
    that may have any address (`resources.registry.address`), whether they are the registry or are
    named by it. Two endpoints share a client only
    if they are equal in every field.

    `mirrors` are asked before it, in this order, each as it is: an endpoint's settings and
    credentials are for its own host only. `skip_fallback`: only its mirrors are asked. `route` is
    the name of this way (`resources.registry.route`). `pull_through`: its host fetches what it
    lacks, and keeps it. `unusable` says why it cannot be asked at
    all; empty if it can.
    """

    registry: str
    repository: str
    plain_http: bool = False
    skip_verify: bool = False
    ca: str = ""
    credentials: Credentials | None = None
    local_registries: tuple[str, ...] = ()
    proxy: Proxy | None = None
    mirrors: tuple[Endpoint, ...] = ()
    skip_fallback: bool = False
    route: str = ""
    pull_through: bool = False
    unusable: str = ""

    @property
    def lane(self) -> str:
        """What answers, or hangs, as one: an entry of the table, else the registry."""
        return self.route or self.registry

    @property
    def url(self) -> str:
        """What answers, or is overloaded, as one whoever asks: scheme, host and port.

        Somebody may take plain HTTP for a host that speaks TLS, which is another server.
        """
        return f"{'http' if self.plain_http else 'https'}://{api_host(self.registry).lower()}"

    @property
    def places(self) -> tuple[Endpoint, ...]:
        """Where to ask, in this order."""
        return self.mirrors if self.skip_fallback else (*self.mirrors, self)

    @property
    def authorities(self) -> frozenset[str]:
        """The texts of all authorities that are to be trusted on this way."""
        return frozenset(each.ca for each in (self, *self.mirrors) if each.ca)

    @property
    def caches(self) -> tuple[Endpoint, ...]:
        """The places that fetch what they lack, and keep it."""
        return tuple(place for place in self.places if place.pull_through and not place.unusable)

    def without(self, hosts: Container[str]) -> Endpoint:
        """The endpoint of which the hosts with these URLs are not asked."""
        mirrors = tuple(mirror.without(hosts) for mirror in self.mirrors)
        if self.url in hosts:
            return replace(self, mirrors=mirrors, unusable=_RESTS)
        return replace(self, mirrors=mirrors)

    def __str__(self) -> str:
        return f"{self.registry}/{self.repository}"


_RESTS = "it wants no requests for now"


class Hold(msgspec.Struct, frozen=True):
    """The demand of a host, known by `Endpoint.url`, to be asked nothing for these seconds."""

    url: str
    seconds: float


class Problem(msgspec.Struct, frozen=True):
    """Why a request has no result; `message` is for users.

    `transient`: another try may succeed at once (network, overload). Otherwise somebody has to act
    first, such as push a tag or correct a Secret, and only slow retries can notice that. `final`:
    the content that the digest names is at fault, so no retry can succeed. `hangs`: the registry
    did not answer in time. `retry_after` is the pause in seconds that the registry demands.
    """

    message: str
    transient: bool
    retry_after: float | None = None
    final: bool = False
    hangs: bool = False


class Lookup(msgspec.Struct, frozen=True):
    """The question which digest a tag names; a digest names itself."""

    endpoint: Endpoint
    reference: str
    idle_seconds: float = 10.0

    @property
    def is_pinned(self) -> bool:
        """Whether the reference is a digest."""
        return is_digest(self.reference)


class LookupAnswer(msgspec.Struct, frozen=True):
    """The digest, `sha256:…`, or the problem; in either case what hosts have demanded."""

    digest: str = ""
    problem: Problem | None = None
    holds: tuple[Hold, ...] = ()


class Pace(msgspec.Struct, frozen=True):
    """How long a batch of lookups may take: in all, and without any answer; both in seconds."""

    seconds: float
    patience: float


class Lookups(msgspec.Struct, frozen=True):
    """A batch of lookups.

    Many of them trust the same authorities, whose text may have 200 KB. So each text is sent once:
    the `ca` of an endpoint is its place in `authorities`.
    """

    lookups: tuple[Lookup, ...]
    pace: Pace
    authorities: tuple[str, ...] = ()

    @classmethod
    def of(cls, lookups: tuple[Lookup, ...], pace: Pace) -> Lookups:
        """The batch of these lookups."""
        texts = sorted(frozenset[str]().union(*(each.endpoint.authorities for each in lookups)))
        places = {text: str(place) for place, text in enumerate(texts)} | {"": ""}
        short = tuple(_trusting(each, places.__getitem__) for each in lookups)
        return cls(short, pace, tuple(texts))

    @property
    def whole(self) -> Iterator[Lookup]:
        """The lookups as they were given."""
        return (
            _trusting(each, lambda place: self.authorities[int(place)] if place else "")
            for each in self.lookups
        )


def _trusting(lookup: Lookup, text: Callable[[str], str]) -> Lookup:
    """The lookup with another text for each `ca`."""
    endpoint = lookup.endpoint
    mirrors = tuple(replace(each, ca=text(each.ca)) for each in endpoint.mirrors)
    return replace(lookup, endpoint=replace(endpoint, ca=text(endpoint.ca), mirrors=mirrors))


class PlacedAnswer(msgspec.Struct, frozen=True):
    """The answer to the lookup at this place of its batch."""

    place: int
    answer: LookupAnswer


class Fill(msgspec.Struct, frozen=True):
    """The request to have the caches of an endpoint fetch an artifact, for all its platforms."""

    endpoint: Endpoint
    digest: str
    seconds: float = FILL_SECONDS
    idle_seconds: float = 10.0


class Filled(msgspec.Struct, frozen=True):
    """The bytes that came over the network, few if the caches had it all, and what went wrong."""

    received: int = 0
    problem: Problem | None = None
    holds: tuple[Hold, ...] = ()


class Pull(msgspec.Struct, frozen=True):
    """The request to pull the one file of an artifact.

    `kind` is Rulesfile or Plugin; `os` and `architecture` have OCI's names (linux; amd64, arm64).
    `max_bytes` bounds the layer as it is sent and the file that it unpacks to.
    """

    endpoint: Endpoint
    digest: str
    kind: str
    os: str
    architecture: str
    max_bytes: int = MAX_LAYER_BYTES
    seconds: float = PULL_SECONDS
    idle_seconds: float = IDLE_SECONDS


class PullRequest(msgspec.Struct, frozen=True):
    """A pull, and the inherited descriptor of the empty file that it fills."""

    pull: Pull
    descriptor: int


class Requirement(msgspec.Struct, frozen=True):
    """The least version of `engine_version_semver`, or of the plugin of that name."""

    name: str
    version: str


class Dependency(msgspec.Struct, frozen=True):
    """An artifact that is needed, or one of its alternatives instead."""

    name: str
    version: str
    alternatives: tuple[Requirement, ...] = ()


class Pulled(msgspec.Struct, frozen=True):
    """What the pulled file is and the artifact's config states; empty if there is a problem.

    `sha256` (hexadecimal) and `size` are those of the file; `pulled_bytes` counts the bytes that
    came over the network.
    """

    sha256: str = ""
    size: int = 0
    pulled_bytes: int = 0
    name: str = ""
    version: str = ""
    requirements: tuple[Requirement, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    problem: Problem | None = None
    holds: tuple[Hold, ...] = ()
