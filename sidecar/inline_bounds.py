"""What a value that stands in a resource may amount to."""

from __future__ import annotations

from resources.yaml_text import TooDeep, check_depth

# The official rules have ten thousand.
MOST_VALUES = 100_000


def excess(value: object) -> str:
    """What is too much of a value to be written as YAML, to follow its name; empty for nothing.

    Writing takes us 300 bytes for each value within, of which the API server takes 700,000.
    """
    if _is_vast(value):
        return f"has more than {MOST_VALUES} values"
    try:
        check_depth(value)
    except TooDeep as error:
        return str(error)
    return ""


def _is_vast(value: object) -> bool:
    seen, waiting = 0, [value]
    while waiting and seen + len(waiting) <= MOST_VALUES:
        one = waiting.pop()
        seen += 1
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return bool(waiting)
