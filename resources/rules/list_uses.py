"""What conditions do with lists, and what Falco would make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resources.text.messages import shown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from resources.conditions.condition import RuleCondition
    from resources.rules.lists import RuleLists


def shape_problems(
    lists: RuleLists, parsed: RuleCondition, names: Collection[str]
) -> Iterator[str]:
    """Why these lists cannot stand where they do."""
    for name in dict.fromkeys((*parsed.words, *parsed.lone_words)):
        if name not in names:
            continue
        count, problem = lists.shape(name)
        if not problem and name in parsed.lone_words and count != 1:
            problem = f"it stands where there is room for one value, and has {count}"
        if problem:
            yield f"list {shown(name)} cannot be used: {problem}"
    for name in parsed.misplaced:
        if name in names:
            yield (
                f"Falco puts the items of list {shown(name)} in the place of the same word, "
                "where no value can stand"
            )


def quoting_problems(
    lists: RuleLists, parsed: RuleCondition, names: Collection[str]
) -> Iterator[str]:
    """Lists within quotes whose items end the quoted text."""
    for name, quote in parsed.quoted_words:
        if name in names and lists.breaks(name, quote):
            yield f"{_QUOTED.format(shown(name))}, which their quotes end"


def quoting_warnings(
    lists: RuleLists, parsed: RuleCondition, names: Collection[str]
) -> Iterator[str]:
    """Lists within quotes whose items become part of the quoted text."""
    for name, quote in parsed.quoted_words:
        if name in names and not lists.breaks(name, quote):
            yield f"{_QUOTED.format(shown(name))}, where the name of the list stands"


_QUOTED = "Falco puts the items of list {} into the quoted text"
