"""The `exceptions` of rules: how Falco reads them, merges them, and adds them to the condition.

As in Falco's rule_loader_reader.cpp, rule_loader_collector.cpp and rule_loader_compiler.cpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from resources.rules.condition import LIST_OPERATORS, OPERATORS
from resources.text.messages import shown
from resources.text.yaml_node import YamlList, YamlMap, YamlNode, YamlScalar, describe, is_null

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resources.rules.item_reader import ItemReader

# A text, or a list of entries; an empty entry means that the key is absent.
Entry: TypeAlias = "str | tuple[Entry, ...]"

_LONE_OPERATORS = ("in", "pmatch", "intersects")


class BadRuleException(ValueError):  # noqa: N818 - it describes the exception, not a failure of ours
    """An exception that does not fit the rule, or cannot become a condition."""


class RuleException(NamedTuple):
    """One exception of a rule."""

    name: str
    fields: Entry
    comparisons: Entry
    values: tuple[Entry, ...]


def read_exceptions(item: ItemReader, *, with_fields: bool) -> tuple[RuleException, ...]:
    """The exceptions of an item.

    `with_fields` demands fields; without, an exception may extend that of an earlier rule.

    Raises:
        BadItem: Falco would not accept the exceptions.
    """
    if item.node("exceptions") is None:
        return ()
    exceptions = []
    for entry in item.maps("exceptions"):
        name = entry.text("name")
        values = entry.node("values")
        if entry.has("values") and not isinstance(values, YamlList):
            item.fail("exceptions", f"{shown(name)}: values must be a list")
        exception = RuleException(
            name,
            _entry(item, entry.node("fields")),
            _entry(item, entry.node("comps")),
            tuple(_entry(item, value) for value in values.values)
            if isinstance(values, YamlList)
            else (),
        )
        if with_fields:
            try:
                check(exception)
            except BadRuleException as error:
                item.fail("exceptions", str(error))
        exceptions.append(exception)
    return tuple(exceptions)


def check(exception: RuleException) -> None:
    """Raise BadRuleException for an exception that no rule can have."""
    name, fields, comparisons = shown(exception.name), exception.fields, exception.comparisons
    if not fields:
        raise BadRuleException(f"{name}: fields is missing")
    if isinstance(fields, str):
        if comparisons and comparisons not in _LONE_OPERATORS:
            allowed = ", ".join(_LONE_OPERATORS)
            raise BadRuleException(f"{name}: with a single field, comps must be one of {allowed}")
        return
    if not comparisons:
        return
    if isinstance(comparisons, str) or len(comparisons) != len(fields):
        raise BadRuleException(f"{name}: fields and comps must be lists of the same length")
    for operator in comparisons:
        base = operator.split()[0] if isinstance(operator, str) and operator else ""
        if base not in OPERATORS:
            raise BadRuleException(f"{name}: comps: {shown(str(operator))} is no operator")


def merged(
    present: tuple[RuleException, ...], appended: Iterable[RuleException]
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
            check(exception)
            if not exception.values:
                raise BadRuleException(f"{shown(exception.name)}: values is missing")
            places[exception.name] = len(result)
            result.append(exception)
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
    return f"({exception.fields} {exception.comparisons or 'in'} ({', '.join(values)}))"


def _tuples(exception: RuleException) -> str:
    fields = exception.fields
    comparisons = exception.comparisons or ("=",) * len(fields)
    alternatives = []
    for value in exception.values:
        if isinstance(value, str) or len(value) != len(fields):
            message = f"each of values must be a list of {len(fields)}, as fields is"
            raise BadRuleException(f"{shown(exception.name)}: {message}")
        checks = (
            f"{field} {operator} {_operand(str(operator), part)}"
            for field, operator, part in zip(fields, comparisons, value, strict=True)
        )
        alternatives.append(f"({' and '.join(checks)})")
    return f"({' or '.join(alternatives)})" if alternatives else ""


def _operand(operator: str, value: Entry) -> str:
    if not isinstance(value, str):
        return f"({', '.join(quoted(str(part)) for part in value)})"
    # An operator with a modifier, such as "endswith anyof", takes a list too.
    if operator in LIST_OPERATORS or len(operator.split()) > 1:
        return value if value.startswith("(") else f"({value})"
    return quoted(value)


def quoted(value: str) -> str:
    """A value as Falco inserts it into a condition: quoted only if it has a space."""
    return f'"{value}"' if " " in value and value[0] not in "\"'" else value


def _entry(item: ItemReader, node: YamlNode | None) -> Entry:
    if node is None or is_null(node):
        return ""
    if isinstance(node, YamlMap):
        item.fail("exceptions", f"line {node.line} must be text or a list, not {describe(node)}")
    if isinstance(node, YamlScalar):
        if not node.text:
            item.fail("exceptions", f"line {node.line} is empty")
        return node.text
    return tuple(_entry(item, value) for value in node.values)
