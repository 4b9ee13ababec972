"""What the clients of one HTTP server have not read yet."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supervisors.serving.connection import Connection

MOST_UNREAD = 32 << 20
"""Bytes of responses that wait for their clients, beside the newest response."""


class Unread:
    """The responses under way: beyond `MOST_UNREAD` the oldest connections are closed.

    So clients that do not read cost bounded memory, and do not keep others from being answered.
    """

    def __init__(self) -> None:
        self._sizes: dict[Connection, int] = {}
        """In the order in which the responses began."""

    @contextmanager
    def sending(self, connection: Connection, size: int) -> Iterator[None]:
        """The context of sending a response of so many bytes to the client of a connection."""
        while self._sizes and sum(self._sizes.values()) > MOST_UNREAD:
            oldest = next(iter(self._sizes))
            del self._sizes[oldest]
            oldest.abort()
        self._sizes[connection] = size
        try:
            yield
        finally:
            self._sizes.pop(connection, None)
