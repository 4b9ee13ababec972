"""The command `check`."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from cli.cluster.operators import NAMESPACE
from cli.cluster.options import Duration, NamespaceName, cluster_options, output_option
from cli.failure import COULD_NOT_TELL, FINE, FOUND, Failure

if TYPE_CHECKING:
    from cli.check.facts import Result
    from cli.cluster.options import Access

# Between two looks of --wait.
_PAUSE = 2.0


@click.command()
@click.option("--pre", is_flag=True, help="Ask what has to be so before the operator is installed.")
@click.option(
    "--wait",
    type=Duration(),
    default="0",
    help="Look again until all is well, or this time, such as 2m, is over.",
)
@click.option(
    "--failure-threshold",
    type=click.Choice(["warning", "error"]),
    default="error",
    show_default=True,
    help="The least severity for which the command ends with 1.",
)
@click.option(
    "--operator-namespace",
    type=NamespaceName(),
    default=NAMESPACE,
    show_default=True,
    help="Where the operator is, if you may not list all Deployments.",
)
@output_option("short")
@cluster_options
def check(
    *,
    pre: bool,
    wait: float,
    failure_threshold: str,
    operator_namespace: str,
    output: str,
    access: Access,
) -> None:
    """Tell whether the cluster has all that the operator needs, and what is wrong.

    Looks at all namespaces, or with -n at one. Every check has a code that docs/cli.md explains;
    -o short writes only those that are not well. What you may not read is said, and is no error.

    Ends with 0 if all is well, 1 if there are errors, 2 if the API server cannot be asked, or you
    may read nothing of all this.
    """
    from cli.check import writing  # noqa: PLC0415 - not for --help
    from cli.check.facts import Level  # noqa: PLC0415
    from cli.output.lists import as_list  # noqa: PLC0415

    least = Level.BAD if failure_threshold == "error" else Level.DOUBTFUL
    results = asyncio.run(_until_well(access, operator_namespace, wait, least, is_pre=pre))
    if output in ("json", "yaml"):
        click.echo(as_list("Check", writing.as_items(results), output), nl=False)
    else:
        text = writing.as_short(results) if output == "short" else writing.as_text(results)
        click.echo(text, nl=False)
        click.echo(writing.summary(results), err=True)
    if any(one.level >= least for one in results):
        sys.exit(FOUND)
    # Everybody may ask for the version of the API server, and for their own rights.
    is_blind = all(one.level is Level.UNREAD for one in results if one.check.needs)
    sys.exit(COULD_NOT_TELL if is_blind else FINE)


async def _until_well(
    access: Access, operator_namespace: str, wait: float, least: int, *, is_pre: bool
) -> list[Result]:
    """The last answers: those that are well, or those at the end of the time."""
    from cli.cluster.connection import connected  # noqa: PLC0415

    async with connected(access):
        pass  # a kubeconfig that cannot be used becomes no better by waiting
    loop = asyncio.get_running_loop()
    until = loop.time() + wait
    while True:
        is_last = loop.time() + _PAUSE > until
        try:
            results = await _results(access, operator_namespace, is_pre=is_pre)
        except Failure:
            if is_last:
                raise
        else:
            if is_last or all(one.level < least for one in results):
                return results
        await asyncio.sleep(_PAUSE)


async def _results(access: Access, operator_namespace: str, *, is_pre: bool) -> list[Result]:
    from cli.check.catalog import CHECKS, PRE, checked  # noqa: PLC0415
    from cli.check.reading import read  # noqa: PLC0415
    from cli.cluster.connection import connected  # noqa: PLC0415

    async with connected(access) as connection:
        facts = await read(connection, access.namespace, operator_namespace, is_pre=is_pre)
    return checked(facts, PRE if is_pre else CHECKS)
