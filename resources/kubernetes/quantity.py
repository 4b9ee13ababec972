"""Kubernetes quantities: the number behind each spelling."""

from __future__ import annotations

import math
import re
from fractions import Fraction

_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))"
    r"(?:(?P<suffix>[numkMGTPE]|[KMGTPE]i)|[eE](?P<exponent>[+-]?\d{1,3}))?"
)
_DECIMAL = {"n": -3, "u": -2, "m": -1, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_NANO = 10**9
_LARGEST = Fraction(2**63 - 1)


def parse(value: object) -> Fraction | None:
    """The number that the API server reads from a quantity; None if it would refuse the quantity.

    Rounded away from zero to a billionth and capped at 2^63-1, as the API server does.
    """
    match = _QUANTITY.fullmatch(str(value)) if isinstance(value, str | int | float) else None
    if match is None:
        return None
    number = Fraction(match["number"]) * _factor(match["suffix"], match["exponent"])
    size = min(Fraction(math.ceil(abs(number) * _NANO), _NANO), _LARGEST)
    return size if number >= 0 else -size


def equal(left: object, right: object) -> bool:
    """Whether both spell the same quantity: `1000m` and `1`, `1024Mi` and `1Gi`."""
    if left == right:
        return True
    number = parse(left)
    return number is not None and number == parse(right)


def _factor(suffix: str | None, exponent: str | None) -> Fraction:
    if exponent:
        return Fraction(10) ** int(exponent)
    if suffix in _BINARY:
        return Fraction(1024) ** _BINARY[suffix]
    return Fraction(1000) ** _DECIMAL[suffix] if suffix else Fraction(1)
