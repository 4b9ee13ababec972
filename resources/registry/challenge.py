"""The challenges of a 401 answer: the WWW-Authenticate header (RFC 9110, 11.6.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_PARAMETER = re.compile(r'([A-Za-z0-9_-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",]*))')
_SCHEME = re.compile(r"([A-Za-z0-9_-]+)")
_BETWEEN = re.compile(r"[\s,]*")


class Challenge(NamedTuple):
    """A way to authenticate; `realm`, `service` and `scope` are for the token server."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def challenges(header: str) -> list[Challenge]:
    """All challenges of a header, which may be several headers joined by commas."""
    schemes: list[tuple[str, dict[str, str]]] = []
    for scheme, name, value in _tokens(header):
        if scheme:
            schemes.append((scheme.lower(), {}))
        elif schemes:
            schemes[-1][1].setdefault(name.lower(), value)
    return [
        Challenge(scheme, *(values.get(name, "") for name in ("realm", "service", "scope")))
        for scheme, values in schemes
    ]


def chosen(header: str) -> Challenge | None:
    """The challenge to answer: Bearer rather than Basic; None if the header has neither."""
    known = {challenge.scheme: challenge for challenge in reversed(challenges(header))}
    return known.get("bearer") or known.get("basic")


def _tokens(header: str) -> Iterator[tuple[str, str, str]]:
    """The tokens of a header: (scheme, "", ""), or ("", name, value) for a parameter."""
    position = 0
    while True:
        position = _after(_BETWEEN, header, position)
        if parameter := _PARAMETER.match(header, position):
            name, quoted, plain = parameter.groups()
            yield "", name, re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
            position = parameter.end()
        elif scheme := _SCHEME.match(header, position):
            yield scheme.group(), "", ""
            position = scheme.end()
        else:
            return


def _after(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position
