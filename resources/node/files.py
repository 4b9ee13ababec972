"""The files on a node: where each artifact's content goes and what it is called there."""

from __future__ import annotations

import hashlib
import re
from enum import Enum, StrEnum
from typing import NamedTuple

# Sorts after every Config's file, all of which start with a digit.
PLUGIN_ENTRIES = "zz-plugins.yaml"

_LONGEST = 255  # bytes of a file name, on every file system that a node has
_DIGEST = 32


class Directory(Enum):
    """A directory that Falco reads, relative to the root; each is a volume of its own."""

    CONFIG = "etc/falco/config.d"
    RULES = "etc/falco/rules.d"
    PLUGINS = "usr/share/falco/plugins"

    @property
    def mode(self) -> int:
        """Of the files in it: Falco may run under any uid, and libraries are executed."""
        return 0o755 if self is Directory.PLUGINS else 0o644


class Medium(StrEnum):
    """What the content of a file came through, in the order in which Falco is to load it."""

    OCI = "oci"
    CONFIG_MAP = "configmap"
    INLINE = "inline"


_ORDER = {Medium.OCI: "01", Medium.CONFIG_MAP: "02", Medium.INLINE: "03"}
_ARTIFACT_FILE = re.compile(
    r"[0-9]{2}-(?:01-[a-z0-9._-]+-oci|02-[a-z0-9._-]+-configmap|03-[a-z0-9._-]+-inline)\.yaml",
    re.ASCII,
)


class Place(NamedTuple):
    """Where a file is."""

    directory: Directory
    name: str

    @property
    def path(self) -> str:
        """Relative to the root."""
        return f"{self.directory.value}/{self.name}"


class File(NamedTuple):
    """A file with its content, as the SHA-256 of it in hex."""

    directory: Directory
    name: str
    sha256: str

    @property
    def place(self) -> Place:
        """Where it is."""
        return Place(self.directory, self.name)

    @property
    def path(self) -> str:
        """Relative to the root."""
        return self.place.path

    @property
    def mode(self) -> int:
        """Its permissions."""
        return self.directory.mode


def slot_id(kind: str, name: str, uid: str, medium: str) -> str:
    """Name one source of one artifact; a recreated artifact of the same name has another."""
    return f"{kind}/{name}/{uid}/{medium}"


def file_name(priority: int, medium: Medium, name: str) -> str:
    """Name the file of a Rulesfile or Config; no two sources of two artifacts share one."""
    return _fitting(f"{priority:02}-{_ORDER[medium]}-", name, f"-{medium.value}.yaml")


def library_name(name: str) -> str:
    """Name the library of a Plugin; no two Plugins share one."""
    return _fitting("", name, ".so")


def library_path(name: str) -> str:
    """Where Falco finds the library of a Plugin."""
    return f"/{Directory.PLUGINS.value}/{library_name(name)}"


def has_our_name(place: Place) -> bool:
    """Whether only an artifact's file is called this; libraries have names that others have too."""
    if place.directory is Directory.PLUGINS:
        return False
    if place == (Directory.CONFIG, PLUGIN_ENTRIES):
        return True
    return _ARTIFACT_FILE.fullmatch(place.name) is not None


def _fitting(before: str, name: str, after: str) -> str:
    """The whole, or with a digest of the name in it: the underscore is in no resource's name."""
    if len(before) + len(name) + len(after) <= _LONGEST:
        return f"{before}{name}{after}"
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    room = _LONGEST - len(before) - len(after) - len(digest) - 1
    return f"{before}{name[:room]}_{digest}{after}"


DIRECTORIES = {
    "Rulesfile": Directory.RULES,
    "Config": Directory.CONFIG,
    "Plugin": Directory.PLUGINS,
}
