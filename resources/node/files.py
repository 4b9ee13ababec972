"""Falco's directories on a node, and the names of the files that artifacts get there."""

from __future__ import annotations

import hashlib
import re
from enum import Enum
from typing import NamedTuple

from resources.artifact.medium import Medium

PLUGIN_ENTRIES = "zz-plugins.yaml"
"""The file of all plugins' entries; it sorts after all Configs' files: these start with a digit."""

PRIORITIES = range(100)
"""The priorities that the CRDs allow; a file name has two digits for one."""

_LONGEST = 255  # bytes of a file name, on every file system that a node has
_DIGEST = 32  # characters of the digest in a shortened name


class Directory(Enum):
    """A directory that Falco reads, relative to the root; each is a volume of its own."""

    CONFIG = "etc/falco/config.d"
    RULES = "etc/falco/rules.d"
    PLUGINS = "usr/share/falco/plugins"

    @property
    def mode(self) -> int:
        """Permissions of its files: Falco may run under any uid, and libraries are executed."""
        return 0o755 if self is Directory.PLUGINS else 0o644


DIRECTORIES = {
    "Rulesfile": Directory.RULES,
    "Config": Directory.CONFIG,
    "Plugin": Directory.PLUGINS,
}
"""The directory of the content, by kind of artifact."""

_ORDER = {Medium.OCI: "01", Medium.CONFIG_MAP: "02", Medium.INLINE: "03"}
_ARTIFACT_FILE = re.compile(
    r"[0-9]{2}-(?:01-[a-z0-9._-]+-oci|02-[a-z0-9._-]+-configmap|03-[a-z0-9._-]+-inline)\.yaml",
    re.ASCII,
)


class Place(NamedTuple):
    """Where a file is: its directory, and its name there."""

    directory: Directory
    name: str

    @property
    def path(self) -> str:
        """The path relative to the root."""
        return f"{self.directory.value}/{self.name}"


class File(NamedTuple):
    """A file with its content, which is given by its SHA-256 in hex."""

    directory: Directory
    name: str
    sha256: str

    @property
    def place(self) -> Place:
        """Where the file is."""
        return Place(self.directory, self.name)

    @property
    def path(self) -> str:
        """The path relative to the root."""
        return self.place.path

    @property
    def mode(self) -> int:
        """The permissions of the file."""
        return self.directory.mode


def file_name(priority: int, medium: Medium, name: str) -> str:
    """The file of one source of a Rulesfile or Config; no two sources share a file."""
    return _fitting(f"{priority:02}-{_ORDER[medium]}-", name, f"-{medium.value}.yaml")


def library_name(name: str) -> str:
    """The library of a Plugin of this name; no two Plugins share a library."""
    return _fitting("", name, ".so")


def library_path(name: str) -> str:
    """The absolute path at which Falco finds the library of a Plugin of this name."""
    return f"/{Directory.PLUGINS.value}/{library_name(name)}"


def has_our_name(place: Place) -> bool:
    """Whether only an artifact's file can have this name, which is true of no library."""
    if place.directory is Directory.PLUGINS:
        return False
    if place == (Directory.CONFIG, PLUGIN_ENTRIES):
        return True
    return _ARTIFACT_FILE.fullmatch(place.name) is not None


def _fitting(before: str, name: str, after: str) -> str:
    """The file name, shortened if it is too long.

    A shortened one has a digest of the name after an underscore, which is in no resource's name.
    """
    if len(before) + len(name) + len(after) <= _LONGEST:
        return f"{before}{name}{after}"
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    room = _LONGEST - len(before) - len(after) - len(digest) - 1
    return f"{before}{name[:room]}_{digest}{after}"
