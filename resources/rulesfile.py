"""Rulesfile: rules for the Falcos of a namespace."""

from typing import Annotated, Any

import msgspec

from resources.artifact_status import NODES_COLUMN, PRIORITY_COLUMN, ArtifactStatus
from resources.definition import AGE, ResourceDefinition, condition_column, doc
from resources.meta import LabelSelector, LocalReference, ObjectMeta
from resources.oci_artifact import OCIArtifact


class RulesfileSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Where the rules come from and which nodes get them; sources may be combined."""

    oci_artifact: Annotated[OCIArtifact | None, doc("Rules from an OCI registry.")] = None
    inline_rules: Annotated[
        Any, doc("Rules as they stand in a rules file: a list of rules, macros and lists.")
    ] = None
    config_map_ref: Annotated[
        LocalReference | None, doc("A ConfigMap whose key rules.yaml holds rules.")
    ] = None
    priority: Annotated[
        int, doc("Higher is loaded later and wins.", format="int32", minimum=0, maximum=99)
    ] = 50
    selector: Annotated[
        LabelSelector | None, doc("The nodes that get it, by their labels; absent means all.")
    ] = None


class Rulesfile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Rules for every Falco of this namespace."""

    metadata: ObjectMeta = ObjectMeta()
    spec: Annotated[RulesfileSpec, doc("The wanted state.")] = RulesfileSpec()
    status: Annotated[ArtifactStatus, doc("The observed state.")] = ArtifactStatus()


DEFINITION = ResourceDefinition(
    type=Rulesfile,
    kind="Rulesfile",
    categories=("falcosecurity", "artifacts"),
    columns=(
        PRIORITY_COLUMN,
        condition_column("Programmed"),
        condition_column("ResolvedRefs"),
        NODES_COLUMN,
        AGE,
    ),
)
