"""The `exceptions` of rules: how Falco reads them, merges them, and adds them to the condition.

As in Falco's rule_loader_reader.cpp, rule_loader_collector.cpp and rule_loader_compiler.cpp.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from resources.conditions.value_types import (
    LIST_OPERATORS,
    MODIFIABLE,
    MODIFIERS,
    MODIFIERS_SINCE,
    OPERATORS,
)
from resources.rules.item_reader import BadItem, FatalItem
from resources.text.messages import listed, shown
from resources.text.yaml_node import (
    YamlList,
    YamlMap,
    YamlNode,
    YamlScalar,
    duplicates,
    is_null,
    keys,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from resources.rules.item_reader import ItemReader

# A text, or a list of entries; an empty entry means that the key is absent.
Entry: TypeAlias = "str | tuple[Entry, ...]"

_LONE_OPERATORS = ("in", "pmatch", "intersects")
_KEYS = ("name", "fields", "comps", "values")
_BLANKS = " \t\r\n"
_MODIFIED = re.compile(rf"(?P<operator>\S+) (?:{'|'.join(MODIFIERS)})")


class BadRuleException(ValueError):  # noqa: N818 - it describes the exception, not a failure of ours
    """An exception that does not fit the rule, or cannot become a condition."""

    of_item: type[BadItem] = BadItem
    """The error of the item that has the exception."""


class FatalRuleException(BadRuleException):
    """An exception at which a running Falco would crash."""

    of_item = FatalItem


class RuleException(NamedTuple):
    """One exception of a rule."""

    name: str
    fields: Entry
    comparisons: Entry
    values: tuple[Entry, ...]


def read_exceptions(
    item: ItemReader, *, appends: bool, falco: tuple[int, int] | None = None, checks: bool = True
) -> tuple[RuleException, ...]:
    """The exceptions of an item.

    Appended ones may extend an exception of an earlier rule. Without `checks`, which is how Falco
    replaces those of a rule, it does not look at them before it makes a condition of them.

    Raises:
        BadItem: Falco would not accept the exceptions.
    """
    if item.node("exceptions") is None:
        return ()
    exceptions: dict[int, RuleException] = {}
    for entry in item.maps("exceptions"):
        name = entry.text("name")
        if any(name == other.name for other in exceptions.values()):
            item.warn("exceptions", f"{shown(name)} is there twice")
        _warn_of_keys(item, name, entry.mapping)
        if not appends and not entry.has("fields"):
            item.fail("exceptions", f"{shown(name)}: fields is missing")
        values = entry.node("values")
        if entry.has("values") and not isinstance(values, YamlList):
            item.fail("exceptions", f"{shown(name)}: values must be a list")
        if appends and not entry.has("values"):
            item.warn("exceptions", f"{shown(name)} has no values to append")
        exception = RuleException(
            name,
            _entry(item, entry.node("fields")),
            _entry(item, entry.node("comps")),
            tuple(_entry(item, value) for value in values.values)
            if isinstance(values, YamlList)
            else (),
        )
        if not appends:
            try:
                exception = checked(exception, falco) if checks else unchecked(exception)
            except BadRuleException as error:
                item.fail("exceptions", str(error), error.of_item)
        exceptions[len(exceptions)] = exception
    return tuple(exceptions.values())


def _warn_of_keys(item: ItemReader, name: str, mapping: YamlMap) -> None:
    unknown = [key.text for key in keys(mapping) if key.text not in _KEYS]
    if unknown:
        item.warn("exceptions", f"{shown(name)}: Falco ignores unknown keys: {listed(unknown)}")
    if duplicates(mapping):
        item.warn("exceptions", f"{shown(name)}: Falco takes the first of two keys")


def unchecked(exception: RuleException) -> RuleException:
    """The exception as it replaces those of a rule: Falco checks nothing, and gives no default.

    Raises:
        FatalRuleException: Falco would crash.
    """
    comparisons = exception.comparisons
    if isinstance(exception.fields, str):
        # Without a text as operator, what Falco makes of it cannot be parsed.
        text = comparisons if isinstance(comparisons, str) else ""
        return exception._replace(comparisons=text or _NO_OPERATOR)
    count = len(comparisons) if isinstance(comparisons, tuple) else 0
    if exception.values and count < len(exception.fields):
        message = "comps must be a list as long as fields, or Falco crashes"
        raise FatalRuleException(f"{shown(exception.name)}: {message}")
    return exception


_NO_OPERATOR = " "


def checked(exception: RuleException, falco: tuple[int, int] | None) -> RuleException:
    """The exception with its operators as Falco takes them, and with default ones if it has none.

    Raises:
        BadRuleException: no rule can have such an exception.
    """
    name, fields, comparisons = shown(exception.name), exception.fields, exception.comparisons
    if not fields:
        raise BadRuleException(f"{name}: fields is missing")
    if isinstance(fields, str):
        comparisons = comparisons or "in"
        operator = comparisons.strip(_BLANKS) if isinstance(comparisons, str) else ""
        if operator not in _LONE_OPERATORS and not _has_modifier(operator, falco):
            allowed = ", ".join(_LONE_OPERATORS)
            also = ", or an operator with a modifier, such as startswith oneof"
            raise BadRuleException(
                f"{name}: with a single field, comps must be one of {allowed}"
                f"{also if falco is None or falco >= MODIFIERS_SINCE else ''}"
            )
        return exception._replace(comparisons=operator)
    comparisons = comparisons or ("=",) * len(fields)
    if isinstance(comparisons, str) or len(comparisons) != len(fields):
        raise BadRuleException(f"{name}: fields and comps must be lists of the same length")
    operators = tuple(
        entry.strip(_BLANKS) if isinstance(entry, str) else "" for entry in comparisons
    )
    for operator, entry in zip(operators, comparisons, strict=True):
        if operator not in OPERATORS and not _has_modifier(operator, falco):
            raise BadRuleException(f"{name}: comps: {shown(str(entry))} is no operator")
    return exception._replace(comparisons=operators)


def _has_modifier(operator: str, falco: tuple[int, int] | None) -> bool:
    match = _MODIFIED.fullmatch(operator)
    known = falco is None or falco >= MODIFIERS_SINCE
    return known and match is not None and match["operator"] in MODIFIABLE


def field_names(exceptions: Iterable[RuleException]) -> Iterator[str]:
    """The fields of exceptions, each of which Falco looks up, whether it has values or not."""
    for exception in exceptions:
        fields = exception.fields
        if isinstance(fields, str):
            yield from filter(None, (fields,))
        else:
            yield from (name if isinstance(name, str) else "" for name in fields)


def merged(
    present: tuple[RuleException, ...],
    appended: Iterable[RuleException],
    falco: tuple[int, int] | None = None,
) -> tuple[RuleException, ...]:
    """The exceptions of a rule after others are appended to them.

    Raises:
        BadRuleException: an appended exception does not fit the present ones.
    """
    result = list(present)
    places = {old.name: place for place, old in reversed(list(enumerate(result)))}
    for exception in appended:
        place = places.get(exception.name)
        if place is None:
            if not exception.values:
                raise BadRuleException(f"{shown(exception.name)}: values is missing")
            places[exception.name] = len(result)
            result.append(checked(exception, falco))
            continue
        if exception.fields or exception.comparisons:
            message = "only values can be appended to an exception that is there"
            raise BadRuleException(f"{shown(exception.name)}: {message}")
        result[place] = result[place]._replace(values=result[place].values + exception.values)
    return tuple(result)


def with_exceptions(condition: str, exceptions: Iterable[RuleException]) -> str:
    """The condition of a rule joined with its exceptions, as Falco parses it.

    Raises:
        BadRuleException: the values of an exception do not fit its fields.
    """
    parts = [f"({condition})"]
    for exception in exceptions:
        text = _lone(exception) if isinstance(exception.fields, str) else _tuples(exception)
        if text:
            parts.append(f"and not {text}")
    return " ".join(parts)


def _lone(exception: RuleException) -> str:
    values = []
    for value in exception.values:
        if not isinstance(value, str):
            raise BadRuleException(f"{shown(exception.name)}: values must be texts, not lists")
        values.append(quoted(value))
    if not values:
        return ""
    return f"({exception.fields} {exception.comparisons} ({', '.join(values)}))"


def _tuples(exception: RuleException) -> str:
    fields, comparisons = exception.fields, exception.comparisons
    alternatives = []
    for value in exception.values:
        if isinstance(value, str) or len(value) != len(fields):
            message = f"each of values must be a list of {len(fields)}, as fields is"
            raise BadRuleException(f"{shown(exception.name)}: {message}")
        checks = (
            f"{field} {operator} {_operand(str(operator), part)}"
            for field, operator, part in zip(fields, comparisons, value, strict=False)
        )
        alternatives.append(f"({' and '.join(checks)})")
    return f"({' or '.join(alternatives)})" if alternatives else ""


def _operand(operator: str, value: Entry) -> str:
    if not isinstance(value, str):
        texts = (quoted(part) if isinstance(part, str) else "" for part in value)
        return f"({', '.join(texts)})"
    if operator in LIST_OPERATORS or _MODIFIED.fullmatch(operator):
        return value if value.startswith("(") else f"({value})"
    return quoted(value)


def quoted(value: str) -> str:
    """A value as Falco inserts it into a condition: quoted only if it has a space."""
    return f'"{value}"' if " " in value and value[0] not in "\"'" else value


def _entry(item: ItemReader, node: YamlNode | None) -> Entry:
    """A text or a list; of anything else Falco takes nothing."""
    if isinstance(node, YamlList):
        return tuple(_entry(item, value) for value in node.values)
    if not isinstance(node, YamlScalar) or is_null(node):
        return ""
    if not node.text:
        item.fail("exceptions", f"line {node.line} is empty")
    return node.text
