"""What some files hold for Falco: the sets of contents that are loaded together.

The resources of one namespace are one set, whatever nodes they select. Rules files and parts of
falco.yaml that are no resources are a set of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from cli.analyze import findings as codes
from cli.analyze.findings import Code, Finding
from cli.analyze.lines import LineMap, of_block, of_items, same
from cli.analyze.manifests import MOST_BYTES, Document, Unreadable, documents, value_node
from cli.analyze.recognition import MANIFEST, as_utf8, kind_of_file, problem_of
from cli.cluster.options import DEFAULT_NAMESPACE
from resources.artifact import sources as artifact_sources
from resources.artifact.medium import Medium
from resources.artifact.plugin import Plugin
from resources.artifact.rulesfile import Rulesfile
from resources.artifact.sources import CONTENT_KEYS
from resources.check.check_request import CheckedSlot, CheckedVersion, PluginFact
from resources.kubernetes.invalid_spec import InvalidSpec
from resources.kubernetes.kinds import KINDS
from resources.node.files import file_name, library_name
from resources.node.plugin_entries import entry_of, entry_problem
from resources.text.keyed_text import NoText, config_map_text
from resources.text.messages import shown_unquoted
from resources.text.yaml_writer import excess, yaml_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resources.artifact.config import Config

SUPPRESS = "falcosecurity.dev/suppress"
"""The annotation with the codes, separated by commas, of what is not to be told of a resource."""
PLAIN = ""
"""The name of the set of files that are no manifests."""

REFUSED = {
    "rules": codes.RULES_REFUSED,
    "config": codes.CONFIG_REFUSED,
    "plugin": codes.PLUGIN_REFUSED,
}
_SLOTS = {"Rulesfile": "rules", "Config": "config"}
_ARTIFACTS = ("Rulesfile", "Plugin", "Config")
_INSTANCES = ("Falco", "Component")
_DATA = ("data", "binaryData")


class Resource(NamedTuple):
    """A resource in a file."""

    document: Document
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}"

    def finding(self, code: Code, text: str) -> Finding:
        """A finding about the whole resource."""
        return Finding(self.document.file, self.document.line, code, str(self), text)

    @property
    def config_map(self) -> str:
        """The ConfigMap that a Rulesfile or Config names; empty for none."""
        spec = self.document.value.get("spec") if self.kind in CONTENT_KEYS else None
        reference = spec.get("configMapRef") if isinstance(spec, dict) else None
        name = reference.get("name") if isinstance(reference, dict) else None
        return name if isinstance(name, str) else ""

    def suppresses(self, code: Code) -> bool:
        """Whether its annotation says not to tell findings of this code."""
        annotations = self.document.value["metadata"].get("annotations")
        said = annotations.get(SUPPRESS) if isinstance(annotations, dict) else None
        return code.name in re.split(r"[,\s]+", str(said))


class Content(NamedTuple):
    """A content that Falco loads, as a slot of the check, and where the user wrote it.

    `resource` is None for a plain file.
    """

    slot: CheckedSlot
    resource: Resource | None
    file: str
    line: int
    lines: LineMap


@dataclass(slots=True)
class ContentSet:
    """What is loaded together; the content of the resources in `elsewhere` is not at hand."""

    contents: list[Content] = field(default_factory=list)
    elsewhere: list[Resource] = field(default_factory=list)


class Contents:
    """Takes in files, and gives their contents by namespace, and findings on the way."""

    def __init__(self, default_namespace: str = DEFAULT_NAMESPACE) -> None:
        """`default_namespace` is that of manifests that name none."""
        self._default_namespace = default_namespace
        self.findings: list[Finding] = []
        self.instances: list[Resource] = []
        self.checked = 0
        """How many resources and plain files there are to check."""
        self._bytes: dict[str, bytes] = {}
        self._sets: dict[str, ContentSet] = {}
        self.artifacts: list[Resource] = []
        self._config_maps: dict[tuple[str, str], Document] = {}
        self._seen: dict[str, Document] = {}

    def add(self, file: str, text: bytes) -> None:
        """Take in a file: manifests, a rules file, or a part of falco.yaml; ignore any other."""
        text = as_utf8(text)
        kind = kind_of_file(file, text)
        if not kind:
            return
        if kind != MANIFEST and len(text) <= MOST_BYTES:
            self._plain(kind, file, text)
            return
        try:
            found = documents(file, text)
        except Unreadable as error:
            self.findings.append(Finding(file, error.line, codes.UNREADABLE, "", str(error)))
            return
        for document in found:
            self._document(document)

    def has(self, resource: str) -> bool:
        """Whether a resource, as `Kind/namespace/name`, was taken in."""
        return resource in self._seen

    def lacking_config_maps(self) -> list[tuple[str, str, str]]:
        """Namespace, name and key of each ConfigMap that an artifact names and no file has."""
        found: dict[tuple[str, str, str], None] = {}
        for resource in self.artifacts:
            name = resource.config_map
            if name and (resource.namespace, name) not in self._config_maps:
                found[resource.namespace, name, CONTENT_KEYS[resource.kind]] = None
        return list(found)

    def sets(self) -> dict[str, ContentSet]:
        """The sets by namespace; to be called once, when all files are in."""
        for resource in self.artifacts:
            set_ = self._sets.setdefault(resource.namespace, ContentSet())
            self._artifact(resource, set_)
        return self._sets

    def read(self, path: str) -> bytes:
        """The content of a slot's version."""
        return self._bytes[path]

    def _plain(self, kind: str, file: str, text: bytes) -> None:
        self.checked += 1
        set_ = self._sets.setdefault(PLAIN, ContentSet())
        name = f"{len(set_.contents):06}-{PurePath(file).name}"
        self._bytes[file] = text
        slot = CheckedSlot(file, kind, name, CheckedVersion(file))
        set_.contents.append(Content(slot, None, file, 1, same))

    def _document(self, document: Document) -> None:
        if isinstance(document.value, dict) and (problem := problem_of(document.value)):
            self.checked += 1
            self.findings.append(_unknown(document, problem))
            return
        resource = _resource(document, self._default_namespace)
        if resource is None:
            return
        if resource.kind == "ConfigMap":
            self._config_maps[resource.namespace, resource.name] = document
            return
        self.checked += 1
        first = self._seen.setdefault(str(resource), document)
        if first is not document:
            text = f"it is in {first.file}, line {first.line}, too"
            self.findings.append(resource.finding(codes.DUPLICATE, text))
        elif resource.kind in _ARTIFACTS:
            self.artifacts.append(resource)
        else:
            self.instances.append(resource)

    def _artifact(self, resource: Resource, set_: ContentSet) -> None:
        try:
            raw = msgspec.json.encode(resource.document.value)
            artifact = artifact_sources.decode(resource.kind, raw)
            found = artifact_sources.sources_of(artifact)
        except (InvalidSpec, msgspec.DecodeError) as error:
            self.findings.append(resource.finding(codes.INVALID, str(error)))
            return
        if isinstance(artifact, Plugin):
            set_.contents.extend(self._plugin(resource, artifact))
            return
        if found.oci is not None:
            self._not_at_hand(resource, set_, f"it is in the registry: {found.oci}")
        if found.config_map is not None:
            set_.contents.extend(self._of_config_map(resource, artifact, set_))
        if found.inline is not None:
            set_.contents.extend(self._inline(resource, artifact))

    def _plugin(self, resource: Resource, plugin: Plugin) -> Iterator[Content]:
        if problem := entry_problem(plugin):
            self.findings.append(resource.finding(codes.PLUGIN_REFUSED, problem))
            return
        entry = entry_of(plugin, resource.name, ())
        init = b"" if entry.init_config is None else msgspec.json.encode(entry.init_config)
        fact = PluginFact(entry.name, "", entry.library_path, init_config=init.decode())
        version, file = CheckedVersion(plugin=fact), library_name(resource.name)
        slot = CheckedSlot(str(resource), "plugin", file, version)
        document = resource.document
        yield Content(slot, resource, document.file, document.line, lambda _: document.line)

    def _of_config_map(
        self, resource: Resource, artifact: Rulesfile | Config, set_: ContentSet
    ) -> Iterator[Content]:
        assert artifact.spec.config_map_ref is not None, "it is a source"
        name, key = artifact.spec.config_map_ref.name, CONTENT_KEYS[resource.kind]
        document = self._config_maps.get((resource.namespace, name))
        try:
            maps = {} if document is None else document.value
            found = {part: maps[part] for part in _DATA if isinstance(maps.get(part), dict)}
            text = config_map_text(found, key)
        except NoText:
            document = None
        if document is None:
            self._not_at_hand(resource, set_, f"it is key {key} of ConfigMap {name}")
            return
        lines = of_block(value_node(document.node, "data", key), document.line)
        slot = self._slot(resource, artifact, Medium.CONFIG_MAP, text)
        yield Content(slot, resource, document.file, lines(1), lines)

    def _inline(self, resource: Resource, artifact: Rulesfile | Config) -> Iterator[Content]:
        document = resource.document
        key = "inlineRules" if isinstance(artifact, Rulesfile) else "config"
        value, node = document.value["spec"][key], value_node(document.node, "spec", key)
        if problem := excess(value):
            code = REFUSED[_SLOTS[resource.kind]]
            self.findings.append(resource.finding(code, f"spec.{key} {problem}"))
            return
        if isinstance(value, str):
            text, lines = value, of_block(node, document.line)
        else:
            text = yaml_text(value)
            lines = of_items(node, text, document.line)
        slot = self._slot(resource, artifact, Medium.INLINE, text)
        yield Content(slot, resource, document.file, document.line, lines)

    def _slot(
        self, resource: Resource, artifact: Rulesfile | Config, medium: Medium, text: str
    ) -> CheckedSlot:
        path = f"{resource}/{medium}"
        self._bytes[path] = text.encode("utf-8", "replace")
        file = file_name(artifact.spec.priority, medium, resource.name)
        return CheckedSlot(path, _SLOTS[resource.kind], file, CheckedVersion(path))

    def _not_at_hand(self, resource: Resource, set_: ContentSet, where: str) -> None:
        set_.elsewhere.append(resource)
        text = f"the content is not checked: {where}"
        self.findings.append(resource.finding(codes.NOT_AT_HAND, text))


def _unknown(document: Document, problem: str) -> Finding:
    """A finding about a document that is in one of our groups, and no resource."""
    metadata = document.value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    parts = [shown_unquoted(str(one)) for one in (document.value.get("kind"), name) if one]
    return Finding(document.file, document.line, codes.INVALID, "/".join(parts), problem)


def _resource(document: Document, default_namespace: str) -> Resource | None:
    """The resource that a document holds, if it is one that matters."""
    value = document.value
    if not isinstance(value, dict):
        return None
    kind, metadata = value.get("kind"), value.get("metadata")
    if kind not in (*_ARTIFACTS, *_INSTANCES, "ConfigMap") or not isinstance(metadata, dict):
        return None
    if value.get("apiVersion") != KINDS[kind].api_version:
        return None
    namespace = metadata.get("namespace") or default_namespace
    return Resource(document, kind, str(namespace), str(metadata.get("name", "")))
