"""A group of commands that are imported when they are asked for."""

from __future__ import annotations

import importlib
import traceback
from typing import TYPE_CHECKING, Any

import click

from cli.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

# As shells have it: 128 and the number of SIGINT.
_INTERRUPTED = 130


class LazyGroup(click.Group):
    """A click group whose commands stand in a table: the name, and `module:function`.

    Only the command that runs is imported; `--help` imports all, so their modules import little.
    """

    def __init__(self, *args: Any, commands_at: Mapping[str, str], **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self._commands_at = commands_at

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; one that is interrupted, or has a bug, has not found anything.

        Raises Failure after a bug.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(_INTERRUPTED)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            traceback.print_exc()
            raise Failure("this is a bug of the command; report it with the lines above") from error

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
