"""The fields and events that a release of Falco has, whatever plugins add to them."""

from __future__ import annotations

import re
from typing import NamedTuple

from resources.conditions.event_table import EVENTS, PARAMETERS, SYSTEM_CALLS
from resources.conditions.field_table import FIELDS

_MARKS = re.compile(r"([a-z0-9_.A-Z]+)([!~*+]*)")
# What the argument of a field must be; other fields take none.
_NUMBERED = frozenset(
    {"proc.apid", "proc.aname", "proc.aexe", "proc.aexepath", "proc.acmdline", "proc.aargs"}
    | {"proc.args", "evt.arg", "evt.around", "fd.types"}
)
_KEYED = frozenset({"proc.env", "proc.aenv"})
# Fields that are nothing without an argument, or without a name that follows.
_INCOMPLETE = frozenset({"evt.arg", "evt.rawarg", "evt.around", "evt.type.is", "thread.cgroup"})
_NUMBER = re.compile(r"\s*[+-]?[0-9]+", re.ASCII)
_CGROUP = re.compile(r"thread\.cgroup\.[a-zA-Z_]+")


EVENT_NAMES = frozenset(
    name for table in (EVENTS, SYSTEM_CALLS) for names in table.values() for name in names.split()
)


class Field(NamedTuple):
    """A field; an empty type is not known before the field is used."""

    type: str
    is_list: bool = False
    compares_with_fields: bool = True
    transforms: bool = True
    generic: bool = False


TEXT = Field("CHARBUF")


class Vocabulary:
    """What a release has; of a release that is unknown, or not in the tables, nothing is known."""

    def __init__(self, falco: tuple[int, int] | None) -> None:
        self.is_known = falco is not None and _OLDEST <= falco <= _NEWEST
        self._release = falco if falco is not None and self.is_known else _NEWEST
        self._fields = _fields(self._release) if self.is_known else {}
        self._parameters = {
            name: type_
            for (first, type_), names in PARAMETERS.items()
            if self._release >= _release(first)
            for name in names.split()
        }

    def release_has(self, since: tuple[int, int]) -> bool:
        """Whether what came with a release is there; of an unknown release all is."""
        return self._release >= since

    def field(self, name: str, argument: str | None = None) -> Field | None:
        """The field; None if the release has none of that name, or none with such an argument."""
        field = self._fields.get(name)
        if argument is None:
            return self._special(name) if field is None or name in _INCOMPLETE else field
        if name in _NUMBERED:
            return field if _NUMBER.fullmatch(argument) else None
        return field if name in _KEYED else None

    def is_field(self, text: str) -> bool:
        """Whether the whole text is a field."""
        match = _WHOLE.fullmatch(text)
        return match is not None and self.field(match[1], match[2]) is not None

    def starts_with_field(self, text: str) -> bool:
        """Whether the text starts with the name of a field, as what follows a % in an output."""
        match = _DOTTED.match(text)
        if match is None:
            return False
        name = match[0]
        argument = _ARGUMENT.match(text, match.end())
        if argument and self.field(name, argument[1]):
            return True
        return any(self.field(name[:end]) for end in range(len(name), 3, -1))

    def _special(self, name: str) -> Field | None:
        start, _, rest = name.partition(".")
        if start == "thread":
            return TEXT if _CGROUP.fullmatch(name) else None
        if start != "evt":
            return None
        kind, _, parameter = rest.partition(".")
        if kind == "arg" and parameter in self._parameters:
            return TEXT
        if kind == "rawarg" and parameter in self._parameters:
            type_ = self._parameters[parameter]
            return Field(type_, compares_with_fields=False, transforms=False)
        if rest in {"abspath.src", "abspath.dst"}:
            return TEXT
        is_event = rest.startswith("type.is.") and rest.removeprefix("type.is.") in EVENT_NAMES
        return Field("UINT32") if is_event else None


def is_malformed(name: str) -> bool:
    """Whether Falco refuses even a rule that may be skipped over this field, which is not there."""
    return bool(_STRICT.fullmatch(name))


_OLDEST, _NEWEST = (0, 40), (0, 44)
_STRICT = re.compile(
    r"(?:evt\.(?:arg|rawarg|around)|fd\.types)(?:\[.*\])?|evt\.(?:arg|rawarg)\.[a-zA-Z0-9_.]*"
    r"|(?:evt\.type\.is|thread\.cgroup)(?:\[.*\])?",
    re.DOTALL,
)
_DOTTED = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*(?:\.[a-zA-Z][a-zA-Z0-9_]*)+")
_ARGUMENT = re.compile(r"\[([^\[\]\"'\s]+)\]", re.ASCII)
_WHOLE = re.compile(rf"({_DOTTED.pattern})(?:{_ARGUMENT.pattern})?", re.ASCII)


def _release(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)


def _fields(release: tuple[int, int]) -> dict[str, Field]:
    fields = {}
    for (first, last, type_), names in FIELDS.items():
        if release < _release(first) or (last != "now" and release > _release(last)):
            continue
        for name, marks in _MARKS.findall(names):
            fields[name] = Field(
                type_,
                is_list="+" in marks,
                compares_with_fields="!" not in marks,
                transforms="~" not in marks,
                generic="*" in marks,
            )
    return fields
