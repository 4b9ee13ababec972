"""The bounds of one YAML document, whether it is read or written.

What is written within them can be read back, as far as its depth goes: each value that the writer
takes, the reader takes too.
"""

from __future__ import annotations

MAX_BYTES = 4 << 20

MAX_DEPTH = 100
"""Collections within each other. yaml-cpp, with which Falco reads, gives up at 500 (DepthGuard)."""

MAX_VALUES = 100_000
"""Values of one file, each alias counted as all values that it stands for.

The official rules have ten thousand.
"""

MAX_MESSAGES = 1000
"""Problems, and warnings, that are kept of one file; there may be as many as it has values."""
