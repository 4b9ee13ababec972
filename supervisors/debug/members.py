"""Everything that is below supervisors, level by level, without a description of any actor."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from supervisors.debug.entries import PARKED
from supervisors.tree.dynamic import DynamicSupervisor
from supervisors.tree.stopping import Superior

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from supervisors.tree.member import Member

RESTARTING, OFF = "restarting", "off"
"""The states of a child without an actor: it is started again later, or was not started, or is
over."""


class Part(NamedTuple):
    """A child of a static supervisor that is so many levels below a root."""

    depth: int
    superior: Superior
    member: Member


def members(roots: Iterable[Superior]) -> Iterator[tuple[Superior, Member]]:
    """All parts and the actors of all objects, each with the supervisor right above it."""
    for root in roots:
        for member in root.members():
            yield root, member
            if isinstance(member.actor, Superior):
                yield from members((member.actor,))


def parts(roots: Iterable[Superior], depth: int = 1) -> Iterator[Part]:
    """All parts of the process, and no actor of an object."""
    for root in roots:
        if not isinstance(root, DynamicSupervisor):
            for member in root.members():
                yield Part(depth, root, member)
                if isinstance(member.actor, Superior):
                    yield from parts((member.actor,), depth + 1)


def state_of(member: Member) -> str:
    """The state of the actor, or why there is none."""
    if member.is_parked:
        return PARKED
    if member.actor is not None:
        return str(member.actor.phase)
    return OFF if member.due is None else RESTARTING
