"""Config: a piece of configuration for the Falcos of a namespace."""

from typing import Annotated, Any

import msgspec

from resources.artifact_status import NODES_COLUMN, PRIORITY_COLUMN, ArtifactStatus
from resources.definition import AGE, ResourceDefinition, condition_column, doc
from resources.meta import LabelSelector, LocalReference, ObjectMeta


class ConfigSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Where the configuration comes from and which nodes get it; sources may be combined."""

    config: Annotated[Any, doc("Configuration as it stands in falco.yaml.")] = None
    config_map_ref: Annotated[
        LocalReference | None, doc("A ConfigMap whose key config.yaml holds configuration.")
    ] = None
    priority: Annotated[
        int, doc("Higher is loaded later and wins.", format="int32", minimum=0, maximum=99)
    ] = 50
    selector: Annotated[
        LabelSelector | None, doc("The nodes that get it, by their labels; absent means all.")
    ] = None


class Config(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A piece of configuration for every Falco of this namespace."""

    metadata: ObjectMeta = ObjectMeta()
    spec: Annotated[ConfigSpec, doc("The wanted state.")] = ConfigSpec()
    status: Annotated[ArtifactStatus, doc("The observed state.")] = ArtifactStatus()


DEFINITION = ResourceDefinition(
    type=Config,
    kind="Config",
    categories=("falcosecurity", "artifacts"),
    columns=(
        PRIORITY_COLUMN,
        condition_column("Programmed"),
        condition_column("ResolvedRefs"),
        NODES_COLUMN,
        AGE,
    ),
)
