"""A cache of parsed conditions, since the same rules are checked in many combinations."""

from __future__ import annotations

import hashlib

from resources.rules import condition
from resources.rules.condition import BadCondition, RuleCondition


class ConditionCache:
    """Parses each condition once; of its words, keeps only the names of the given lists."""

    def __init__(self, lists: frozenset[str]) -> None:
        self._lists = lists
        # By digest, which is short: many long conditions that differ little may be parsed.
        self._parsed: dict[bytes, RuleCondition | BadCondition] = {}

    def parse(self, text: str) -> RuleCondition:
        """The same result as `resources.rules.condition.parse`, or the same BadCondition."""
        key = hashlib.blake2b(text.encode(), digest_size=16).digest()
        parsed = self._parsed.get(key)
        if parsed is None:
            parsed = self._parsed[key] = self._parse(text)
        if isinstance(parsed, BadCondition):
            raise parsed
        return parsed

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
