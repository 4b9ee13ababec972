"""What a run of these tests has measured, shown at its end; nothing depends on it."""

import time
from contextlib import contextmanager

MEGABYTE = 1 << 20


class Figures(list[str]):
    """Lines, in the order in which they were measured."""

    def bytes(self, what, count):
        self.append(f"{what}: {count / MEGABYTE:.1f} MiB")

    @contextmanager
    def took(self, what):
        """How long the context takes."""
        began = time.monotonic()
        yield
        self.append(f"{what}: {time.monotonic() - began:.1f} s")
