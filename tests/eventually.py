"""Waiting for what will be true sooner or later."""

import asyncio
import time

POLL_SECONDS = 0.05
# A check may look into what is not there yet: no object, no status, no entry in a list.
NOT_YET = (AssertionError, LookupError, TypeError, ValueError)


def eventually(check, within=60.0):
    """What `check` returns once it returns something true and raises nothing of NOT_YET.

    After `within` seconds its last error is raised, or an AssertionError with what it returned.
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
    """What the check returns, None if not yet; it has to be true by the deadline."""
    try:
        result = check()
    except NOT_YET:
        if time.monotonic() > deadline:
            raise
        return None
    assert result or time.monotonic() <= deadline, f"still {result!r} when time was up"
    return result
