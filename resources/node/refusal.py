"""What a running Falco has refused to load, and when that may be tried again.

A Falco that refuses a set of files runs on with the set before, and would not start with the new
one. So each version by which the two sets differ is held back, until its content or that of what it
may depend on is another, or Falco is. If there were several, each is tried again once, alone.
"""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from resources.node.files import DIRECTORIES
from resources.node.slots import SlotId, SlotVersion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from resources.node.artifact import NodeArtifact

_RULES = "Rulesfile"
_ORDER = ("Config", "Plugin", _RULES)


class Way(Enum):
    """How Falco has shown that it does not take a set of files, as the text for each of them."""

    KEPT = "Falco refuses to load it{}, and runs on with what it had loaded before"
    GONE = "Falco does not come up with it{}"

    def text(self, others: int) -> str:
        """The message about one of the changes, which came with so many others."""
        blamed = f", or one of the {others + 1} changes that came together" if others else ""
        again = "what it had loaded last is installed again; Falco's log says why"
        return f"{self.value.format(blamed)}: {again}"


class Refusal(msgspec.Struct, frozen=True):
    """A version of a slot that is held back; None: its removal is.

    `context` identifies what it may depend on, empty if that is not known. `engine` is the rule
    engine of the Falco that refused it, empty if unknown. `is_final`: it was tried alone.
    """

    version: SlotVersion | None
    why: str
    context: str = ""
    engine: str = ""
    is_final: bool = True


class Circumstances(NamedTuple):
    """On which it depends whether what was refused may be tried again.

    `wanted` are the versions that artifacts want; None while one of them is being fetched.
    """

    wanted: Mapping[SlotId, SlotVersion] | None
    engine: str = ""


def wanted_versions(artifacts: Iterable[NodeArtifact]) -> dict[SlotId, SlotVersion] | None:
    """All versions that were fetched; None while a source is being fetched."""
    wanted = {}
    for artifact in artifacts:
        if artifact.selected and artifact.sources is None:
            return None
        for medium, state in (artifact.sources or {}).items():
            if state is None:
                return None
            if artifact.selected and isinstance(state, SlotVersion):
                wanted[artifact.slot(medium)] = state
    return wanted


def refusals(
    installed: Mapping[SlotId, SlotVersion],
    loaded: Mapping[SlotId, SlotVersion],
    now: Circumstances,
    way: Way,
) -> dict[SlotId, Refusal]:
    """A refusal for each slot by which what is installed differs from what Falco has loaded.

    Several are tried again one by one: a Falco that runs tries files before it reloads, so that
    most of what it does not come up with does not end it then.
    """
    slots = [
        slot
        for slot in sorted({*installed, *loaded}, key=str)
        if installed.get(slot) != loaded.get(slot)
    ]
    others = len(slots) - 1
    return {
        slot: Refusal(
            version=installed.get(slot),
            why=way.text(others),
            context=_context(slot, installed.get(slot), now),
            engine=now.engine,
            is_final=not others,
        )
        for slot in slots
    }


def holds(refusal: Refusal, wanted: SlotVersion | None) -> bool:
    """Whether what is wanted of the slot is what was refused."""
    if refusal.version is None or wanted is None:
        return refusal.version is wanted
    return _identity(refusal.version) == _identity(wanted)


def completed(known: Mapping[SlotId, Refusal], now: Circumstances) -> dict[SlotId, Refusal]:
    """The same, with what was not known of their circumstances and is known now."""
    return {
        slot: msgspec.structs.replace(
            refusal,
            context=refusal.context or _context(slot, refusal.version, now),
            engine=refusal.engine or now.engine,
        )
        for slot, refusal in known.items()
    }


def due(known: Mapping[SlotId, Refusal], now: Circumstances) -> SlotId | None:
    """The slot whose refused version is to be tried again next, in Falco's load order."""
    slots = [slot for slot, refusal in known.items() if _is_due(slot, refusal, now)]
    return min(slots, key=lambda slot: _load_order(slot, known[slot].version), default=None)


def to_manifest(known: Mapping[SlotId, Refusal]) -> dict[str, Any]:
    """The refusals as JSON values by slot id as text."""
    return {str(slot): msgspec.to_builtins(refusal) for slot, refusal in known.items()}


def from_manifest(values: Mapping[str, Any]) -> dict[SlotId, Refusal]:
    """The refusals that `to_manifest` gave; what is in another form is left out.

    No version is installed from them: they are only compared with what is wanted.
    """
    known = {}
    for text, value in values.items():
        try:
            slot, refusal = SlotId.parse(text), msgspec.convert(value, Refusal)
        except (ValueError, RecursionError):
            continue
        if slot.kind in DIRECTORIES:
            known[slot] = refusal
    return known


def _is_due(slot: SlotId, refusal: Refusal, now: Circumstances) -> bool:
    if not refusal.is_final or (refusal.engine and now.engine not in {"", refusal.engine}):
        return True
    context = _context(slot, refusal.version, now)
    return bool(refusal.context and context) and refusal.context != context


def _context(slot: SlotId, version: SlotVersion | None, now: Circumstances) -> str:
    """Identifies all versions on which this one may depend; empty while not all are known."""
    if now.wanted is None:
        return ""
    parts = sorted(
        (str(other), _identity(found))
        for other, found in now.wanted.items()
        if other != slot and _may_need(slot, version, other, found)
    )
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def _may_need(slot: SlotId, version: SlotVersion | None, other: SlotId, found: SlotVersion) -> bool:
    """Whether a version may depend on another one; a removal may concern whatever there is."""
    if version is None:
        return True
    if other.kind != _RULES:
        return True
    return slot.kind == _RULES and found.file < version.file


def _identity(version: SlotVersion) -> tuple[Any, ...]:
    content = version.content
    return version.file, content.sha256 if content is not None else "", version.entry


def _load_order(slot: SlotId, version: SlotVersion | None) -> tuple[int, str, str]:
    """Where Falco loads a version; removals are last."""
    if version is None:
        return len(_ORDER), "", str(slot)
    return _ORDER.index(slot.kind), version.file, str(slot)
