"""A cache of parsed conditions, since the same rules are checked in many combinations."""

from __future__ import annotations

import hashlib
import re

from resources.conditions import condition
from resources.conditions.condition import BadCondition, RuleCondition
from resources.conditions.condition_text import BARE
from resources.conditions.vocabulary import Vocabulary

_ANY = Vocabulary(None)
# Private characters that stand for a name of a list that is no single word.
_FIRST, _MOST = 0xE000, 0x1000
_DELIMITERS = r" \t\n\r(),="


class ConditionCache:
    """Parses each condition once; of its words, keeps only the names of the given lists."""

    def __init__(self, lists: frozenset[str], vocabulary: Vocabulary = _ANY) -> None:
        self._vocabulary = vocabulary
        odd = sorted(name for name in lists if not BARE.fullmatch(name))[:_MOST]
        self._marks = {name: chr(_FIRST + place) for place, name in enumerate(odd)}
        self._names = {mark: name for name, mark in self._marks.items()}
        self._lists = (lists - self._marks.keys()) | self._names.keys()
        names = "|".join(re.escape(name) for name in odd)
        self._odd = re.compile(rf"(?<![^{_DELIMITERS}])(?:{names})(?![^{_DELIMITERS}])")
        # By digest, which is short: many long conditions that differ little may be parsed.
        self._parsed: dict[bytes, RuleCondition | BadCondition] = {}

    def parse(self, text: str) -> RuleCondition:
        """The same result as `resources.conditions.condition.parse`, or the same BadCondition."""
        key = hashlib.blake2b(text.encode(), digest_size=16).digest()
        parsed = self._parsed.get(key)
        if parsed is None:
            parsed = self._parsed[key] = self._parse(text)
        if isinstance(parsed, BadCondition):
            raise parsed
        return parsed

    def _parse(self, text: str) -> RuleCondition | BadCondition:
        try:
            if not self._marks or len(text) > condition.MAX_LENGTH:
                return condition.parse(text, self._vocabulary, self._lists)
            marked = self._odd.sub(lambda match: self._marks[match[0]], text)
            parsed = condition.parse(marked, self._vocabulary, self._lists)
        except BadCondition as error:
            return error
        return self._named(parsed)

    def _named(self, parsed: RuleCondition) -> RuleCondition:
        """The condition with the names of lists in place of the characters that stand for them."""
        names = self._names
        return parsed._replace(
            words=tuple(names.get(word, word) for word in parsed.words),
            lone_words=tuple(names.get(word, word) for word in parsed.lone_words),
            faults=tuple(
                fault._replace(text=names.get(fault.text, fault.text)) for fault in parsed.faults
            ),
            quoted_words=tuple((names.get(word, word), kind) for word, kind in parsed.quoted_words),
        )
