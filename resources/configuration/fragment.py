"""The keys of one fragment of Falco's configuration, and the problems that it has by itself.

As in Falco's yaml_helper.h: only the first document of a fragment counts, its root is a map, and it
names no further `config_files`.
"""

from __future__ import annotations

from typing import NamedTuple

from resources.configuration.keys import FLAG, GONE, KEYS, LIST, MAP, NUMBER, TEXT, WHOLE, Expected
from resources.text import yaml_node, yaml_reader
from resources.text.limits import MAX_MESSAGES
from resources.text.messages import listed, shown
from resources.text.yaml_node import (
    YamlList,
    YamlMap,
    YamlNode,
    YamlScalar,
    describe,
    duplicates,
    is_null,
    keys,
)


class FragmentEntry(NamedTuple):
    """A key at the root of a fragment, and its value."""

    key: str
    line: int
    value: YamlNode


class ConfigContent(NamedTuple):
    """The content of a fragment; with problems, Falco refuses it whatever other fragments hold.

    `values` counts the values of its YAML. `unread`: the problem is a bound of ours, not Falco's.
    """

    entries: tuple[FragmentEntry, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    values: int = 0
    unread: bool = False


def read(data: bytes, falco: tuple[int, int] | None) -> ConfigContent:
    """The content of a fragment for this release of Falco, None if the release is unknown.

    Errors of the fragment are problems in it, and never raised.
    """
    try:
        documents = yaml_reader.load(data)
    except yaml_reader.BadYaml as error:
        is_bound = isinstance(error, yaml_reader.ExceedsBound)
        return ConfigContent(problems=(str(error),), unread=is_bound)
    if not documents.roots or is_null(documents.roots[0]):
        return ConfigContent(warnings=("the file has no configuration",))
    root, *others = documents.roots
    if isinstance(root, YamlList):
        problem = f"line {root.line}: the file holds a list, not a map of configuration"
        return ConfigContent(problems=(problem,))
    if isinstance(root, YamlScalar):
        warning = f"line {root.line}: Falco ignores the file, for it holds text, not a map"
        return ConfigContent(warnings=(warning,))
    return _of_map(root, others, falco)._replace(values=documents.values)


def _of_map(root: YamlMap, others: list[YamlNode], falco: tuple[int, int] | None) -> ConfigContent:
    problems: list[str] = []
    warnings: list[str] = []
    entries = tuple(
        FragmentEntry(key.text, key.line, value)
        for key, (_, value) in zip(keys(root), root.pairs, strict=True)
    )
    for entry in entries:
        if entry.key == "config_files":
            problems.append(
                f"key config_files (line {entry.line}): a fragment cannot name further files"
            )
        elif not _is_known(entry.key, falco):
            warnings.append(f"key {shown(entry.key)} (line {entry.line}): Falco does not know it")
        else:
            warnings.extend(
                _type_warnings(entry.key, entry.line, entry.value, KEYS.get(entry.key, MAP))
            )
    if repeated := duplicates(root):
        texts = listed(key.text for key in repeated)
        warnings.append(f"line {repeated[0].line}: given twice, the last counts: {texts}")
    if others:
        warnings.append(f"line {others[0].line}: Falco reads only the first document")
    return ConfigContent(entries, tuple(problems[:MAX_MESSAGES]), tuple(warnings[:MAX_MESSAGES]))


def _is_known(key: str, falco: tuple[int, int] | None) -> bool:
    if key in GONE:
        return falco is None or falco < GONE[key]
    return key in KEYS


def _type_warnings(key: str, line: int, value: YamlNode, expected: Expected) -> list[str]:
    """Warnings about values of another type than Falco expects."""
    if has_variable(value) or (is_null(value) and expected == LIST):
        return []
    if isinstance(expected, str):
        if _is(value, expected):
            return []
        given = shown(value.text) if isinstance(value, YamlScalar) else describe(value)
        return [f"key {key} (line {line}): Falco expects {expected}, and ignores {given}"]
    if not isinstance(value, YamlMap):
        return [f"key {key} (line {line}): Falco expects {MAP}, this is {describe(value)}"]
    warnings: list[str] = []
    for name, (_, inner) in zip(keys(value), value.pairs, strict=True):
        path = f"{key}.{name.text}"
        if name.text in expected:
            warnings.extend(_type_warnings(path, name.line, inner, expected[name.text]))
        else:
            warnings.append(f"key {shown(path)} (line {name.line}): Falco does not know it")
    return warnings


def _is(value: YamlNode, expected: str) -> bool:
    if expected == LIST:
        return isinstance(value, YamlList)
    if expected == MAP:
        return isinstance(value, YamlMap)
    if expected == TEXT:
        return isinstance(value, YamlScalar)
    read_as = {FLAG: yaml_node.boolean, WHOLE: yaml_node.integer, NUMBER: yaml_node.number}
    return read_as[expected](value) is not None


def has_variable(value: YamlNode | None) -> bool:
    """Whether the value has an environment variable in it, so that only Falco knows the value."""
    return isinstance(value, YamlScalar) and "${" in value.text
