"""The command `report`."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.cluster.operators import NAMESPACE
from cli.cluster.options import NamespaceName, cluster_options
from cli.failure import FINE, Failure

if TYPE_CHECKING:
    from cli.cluster.options import Access


@click.command()
@click.option(
    "--file",
    "file",
    default="",
    metavar="FILE",
    help="The ZIP file to write; by default one with the time in its name.",
)
@click.option(
    "--pods",
    type=click.IntRange(0, 50),
    default=3,
    show_default=True,
    help="Of how many pods of each Falco logs are taken, those that are not ready first.",
)
@click.option(
    "--operator-namespace",
    type=NamespaceName(),
    default=NAMESPACE,
    show_default=True,
    help="Where the operator is, if you may not list all Deployments.",
)
@cluster_options
def report(*, file: str, pods: int, operator_namespace: str, access: Access) -> None:
    """Write a ZIP file for maintainers: resources, findings, Events, logs, actors, versions.

    No content of Secrets is read. Values of variables, inline contents and what looks like a
    credential are removed; left-out.txt in it lists what. Look at it before you send it.
    """
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    path = Path(file or f"falco-report-{now}.zip")
    if path.exists():
        raise Failure(f"{path} exists already")
    content = asyncio.run(_content(access, operator_namespace, pods, f"falco-report-{now}"))
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}") from error
    click.echo(f"{path}: {len(content)} bytes; left-out.txt in it lists what is not in it")
    sys.exit(FINE)


async def _content(access: Access, operator_namespace: str, pods: int, root: str) -> bytes:
    from cli.cluster.connection import connected  # noqa: PLC0415 - not for --help
    from cli.report.reading import read  # noqa: PLC0415

    async with connected(access) as connection:
        return await read(connection, access.namespace, operator_namespace, pods, root)
