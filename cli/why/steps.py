"""What files do to a rule, macro, list or key of falco.yaml, in the order of loading."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from resources.artifact.medium import Medium
from resources.configuration import fragment
from resources.node.files import Directory
from resources.node.plugin_entries import Claim, older_wins
from resources.node.slots import SlotId
from resources.rules import rules_file
from resources.rules.items import ListItem, MacroItem, RuleChange, RuleItem
from resources.text import yaml_node, yaml_reader
from resources.text.yaml_node import YamlList, YamlMap, keys, lookup

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cli.why.files import File
    from resources.rules.items import Item
    from resources.text.yaml_node import YamlNode

_MODES = {"append": "appends to", "replace": "replaces"}
# Keys of an item that say what it is, and not what it has.
_HEADS = frozenset({"rule", "macro", "list", "append", "override", "desc"})
_NAMED = 5


class Step(NamedTuple):
    """One item of a file, and what it does; `kind` is rule, macro, list or key."""

    file: File
    line: int
    kind: str
    name: str
    does: str
    is_definition: bool = False


def of_name(files: Iterable[File], name: str) -> list[Step]:
    """What rules files do to the rules, macros and lists of this name, then what falco.yaml does.

    Only content that is at hand tells.
    """
    every = list(files)
    found = [step for step in of_rules(every) if step.name == name]
    tags = _tags(every, name)
    is_rule = any(step.kind == "rule" for step in found)
    return [*found, *(_of_selection(every, name, tags) if is_rule else ())]


def of_rules(files: Iterable[File]) -> Iterator[Step]:
    """What rules files do to all rules, macros and lists, in the order of loading."""
    defined: set[tuple[str, str, str]] = set()
    for file in files:
        if file.place.directory is not Directory.RULES or file.content is None:
            continue
        nodes, last = _nodes(file.content), 0
        for item in rules_file.read(file.content).items:
            told = _kind_of(item)
            if told is None or item.line == last:
                continue  # an item that appends and replaces is read as two
            last = item.line
            key = (file.artifact.meta.ref.namespace, told, item.name)  # type: ignore[union-attr]
            node = nodes.get((told, item.line))
            does, is_definition = _does(item, node, is_again=key in defined)
            if is_definition:
                defined.add(key)
            yield Step(file, item.line, told, key[2], does, is_definition)


def of_keys(files: Iterable[File]) -> Iterator[Step]:
    """What parts of falco.yaml do to its keys, in the order of loading."""
    before: set[tuple[str, str]] = set()
    for file in files:
        if file.place.directory is not Directory.CONFIG or file.content is None:
            continue
        for entry in fragment.read(file.content, None).entries:
            key = (file.artifact.meta.ref.namespace, entry.key)
            is_list = isinstance(entry.value, YamlList)
            verb = "adds to the list" if is_list else "sets"
            if key in before and not is_list:
                verb = "replaces"
            before.add(key)
            yield Step(file, entry.line, "key", entry.key, verb, not is_list)


def overriding(files: Iterable[File], file: File) -> list[str]:
    """What later files do to what this one has, a sentence for each of them."""
    every = list(files)
    steps = of_rules(every) if file.place.directory is Directory.RULES else of_keys(every)
    own: set[tuple[str, str]] = set()
    later: dict[str, list[str]] = {}
    is_after = False
    for step in steps:
        if step.file is file:
            own.add((step.kind, step.name))
            is_after = True
        elif is_after and (step.kind, step.name) in own:
            later.setdefault(step.file.path, []).append(f"{step.does} {step.kind} {step.name}")
    return [f"{path} {_few(told)}" for path, told in later.items()]


def taken_names(files: Iterable[File]) -> dict[str, str]:
    """Names of Plugins whose entry an older Plugin has, each with the name of that one."""
    claims = [
        Claim(file.entry, _slot(file), file.created)
        for file in files
        if file.entry and file.created
    ]
    return {loser.name: holder.name for loser, holder in older_wins(claims).items()}


def _slot(file: File) -> SlotId:
    meta = file.artifact.meta
    return SlotId("Plugin", meta.ref.name, meta.uid, Medium.INLINE)


def _few(texts: list[str]) -> str:
    rest = len(texts) - _NAMED
    return ", ".join(texts[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _kind_of(item: Item) -> str | None:
    match item:
        case RuleItem() | RuleChange():
            return "rule"
        case MacroItem():
            return "macro"
        case ListItem():
            return "list"
    return None


def _does(item: Item, node: YamlMap | None, *, is_again: bool) -> tuple[str, bool]:
    """What an item does, and whether it defines what it names."""
    if isinstance(item, RuleChange):
        return _change(node), False
    if isinstance(item, MacroItem | ListItem) and item.appends:
        return "appends to", False
    return ("defines anew" if is_again else "defines"), True


def _change(node: YamlMap | None) -> str:
    """The keys of a rule that an item changes, as in `replaces output, appends to condition of`."""
    if node is None:
        return "changes"
    parts = []
    enabled = yaml_node.text(lookup(node, "enabled"))
    if enabled is not None:
        parts.append(f"sets enabled: {enabled} of")
    override = lookup(node, "override")
    names = [key.text for key in keys(node) if key.text not in {*_HEADS, "enabled"}]
    if isinstance(override, YamlMap):
        for key in keys(override):
            mode = yaml_node.text(lookup(override, key.text)) or ""
            parts.append(f"{_MODES.get(mode, 'changes')} {key.text} of")
    elif names:
        parts.append(f"appends to {', '.join(names)} of")
    return ", ".join(dict.fromkeys(parts)) or "changes"


def _nodes(content: bytes) -> dict[tuple[str, int], YamlMap]:
    """The items of a rules file as YAML, by kind and line."""
    found = {}
    try:
        roots = yaml_reader.load(content).roots
    except yaml_reader.BadYaml:
        return {}
    for root in roots:
        for value in root.values if isinstance(root, YamlList) else ():
            if isinstance(value, YamlMap):
                for kind in ("rule", "macro", "list"):
                    if lookup(value, kind) is not None:
                        found[kind, value.line] = value
    return found


def _tags(files: Iterable[File], name: str) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for file in files:
        if file.place.directory is not Directory.RULES or file.content is None:
            continue
        for item in rules_file.read(file.content).items:
            if isinstance(item, RuleItem) and item.name == name:
                found = item.tags
            elif isinstance(item, RuleChange) and item.name == name and item.tags is not None:
                found = found | item.tags if item.appends else item.tags
    return found


def _of_selection(files: Iterable[File], name: str, tags: frozenset[str]) -> Iterator[Step]:
    """What the key `rules` of falco.yaml enables or disables of a rule."""
    for file in files:
        if file.place.directory is not Directory.CONFIG or file.content is None:
            continue
        for entry in fragment.read(file.content, None).entries:
            values = entry.value.values if isinstance(entry.value, YamlList) else ()
            if entry.key == "rules":
                for value in values:
                    yield from _selected(file, value, name, tags)


def _selected(file: File, value: YamlNode, name: str, tags: frozenset[str]) -> Iterator[Step]:
    for verb in ("enable", "disable"):
        chosen = lookup(value, verb) if isinstance(value, YamlMap) else None
        if not isinstance(chosen, YamlMap):
            continue
        rule, tag = (yaml_node.text(lookup(chosen, key)) for key in ("rule", "tag"))
        if (rule is not None and fnmatchcase(name, rule)) or (tag is not None and tag in tags):
            by = f"rule {rule}" if rule is not None else f"tag {tag}"
            yield Step(file, value.line, "rule", name, f"{verb}s (by {by})")
