"""A group of commands that are imported when they are asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping


class LazyGroup(click.Group):
    """A click group whose commands stand in a table: the name, and `module:function`.

    Only the command that runs is imported; `--help` imports all, so their modules import little.
    """

    def __init__(self, *args: Any, commands_at: Mapping[str, str], **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self._commands_at = commands_at

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order of the table."""
        return list(self._commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of this name."""
        if cmd_name not in self._commands_at:
            return None
        module, _, function = self._commands_at[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), function)
        return command
