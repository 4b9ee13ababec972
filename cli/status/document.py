"""A diagnosis as items of a List: all that the text says, and the whole of what it shortens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.output.items import finding_item, unread_item

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cli.observed.cells import Row
    from cli.observed.facts import Artifact, Instance
    from cli.status.diagnosis import Diagnosis
    from cli.status.finding import Finding
    from resources.kubernetes.reference import ObjectRef


def items(diagnosis: Diagnosis, unread: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Instances, artifacts, findings, and sentences about what could not be read."""
    codes = codes_of(diagnosis)
    for instance in diagnosis.instances:
        yield _instance(instance, codes.get(instance.meta.ref, []))
    for row in diagnosis.rows:
        yield _row(row, codes.get(row.artifact.meta.ref, []))
    yield from map(_finding, diagnosis.findings)
    for text in unread:
        yield unread_item(text)


def codes_of(diagnosis: Diagnosis) -> dict[ObjectRef, list[str]]:
    """By object: the codes of the findings in whose chain it is, the worst first."""
    found: dict[ObjectRef, dict[str, None]] = {}
    for one in diagnosis.findings:
        is_of_artifact = one.subject.kind in _ARTIFACTS or one.chain[0].kind in _ARTIFACTS
        # What is wrong with an artifact is not wrong with the Falco that shows it.
        concerned = [one.subject, one.chain[0]] if not is_of_artifact else [_artifact(one)]
        for ref in (*concerned, *one.others):
            found.setdefault(ref, {})[one.code.name] = None
    return {ref: list(names) for ref, names in found.items()}


_ARTIFACTS = frozenset({"Rulesfile", "Plugin", "Config"})


def _artifact(one: Finding) -> ObjectRef:
    return next(ref for ref in reversed(one.chain) if ref.kind in _ARTIFACTS)


def _instance(instance: Instance, codes: list[str]) -> dict[str, Any]:
    return {
        "kind": "Instance",
        "resource": str(instance.meta.ref),
        "workload": str(instance.child),
        "version": instance.version,
        "desired": instance.desired,
        "available": instance.available,
        "conditions": _conditions(instance),
        "codes": codes,
    }


def _row(row: Row, codes: list[str]) -> dict[str, Any]:
    artifact = row.artifact
    return {
        "kind": "Artifact",
        "resource": str(artifact.meta.ref),
        "source": artifact.source,
        "revision": artifact.subject.revision,
        "digest": artifact.digest,
        "conditions": _conditions(artifact),
        "pods": {state.value: count for state, count in row.counts.items() if count}
        if row.is_known
        else None,
        "different": [
            {
                "pod": cell.pod.meta.ref.name,
                "node": cell.pod.node,
                "state": cell.state.value,
                "why": cell.why,
            }
            for cell in row.different
        ],
        "codes": codes,
    }


def _conditions(one: Instance | Artifact) -> dict[str, Any]:
    return {
        name: {"status": known.status, "reason": known.reason, "isCurrent": known.is_current}
        for name, known in one.conditions.items()
    }


def _finding(one: Finding) -> dict[str, Any]:
    return finding_item(
        one.code.name,
        one.code.severity,
        one.code.title,
        about=str(one.subject),
        message=one.cause,
        hint=one.remedy,
        chain=[str(ref) for ref in one.chain],
        others=[str(ref) for ref in one.others],
    )
