"""Lifetime: a context manager that starts processes and stops them at its end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self


class Lifetime(ABC):
    """A context manager that calls `start` at its begin and `stop` at its end."""

    @abstractmethod
    def start(self) -> Self:
        """Start all processes; if that fails, none is left running."""

    @abstractmethod
    def stop(self) -> None:
        """Stop all processes."""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()
