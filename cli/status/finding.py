"""A finding: what is wrong, why, what to do, and the chain of objects that leads there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cli.output.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.status.codes import Code
    from resources.kubernetes.reference import ObjectRef


class Finding(NamedTuple):
    """One finding; `chain` goes from the resource of a user down to what is at fault.

    `others` are further objects of the last kind in the chain with the same cause.
    """

    code: Code
    chain: tuple[ObjectRef, ...]
    cause: str
    remedy: str
    others: tuple[ObjectRef, ...] = ()

    @property
    def subject(self) -> ObjectRef:
        """What is at fault."""
        return self.chain[-1]


def finding(
    code: Code,
    chain: Iterable[ObjectRef],
    cause: str,
    others: Iterable[ObjectRef] = (),
    **names: str,
) -> Finding:
    """A finding; `names` fill the places in the remedy of its code."""
    objects = tuple(chain)
    subject = objects[-1]
    places = {
        "namespace": subject.namespace or "default",
        "resource": command_name(objects[0]),
        "workload": command_name(subject),
        "pod": subject.name,
        "node": subject.name,
        "container": "falco",
    } | names
    remedy = printable(code.remedy.format_map(places))
    return Finding(code, objects, printable(cause), remedy, tuple(others))


def command_name(ref: ObjectRef) -> str:
    """The object as an argument of kubectl."""
    scope = f"-n {ref.namespace} " if ref.namespace else ""
    return f"{scope}{ref.kind.lower()}/{ref.name}"


def grouped(findings: Iterable[Finding]) -> list[Finding]:
    """Findings of one code and cause below the same objects as one, which has the others."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for one in findings:
        groups.setdefault((one.code, one.chain[:-1], one.subject.kind, one.cause), []).append(one)
    return [
        first._replace(others=(*first.others, *(one.subject for one in rest)))
        for first, *rest in groups.values()
    ]


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """The worst first, then what is nearest to the cluster."""
    return sorted(findings, key=lambda one: (-one.code.severity, one.code.name, one.chain))
