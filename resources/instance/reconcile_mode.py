"""The annotation by which a user pauses a resource, or lets the operator only detect drift."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from resources.kubernetes.invalid_spec import InvalidSpec

if TYPE_CHECKING:
    from resources.kubernetes.meta import ObjectMeta

ANNOTATION = "falcosecurity.dev/reconcile"


class Mode(Enum):
    """The values of the annotation; without it, the operator corrects all drift."""

    FULL = ""
    PAUSED = "paused"
    DETECT = "detect"


def mode_of(meta: ObjectMeta) -> Mode:
    """The mode that the resource asks for.

    Raises:
        InvalidSpec: the annotation has another value.
    """
    value = (meta.annotations or {}).get(ANNOTATION, "")
    try:
        return Mode(value)
    except ValueError:
        allowed = "paused (write nothing), detect (report drift and leave it), or no annotation"
        field = f"metadata.annotations[{ANNOTATION}]"
        raise InvalidSpec(field, value, allowed) from None
