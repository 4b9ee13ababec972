"""An object that a custom resource wants to exist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resources.kubernetes.reference import ObjectRef


@dataclass(frozen=True, slots=True)
class Child:
    """One desired object, as it is to be applied, and when.

    Children of one wave may be written at once, after all lower waves. `after` names the children
    without which this one must not be written; they are always in a lower wave. Parts of the body
    are shared between children: copy before changing any.
    """

    ref: ObjectRef
    body: dict[str, Any]
    wave: int
    after: tuple[ObjectRef, ...] = ()
