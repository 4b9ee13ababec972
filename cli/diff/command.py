"""The command `diff`."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from cli.analyze.files import files_option, read_files
from cli.cluster.options import DEFAULT_NAMESPACE, cluster_options
from cli.failure import FINE, FOUND, Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.cluster.options import Access
    from cli.diff.reading import Outcome


@click.command()
@files_option
@click.option(
    "--sidecar-image", default="", help="The image of the sidecar; by default the operator's."
)
@cluster_options
def diff(*, paths: tuple[str, ...], sidecar_image: str, access: Access) -> None:
    """Tell what the operator would change if some files were applied.

    Compares the objects that it would make of the Falcos and Components with those of the cluster,
    by the fields that it sets. The resources themselves are for `kubectl diff`.

    Ends with 0 if nothing would change, 1 if something would, 2 if that could not be told.
    """
    from cli.diff.comparison import unified  # noqa: PLC0415 - not for --help
    from cli.output.style import Style, styled  # noqa: PLC0415

    found = asyncio.run(_outcome(access, paths, sidecar_image))
    colours = {"+": Style.GOOD, "-": Style.BAD, "@": Style.FAINT}
    for line in unified(found.changes, _concealing()):
        colour = colours.get(line[:1])
        click.echo(styled(line, colour) if colour else line, nl=False)
    for note in found.notes:
        click.echo(note, err=True)
    sys.exit(FOUND if found.changes else FINE)


async def _outcome(access: Access, paths: tuple[str, ...], sidecar_image: str) -> Outcome:
    from cli.analyze.contents import Contents  # noqa: PLC0415
    from cli.cluster.connection import connected  # noqa: PLC0415
    from cli.diff.reading import read  # noqa: PLC0415

    async with connected(access) as connection:
        contents = Contents(connection.namespace or DEFAULT_NAMESPACE)
        for file, text in read_files(paths):
            contents.add(file, text)
        for one in contents.findings:
            raise Failure(f"{one.file}:{one.line}: {one.text}")
        if not contents.instances:
            raise Failure("there is neither a Falco nor a Component in these files")
        return await read(connection, contents, sidecar_image)


def _concealing() -> Callable[[str], str]:
    """What stands for a credential: equal for equal ones, and nobody can guess it from that."""
    import hashlib  # noqa: PLC0415
    import hmac  # noqa: PLC0415
    import secrets  # noqa: PLC0415

    key = secrets.token_bytes()
    return lambda text: f"***{hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:6]}"
