"""How a command ends, and the sentence with which it ends early."""

from __future__ import annotations

import click

from cli.output.printable import printable

FINE, FOUND, COULD_NOT_TELL = 0, 1, 2
"""The exit codes of every command."""


class Failure(click.ClickException):
    """A sentence for the user about what could not be told."""

    exit_code = COULD_NOT_TELL

    def format_message(self) -> str:
        """The sentence, of which servers may have written a part."""
        return printable(self.message)
