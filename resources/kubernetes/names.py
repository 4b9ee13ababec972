"""Which names the API server takes; any other would be part of a URL that means something else."""

from __future__ import annotations

import re
from typing import Any

_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_NAMESPACE = re.compile(_LABEL, re.ASCII)
_LONGEST_NAME, _LONGEST_NAMESPACE = 253, 63
OF_NAME = f"lower-case letters, digits, - and ., at most {_LONGEST_NAME}"
OF_NAMESPACE = f"lower-case letters, digits and -, at most {_LONGEST_NAMESPACE}"


def is_name(value: Any) -> bool:
    """Whether an object of ours, a Secret or a ConfigMap can have this name (a DNS subdomain)."""
    return _fits(value, _NAME, _LONGEST_NAME)


def is_namespace(value: Any) -> bool:
    """Whether a namespace can have this name (a label of DNS)."""
    return _fits(value, _NAMESPACE, _LONGEST_NAMESPACE)


def _fits(value: Any, pattern: re.Pattern[str], longest: int) -> bool:
    return isinstance(value, str) and len(value) <= longest and bool(pattern.fullmatch(value))
