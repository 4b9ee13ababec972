"""A group of commands that are imported when they are asked for."""

from __future__ import annotations

import errno
import importlib
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any

import click

from cli.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

# As shells have it: 128 and the number of SIGINT, or of SIGPIPE.
_INTERRUPTED, _NO_READER = 130, 141
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


class LazyGroup(click.Group):
    """A click group whose commands stand in a table: the name, and `module:function`.

    Only the command that runs is imported; `--help` imports all, so their modules import little.
    """

    def __init__(self, *args: Any, commands_at: Mapping[str, str], **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self._commands_at = commands_at

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; one that is interrupted, or has a bug, has not found anything.

        Raises Failure after a bug, and if a file cannot be written.
        """
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            ctx.exit(_INTERRUPTED)
        except BrokenPipeError:  # as in `| head`; what is still buffered goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(_NO_READER)
        except click.FileError as error:
            raise Failure(error.format_message()) from error
        except (click.ClickException, click.exceptions.Exit):
            raise
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise _bug() from error
            raise Failure(f"the output cannot be written: {error.strerror}") from error
        except Exception as error:
            raise _bug() from error

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


def _bug() -> Failure:
    """Print what is being handled; what is to be raised instead."""
    traceback.print_exc()
    return Failure("this is a bug of the command; report it with the lines above")
