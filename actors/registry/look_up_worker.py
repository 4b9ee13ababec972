"""The child process that looks up references: `python -m actors.registry.look_up_worker`."""

from __future__ import annotations

from actors.runtime.child_process import serve
from resources.registry.request import Answers, Lookups


def handle(batch: Lookups) -> Answers:
    """Look up the batch; the libraries for that are imported once the limits hold."""
    from actors.registry.look_up import answer  # noqa: PLC0415

    return answer(batch)


if __name__ == "__main__":
    serve(Lookups, handle)
