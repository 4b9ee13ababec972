"""Versions as Falco compares them, and those of the parts of each known release."""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

# The version of the rule engine (falco_engine_version.h) and of the plugin API (plugin_api.h of its
# libs) of each release. Those of other releases are not guessed: even a patch release may change
# them (0.34.1 and 0.38.1 did). The plugin API of 0.45.0 is not known.
_RELEASES = {
    "0.38.0": ("0.40.0", "3.5.0"),
    "0.38.1": ("0.40.0", "3.6.0"),
    "0.38.2": ("0.40.0", "3.6.0"),
    "0.39.0": ("0.43.0", "3.7.0"),
    "0.39.1": ("0.43.0", "3.7.0"),
    "0.39.2": ("0.43.0", "3.7.0"),
    "0.40.0": ("0.46.0", "3.10.0"),
    "0.41.0": ("0.50.0", "3.11.0"),
    "0.41.1": ("0.50.0", "3.11.0"),
    "0.41.2": ("0.50.0", "3.11.0"),
    "0.41.3": ("0.50.0", "3.11.0"),
    "0.42.0": ("0.57.0", "3.12.0"),
    "0.42.1": ("0.57.0", "3.12.0"),
    "0.43.0": ("0.58.0", "3.12.0"),
    "0.43.1": ("0.58.0", "3.12.0"),
    "0.44.0": ("0.62.0", "3.12.0"),
    "0.44.1": ("0.62.0", "3.12.0"),
    "0.45.0": ("0.63.0", ""),
}

# sinsp_version reads three numbers by sscanf, with blanks before each, and ignores the text after.
_SEMANTIC = re.compile(r"\s*\+?([0-9]{1,9})\.\s*\+?([0-9]{1,9})\.\s*\+?([0-9]{1,9})", re.ASCII)
_RELEASE = re.compile(r"v?([0-9]{1,9})\.([0-9]{1,9})(?:\.[0-9]{1,9})?(?![0-9])", re.ASCII)


class FalcoVersions(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """The versions of a Falco, of its rule engine and of its plugin API; empty if unknown."""

    falco: str = ""
    engine: str = ""
    plugin_api: str = ""


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


def versions_of(image_version: str) -> FalcoVersions:
    """The versions in an image of Falco, as far as its tag tells them."""
    number = semantic_version(image_version.removeprefix("v"))
    engine, plugin_api = _RELEASES.get(str(number), ("", ""))
    return FalcoVersions(image_version, engine, plugin_api)
