"""Versions as Falco compares them, and the engine version of each known release."""

from __future__ import annotations

import re
from typing import NamedTuple

# Measured on 0.44.1; that of 0.44.0 is from its /versions. The engine of other releases is not
# guessed: even a patch release may change it (0.34.1 did).
_ENGINE_VERSIONS = {"0.44.0": "0.62.0", "0.44.1": "0.62.0"}

# sinsp_version reads three numbers by sscanf, with blanks before each, and ignores the text after.
_SEMANTIC = re.compile(r"\s*\+?([0-9]{1,9})\.\s*\+?([0-9]{1,9})\.\s*\+?([0-9]{1,9})", re.ASCII)
_RELEASE = re.compile(r"v?([0-9]{1,9})\.([0-9]{1,9})(?:\.[0-9]{1,9})?(?![0-9])", re.ASCII)


class SemanticVersion(NamedTuple):
    """A version of three numbers."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    def satisfies(self, required: SemanticVersion) -> bool:
        """Whether the major number is that of `required` and the version is not older.

        Falco's rule for the engine and for plugins.
        """
        return self.major == required.major and self >= required


def semantic_version(text: str) -> SemanticVersion | None:
    """The version that the text starts with, as Falco reads it; None if it starts with none."""
    match = _SEMANTIC.match(text)
    return SemanticVersion(*map(int, match.groups())) if match else None


def release(falco_version: str) -> tuple[int, int] | None:
    """Major and minor number of an image tag; None for a tag without, such as `latest`."""
    match = _RELEASE.match(falco_version)
    return (int(match[1]), int(match[2])) if match else None


def engine_version(falco_version: str) -> str:
    """The version of the rule engine in a release of Falco; empty if it is unknown."""
    number = semantic_version(falco_version.removeprefix("v"))
    return _ENGINE_VERSIONS.get(str(number), "")
