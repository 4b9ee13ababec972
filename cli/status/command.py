"""The command `kubectl falco status`."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from typing import TYPE_CHECKING

import click

from cli.cluster.options import cluster_options, output_option
from cli.failure import COULD_NOT_TELL, FINE, FOUND, Failure

if TYPE_CHECKING:
    from cli.cluster.options import Access
    from cli.status.diagnosis import Diagnosis
    from cli.status.reading import Reading

# Seconds between two looks; a cluster that takes long to read is given more.
_PAUSE = 2.0
_SHARE = 4
_CLEAR = "\x1b[H\x1b[2J\x1b[3J"


@click.command()
@click.argument("falco", required=False, default="")
@cluster_options
@output_option()
@click.option(
    "--suppress",
    multiple=True,
    metavar="CODE",
    help="A code of which nothing is told, such as FAL1402; may be repeated.",
)
@click.option("-w", "--watch", is_flag=True, help="Look again every 2 seconds, until Ctrl-C.")
def status(
    falco: str, access: Access, output: str, suppress: tuple[str, ...], *, watch: bool
) -> None:
    """Tell what runs, which node has what, and what is wrong: cause, remedy and link.

    FALCO is the name of a Falco or Component; without it all of the namespace is shown.

    Ends with 0 if all is well, 1 if something is wrong, 2 if it could not tell, also because not
    all is there yet.
    """
    try:
        sys.exit(asyncio.run(_run(access, falco, output, suppress, watch=watch)))
    except KeyboardInterrupt:
        if not watch:
            raise
        sys.exit(FINE)


async def _run(
    access: Access, falco: str, output: str, suppress: tuple[str, ...], *, watch: bool
) -> int:
    from cli.cluster.connection import connected  # noqa: PLC0415 - not for --help
    from cli.status.codes import CODES  # noqa: PLC0415
    from cli.status.reading import read  # noqa: PLC0415

    for name in suppress:
        if name not in (code.name for code in CODES):
            raise Failure(f"{name} is no code of this command")
    shown = ""
    async with connected(access) as connection:
        while True:
            started = time.monotonic()
            reading = await read(connection)
            diagnosis = _diagnosis(reading, falco, connection.namespace)
            diagnosis = diagnosis.without(suppress)
            written = _written(diagnosis, reading, output, is_wide=not connection.namespace)
            if written != shown:
                clear = _CLEAR if shown and sys.stdout.isatty() and output == "table" else ""
                click.echo(f"{clear}{written}", nl=False)
                shown = written
            if not watch:
                return _exit_code(diagnosis, reading)
            await asyncio.sleep(max(_PAUSE, _SHARE * (time.monotonic() - started)))


def _diagnosis(reading: Reading, falco: str, namespace: str) -> Diagnosis:
    from cli.status.diagnosis import diagnosed, of_falco  # noqa: PLC0415

    whole = diagnosed(reading.observation)
    if not falco:
        return whole
    chosen = of_falco(whole, falco)
    if not chosen.instances:
        where = f" in namespace {namespace}" if namespace else ""
        raise Failure(f"there is no Falco and no Component {falco}{where}")
    return chosen


def _written(diagnosis: Diagnosis, reading: Reading, output: str, *, is_wide: bool) -> str:
    unread = [str(one) for one in reading.unread]
    if output == "table":
        from cli.status.text import text_of  # noqa: PLC0415

        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
        return text_of(diagnosis, unread, is_wide=is_wide, width=width)
    from cli.output.lists import as_list  # noqa: PLC0415
    from cli.status.document import items  # noqa: PLC0415

    underway = [str(ref) for ref in diagnosis.underway]
    return as_list("Status", items(diagnosis, unread), output, underway=underway)


def _exit_code(diagnosis: Diagnosis, reading: Reading) -> int:
    if not diagnosis.is_well:
        return FOUND
    return COULD_NOT_TELL if reading.is_blind or diagnosis.underway else FINE
