"""The command line of `kubectl falco`."""

from __future__ import annotations

import sys
from importlib.metadata import version

import click

from cli.commands import LazyGroup

_COMMANDS = {
    "analyze": "cli.analyze.command:analyze",
    "render": "cli.analyze.command:render",
    "status": "cli.status.command:status",
    "diff": "cli.diff.command:diff",
    "check": "cli.check.command:check",
    "report": "cli.report.command:report",
    "trace": "cli.trace.command:trace",
    "actors": "cli.trace.command:actors",
    "dashboard": "cli.trace.command:dashboard",
    "why": "cli.why.command:why",
}


@click.group(
    cls=LazyGroup,
    commands_at=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(version("falco-operator"), message="%(version)s")
def main() -> None:
    """Ask about Falco's resources. Reads only."""


def complete() -> None:
    """Complete a command line for kubectl, which runs `kubectl_complete-falco` with its words.

    The last line is a directive of kubectl's (cobra's ShellCompDirective): 4 for no file names.
    """
    from click.shell_completion import ShellComplete  # noqa: PLC0415 - only here

    *words, incomplete = sys.argv[1:] or [""]
    found = ShellComplete(main, {}, "kubectl-falco", "").get_completions(words, incomplete)
    values = [item.value for item in found if item.type == "plain"]
    is_file = any(item.type != "plain" for item in found) or (not values and words[-1:] == ["-f"])
    for value in values:
        click.echo(value)
    click.echo(":0" if is_file else ":4")
