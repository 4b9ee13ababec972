"""Which namespace's artifacts are next where registries are asked for one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable


class NamespaceTurns:
    """The newest turn of each namespace, so that many artifacts of one hold up no other."""

    def __init__(self) -> None:
        self._turns: dict[str, int] = {}
        self._newest = 0

    def __len__(self) -> int:
        """How many namespaces have had a turn."""
        return len(self._turns)

    def newest(self, namespaces: Iterable[str]) -> int:
        """The turn of whichever of the namespaces has waited longest; 0 if one had none."""
        return min((self._turns.get(name, 0) for name in namespaces), default=0)

    def give(self, namespaces: Iterable[str]) -> None:
        """It is the turn of something that these namespaces want."""
        self._newest += 1
        self._turns |= dict.fromkeys(namespaces, self._newest)

    def keep(self, known: Container[str]) -> None:
        """Forget the turns of all other namespaces."""
        self._turns = {name: turn for name, turn in self._turns.items() if name in known}

    def clear(self) -> None:
        """Forget every turn."""
        self._turns.clear()
