"""Whether the CRDs are there, served, and those of this release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.check.facts import Level, Problem
from cli.check.schema import differences
from cli.output.words import named
from resources.artifact import config, nodereport, plugin, rulesfile
from resources.component import spec as component
from resources.falco import spec as falco

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.check.facts import Facts
    from cli.cluster.snapshot import Object
    from resources.kubernetes.definition import ResourceDefinition

DEFINITIONS = tuple(
    kind.DEFINITION for kind in (falco, component, rulesfile, plugin, config, nodereport)
)
# The Go operator's CRDs have the same names; controller-gen has made them, and never ours.
_GO = "controller-gen.kubebuilder.io/version"


def absent(facts: Facts) -> Iterator[Problem]:
    """The CRDs that are missing, or not served."""
    for definition in DEFINITIONS:
        crd = _crd(facts, definition)
        if crd is None:
            yield Problem(Level.BAD, f"{definition.crd_name} is missing")
        elif crd["metadata"].get("deletionTimestamp"):
            yield Problem(Level.BAD, f"{definition.crd_name} is being deleted, and all of its kind")
        elif why := _not_served(crd, definition):
            yield Problem(Level.BAD, f"{definition.crd_name} is not served: {why}")


def outdated(facts: Facts) -> Iterator[Problem]:
    """The CRDs whose fields are not those of this release."""
    for definition in DEFINITIONS:
        crd = _crd(facts, definition)
        schema = _schema(crd, definition) if crd is not None else None
        if crd is None or schema is None:
            continue
        found = differences(definition, schema)
        whose = " (the Go operator's)" if _is_go(crd) else ""
        name = f"{definition.crd_name}{whose}"
        if found.lacking:
            yield Problem(Level.BAD, f"{name} lacks {named(found.lacking)}")
        if found.unknown:
            text = f"{name} has {named(found.unknown)}, which this release does not know"
            yield Problem(Level.DOUBTFUL, text, "Is this program older than the operator?")
        if found.other and not found.lacking:
            text = f"{name} restricts {named(found.other)} otherwise than this release"
            yield Problem(Level.DOUBTFUL, text)


def foreign(facts: Facts) -> Iterator[Problem]:
    """Before an installation: CRDs of these names that Helm would leave as they are."""
    for definition in DEFINITIONS:
        crd = _crd(facts, definition)
        if crd is None:
            continue
        if _is_go(crd):
            text = f"{definition.crd_name} is the Go operator's"
            hint = (
                "kubectl apply --server-side --force-conflicts -f crds/ takes it over, and its"
                " resources stay. Stop the Go operator first."
            )
            yield Problem(Level.BAD, text, hint)
            continue
        schema = _schema(crd, definition)
        if schema is None or any(differences(definition, schema)):
            yield Problem(Level.DOUBTFUL, f"{definition.crd_name} is of another release")


def _crd(facts: Facts, definition: ResourceDefinition) -> Object | None:
    return facts.snapshot.get("CustomResourceDefinition", "", definition.crd_name)


def _is_go(crd: Object) -> bool:
    return _GO in (crd["metadata"].get("annotations") or {})


def _not_served(crd: Object, definition: ResourceDefinition) -> str:
    versions = [one for one in crd["spec"]["versions"] if one["name"] == definition.version]
    if not any(one.get("served") for one in versions):
        return f"it has no version {definition.version}"
    for condition in crd.get("status", {}).get("conditions") or ():
        if condition["type"] in ("Established", "NamesAccepted") and condition["status"] != "True":
            return f"{condition['type']} is {condition['status']}: {condition.get('message', '')}"
    return ""


def _schema(crd: Object, definition: ResourceDefinition) -> dict[str, Any] | None:
    for version in crd["spec"]["versions"]:
        if version["name"] == definition.version:
            schema: dict[str, Any] = (version.get("schema") or {}).get("openAPIV3Schema") or {}
            return schema
    return None
