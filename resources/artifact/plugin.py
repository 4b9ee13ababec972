"""Plugin: a plugin for every Falco of a namespace."""

from typing import Annotated, Any

import msgspec

from resources.artifact.fields import (
    ArtifactStatus,
    Selector,
    ValidationMode,
    status_columns,
    unseen_status,
)
from resources.artifact.oci_artifact import PATH_ALONE, OCIArtifact
from resources.kubernetes.definition import ResourceDefinition, doc
from resources.kubernetes.meta import ObjectMeta


class PluginConfig(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The plugin's entry in falco.yaml."""

    name: Annotated[
        str | None, doc("Name of the plugin; absent means the name of the resource.")
    ] = None
    library_path: Annotated[
        str | None, doc("Path of the library; absent means where it was installed.")
    ] = None
    init_config: Annotated[Any, doc("Configuration handed to the plugin as it stands.")] = None
    open_params: Annotated[str | None, doc("Parameters with which its source is opened.")] = None


class PluginSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The source of the plugin's library, its entry in falco.yaml and the nodes that get it."""

    oci_artifact: Annotated[
        OCIArtifact | None, doc("The library from an OCI registry.", PATH_ALONE)
    ] = None
    config: Annotated[PluginConfig | None, doc("The plugin's entry in falco.yaml.")] = None
    selector: Selector = None
    validation: ValidationMode = None


class Plugin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A plugin for every Falco of this namespace; who may write one is root on its nodes."""

    metadata: ObjectMeta = ObjectMeta()
    spec: Annotated[PluginSpec, doc("The wanted state.")] = PluginSpec()
    status: Annotated[ArtifactStatus, doc("The observed state.")] = unseen_status("Plugin")


DEFINITION = ResourceDefinition(
    type=Plugin,
    kind="Plugin",
    categories=("falcosecurity", "artifacts"),
    columns=status_columns("Plugin"),
)
