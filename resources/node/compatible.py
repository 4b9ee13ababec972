"""Whether the Falco of a node has what the artifacts of its namespace need."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from resources.artifact.nodereport import FitState, ReportState
from resources.check.needs import ENGINE, PLUGIN_API, Needs
from resources.configuration.official_plugins import OFFICIAL
from resources.kubernetes.event import NOTE_BYTES, bounded
from resources.kubernetes.kinds import KINDS
from resources.rules.versions import semantic_version
from resources.text.messages import shown_unquoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from resources.artifact.nodereport import ArtifactReport
    from resources.check.check_request import Verdict
    from resources.node.artifact import NodeArtifact
    from resources.node.plan import Plan
    from resources.node.slots import SlotId, SlotVersion
    from resources.registry.request import Dependency, Requirement
    from resources.rules.versions import FalcoVersions

_PARTS = {ENGINE: "engine", PLUGIN_API: "plugin API"}
# Characters of a version, or of a name, in a message: what declares them may hold any text.
_LONGEST = 64


class PresentPlugin(NamedTuple):
    """A plugin that is installed: the Plugin that brings it, and the version if it is known."""

    resource: str
    version: str


class NodeParts(NamedTuple):
    """What a node has for its artifacts: its Falco, and plugins by the name of their entry.

    `expected` are the Plugins that there are, installed or not, by the name of their entry, or by
    their own while that is not known.
    `is_complete`: no plugin is on its way any more.
    """

    namespace: str
    falco: FalcoVersions
    plugins: Mapping[str, PresentPlugin]
    expected: Mapping[str, str] = {}
    is_complete: bool = True


def needs_of(planned: Plan, verdict: Verdict) -> dict[SlotId, Needs]:
    """What the wanted versions of slots need; nothing of those whose content is not known."""
    of_rules = {path.rpartition("/")[2]: needs for path, needs in verdict.needs.items()}
    found: dict[SlotId, Needs] = {}
    for slot in planned.slots:
        if slot.wanted is None:
            continue
        content = slot.wanted.content
        if slot.id.kind == "Plugin":
            found[slot.id] = content.needs if content is not None else Needs()
        elif content is not None and content.sha256 in of_rules:
            found[slot.id] = of_rules[content.sha256]
    return found


def plugins_of(
    loaded: Iterable[str], installed: Mapping[SlotId, SlotVersion]
) -> dict[str, PresentPlugin]:
    """The plugins that Falco loads; of one that no Plugin brings only the name is known."""
    ours = {
        version.entry.name: PresentPlugin(
            slot.name, version.content.version if version.content else ""
        )
        for slot, version in installed.items()
        if version.entry is not None
    }
    return {name: ours.get(name, PresentPlugin("", "")) for name in loaded}


def parts_of(
    namespace: str,
    falco: FalcoVersions,
    plugins: Mapping[str, PresentPlugin],
    artifacts: Collection[NodeArtifact],
    planned: Plan,
) -> NodeParts:
    """What the node has once `planned` is installed, with all Plugins that there are."""
    expected = {one.name: one.name for one in artifacts if one.kind == "Plugin"} | {
        slot.wanted.entry.name: slot.id.name
        for slot in planned.slots
        if slot.wanted is not None and slot.wanted.entry is not None
    }
    is_complete = not any(artifact.is_coming for artifact in artifacts)
    return NodeParts(namespace, falco, plugins, expected, is_complete)


def with_compatible(
    reports: Iterable[ArtifactReport], needs: Mapping[SlotId, Needs], parts: NodeParts
) -> tuple[ArtifactReport, ...]:
    """The reports, with what is lacking for the artifacts whose needs are known."""
    by_artifact: dict[tuple[str, str, str], list[Needs]] = {}
    for slot, needed in needs.items():
        by_artifact.setdefault((slot.kind, slot.name, slot.uid), []).append(needed)
    return tuple(
        _with_compatible(report, by_artifact.get((report.kind, report.name, report.uid)), parts)
        for report in reports
    )


def _with_compatible(
    report: ArtifactReport, needs: list[Needs] | None, parts: NodeParts
) -> ArtifactReport:
    if needs is None or report.state == ReportState.NOT_SELECTED:
        return report
    lacking = [text for needed in needs for text in _of_falco(needed, parts.falco)]
    plugins = [text for needed in needs for text in _of_plugins(needed, parts)]
    if parts.is_complete:
        lacking += plugins
    if lacking:
        return _answered(report, FitState.FALSE, lacking)
    if plugins:
        return report
    unknown = [text for needed in needs for text in _unknown(needed, parts.falco)]
    return _answered(report, FitState.UNKNOWN if unknown else FitState.TRUE, unknown)


def _answered(report: ArtifactReport, state: FitState, texts: list[str]) -> ArtifactReport:
    """The report with this answer, and of the texts as many as fit: a manifest is never cut."""
    first, *others = dict.fromkeys(texts) or [""]
    message = bounded(first)
    for at, text in enumerate(others):
        longer = f"{message}; {text}"
        if len(longer.encode()) > NOTE_BYTES - len("; and 99 more"):
            message = bounded(f"{message}; and {len(others) - at} more")
            break
        message = longer
    return replace(report, compatible=state.value, compatible_message=message or None)


def _of_falco(needs: Needs, falco: FalcoVersions) -> Iterator[str]:
    """What Falco is too old, or too new, for."""
    for requirement in needs.requirements:
        has, needed = _has(falco, requirement), semantic_version(requirement.version)
        there = semantic_version(has)
        if there is not None and needed is not None and not there.satisfies(needed):
            yield f"needs {_PARTS[requirement.name]} {needed} or newer, it has {has}"


def _of_plugins(needs: Needs, parts: NodeParts) -> Iterator[str]:
    """Which plugins are missing or of another version, and what would bring each."""
    for dependency in needs.dependencies:
        present = _present(dependency, parts)
        text = _other_version(present, parts) if present else _absent(dependency, parts)
        if text:
            yield text


def _unknown(needs: Needs, falco: FalcoVersions) -> Iterator[str]:
    for requirement in needs.requirements:
        if requirement.name in _PARTS and not semantic_version(_has(falco, requirement)):
            part = _PARTS[requirement.name]
            yield f"needs {part} {_brief(requirement.version)}, and which it has is not known"


def _has(falco: FalcoVersions, requirement: Requirement) -> str:
    """The version that Falco has of what is required; empty if that is not known."""
    return {ENGINE: falco.engine, PLUGIN_API: falco.plugin_api}.get(requirement.name, "")


def _present(dependency: Dependency, parts: NodeParts) -> Requirement | Dependency | None:
    """The first of the alternatives that is installed, which alone counts for Falco."""
    alternatives: tuple[Requirement | Dependency, ...] = (dependency, *dependency.alternatives)
    return next((one for one in alternatives if one.name in parts.plugins), None)


def _other_version(needed: Requirement | Dependency, parts: NodeParts) -> str:
    """Why an installed plugin will not do; empty if it does, or if nobody knows."""
    present = parts.plugins[needed.name]
    there, version = semantic_version(present.version), semantic_version(needed.version)
    if there is None or version is None or there.satisfies(version):
        return ""
    below = "" if there < version else f" and older than {version.major + 1}.0.0"
    text = f"needs plugin {_brief(needed.name)} {version} or newer{below}"
    change = f'{{"spec":{{"ociArtifact":{{"image":{{"tag":"{version}"}}}}}}}}'
    return (
        f"{text}, Plugin {present.resource} brings {there}; "
        f"kubectl -n {parts.namespace} patch plugins {present.resource} "
        f"--type=merge -p '{change}' changes that"
    )


def _absent(dependency: Dependency, parts: NodeParts) -> str:
    alternatives = [(dependency.name, dependency.version)]
    alternatives += [(other.name, other.version) for other in dependency.alternatives]
    wanted = ", or ".join(
        f"plugin {_brief(name)} {_brief(version)} or newer" for name, version in alternatives[:5]
    )
    for name, _ in alternatives:
        if name in parts.expected:
            return f"needs {wanted}, and Plugin {parts.expected[name]} is not installed"
    text = f"needs {wanted}, which is not installed"
    for name, version in alternatives:
        number = semantic_version(version)
        if name in OFFICIAL and number is not None:
            return f"{text}; this brings it: {_manifest(name, str(number), parts.namespace)}"
    return text


def _manifest(name: str, version: str, namespace: str) -> str:
    """A Plugin as kubectl takes it, in a line."""
    image = {"repository": f"falcosecurity/plugins/plugin/{name}", "tag": version}
    plugin = {
        "apiVersion": KINDS["Plugin"].api_version,
        "kind": "Plugin",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"ociArtifact": {"image": image}},
    }
    return msgspec.json.encode(plugin).decode()


def _brief(text: str) -> str:
    return shown_unquoted(text[:_LONGEST])
