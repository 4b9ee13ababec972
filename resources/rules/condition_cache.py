"""ConditionCache that are parsed once, however often the same rules are looked at."""

from __future__ import annotations

import hashlib

from resources.rules import condition
from resources.rules.condition import BadCondition, RuleCondition


class ConditionCache:
    """Parses each condition once; of its words only the names of lists are kept."""

    def __init__(self, lists: frozenset[str]) -> None:
        self._lists = lists
        # By their digests: many long conditions may be tried that differ little.
        self._parsed: dict[bytes, RuleCondition | BadCondition] = {}

    def parse(self, text: str) -> RuleCondition:
        """As resources.rules.condition.parse."""
        key = hashlib.blake2b(text.encode(), digest_size=16).digest()
        found = self._parsed.get(key)
        if found is None:
            found = self._parsed[key] = self._parse(text)
        if isinstance(found, BadCondition):
            raise found
        return found

    def _parse(self, text: str) -> RuleCondition | BadCondition:
        try:
            parsed = condition.parse(text)
        except BadCondition as error:
            return error
        return RuleCondition(
            parsed.macros,
            tuple(word for word in parsed.words if word in self._lists),
            tuple(word for word in parsed.lone_words if word in self._lists),
        )
