"""The lines of a stream that comes in chunks."""

from __future__ import annotations

from actors.api.errors import Garbled

# An object has at most 1.5 MiB in etcd, and is a few times that as JSON at worst.
LONGEST = 16 * 2**20


class Lines:
    """Puts lines together, each chunk looked at once; what is cut off waits for the rest."""

    def __init__(self) -> None:
        self._begun: list[bytes] = []
        self._length = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that end in this chunk, without the empty ones.

        Raises Garbled if a line becomes longer than `LONGEST`.
        """
        *ended, rest = chunk.split(b"\n")
        if ended:
            ended[0] = b"".join((*self._begun, ended[0]))
            self._begun, self._length = [], 0
        self._begun.append(rest)
        self._length += len(rest)
        if self._length > LONGEST:
            raise Garbled(0, "LineTooLong", f"more than {LONGEST} bytes without a line end")
        return [line for line in ended if line]
