"""The answer to an ask."""

from __future__ import annotations

import asyncio
import concurrent.futures
import sys
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import pykka

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType

    OptExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]

T = TypeVar("T")


class Future(pykka.Future[T]):
    """An answer that may be awaited on any loop, or got by blocking on a thread without one.

    pykka's own future blocks the loop when it is awaited; this one never does, and refuses to be
    got where a loop is running. An answer that nobody waits for any more is dropped in silence.
    """

    def __init__(self) -> None:
        super().__init__()
        self._inner: concurrent.futures.Future[T] = concurrent.futures.Future()

    def __await__(self) -> Generator[Any, None, T]:
        return asyncio.wrap_future(self._inner).__await__()

    __iter__ = __await__

    def done(self) -> bool:
        """Whether there is an answer, or nobody waits for one any more."""
        return self._inner.done()

    def get(self, *, timeout: float | None = None) -> T:
        """Give the answer, waiting for it at most this long.

        Raises what the actor raised, `pykka.Timeout` when it takes too long, and RuntimeError on a
        thread whose loop would stand still.
        """
        if not self._inner.done() and _loop_is_running():
            raise RuntimeError("await the future: to get it here would block the loop")
        try:
            return self._inner.result(timeout)
        except concurrent.futures.TimeoutError:
            if self._inner.done():
                raise
            raise pykka.Timeout(f"{timeout} seconds") from None

    def set(self, value: T | None = None) -> None:
        """Answer; a second answer is an error."""
        if self._claim():
            self._inner.set_result(value)  # type: ignore[arg-type] # pykka: no value is None

    def set_exception(self, exc_info: OptExcInfo | None = None) -> None:
        """Answer with an exception, by default the one being handled."""
        error = (exc_info or sys.exc_info())[1]
        if self._claim():
            self._inner.set_exception(error)

    def set_get_hook(self, func: Any) -> NoReturn:
        """Refuse: pykka composes futures by blocking, here one awaits them and composes values."""
        raise NotImplementedError("await the futures and compose their values")

    def _claim(self) -> bool:
        """Whether the answer is still wanted; from here on its asker cannot cancel it."""
        if self._inner.cancelled():
            return False
        if self._inner.done():
            raise RuntimeError("the future has its answer already")
        return self._inner.set_running_or_notify_cancel()


def _loop_is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
