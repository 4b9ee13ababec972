"""Whether a condition restricts the types of events, which Falco warns of if it does not.

As libsinsp's filter/ppm_codes.cpp, but that a set of types is either small or all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_MAX_DEPTH = 50


class Restricts(NamedTuple):
    """Whether a condition restricts the types of events, and whether its negation does."""

    as_is: bool
    negated: bool


NEUTRAL = Restricts(as_is=False, negated=False)
NAMES = Restricts(as_is=True, negated=False)
OTHERS = Restricts(as_is=False, negated=True)


class Joined(NamedTuple):
    """What depends on macros: `known` joined with macros and with more of the same."""

    is_and: bool
    known: Restricts
    others: tuple[EventTypes, ...]
    is_negated: bool = False
    depth: int = 1


EventTypes: TypeAlias = "Restricts | Joined | str"
"""A name is that of a macro."""


def negated(types: EventTypes) -> EventTypes:
    """What the negation restricts."""
    if isinstance(types, Restricts):
        return Restricts(types.negated, types.as_is)
    if isinstance(types, str):
        return Joined(is_and=True, known=_ALL, others=(types,), is_negated=True)
    return types._replace(is_negated=not types.is_negated)


def joined(parts: Iterable[EventTypes], *, is_and: bool) -> EventTypes:
    """What conditions restrict that are joined by `and`, or by `or`."""
    distinct = dict.fromkeys(parts)
    known = _join([part for part in distinct if isinstance(part, Restricts)], is_and=is_and)
    others = tuple(part for part in distinct if not isinstance(part, Restricts))
    if not others:
        return known
    if len(distinct) == 1:
        return others[0]
    depth = 1 + max(part.depth if isinstance(part, Joined) else 0 for part in others)
    # What is nested too deeply is taken for restricted: no warning rather than a wrong one.
    return Joined(is_and, known, others, depth=depth) if depth <= _MAX_DEPTH else NAMES


def resolve(types: EventTypes, macro: Callable[[str], Restricts]) -> Restricts:
    """What a condition restricts, once each macro is known."""
    if isinstance(types, Restricts):
        return types
    if isinstance(types, str):
        return macro(types)
    parts = [types.known, *(resolve(other, macro) for other in types.others)]
    result = _join(parts, is_and=types.is_and)
    return Restricts(result.negated, result.as_is) if types.is_negated else result


def _join(parts: list[Restricts], *, is_and: bool) -> Restricts:
    if not parts:
        return _ALL if is_and else _NONE
    if is_and:
        return Restricts(any(part.as_is for part in parts), all(part.negated for part in parts))
    return Restricts(all(part.as_is for part in parts), any(part.negated for part in parts))


# What `and` and `or` join nothing to: all events, and none.
_ALL = Restricts(as_is=False, negated=True)
_NONE = Restricts(as_is=True, negated=False)
