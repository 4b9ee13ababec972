"""All versions that a node could activate, and what Falco would refuse of a selection of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from resources.artifact.fields import Validation
from resources.check.check_request import WebServer
from resources.check.contents import NodeContents
from resources.check.needs import needs_of_rules
from resources.check.rule_environment import environment_of, extra_outputs
from resources.conditions.condition_cache import ConditionCache
from resources.conditions.condition_warnings import output_warnings
from resources.conditions.vocabulary import Vocabulary
from resources.configuration import base as falco_config
from resources.configuration import check as config_check
from resources.configuration import fragment as config_content
from resources.configuration import plugins as plugins_check
from resources.configuration import traps
from resources.configuration.merge import MergedConfig, finding
from resources.configuration.plugins import BadEntry, LoadedPlugin, Plugins
from resources.rules.items import Item, ListItem, MacroItem, PluginRequirement, RuleItem
from resources.rules.rule_set import RuleSet
from resources.rules.versions import release, semantic_version
from resources.text import yaml_node
from resources.text.messages import FatalFinding, Finding, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from resources.check.check_request import CheckedSlot, CheckedVersion, Context, PluginFact
    from resources.check.needs import Needs
    from resources.rules.items import RulesContent


class Evaluation(NamedTuple):
    """What Falco would refuse of a selection, and its warnings."""

    problems: list[Finding]
    warnings: list[Finding]
    web_server: WebServer = WebServer()
    plugins: tuple[str, ...] = ()


class NodeSet:
    """Slots and their contents, each read once; `values` counts the YAML values in all of them."""

    def __init__(
        self, slots: Sequence[CheckedSlot], context: Context, read: Callable[[str], bytes]
    ) -> None:
        self.slots = sorted(
            slots, key=lambda slot: (_ORDER[slot.kind], slot.file.encode(), slot.id)
        )
        self._by_id = {slot.id: slot for slot in self.slots}
        self._context = context
        # Names of libraries that Plugins install, or would install.
        self._files = {slot.file for slot in slots if slot.kind == "plugin"}
        self._falco = release(context.says_version or context.falco_version)
        base = falco_config.base_config(context.workload, context.falco_version)
        self._base = config_content.read(base.encode(), self._falco)
        self._contents = NodeContents(self.slots, read, self._falco)
        self.values = self._contents.values
        lists = _list_names(self._contents.rules.values())
        for path, content in self._contents.rules.items():
            self._contents.rules[path] = _narrowed(content, lists)
        self._vocabulary = Vocabulary(self._falco)
        self._conditions = ConditionCache(lists, self._vocabulary)

    def own_problems(self, slot: CheckedSlot, version: CheckedVersion) -> Sequence[str]:
        """Why Falco would refuse a version whatever versions the other slots have."""
        if slot.kind != "plugin":
            return self._contents.of(slot, version).problems
        try:
            self._plugin_entry(slot, version)
        except BadEntry as error:
            return (str(error),)
        return ()

    def bounds(self, slot: CheckedSlot, version: CheckedVersion) -> Sequence[str]:
        """Why a version is refused whatever Falco says: it is too much for us, or no entry."""
        if slot.kind == "plugin":
            return self.own_problems(slot, version)
        content = self._contents.of(slot, version)
        return content.problems if content.unread else ()

    def unsafe(self, slot: CheckedSlot, version: CheckedVersion) -> Sequence[str]:
        """Why a version is refused whatever its artifact says."""
        return () if slot.kind == "plugin" else self._contents.of(slot, version).unsafe

    def overrules(self, finding: Finding, versions: Mapping[str, CheckedVersion]) -> bool:
        """Whether the artifact that a finding is about is to be installed all the same."""
        slot = self._by_id.get(finding.origin)
        if (
            slot is None
            or slot.validation is Validation.ENFORCE
            or isinstance(finding, FatalFinding)
        ):
            return False
        return not self.unsafe(slot, versions[slot.id])

    def own_warnings(self, slot: CheckedSlot, version: CheckedVersion) -> Sequence[str]:
        """Warnings about a version whatever versions the other slots have."""
        return () if slot.kind == "plugin" else self._contents.of(slot, version).warnings

    def keys(self, version: CheckedVersion) -> tuple[str, ...]:
        """The keys at the root of a configuration; empty for whatever is none."""
        content = self._contents.configs.get(version.path)
        return tuple(entry.key for entry in content.entries) if content is not None else ()

    def needs(self) -> dict[str, Needs]:
        """What the rules at each path need, unless nothing of them can be read."""
        return {
            path: needs_of_rules(content)
            for path, content in self._contents.rules.items()
            if content.items or not content.problems
        }

    def evaluate(self, selection: Mapping[str, CheckedVersion]) -> Evaluation:
        """Check these versions, by slot id, together and in the order in which Falco loads them."""
        chosen = [(slot, selection[slot.id]) for slot in self.slots if slot.id in selection]
        merged = MergedConfig(self._base)
        for slot, version in chosen:
            if slot.kind == "config":
                merged.include(slot.id, self._contents.configs[version.path])
        facts = {slot.id: version.plugin for slot, version in chosen if version.plugin}
        own = [
            self._loaded_plugin(slot, version) for slot, version in chosen if slot.kind == "plugin"
        ]
        plugins = Plugins(merged, own, self._libraries(chosen))
        problems = [*config_check.problems(merged, self._falco), *plugins.problems]
        rules = [(slot, version) for slot, version in chosen if slot.kind == "rules"]
        found = self._rules(rules, merged, plugins, facts)
        warnings = [
            *merged.warnings,
            *plugins.warnings,
            *traps.warnings(merged, plugins),
            *found.warnings,
        ]
        problems = [*problems, *found.problems]
        return Evaluation(problems, warnings, _web_server(merged), tuple(plugins.loaded))

    def _plugin_entry(self, slot: CheckedSlot, version: CheckedVersion) -> LoadedPlugin:
        """The entry of a Plugin in falco.yaml; raises BadEntry if Falco would refuse it.

        The entry has a path only if a Plugin installs the library, for then the selection decides
        whether the library is there.
        """
        fact = version.plugin
        if fact is None or not fact.name:
            raise BadEntry("the plugin has no name")
        if not fact.present:
            raise BadEntry(f"plugin {shown(fact.name)}: its library is not there")
        init_config = msgspec.json.decode(fact.init_config) if fact.init_config else None
        plugins_check.check_init_config(fact.name, "spec.config.initConfig", init_config)
        path = plugins_check.absolute(fact.library_path or slot.file)
        file = path.removeprefix(plugins_check.DIRECTORY)
        is_seen = file in self._files or not path.startswith(plugins_check.DIRECTORY)
        return LoadedPlugin(slot.id, 0, fact.name, path if is_seen else "")

    def _loaded_plugin(self, slot: CheckedSlot, version: CheckedVersion) -> LoadedPlugin:
        """The entry of a Plugin, also of one that is installed although Falco would refuse it."""
        try:
            return self._plugin_entry(slot, version)
        except BadEntry:
            return LoadedPlugin(slot.id, 0, version.plugin.name if version.plugin else "", "")

    def _libraries(self, chosen: Iterable[tuple[CheckedSlot, CheckedVersion]]) -> set[str]:
        return set(self._context.foreign_libraries) | {
            slot.file for slot, version in chosen if version.plugin and version.plugin.present
        }

    def _rules(
        self,
        rules: Sequence[tuple[CheckedSlot, CheckedVersion]],
        merged: MergedConfig,
        plugins: Plugins,
        facts: Mapping[str, PluginFact],
    ) -> Evaluation:
        contents = [(slot, self._contents.rules[version.path]) for slot, version in rules]
        later = {
            defined: slot.file
            for slot, content in reversed(contents)
            for item in content.items
            if (defined := _defined(item))
        }
        environment = environment_of(self._vocabulary, merged, plugins)
        rule_set = RuleSet(
            self._context.engine_version, self._conditions, later, environment, self._falco
        )
        problems: list[Finding] = []
        warnings: list[Finding] = []
        for slot, content in contents:
            problems += [Finding(slot.id, text) for text in rule_set.load(content, slot.file)]
            warnings += [Finding(slot.id, text) for text in rule_set.warnings]
        for slot, content in contents:
            warnings += [Finding(slot.id, text) for text in rule_set.unused(content)]
        for piece, extra in extra_outputs(merged):
            text = rule_set.extra_output_problem(extra)
            problems += [finding("append_output", piece, text)] if text else []
            told = output_warnings(extra.text, self._vocabulary)
            warnings += [finding("append_output", piece, warning) for warning in told]
        for slot, content in contents:
            for item in content.items:
                if isinstance(item, PluginRequirement):
                    text = _unmet(item, plugins, facts)
                    problems.extend([Finding(slot.id, text)] if text else [])
        return Evaluation(problems, warnings)


# The order in which slots are checked; Falco loads rules last.
_ORDER = {"config": 0, "plugin": 1, "rules": 2}
# Addresses at which a web server can be asked at 127.0.0.1.
_LOCAL = frozenset({None, "", "0.0.0.0", "::", "127.0.0.1", "localhost"})  # noqa: S104


def _web_server(merged: MergedConfig) -> WebServer:
    """Where Falco will answer, with its own defaults (configuration.cpp) for what is not given."""

    def is_on(name: str, key: str = "webserver") -> bool:
        piece = merged.setting(key, name)
        return piece is not None and yaml_node.boolean(piece.value) is True

    port, address = (merged.setting("webserver", f"listen_{what}") for what in ("port", "address"))
    number = yaml_node.integer(port.value) if port is not None else None
    host = yaml_node.text(address.value) if address is not None else None
    return WebServer(
        enabled=is_on("enabled"),
        port=number if number is not None else falco_config.WEB_PORT,
        tls=is_on("ssl_enabled"),
        # Both are needed (webserver.cpp).
        metrics=is_on("prometheus_metrics_enabled") and is_on("enabled", "metrics"),
        is_local=host in _LOCAL,
    )


def _unmet(item: PluginRequirement, plugins: Plugins, facts: Mapping[str, PluginFact]) -> str:
    """Why a requirement is not met; empty if it is met, or if a version is unknown."""
    label = f"required_plugin_versions (line {item.line})"
    for name, needed in item.alternatives:
        if name not in plugins.loaded:
            continue
        # The first alternative whose plugin is loaded decides.
        fact = facts.get(plugins.loaded[name].origin)
        installed = semantic_version(fact.version) if fact else None
        required = semantic_version(needed)
        if installed is None or required is None or installed.satisfies(required):
            return ""
        same = "" if installed < required else f" and older than {required.major + 1}.0.0"
        return f"{label}: needs plugin {name} {required} or newer{same}, installed is {installed}"
    wanted = ", or ".join(f"plugin {name} {needed} or newer" for name, needed in item.alternatives)
    return f"{label}: needs {wanted}, which is not installed"


def _defined(item: Item) -> tuple[str, str] | None:
    """Kind and name of what an item defines; None if it only changes something."""
    if isinstance(item, RuleItem):
        return "rule", item.name
    if isinstance(item, ListItem | MacroItem) and not item.appends:
        return "list" if isinstance(item, ListItem) else "macro", item.name
    return None


def _list_names(contents: Iterable[RulesContent]) -> frozenset[str]:
    return frozenset(
        item.name for content in contents for item in content.items if isinstance(item, ListItem)
    )


def _narrowed(content: RulesContent, lists: frozenset[str]) -> RulesContent:
    """The content with only those items of lists that are names of lists themselves.

    No check needs the others, of which there may be many.
    """
    return content._replace(
        items=tuple(
            item._replace(items=tuple(name for name in item.items if name in lists))
            if isinstance(item, ListItem)
            else item
            for item in content.items
        )
    )
