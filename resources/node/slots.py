"""What the check of a node is asked, and what it answers.

    Slots, each a place for one file with what is wanted there and what is installed now
        → resources.node.verdict.check → which of the two, and why

The check itself runs in a process of its own.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec


class PluginFact(msgspec.Struct, frozen=True):
    """What is known of a plugin.

    `name` is that of its entry in falco.yaml, `version` is empty if unknown. `library_path` is
    where Falco is told to look for the library; empty means where its own slot puts it. `present`
    says whether there is something to put there, or something there already.
    """

    name: str
    version: str = ""
    library_path: str = ""
    present: bool = True


class Version(msgspec.Struct, frozen=True):
    """One content of a slot: a file to be read, or a plugin. Equal ones have the same content."""

    path: str = ""
    plugin: PluginFact | None = None


class Slot(msgspec.Struct, frozen=True):
    """A place for one file; `file` is its name in its directory and thereby its load order.

    `kind` is "rules", "config" or "plugin". `wanted` None means to be removed, which always
    happens; `good` is what is installed now, None for nothing. What `stays` is there whatever is
    decided, such as a file that somebody mounted.
    """

    id: str
    kind: str
    file: str
    wanted: Version | None = None
    good: Version | None = None
    stays: bool = False


class Context(msgspec.Struct, frozen=True):
    """The Falco of the node; an empty version is unknown, and nothing is checked against it.

    `foreign_libraries` are files in the directory of plugins that no slot is for.
    """

    engine_version: str = ""
    falco_version: str = ""
    workload: Literal["DaemonSet", "Deployment"] = "DaemonSet"
    foreign_libraries: tuple[str, ...] = ()


Choice: TypeAlias = Literal["wanted", "good", "none"]


class Verdict(msgspec.Struct, frozen=True):
    """By slot id: the version to install, why it is not the wanted one, and what to be wary of."""

    chosen: dict[str, Choice] = {}
    problems: dict[str, tuple[str, ...]] = {}
    warnings: dict[str, tuple[str, ...]] = {}
