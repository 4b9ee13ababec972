"""Config: a part of falco.yaml for every Falco of a namespace."""

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
from resources.kubernetes.definition import ResourceDefinition, doc
from resources.kubernetes.meta import LocalReference, ObjectMeta


class ConfigSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The sources of the configuration, which may be combined, and the nodes that get it."""

    config: Annotated[
        Any,
        doc(
            "Configuration as it stands in falco.yaml; program_output and plugins run code as root."
        ),
    ] = None
    config_map_ref: Annotated[
        LocalReference | None, doc("A ConfigMap whose key config.yaml holds configuration.")
    ] = None
    priority: Priority = 50
    selector: Selector = None
    validation: ValidationMode = None


class Config(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Configuration for every Falco of this namespace; who may write one is root on its nodes."""

    metadata: ObjectMeta = ObjectMeta()
    spec: Annotated[ConfigSpec, doc("The wanted state.")] = ConfigSpec()
    status: Annotated[ArtifactStatus, doc("The observed state.")] = unseen_status("Config")


DEFINITION = ResourceDefinition(
    type=Config,
    kind="Config",
    categories=("falcosecurity", "artifacts"),
    columns=(PRIORITY_COLUMN, *status_columns("Config")),
)
