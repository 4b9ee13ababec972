"""The check of a node: what of its artifacts may be activated.

    Slots, each a place for one file with what is wanted there and what is installed now
        → resources.node_verdict.check → which of the two, and why

What asks and what answers it is here; the work itself is done in a process of its own.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from resources.node_slot import Context, PluginFact, Slot, Version

__all__ = ["Choice", "Context", "PluginFact", "Slot", "Verdict", "Version"]

Choice: TypeAlias = Literal["wanted", "good", "none"]


class Verdict(msgspec.Struct, frozen=True):
    """By slot id: the version to install, why it is not the wanted one, and what to be wary of."""

    chosen: dict[str, Choice] = {}
    problems: dict[str, tuple[str, ...]] = {}
    warnings: dict[str, tuple[str, ...]] = {}
