"""The commands `trace`, `actors` and `dashboard`."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import click

from cli.cluster.options import output_option
from cli.trace.asked import asked_options

if TYPE_CHECKING:
    from cli.trace.asked import Asked


@click.command()
@click.argument("actor", nargs=-1, required=True, metavar="KIND/NAME")
@asked_options
@output_option()
@click.option(
    "--last",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    metavar="N",
    help="How many of its messages are told; JSON and YAML have all.",
)
@click.option(
    "--perfetto",
    type=click.File("wb", lazy=True),
    metavar="FILE",
    help="Write the timeline of the actor for https://ui.perfetto.dev, and nothing else.",
)
def trace(
    actor: tuple[str, ...], asked: Asked, output: str, last: int, perfetto: IO[bytes] | None
) -> None:
    """Tell what the actor of a resource did last: what woke it, what it asked for and changed.

    KIND NAME is the same; a part of the process without an object, such as gate, has no NAME.
    """
    import asyncio  # noqa: PLC0415 - only here

    from cli.trace.telling import one_actor, timeline  # noqa: PLC0415 - only here

    words = tuple(word for part in actor for word in part.split("/"))
    if perfetto is not None:
        perfetto.write(asyncio.run(timeline(words, asked)))
        click.echo(f"{perfetto.name} is for https://ui.perfetto.dev", err=True)
    else:
        click.echo(asyncio.run(one_actor(words, asked, output, last)), nl=False)


@click.command()
@asked_options
@output_option()
@click.option("--kind", default="", help="Only actors of this kind.")
@click.option("--state", default="", help="Only actors in this state: idle, busy, parked.")
@click.option(
    "--since", default="", metavar="TIME", help="Only who has handled a message since, as in 5m."
)
def actors(asked: Asked, output: str, kind: str, state: str, since: str) -> None:
    """List the actors of the operator, or of a sidecar: what each is at, and how it is."""
    import asyncio  # noqa: PLC0415 - only here

    from cli.trace.telling import all_actors  # noqa: PLC0415 - only here

    filters = {"kind": kind, "state": state, "since": since}
    click.echo(asyncio.run(all_actors(asked, filters, output)), nl=False)


@click.command()
@asked_options
@click.option("--no-browser", is_flag=True, help="Print the address, and open nothing.")
def dashboard(asked: Asked, no_browser: bool) -> None:
    """Open the page of the actors in the browser, and forward to it until Ctrl-C."""
    import asyncio  # noqa: PLC0415 - only here
    import webbrowser  # noqa: PLC0415 - only here

    from cli.trace.page import show  # noqa: PLC0415 - only here

    def open_nothing(_url: str) -> bool:
        return True

    asyncio.run(show(asked, click.echo, open_nothing if no_browser else webbrowser.open))
