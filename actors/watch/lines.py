"""Lines of a byte stream that arrives in chunks."""

from __future__ import annotations

from actors.api.errors import Garbled

# Bytes. An object takes at most 1.5 MiB in etcd, and at worst a few times that as JSON.
LONGEST = 16 * 2**20


class Lines:
    """Joins lines that are split over chunks; each chunk is scanned once."""

    def __init__(self) -> None:
        self._unfinished: list[bytes] = []
        self._length = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that end in this chunk, without empty lines.

        Raises Garbled if a line becomes longer than `LONGEST`.
        """
        *ended, rest = chunk.split(b"\n")
        if ended:
            ended[0] = b"".join((*self._unfinished, ended[0]))
            self._unfinished, self._length = [], 0
        self._unfinished.append(rest)
        self._length += len(rest)
        if self._length > LONGEST:
            raise Garbled(0, "LineTooLong", f"more than {LONGEST} bytes without a line end")
        return [line for line in ended if line]
