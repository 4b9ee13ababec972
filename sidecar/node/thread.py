"""Blocking steps on the disk, in a thread."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run the step in a thread; a caller that is cancelled still waits for its end.

    No thread can be cancelled, and a successor of the caller must not write beside it.
    """
    running = asyncio.ensure_future(asyncio.to_thread(step, *args, **kwargs))
    cancelled: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait((running,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        running.exception()  # retrieved: nobody else will
        raise cancelled
    return running.result()
