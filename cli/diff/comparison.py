"""A child as it is, reduced to what the operator sets, beside the child as it should be."""

from __future__ import annotations

import copy
import difflib
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from cli.output.concealed import concealed
from cli.output.without_aliases import WithoutAliases
from resources.kubernetes.fields_v1 import decoded
from resources.kubernetes.managed_fields import field_differences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cli.cluster.snapshot import Object
    from resources.kubernetes.fields_v1 import Path
    from resources.kubernetes.managed_fields import FieldDifference


_MISSING = object()
# What other managers own, and what the API server stores otherwise: an apply changes neither.
_NO_CHANGE = ("unowned", "dropped")
_KEY_DEFAULTS = {"protocol": "TCP"}


class Change(NamedTuple):
    """What would become of an object; without `before` it is created, without `after` deleted."""

    name: str
    before: Object | None
    after: Object | None


def change_of(name: str, desired: Object, live: Object, manager: str) -> Change | None:
    """What an apply would change of a live object; None if nothing.

    Defaults and the fields of other managers are in neither side.
    """
    found = [one for one in field_differences(desired, live, manager) if one.kind not in _NO_CHANGE]
    if not found:
        return None
    before = copy.deepcopy(desired)
    for one in found:
        _undo(before, live, one)
    return Change(name, before, desired)


def unified(changes: Iterable[Change], conceal: Callable[[str], str]) -> list[str]:
    """The changes as `diff -u` writes them, in lines; `conceal` gives what stands for a credential.

    Equal credentials have to get equal texts, and others other ones.
    """
    return [line for change in changes for line in _lines(change, conceal)]


def _lines(change: Change, conceal: Callable[[str], str]) -> Iterator[str]:
    before, after = (
        [] if one is None else _text(concealed(one, conceal)).splitlines(keepends=True)
        for one in (change.before, change.after)
    )
    return difflib.unified_diff(
        before,
        after,
        f"cluster/{change.name}" if before else "/dev/null",
        f"files/{change.name}" if after else "/dev/null",
    )


def _text(value: Object) -> str:
    return yaml.dump(value, Dumper=WithoutAliases, sort_keys=False, allow_unicode=True)


def _undo(before: Object, live: Object, difference: FieldDifference) -> None:
    """Put what the live object has at a path in the place of what is desired."""
    *parents, last = difference.path
    value, node = _value(live, difference.path), before
    for at, element in enumerate(parents):
        found = _below(node, element)
        if found is None or found is _MISSING:
            if value is _MISSING:
                return
            found = [] if (*parents, last)[at + 1][0] in "kv" else {}
            _set(node, element, found)
        node = found
    _set(node, last, value)


def _set(node: Any, element: str, value: Any) -> None:
    """Set, or remove, a field of a map or an item of a list."""
    if element[0] == "f":
        if value is _MISSING:
            node.pop(element[2:], None)
        else:
            node[element[2:]] = value
        return
    old = _below(node, element)
    at = next((at for at, item in enumerate(node) if item is old), len(node))
    node[at : at + 1] = [] if value is _MISSING else [value]


def _value(node: Any, path: Path) -> Any:
    for element in path:
        node = _below(node, element)
        if node is _MISSING:
            break
    return copy.deepcopy(node) if node is not _MISSING else node


def _below(node: Any, element: str) -> Any:
    if element[0] == "f":
        return node.get(element[2:], _MISSING) if isinstance(node, dict) else _MISSING
    if not isinstance(node, list):
        return _MISSING
    wanted = decoded(element)
    if element[0] == "v":
        return next((item for item in node if item == wanted), _MISSING)
    return next((item for item in node if _is_item(item, wanted)), _MISSING)


def _is_item(item: Object, keys: Object) -> bool:
    """Whether these are the keys of a list item; a port without protocol is one of TCP."""
    return all(item.get(key, _KEY_DEFAULTS.get(key)) == value for key, value in keys.items())
