"""Foreign text in messages: escaped and short, quoted (`shown`) or not (`shown_unquoted`)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


_LENGTH = 60
_UNQUOTED_LENGTH = 100
_COUNT = 5


def shown(text: str) -> str:
    """The text in double quotes on one line, cut to 60 characters."""
    short = text if len(text) <= _LENGTH else f"{text[: _LENGTH - 1]}…"
    quoted = json.dumps(short, ensure_ascii=False)
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in quoted
    )


def shown_unquoted(text: str) -> str:
    """The text as it is if all of it can be printed, else its `repr`; at most 100 characters."""
    short = text if len(text) <= _UNQUOTED_LENGTH else f"{text[:_UNQUOTED_LENGTH]}…"
    return short if short and short.isprintable() else repr(short)


def listed(texts: Iterable[str]) -> str:
    """The first five texts, without quotes, and the number of the others."""
    names = list(texts)
    few = ", ".join(shown(name)[1:-1] for name in names[:_COUNT])
    return few if len(names) <= _COUNT else f"{few} and {len(names) - _COUNT} more"


class Finding(NamedTuple):
    """A problem or warning, and the id of the fragment or file that it is about."""

    origin: str
    text: str


class FatalFinding(Finding):
    """A problem of which a running Falco would end, where otherwise it keeps what it has."""

    __slots__ = ()
