"""A few quick tries in the child process; what lasts longer is for its caller to wait out."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, TypeVar

from actors.registry_failure import ExchangeError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_TRIES = 3
_PAUSE = 0.2
_LONGEST_WAIT = 2.0


def persistently(operation: Callable[[], T]) -> T:
    """Return what the operation returns, tried again if it fails but may work in a moment."""
    for tries in range(1, _TRIES):
        try:
            return operation()
        except ExchangeError as error:
            wait = error.retry_after or _PAUSE * 2**tries * random.uniform(0.5, 1)  # noqa: S311
            if not error.transient or wait > _LONGEST_WAIT:
                raise
        time.sleep(wait)
    return operation()
