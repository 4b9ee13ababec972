"""What the configuration and the plugins of a node give to its rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resources.conditions.environment import SYSCALL, Environment
from resources.configuration.fragment import has_variable
from resources.configuration.official_plugins import OFFICIAL
from resources.rules.rule_set import ExtraOutput
from resources.text.yaml_node import YamlList, YamlMap, YamlScalar, keys, lookup, text_or_null

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resources.conditions.vocabulary import Vocabulary
    from resources.configuration.merge import ConfigValue, MergedConfig
    from resources.configuration.plugins import Plugins

_ADVICE = tuple(
    (start, name) for name in ("container", "json", "k8saudit") for start in OFFICIAL[name].fields
)


def environment_of(vocabulary: Vocabulary, merged: MergedConfig, plugins: Plugins) -> Environment:
    """The fields and sources that rules may use."""
    loaded = [OFFICIAL.get(name) for name in plugins.loaded]
    known = [plugin for plugin in loaded if plugin is not None]
    # Of plugins that only Falco knows by name, nothing is known either.
    is_open = len(known) < len(loaded) or plugins.has_unknown
    return Environment(
        vocabulary,
        tuple(start for plugin in known for start in plugin.fields),
        frozenset({SYSCALL, *(plugin.source for plugin in known if plugin.source)}),
        is_open,
        _static_fields(merged),
        _ADVICE,
        frozenset(name for plugin in known for name in plugin.events),
    )


def _static_fields(merged: MergedConfig) -> frozenset[str] | None:
    piece = merged.setting("static_fields")
    if piece is None:
        return frozenset()
    if has_variable(piece.value):
        return None
    value = piece.value
    return frozenset(key.text for key in keys(value)) if isinstance(value, YamlMap) else frozenset()


def extra_outputs(merged: MergedConfig) -> Iterator[tuple[ConfigValue, ExtraOutput]]:
    """The texts that `append_output` adds to the outputs of rules, as far as they can be read."""
    for piece in merged.lists.get("append_output", ()):
        entry = piece.value
        if not isinstance(entry, YamlMap):
            continue
        match = lookup(entry, "match")
        criteria = match if isinstance(match, YamlMap) else YamlMap((), 0)
        tags = lookup(criteria, "tags")
        names = tags.values if isinstance(tags, YamlList) else ()
        for extra in _texts(entry):
            yield (
                piece,
                ExtraOutput(
                    extra,
                    text_or_null(lookup(criteria, "source")) or "",
                    frozenset(name.text for name in names if isinstance(name, YamlScalar)),
                    text_or_null(lookup(criteria, "rule")) or "",
                ),
            )


def _texts(entry: YamlMap) -> Iterator[str]:
    output = lookup(entry, "extra_output")
    if not has_variable(output) and (extra := text_or_null(output)):
        yield f" {extra}"
    fields = lookup(entry, "extra_fields")
    for field in fields.values if isinstance(fields, YamlList) else ():
        if isinstance(field, YamlScalar) and not has_variable(field):
            yield f"%{field.text}"
        elif isinstance(field, YamlMap) and len(field.pairs) == 1:
            ((_, value),) = field.pairs
            if isinstance(value, YamlScalar) and not has_variable(value):
                yield value.text
