"""What Falco takes in a condition or output, and warns of nevertheless.

As libsinsp's filter.cpp (check_value_and_add_warnings), and Falco's filter_warning_resolver.cpp and
falco_load_result.cpp.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from resources.text.messages import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resources.conditions.vocabulary import Vocabulary

# Fields without values since events of system calls come once, and the release that warns of each.
_DEPRECATED = {"evt.dir": (0, 42)} | {
    f"evt.{name}": (0, 43)
    for name in ("latency", "latency.s", "latency.ns", "latency.human", "wait_latency")
}
_AUDIT = ("ka.", "jevt.")
_EQUALITY = frozenset({"=", "==", "!=", "in", "intersects", "pmatch"})
_BLANKS = re.compile(r"\s+", re.ASCII)
_FUNCTION = re.compile(
    r"(?:tolower|toupper|b64|basename|len|join|concat|getopt|val)\(.*\)", re.DOTALL
)
# A regular expression that says no more than a text; at its ends it may have what matches anything.
_PLAIN = re.compile(r"(?:\^|\.[+*?])?[^.+*?^$()\[\]{}|\\]*(?:\$|\.[+*?])?")
_CONTAINER_INFO = "%container.info"
_CONTAINER_INFO_SINCE = (0, 41)


def value_warning(field: str, operator: str, value: str, vocabulary: Vocabulary) -> str:
    """Why Falco warns of a value that a field is compared with; empty if it does not."""
    if not vocabulary.is_known:
        return ""
    if operator.partition(" ")[0] == "regex" and _PLAIN.fullmatch(value):
        return f"the regular expression {shown(value)} may be a plain text with another operator"
    text = _BLANKS.sub("", value)
    if vocabulary.is_field(text):
        return (
            f"{shown(value)} is compared as text, but is the name of a field; val() takes a field"
        )
    if _FUNCTION.fullmatch(text):
        return f"{shown(value)} is compared as text, but looks like a function"
    if value == "<NA>" and field.startswith(_AUDIT) and operator in _EQUALITY:
        return f"{field}: a comparison with <NA> is unsafe; exists tells whether there is a value"
    return ""


def field_warning(name: str, vocabulary: Vocabulary) -> str:
    """Why Falco warns of a field in a condition; empty if it does not."""
    since = _DEPRECATED.get(name)
    if since is None or not vocabulary.is_known or not vocabulary.release_has(since):
        return ""
    return f"{name} is deprecated: system calls have no events of their start any more"


def output_warnings(text: str, vocabulary: Vocabulary) -> Iterator[str]:
    """Why Falco warns of an output."""
    if not vocabulary.is_known:
        return
    if _CONTAINER_INFO in text and vocabulary.release_has(_CONTAINER_INFO_SINCE):
        yield f"{_CONTAINER_INFO} is deprecated: the plugin container adds what it stood for"
    warnings = (field_warning(name, vocabulary) for name in _DEPRECATED if name in text)
    yield from (warning for warning in warnings if warning)
