"""The outputs of rules: whether Falco can read the fields in them.

As libsinsp's eventformatter.cpp: after a % comes the name of a field, or a function of fields; of
what follows, Falco takes the longest text that it knows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from resources.conditions.condition_text import BadCondition, ConditionText
from resources.conditions.functions import OperandReader
from resources.text.messages import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resources.conditions.environment import Environment

# Falco 0.41 to 0.44 take it out: the container plugin suggests what it stood for.
_CONTAINER_INFO = "%container.info"
_TOKEN = re.compile(r"%[0-9]*")
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*(?:\.[a-zA-Z][a-zA-Z0-9_]*)*")
_FUNCTION = re.compile(r"[a-z0-9]+\(")
_MAX_TOKEN = 1000


def format_problem(text: str, environment: Environment) -> tuple[str, bool]:
    """Why Falco cannot read an output, and whether that is for a field that it does not know."""
    if not environment.vocabulary.is_known:
        return "", False
    text = text.replace(_CONTAINER_INFO, "")
    if not text:
        return "Falco takes no empty text here, and does not count %container.info", False
    for problem, is_unknown in _problems(text.removeprefix("*"), environment):
        return problem, is_unknown
    return "", False


def _problems(text: str, environment: Environment) -> Iterator[tuple[str, bool]]:
    for match in _TOKEN.finditer(text):
        rest = text[match.end() : match.end() + _MAX_TOKEN]
        if not rest:
            yield f"it ends with {match[0]}, after which Falco expects a field", False
        elif _FUNCTION.match(rest):
            yield from _function(rest, environment)
        elif not environment.vocabulary.starts_with_field(rest):
            name = _NAME.match(rest)
            if name is None:
                place = shown(match[0] + rest[:20])
                yield f"in {place} Falco expects a field after the %", True
            elif not environment.has_field(name[0]):
                yield environment.missing_field(name[0]), True


def _function(rest: str, environment: Environment) -> Iterator[tuple[str, bool]]:
    reader = OperandReader(ConditionText(rest), environment.vocabulary)
    try:
        operand = reader.operand()
    except BadCondition as error:
        yield f"in {shown('%' + rest)}: {error}", True
        return
    if operand is None:
        yield f"there is no function {shown(rest.partition('(')[0])}", True
    for fault in reader.faults:
        if fault.kind != "field":
            yield fault.text, True
        elif not environment.has_field(fault.text):
            yield environment.missing_field(fault.text), True
