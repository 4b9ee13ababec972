"""The children of Falcos and Components as a YAML stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import yaml

from cli.analyze.instances import children_of
from cli.output.without_aliases import WithoutAliases
from resources.falco.desired import SIDECAR_IMAGE, FalcoSettings
from resources.kubernetes.invalid_spec import InvalidSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.analyze.contents import Resource


class NothingToRender(ValueError):  # noqa: N818 - it describes a user's file, not a failure of ours
    """A resource that cannot be carried out, or none at all."""


def rendered(resources: Iterable[Resource], sidecar_image: str = "") -> str:
    """All children of these resources, one document each.

    Raises:
        NothingToRender: a spec cannot be carried out, or there is no Falco and no Component.
    """
    settings = FalcoSettings(sidecar_image or SIDECAR_IMAGE)
    documents = []
    for resource in resources:
        try:
            children = children_of(resource, settings)
        except (InvalidSpec, msgspec.DecodeError) as error:
            document = resource.document
            where = f"{document.file}:{document.line}: {resource}"
            raise NothingToRender(f"{where}: {error}") from error
        documents += [child.body for child in children]
    if not documents:
        raise NothingToRender("there is neither a Falco nor a Component in these files")
    return yaml.dump_all(documents, Dumper=WithoutAliases, sort_keys=False, explicit_start=True)
