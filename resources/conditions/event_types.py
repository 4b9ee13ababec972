"""The types of events that a condition matches: Falco warns if they are none, or most.

As libsinsp's filter/ppm_codes.cpp. A set of types is a number with a bit for each name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from resources.conditions.vocabulary import EVENT_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_MAX_DEPTH = 50
_BITS = {name: 1 << place for place, name in enumerate(sorted(EVENT_NAMES))}
# Names that only plugins can have, and all that have no name here.
_OTHER_NAME = 1 << len(_BITS)
_REST = _OTHER_NAME << 1
_ALL = (_REST << 1) - 1

NO_TYPES: Final = 0


class Matches(NamedTuple):
    """The types of events that a condition matches, and those that its negation matches."""

    as_is: int
    negated: int


NEUTRAL = Matches(_ALL, _ALL)
EXISTS = Matches(_ALL, 0)
# What is nested too deeply is taken for restricted: no warning rather than a wrong one.
TOO_DEEP = Matches(_ALL ^ _REST, _ALL ^ _REST)


class Compared(NamedTuple):
    """A comparison of evt.type with values and with lists; `differs`: by `!=`."""

    values: int
    lists: tuple[str, ...]
    differs: bool
    is_negated: bool = False


class Joined(NamedTuple):
    """What depends on macros or lists: `known` joined with those and with more of the same."""

    is_and: bool
    known: Matches
    others: tuple[EventTypes, ...]
    is_negated: bool = False
    depth: int = 1


EventTypes: TypeAlias = "Matches | Compared | Joined | str"
"""A name is that of a macro."""


def types_of(values: Iterable[str]) -> int:
    """The types of events of these names."""
    types = NO_TYPES
    for value in values:
        types |= _BITS.get(value, _OTHER_NAME)
    return types


def restricts(
    types: EventTypes, macro: Callable[[str], Matches], list_: Callable[[str], int]
) -> bool:
    """Whether a condition matches some types of events, and not most of them."""
    matched = resolve(types, macro, list_).as_is
    return bool(matched) and not matched & _REST


def compared(values: Iterable[str], lists: Iterable[str], *, differs: bool) -> EventTypes:
    """What a comparison of evt.type matches."""
    types = Compared(types_of(values), tuple(sorted(lists)), differs)
    return types if types.lists else _resolved(types, types_of)


def negated(types: EventTypes) -> EventTypes:
    """What the negation matches."""
    if isinstance(types, Matches):
        return Matches(types.negated, types.as_is)
    if isinstance(types, str):
        return Joined(is_and=True, known=_EVERYTHING, others=(types,), is_negated=True)
    return types._replace(is_negated=not types.is_negated)


def joined(parts: Iterable[EventTypes], *, is_and: bool) -> EventTypes:
    """What conditions match that are joined by `and`, or by `or`."""
    distinct = dict.fromkeys(parts)
    known = _join([part for part in distinct if isinstance(part, Matches)], is_and=is_and)
    others = tuple(part for part in distinct if not isinstance(part, Matches))
    if not others:
        return known
    if len(distinct) == 1:
        return others[0]
    depth = 1 + max(part.depth if isinstance(part, Joined) else 0 for part in others)
    return Joined(is_and, known, others, depth=depth) if depth <= _MAX_DEPTH else TOO_DEEP


def resolve(
    types: EventTypes, macro: Callable[[str], Matches], list_: Callable[[str], int]
) -> Matches:
    """What a condition matches, once each macro and the types in each list are known."""
    if isinstance(types, Matches):
        return types
    if isinstance(types, str):
        return macro(types)
    if isinstance(types, Compared):
        return _resolved(types, lambda names: _union(map(list_, names)))
    parts = [types.known, *(resolve(other, macro, list_) for other in types.others)]
    result = _join(parts, is_and=types.is_and)
    return Matches(result.negated, result.as_is) if types.is_negated else result


def _resolved(types: Compared, in_lists: Callable[[Iterable[str]], int]) -> Matches:
    named = types.values | in_lists(types.lists)
    others = _ALL ^ named
    return Matches(others, named) if types.differs != types.is_negated else Matches(named, others)


def _union(types: Iterable[int]) -> int:
    result = NO_TYPES
    for some in types:
        result |= some
    return result


def _join(parts: list[Matches], *, is_and: bool) -> Matches:
    as_is, negation = _EVERYTHING if is_and else _NOTHING
    for part in parts:
        if is_and:
            as_is, negation = as_is & part.as_is, negation | part.negated
        else:
            as_is, negation = as_is | part.as_is, negation & part.negated
    return Matches(as_is, negation)


# What `and` and `or` join nothing to: all events, and none.
_EVERYTHING = Matches(_ALL, NO_TYPES)
_NOTHING = Matches(NO_TYPES, _ALL)
