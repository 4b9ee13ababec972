"""The page of the actors, in a browser."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from cli.failure import Failure
from cli.trace.debug_client import debug_client

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.trace.asked import Asked

_PAGE = "/debug/"


async def show(asked: Asked, tell: Callable[[str], None], open_page: Callable[[str], bool]) -> None:
    """Tell where the page is, open it, and forward to it until SIGINT or SIGTERM."""
    async with debug_client(asked) as client:
        if await client.get(_PAGE) is None:
            raise Failure(f"{client.who} has no page: it is of another version")
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        end = "" if asked.server else "; Ctrl-C ends it"
        tell(f"{client.url}{_PAGE} shows {client.who}{end}")
        if not await asyncio.to_thread(open_page, f"{client.url}{_PAGE}"):
            tell("No browser could be opened.")
        if not asked.server:
            await ended.wait()
