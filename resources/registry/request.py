"""What is asked of a registry, and what comes back: values, good on both sides of a process.

Text that a user reads is made where the problem is found, and holds no secret.
"""

from __future__ import annotations

import msgspec

from resources.registry.limits import IDLE_SECONDS, MAX_LAYER_BYTES, PULL_SECONDS
from resources.registry.tag_or_digest import is_digest


class Credentials(msgspec.Struct, frozen=True):
    """A user name and password; or, without a user name, a token to be sent as it is."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "Credentials(…)"


class Endpoint(msgspec.Struct, frozen=True):
    """A repository and how its registry is talked to.

    `ca` is PEM text of authorities to trust besides the system's. Clients are never shared between
    endpoints that differ in anything.
    """

    registry: str
    repository: str
    plain_http: bool = False
    skip_verify: bool = False
    ca: str = ""
    credentials: Credentials | None = None

    def __str__(self) -> str:
        return f"{self.registry}/{self.repository}"


class Problem(msgspec.Struct, frozen=True):
    """Why there is no result, for a user to read.

    Transient: it may well be gone in a moment (network, overload). Else somebody has to do
    something first (push a tag, mend a Secret), which can only be seen by asking again, slowly.
    Final: it is the very content that the digest names, so asking again is for nothing.
    `retry_after` in seconds is what the registry asked for.
    """

    message: str
    transient: bool
    retry_after: float | None = None
    final: bool = False


class Lookup(msgspec.Struct, frozen=True):
    """Which digest does this tag name? A digest names itself."""

    endpoint: Endpoint
    reference: str
    idle_seconds: float = 10.0

    @property
    def is_pinned(self) -> bool:
        """Whether the reference is a digest."""
        return is_digest(self.reference)


class LookupAnswer(msgspec.Struct, frozen=True):
    """`sha256:…`, unless there is a problem."""

    digest: str = ""
    problem: Problem | None = None


class Lookups(msgspec.Struct, frozen=True):
    """A batch, to be answered in the same order, after so many seconds at the latest."""

    lookups: tuple[Lookup, ...]
    seconds: float


class Answers(msgspec.Struct, frozen=True):
    """The answers to a batch."""

    found: tuple[LookupAnswer, ...]


class Pull(msgspec.Struct, frozen=True):
    """Fetch the one file of an artifact.

    `kind` is Rulesfile or Plugin, `os` and `architecture` are as in OCI (linux; amd64, arm64).
    `max_bytes` holds for the layer as it comes and for the file in it.
    """

    endpoint: Endpoint
    digest: str
    kind: str
    os: str
    architecture: str
    directory: str
    max_bytes: int = MAX_LAYER_BYTES
    seconds: float = PULL_SECONDS
    idle_seconds: float = IDLE_SECONDS


class PullRequest(msgspec.Struct, frozen=True):
    """A pull, and the path that its file is written to; nothing may be there yet."""

    pull: Pull
    path: str


class Requirement(msgspec.Struct, frozen=True):
    """Something that must have at least this version: `engine_version_semver`, a plugin's name."""

    name: str
    version: str


class Dependency(msgspec.Struct, frozen=True):
    """An artifact that this one needs, or else one of its alternatives."""

    name: str
    version: str
    alternatives: tuple[Requirement, ...] = ()


class Pulled(msgspec.Struct, frozen=True):
    """The file, and what the artifact says of itself; all of it empty if there is a problem.

    `path` is in the directory that was asked for, under a random name, and from now on the asker's
    to move or remove. `sha256` (hexadecimal) and `size` are the file's; `pulled_bytes` came over
    the network.
    """

    path: str = ""
    sha256: str = ""
    size: int = 0
    pulled_bytes: int = 0
    name: str = ""
    version: str = ""
    requirements: tuple[Requirement, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    problem: Problem | None = None
