"""What a process tells of itself beside its actors: named facts and tables of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from supervisors.tree.registered_child import RegisteredChild

Facts = Mapping[str, Any]


class Section(NamedTuple):
    """Facts under a heading of the page, read at each request, on the loop and within 1 ms.

    `read` returns facts by name, or the rows of a table, of which each has the same names. Values
    are JSON or times. A section without content is not shown.
    """

    name: str
    read: Callable[[], Facts | Sequence[Facts]]


def section_of(name: str, child: RegisteredChild[Any], *keys: str) -> Section:
    """A section of what the actor of this child says under these keys of its description."""

    def read() -> Facts:
        described = child.started.describe() if child.started is not None else {}
        return {key.replace("_", " "): described[key] for key in keys if key in described}

    return Section(name, read)
