"""Versions as Falco compares them, and what is known of its releases."""

from __future__ import annotations

import re
from typing import NamedTuple

# Measured on 0.44.1; 0.44.0 from its /versions. Releases that are not here are not guessed: even a
# patch release may bump the engine (0.34.1 did).
_ENGINE_VERSIONS = {"0.44.0": "0.62.0", "0.44.1": "0.62.0"}

# sinsp_version reads three numbers and ignores what follows them.
_SEMANTIC = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})", re.ASCII)
_RELEASE = re.compile(r"v?([0-9]{1,9})\.([0-9]{1,9})(?:\.[0-9]{1,9})?(?![0-9])", re.ASCII)


class SemanticVersion(NamedTuple):
    """Three numbers."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    def satisfies(self, required: SemanticVersion) -> bool:
        """Falco's rule for engine and plugins: the same major number, and not older."""
        return self.major == required.major and self >= required


def semantic_version(text: str) -> SemanticVersion | None:
    """The version that a text starts with, if it is one to Falco."""
    match = _SEMANTIC.match(text)
    return SemanticVersion(*map(int, match.groups())) if match else None


def release(falco_version: str) -> tuple[int, int] | None:
    """Major and minor number of an image tag; None for one that says nothing, such as `latest`."""
    match = _RELEASE.match(falco_version)
    return (int(match[1]), int(match[2])) if match else None


def engine_version(falco_version: str) -> str:
    """The version of the rule engine in a release of Falco; empty if unknown."""
    number = semantic_version(falco_version.removeprefix("v"))
    return _ENGINE_VERSIONS.get(str(number), "")
