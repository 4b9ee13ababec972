"""What runs for as long as a context lasts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self


class Lifetime(ABC):
    """A context: it begins with `start` and ends with `stop`."""

    @abstractmethod
    def start(self) -> Self:
        """Begin; if that fails, nothing is left running."""

    @abstractmethod
    def stop(self) -> None:
        """End."""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()
