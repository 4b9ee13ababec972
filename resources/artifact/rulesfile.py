"""Rulesfile: rules for every Falco of a namespace."""

from typing import Annotated, Any

import msgspec

from resources.artifact.fields import (
    PRIORITY_COLUMN,
    ArtifactStatus,
    Priority,
    Selector,
    ValidationMode,
    status_columns,
    unseen_status,
)
from resources.artifact.oci_artifact import PATH_ALONE, OCIArtifact
from resources.kubernetes.definition import ResourceDefinition, doc
from resources.kubernetes.meta import LocalReference, ObjectMeta


class RulesfileSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The sources of the rules, which may be combined, and the nodes that get them."""

    oci_artifact: Annotated[OCIArtifact | None, doc("Rules from an OCI registry.", PATH_ALONE)] = (
        None
    )
    inline_rules: Annotated[
        Any, doc("Rules as they stand in a rules file: a list of rules, macros and lists.")
    ] = None
    config_map_ref: Annotated[
        LocalReference | None, doc("A ConfigMap whose key rules.yaml holds rules.")
    ] = None
    priority: Priority = 50
    selector: Selector = None
    validation: ValidationMode = None


class Rulesfile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Rules for every Falco of this namespace; their outputs go where its Configs say, as root."""

    metadata: ObjectMeta = ObjectMeta()
    spec: Annotated[RulesfileSpec, doc("The wanted state.")] = RulesfileSpec()
    status: Annotated[ArtifactStatus, doc("The observed state.")] = unseen_status("Rulesfile")


DEFINITION = ResourceDefinition(
    type=Rulesfile,
    kind="Rulesfile",
    categories=("falcosecurity", "artifacts"),
    columns=(PRIORITY_COLUMN, *status_columns("Rulesfile")),
)
