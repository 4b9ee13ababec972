"""The keys of one fragment of Falco's configuration, and the problems that it has by itself.

As in Falco's yaml_helper.h: only the first document of a fragment counts, its root is a map, and it
names no further `config_files`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from resources.configuration.keys import (
    FLAG,
    KEYS,
    LIST,
    MAP,
    NUMBER,
    TEXT,
    WHOLE,
    Expected,
    Items,
    Keys,
    Release,
    Scalar,
)
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
    text,
)


class FragmentEntry(NamedTuple):
    """A key at the root of a fragment, and its value."""

    key: str
    line: int
    value: YamlNode


class ConfigContent(NamedTuple):
    """The content of a fragment; with problems, Falco refuses it whatever other fragments hold.

    `values` counts the values of its YAML. `unread`: the problem is a bound of ours, not Falco's.
    `unsafe` are the problems for which it is refused whatever a user says.
    """

    entries: tuple[FragmentEntry, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    values: int = 0
    unread: bool = False
    unsafe: tuple[str, ...] = ()


def read(data: bytes, falco: Release | None) -> ConfigContent:
    """The content of a fragment for this release of Falco, None if the release is unknown.

    Errors of the fragment are problems in it, and never raised.
    """
    try:
        documents = yaml_reader.load(data, only_first=True)
    except yaml_reader.BadYaml as error:
        is_bound, problems = isinstance(error, yaml_reader.ExceedsBound), (str(error),)
        return ConfigContent(problems=problems, unread=is_bound, unsafe=problems)
    if not documents.roots or is_null(documents.roots[0]):
        return ConfigContent(warnings=("the file has no configuration",))
    root = documents.roots[0]
    if isinstance(root, YamlList):
        problem = f"line {root.line}: the file holds a list, not a map of configuration"
        return ConfigContent(problems=(problem,))
    if isinstance(root, YamlScalar):
        warning = f"line {root.line}: Falco ignores the file, for it holds text, not a map"
        return ConfigContent(warnings=(warning,))
    content = _of_map(root, falco)._replace(values=documents.values)
    if documents.cut:
        warning = "Falco reads only the first document of the file"
        content = content._replace(warnings=(*content.warnings, warning))
    return content


def _of_map(root: YamlMap, falco: Release | None) -> ConfigContent:
    problems: list[str] = _unreadable_key("", root)
    warnings: list[str] = []
    aborts: list[str] = []
    entries = tuple(
        FragmentEntry(key.text, key.line, value)
        for key, (_, value) in zip(keys(root), root.pairs, strict=True)
    )
    for entry in entries:
        place = _Place(entry.key, entry.line)
        if entry.key == "config_files":
            problems.append(f"{place}: a fragment cannot name further files")
        elif entry.key not in KEYS:
            warnings.append(f"{_Place(entry.key, entry.line, quotes=True)}: {_UNKNOWN}")
        else:
            reader = _TypeReader(falco)
            reader.read(place, entry.value, KEYS[entry.key])
            problems.extend(reader.problems + reader.aborts)
            aborts.extend(reader.aborts)
            warnings.extend(reader.warnings)
    if repeated := duplicates(root):
        texts = listed(key.text for key in repeated)
        warnings.append(f"line {repeated[0].line}: given twice, the last counts: {texts}")
    return ConfigContent(
        entries,
        tuple(problems[:MAX_MESSAGES]),
        tuple(warnings[:MAX_MESSAGES]),
        unsafe=tuple(aborts[:MAX_MESSAGES]),
    )


def _unreadable_key(path: str, mapping: YamlMap) -> list[str]:
    key = yaml_node.unreadable_key(mapping)
    if key is None:
        return []
    where = f" in {path}" if path else ""
    return [f"line {key.line}: a key{where} must be text, not {describe(key)}"]


class _Place(NamedTuple):
    """A key in messages."""

    path: str
    line: int
    quotes: bool = False

    def __str__(self) -> str:
        return f"key {shown(self.path) if self.quotes else self.path} (line {self.line})"


class _TypeReader:
    """Compares values with the types of the table."""

    def __init__(self, falco: Release | None) -> None:
        self._falco = falco
        self.problems: list[str] = []
        self.aborts: list[str] = []
        self.warnings: list[str] = []

    def read(self, place: _Place, value: YamlNode, expected: Expected) -> None:
        unknown = is_unknown(expected, self._falco)
        in_schema = isinstance(expected, Keys) and expected.in_schema
        if unknown:
            self.warnings.append(f"{place}: {_UNKNOWN}")
        if unknown and not in_schema:
            return
        if _aborts(value, expected):
            self.aborts.append(f"{place}: Falco aborts over [] where it expects {MAP}")
        elif has_variable(value):
            return
        elif isinstance(expected, Scalar):
            self._scalar(place, value, expected)
        elif isinstance(expected, Items):
            self._items(place, value, expected)
        else:
            self._keys(place, value, expected)

    def _scalar(self, place: _Place, value: YamlNode, expected: Scalar) -> None:
        if expected.type == TEXT and is_null(value):
            self.warnings.append(f"{place}: {_NULL}")
        elif expected.type == FLAG and text(value) in _OTHER_FLAGS:
            self.warnings.append(f"{place}: Falco warns, and wants true or false")
        elif (
            expected.type == WHOLE
            and _is(value, expected)
            and not _DECIMAL.fullmatch(text(value) or "")
        ):
            self.warnings.append(f"{place}: Falco warns, and wants a decimal number")
        elif expected.expected and _is(value, expected):
            least, most = expected.expected
            if not least <= (yaml_node.integer(value) or 0) <= most:
                what = f"Falco warns, and expects a number between {least} and {most}"
                self.warnings.append(f"{place}: {what}")
        elif not _is(value, expected):
            given = shown(value.text) if isinstance(value, YamlScalar) else describe(value)
            what = f"Falco expects {expected.type}, and ignores {given}"
            self.warnings.append(f"{place}: {what}")

    def _items(self, place: _Place, value: YamlNode, expected: Items) -> None:
        if isinstance(value, YamlList):
            for item in value.values:
                self._item(_Place(place.path, item.line), item, expected.item)
        else:
            is_text = isinstance(value, YamlScalar) and not is_null(value)
            reads = "reads" if is_text else "ignores"
            given = shown(value.text) if isinstance(value, YamlScalar) and is_text else ""
            given = given or describe(value)
            self.warnings.append(f"{place}: Falco expects {LIST}, and {reads} {given}")

    def _item(self, place: _Place, item: YamlNode, expected: Expected) -> None:
        if isinstance(expected, Keys):
            if isinstance(item, YamlList | YamlMap):
                self.read(place, item, expected)
        elif is_null(item):
            self.warnings.append(f"{place}: {_NULL}")
        elif isinstance(item, YamlMap):
            values = (value for _, value in item.pairs if is_null(value))
            self.warnings.extend(f"{_Place(place.path, value.line)}: {_NULL}" for value in values)

    def _keys(self, place: _Place, value: YamlNode, expected: Keys) -> None:
        if not isinstance(value, YamlMap):
            if not (expected.any_key and place.path.startswith("plugins.")):
                self.warnings.append(f"{place}: Falco expects {MAP}, this is {describe(value)}")
            return
        self.problems += _unreadable_key(place.path, value)
        if expected.any_key or not expected.keys:
            return
        present = keys(value)
        if repeated := duplicates(value):
            texts = listed(key.text for key in repeated)
            self.warnings.append(f"{place}: given twice, the first counts: {texts}")
        if not present and not expected.needs and not expected.in_schema:
            self.warnings.append(f"{place}: Falco warns, for it expects keys in it")
        for name, (_, inner) in zip(present, value.pairs, strict=True):
            path = f"{place.path}.{name.text}"
            if name.text in expected.keys:
                self.read(_Place(path, name.line), inner, expected.keys[name.text])
            else:
                self.warnings.append(f"{_Place(path, name.line, quotes=True)}: {_UNKNOWN}")
        missing = [key for key in expected.needs if key not in {name.text for name in present}]
        self.warnings.extend(f"{place}: Falco expects a key {key} in it" for key in missing)


_UNKNOWN = "Falco does not know it"
_DECIMAL = re.compile(r"[+-]?(?:0|[1-9][0-9]*)", re.ASCII)
_NULL = 'Falco reads nothing as the text "null"'
# What yaml-cpp reads as true or false, and the schema of Falco does not.
_OTHER_FLAGS = frozenset(
    form
    for word in ("y", "yes", "on", "n", "no", "off", "true", "false")
    for form in (word, word.upper(), word.capitalize())
) - {"true", "false"}


def is_unknown(expected: Expected, falco: Release | None) -> bool:
    """Whether this release of Falco does not know the key; an unknown release knows all keys."""
    if falco is None:
        return False
    return falco < expected.since or (expected.gone is not None and falco >= expected.gone)


def _aborts(value: YamlNode, expected: Expected) -> bool:
    """Whether the validation of Falco's schema ends the process, instead of refusing the value."""
    is_map = isinstance(expected, Keys) and not expected.any_key
    return is_map and isinstance(value, YamlList) and not value.values


def _is(value: YamlNode, expected: Scalar) -> bool:
    if expected.type == TEXT:
        return isinstance(value, YamlScalar)
    if expected.type == WHOLE:
        least, most = expected.fits or (0, 0)
        whole = yaml_node.integer(value)
        return whole is not None and least <= whole <= most
    read_as = {FLAG: yaml_node.boolean, NUMBER: yaml_node.number}
    return read_as[expected.type](value) is not None


def has_variable(value: YamlNode | None) -> bool:
    """Whether the value has an environment variable in it, so that only Falco knows the value."""
    return isinstance(value, YamlScalar) and "${" in value.text
