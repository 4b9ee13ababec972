"""The child process that looks up references: `python -m actors.registry.look_up_worker`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.runtime.child_process import serve_each
from resources.registry.request import Lookups

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resources.registry.request import PlacedAnswer


def handle(batch: Lookups) -> Iterator[PlacedAnswer]:
    """Look up the batch; the libraries for that are imported once the limits hold."""
    from actors.registry.look_up import answers  # noqa: PLC0415

    return answers(batch)


if __name__ == "__main__":
    serve_each(Lookups, handle)
