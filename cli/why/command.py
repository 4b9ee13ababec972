"""The command `kubectl falco why`."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from cli.cluster.options import cluster_options, output_option

if TYPE_CHECKING:
    from cli.cluster.options import Access


@click.command()
@click.argument("file_or_rule", metavar="FILE|RULE")
@click.option("--node", default="", help="Only what is on this node.")
@cluster_options
@output_option()
def why(file_or_rule: str, node: str, access: Access, output: str) -> None:
    """Tell where a file or rule on the nodes comes from.

    FILE is a file in Falco's directories, by its name or path; RULE the name of a rule, macro or
    list. Tells artifact, source, digest and revision, what overrides it, and whether Falco has
    loaded it.

    Ends with 0 if it is where it should be, 1 if it is not or nothing has it, 2 if it may be in
    what is not at hand.
    """
    sys.exit(asyncio.run(_run(access, file_or_rule, node, output)))


async def _run(access: Access, question: str, node: str, output: str) -> int:
    from cli.cluster.connection import connected  # noqa: PLC0415 - not for --help
    from cli.why.answer import Outcome, answered  # noqa: PLC0415
    from cli.why.reading import read  # noqa: PLC0415
    from resources.kubernetes.kinds import ARTIFACTS  # noqa: PLC0415

    async with connected(access) as connection:
        reading = await read(connection, node)
    answer = answered(question, reading.files, reading.observation, node)
    unread = [*map(str, reading.unread), *reading.without]
    if output == "table":
        from cli.why.text import text_of  # noqa: PLC0415

        click.echo(text_of(answer, unread), nl=False)
    else:
        from cli.output.lists import as_list  # noqa: PLC0415
        from cli.why.text import items  # noqa: PLC0415

        click.echo(as_list("Why", items(answer, unread), output), nl=False)
    needed = ("Pod", "NodeReport") if answer.files else (*ARTIFACTS, "ConfigMap")
    is_blind = any(one.kind in needed for one in reading.unread)
    return Outcome.UNKNOWN.value if is_blind else answer.outcome.value
