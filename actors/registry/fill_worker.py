"""The child process that has caches fetch an artifact: `python -m actors.registry.fill_worker`."""

from __future__ import annotations

from actors.runtime.child_process import serve
from resources.registry.request import Fill, Filled


def handle(request: Fill) -> Filled:
    """Fill the caches; the libraries for that are imported once the limits hold."""
    from actors.registry.fill import answer  # noqa: PLC0415

    return answer(request)


if __name__ == "__main__":
    serve(Fill, handle)
