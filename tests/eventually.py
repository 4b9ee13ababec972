"""Waiting for what will be true sooner or later."""

import asyncio
import time

POLL_SECONDS = 0.05


def eventually(check, within=30.0):
    """What `check` returns once it returns something true and no longer fails an assertion.

    After `within` seconds its last AssertionError is raised, or one that shows what it returned.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            result = check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        else:
            if result:
                return result
            assert time.monotonic() <= deadline, f"after {within} s still {result!r}"
        time.sleep(POLL_SECONDS)


async def soon(check, within=30.0):
    """The same on the loop, which goes on meanwhile."""
    deadline = time.monotonic() + within
    while True:
        try:
            result = check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        else:
            if result:
                return result
            assert time.monotonic() <= deadline, f"after {within} s still {result!r}"
        await asyncio.sleep(POLL_SECONDS)
