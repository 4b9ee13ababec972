"""One artifact as a node sees it: its sources, and what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from resources.artifact.fields import Validation
from resources.node.slots import SlotId, SlotVersion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from resources.artifact.medium import Medium


class Trouble(NamedTuple):
    """Why a source or an artifact cannot be installed.

    `transient`: it may pass without a user's action.
    """

    reason: str
    message: str
    transient: bool = False


SourceState: TypeAlias = SlotVersion | Trouble | None
"""The state of one source: its version once fetched, the failure, or None while fetching."""


class NodeArtifact(NamedTuple):
    """One artifact as this node sees it.

    `sources` is None while the node does not know what to install; what is installed stays then.
    `is_coming`: the missing parts are expected within seconds, without a user's action.
    `warnings` are about the resource itself. `validation` holds while nothing else is known, too.
    """

    kind: str
    name: str
    uid: str
    revision: str
    selected: bool
    sources: Mapping[Medium, SourceState] | None
    trouble: Trouble | None = None
    is_coming: bool = False
    warnings: tuple[str, ...] = ()
    validation: Validation = Validation.ENFORCE

    def slot(self, medium: Medium) -> SlotId:
        """The id of the slot of one of its sources."""
        return SlotId(self.kind, self.name, self.uid, medium)

    def in_words(self) -> Iterator[str]:
        """What is to become of it on this node, for the trace: a line for each source."""
        if not self.selected:
            yield "is not selected: its selector does not match the labels of this node"
        elif self.trouble is not None:
            yield f"wants nothing new: {self.trouble.reason}: {self.trouble.message}"
        elif self.sources is None:
            yield "knows nothing of what to install: the operator has not resolved it"
        for medium, state in (self.sources or {}).items():
            if isinstance(state, Trouble):
                yield f"cannot have {medium}: {state.reason}: {state.message}"
            elif state is None:
                yield f"waits for {medium}"
            else:
                yield f"wants {state.file}{f' of {state.content.origin}' if state.content else ''}"

    def has_slot(self, slot: SlotId) -> bool:
        """Whether the slot is of this artifact, not of an earlier one with its name."""
        return (slot.kind, slot.name, slot.uid) == (self.kind, self.name, self.uid)
