"""The check of everything in some files, as the nodes of each namespace would make it."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from cli.analyze import findings as codes
from cli.analyze.contents import PLAIN, REFUSED, Content, Contents, ContentSet, Resource
from cli.analyze.findings import Code, Finding
from cli.analyze.instances import Running, children_of, running_of
from cli.analyze.lines import relocated
from resources.check.candidates import NodeSet
from resources.check.check_request import CheckedSlot, CheckedVersion, Context, PluginFact
from resources.falco.desired import FalcoSettings
from resources.falco.pod import MAIN
from resources.kubernetes.invalid_spec import InvalidSpec
from resources.node.files import library_name
from resources.rules import rules_file
from resources.rules.items import PluginRequirement
from resources.rules.versions import release, versions_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DOUBTFUL = {
    "rules": codes.RULES_DOUBTFUL,
    "config": codes.CONFIG_DOUBTFUL,
    "plugin": codes.PLUGIN_DOUBTFUL,
}
_MOST_NAMED = 3


def analyzed(contents: Contents, falco_version: str = "") -> list[Finding]:
    """All findings about these files, by file and line.

    `falco_version` is the release that is to load them; empty for those of the Falcos in the files,
    or the default.
    """
    found, running = [], dict[str, list[Running]]()
    for resource in contents.instances:
        findings, runs = _of_instance(resource)
        found.extend(findings)
        running.setdefault(resource.namespace, []).extend(runs)
    for namespace, set_ in contents.sets().items():
        falcos = running.get(namespace) or [Running("DaemonSet", MAIN.version)]
        if falco_version:
            falcos = [falco._replace(version=falco_version) for falco in falcos]
        for falco in dict.fromkeys(falcos):
            found.extend(_SetAnalysis(contents, set_, falco, namespace).findings())
    found.extend(contents.findings)
    return sorted(set(found), key=lambda one: (one.file, one.line, one.code.name, one.text))


def _of_instance(resource: Resource) -> tuple[list[Finding], list[Running]]:
    """The findings about a Falco or Component, and what a Falco would run."""
    try:
        children = children_of(resource, FalcoSettings())
        running = [running_of(resource)] if resource.kind == "Falco" else []
    except (InvalidSpec, msgspec.DecodeError) as error:
        return [resource.finding(codes.INVALID, str(error))], []
    warnings = chain.from_iterable(child.warnings for child in children)
    if resource.suppresses(codes.INSTANCE_DOUBTFUL):
        return [], running
    return [resource.finding(codes.INSTANCE_DOUBTFUL, warning) for warning in warnings], running


class _SetAnalysis:
    """What one Falco would say of a set."""

    def __init__(
        self, contents: Contents, set_: ContentSet, falco: Running, namespace: str
    ) -> None:
        self._elsewhere = set_.elsewhere
        self._contents = {content.slot.id: content for content in set_.contents}
        slots = [content.slot for content in set_.contents]
        if namespace == PLAIN:
            slots += _required_plugins(contents, slots, falco.version)
        context = Context(
            versions_of(falco.version).engine,
            falco.version,
            "Deployment" if falco.workload == "Deployment" else "DaemonSet",
        )
        self._node = NodeSet(slots, context, contents.read)

    def findings(self) -> Iterator[Finding]:
        """First of each content by itself, then of all that are sound by themselves."""
        sound = {}
        for slot in self._node.slots:
            version, content = slot.wanted, self._contents.get(slot.id)
            assert version is not None, "all are wanted"
            problems = self._node.own_problems(slot, version)
            if not problems:
                sound[slot.id] = version
            if content is not None:
                yield from _told(content, REFUSED[slot.kind], problems)
                warnings = self._node.own_warnings(slot, version)
                yield from _told(content, _DOUBTFUL[slot.kind], warnings)
        whole = self._node.evaluate(sound)
        for origin, text in whole.problems:
            if content := self._contents.get(origin):
                yield from self._told_of_set(content, text)
        for origin, text in whole.warnings:
            if content := self._contents.get(origin):
                yield from _told(content, _DOUBTFUL[content.slot.kind], [text])

    def _told_of_set(self, content: Content, text: str) -> Iterator[Finding]:
        """A problem with other contents: where some are not at hand, it may be none."""
        others = [str(other) for other in self._elsewhere if other is not content.resource]
        if not others:
            yield from _told(content, REFUSED[content.slot.kind], [text])
            return
        more = len(others) - _MOST_NAMED
        names = ", ".join(others[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        text = f"{text}; unless {names} helps, of which the content is not at hand"
        yield from _told(content, codes.NOT_TOLD, [text])


def _told(content: Content, code: Code, texts: Iterable[str]) -> Iterator[Finding]:
    resource = content.resource
    if resource is not None and resource.suppresses(code):
        return
    for text in texts:
        line, told = relocated(text, content.lines, content.line)
        yield Finding(content.file, line, code, str(resource or ""), told)


def _required_plugins(
    contents: Contents, slots: Iterable[CheckedSlot], falco_version: str
) -> list[CheckedSlot]:
    """The plugins that plain rules files say they need: whoever loads the files has them."""
    found: dict[str, str] = {}
    for slot in slots:
        if slot.kind == "rules":
            content = rules_file.read(contents.read(slot.id), release(falco_version))
            needs = (item for item in content.items if isinstance(item, PluginRequirement))
            found |= {name: version for need in needs for name, version in need.alternatives[:1]}
    return [
        CheckedSlot(
            f"required plugin {name}",
            "plugin",
            library_name(name),
            CheckedVersion(plugin=PluginFact(name, version)),
        )
        for name, version in found.items()
    ]
