"""Lengths of time as Go writes them, which is how Kubernetes and kubectl take them."""

from __future__ import annotations

import re

_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds_of(text: str) -> float:
    """The sum of all parts of a text such as `1m30s`; 0 if it has none."""
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
