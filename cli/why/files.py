"""The files that the artifacts of a namespace become on a node, with their content if at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from cli.observed.objects import artifact_of
from resources.artifact import sources as artifact_sources
from resources.artifact.medium import Medium
from resources.artifact.plugin import Plugin
from resources.kubernetes.invalid_spec import InvalidSpec
from resources.node.files import (
    DIRECTORIES,
    PLUGIN_ENTRIES,
    Directory,
    Place,
    file_name,
    library_name,
)
from resources.node.plugin_entries import entry_of
from resources.text.yaml_writer import excess, yaml_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cli.cluster.snapshot import Object
    from cli.observed.facts import Artifact
    from resources.artifact.sources import Sources


class File(NamedTuple):
    """A file that a source of an artifact becomes.

    `origin` says where the content is from. `content` is None if it is not at hand. `entry` is the
    name of a plugin in falco.yaml, empty for any other file.
    """

    artifact: Artifact
    place: Place
    origin: str
    digest: str = ""
    content: bytes | None = None
    entry: str = ""
    created: str = ""

    @property
    def path(self) -> str:
        """The path in Falco's container."""
        return f"/{self.place.path}"


class ConfigMapKey(NamedTuple):
    """A key of a ConfigMap that an artifact takes its content from."""

    namespace: str
    name: str
    key: str


def files_of(
    objects: Iterable[Object], contents: Mapping[ConfigMapKey, str]
) -> tuple[list[File], list[str]]:
    """The files, in the order in which Falco loads those of a directory, and what has none.

    `contents` are keys of ConfigMaps that could be read.
    """
    found: list[File] = []
    without: list[str] = []
    for one in objects:
        try:
            found += _files(one, contents)
        except (msgspec.DecodeError, InvalidSpec) as error:
            name = f"{one['kind']}/{one['metadata']['namespace']}/{one['metadata']['name']}"
            without.append(f"{name} has no file: {error}")
    return sorted(found, key=_order), without


def config_maps_of(objects: Iterable[Object]) -> Iterator[ConfigMapKey]:
    """The ConfigMaps from which the content of Rulesfiles and Configs is taken."""
    for one in objects:
        name = (one.get("spec", {}).get("configMapRef") or {}).get("name")
        key = artifact_sources.CONTENT_KEYS.get(one["kind"])
        if name and key:
            yield ConfigMapKey(one["metadata"]["namespace"], name, key)


def _order(one: File) -> tuple[str, str, bytes]:
    namespace = one.artifact.meta.ref.namespace
    return namespace, one.place.directory.value, one.place.name.encode()


def _files(one: Object, contents: Mapping[ConfigMapKey, str]) -> Iterator[File]:
    decoded = artifact_sources.decode(one["kind"], msgspec.json.encode({**one, "status": {}}))
    artifact, sources = artifact_of(one), artifact_sources.sources_of(decoded)
    resolved = one.get("status", {}).get("resolved", {})
    if isinstance(decoded, Plugin):
        yield from _of_plugin(artifact, decoded, sources, one)
        return
    name, priority = artifact.meta.ref.name, decoded.spec.priority
    directory = DIRECTORIES[one["kind"]]

    def place(medium: Medium) -> Place:
        return Place(directory, file_name(priority, medium, name))

    if sources.oci is not None:
        yield File(artifact, place(Medium.OCI), str(sources.oci), artifact.digest)
    if sources.config_map is not None:
        key = ConfigMapKey(artifact.meta.ref.namespace, *sources.config_map)
        text = contents.get(key)
        origin = f"key {key.key} of ConfigMap {key.name}"
        digest = resolved.get("configMapDigest", "")
        content = text.encode("utf-8", "replace") if text is not None else None
        yield File(artifact, place(Medium.CONFIG_MAP), origin, digest, content)
    if sources.inline is not None:
        value = sources.inline.value
        text = value if isinstance(value, str) else "" if excess(value) else yaml_text(value)
        content = text.encode("utf-8", "replace")
        origin = f"spec.{sources.inline.key}"
        yield File(artifact, place(Medium.INLINE), origin, content=content)


def _of_plugin(artifact: Artifact, plugin: Plugin, sources: Sources, one: Object) -> Iterator[File]:
    """The library, and the entry in the file that all Plugins share."""
    name, created = artifact.meta.ref.name, one["metadata"].get("creationTimestamp", "")
    entry = entry_of(plugin, name, ())
    if sources.oci is not None:
        place = Place(Directory.PLUGINS, library_name(name))
        yield File(artifact, place, str(sources.oci), artifact.digest, entry=entry.name)
    place = Place(Directory.CONFIG, PLUGIN_ENTRIES)
    origin = "spec.config" if plugin.spec.config is not None else "the Plugin's name"
    yield File(artifact, place, origin, entry=entry.name, created=created)
