"""Waiting for what will be true sooner or later."""

import asyncio
import time

POLL_SECONDS = 0.05


def eventually(check, within=60.0):
    """What `check` returns once it returns something true and no longer fails an assertion.

    After `within` seconds its last AssertionError is raised, or one that shows what it returned.
    """
    deadline = time.monotonic() + within
    while not (result := _looked(check, deadline)):
        time.sleep(POLL_SECONDS)
    return result


async def soon(check, within=60.0):
    """The same on the loop, which goes on meanwhile."""
    deadline = time.monotonic() + within
    while not (result := _looked(check, deadline)):  # noqa: ASYNC110 - most of what is waited for has no event
        await asyncio.sleep(POLL_SECONDS)
    return result


def _looked(check, deadline):
    """What the check returns, None if it fails; it has to be true by the deadline."""
    try:
        result = check()
    except AssertionError:
        if time.monotonic() > deadline:
            raise
        return None
    assert result or time.monotonic() <= deadline, f"still {result!r} when time was up"
    return result
