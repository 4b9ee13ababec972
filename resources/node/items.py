"""One artifact as a node sees it: its sources, and what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from resources.node.files import library_path, slot_id
from resources.node.plugin_entries import PluginEntry
from resources.text.yaml_writer import excess

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resources.artifact.plugin import Plugin


INVALID = "InvalidContent"


PENDING = "Pending"


NAME_CONFLICT = "NameConflict"


REFERENCE_FAILED = "ReferenceResolutionFailed"


# What could not be stored, by kind of artifact and medium.
STORE_FAILED = {
    ("Rulesfile", "oci"): "OCIArtifactStoreFailed",
    ("Rulesfile", "configmap"): "ConfigMapRulesStoreFailed",
    ("Rulesfile", "inline"): "InlineRulesStoreFailed",
    ("Plugin", "oci"): "OCIArtifactStoreFailed",
    ("Plugin", "inline"): "InlinePluginConfigStoreFailed",
    ("Config", "configmap"): "ConfigMapConfigStoreFailed",
    ("Config", "inline"): "InlineConfigStoreFailed",
}


class Content(msgspec.Struct, frozen=True):
    """What a source amounts to; `origin` names what it was made from, so equal ones are."""

    sha256: str
    origin: str
    version: str = ""
    dependencies: tuple[str, ...] = ()


class Installed(msgspec.Struct, frozen=True):
    """One version of a slot; remembered on disk, to fall back to.

    `file` is the name in its directory, of a library for plugins; a plugin may have no content of
    its own, and only plugins have an entry.
    """

    file: str
    created: str
    content: Content | None = None
    entry: PluginEntry | None = None


class Trouble(NamedTuple):
    """Why there is no content; `transient` if it may pass without anybody's doing."""

    reason: str
    message: str
    transient: bool = False


class Part(NamedTuple):
    """One source of an artifact: what it came to, or why not; neither while it is fetched."""

    wanted: Installed | None = None
    trouble: Trouble | None = None


class Item(NamedTuple):
    """One artifact as this node sees it.

    `parts` by medium; None while it is not known what to install, and all stays as it is. More
    `is_coming` if that takes seconds, and nobody who has to mend something first.
    """

    kind: str
    name: str
    uid: str
    revision: str
    selected: bool
    parts: Mapping[str, Part] | None
    trouble: Trouble | None = None
    is_coming: bool = False

    def slot(self, medium: str) -> str:
        """The id of the slot of one of its sources."""
        return slot_id(self.kind, self.name, self.uid, medium)


def entry_of(plugin: Plugin, name: str, dependencies: tuple[str, ...]) -> PluginEntry:
    """What the spec of a Plugin of this name amounts to."""
    config = plugin.spec.config
    return PluginEntry(
        name=(config.name if config else None) or name,
        library_path=(config.library_path if config else None) or library_path(name),
        init_config=config.init_config if config else None,
        open_params=config.open_params if config else None,
        dependencies=dependencies,
    )


def trouble_of_entry(plugin: Plugin) -> Trouble | None:
    """Why it cannot be written."""
    config = plugin.spec.config
    found = excess({"plugins": [{"init_config": config.init_config if config else None}]})
    return Trouble(INVALID, f"spec.config.initConfig {found}") if found else None
