"""How bad a finding is, and where its code is explained."""

from __future__ import annotations

from enum import IntEnum

PAGE = "https://github.com/falcosecurity/falco-operator/blob/main/docs/cli.md"
"""The page with a heading for every code."""


class Severity(IntEnum):
    """How bad it is, in the words of the command line."""

    INFO = 0
    WARNING = 1
    ERROR = 2

    @property
    def word(self) -> str:
        """The name in lower case."""
        return self.name.lower()


def link_to(code: str) -> str:
    """Where a code is explained."""
    return f"{PAGE}#{code.lower()}"
