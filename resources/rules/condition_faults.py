"""Why Falco refuses a rule that uses a condition which it can parse."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resources.conditions.value_types import EVENT, value_problem
from resources.text.messages import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from resources.conditions.condition import RuleCondition
    from resources.conditions.environment import Environment
    from resources.conditions.functions import Fault
    from resources.rules.loaded import Loaded


class FoundFault(NamedTuple):
    """What Falco refuses; `is_unknown`: because it does not know a field or a type of events."""

    text: str
    is_unknown: bool


class FaultFinder:
    """Finds the faults of conditions among all that is loaded."""

    def __init__(
        self, loaded: Loaded, environment: Environment, hint: Callable[[str, str], str]
    ) -> None:
        self._loaded = loaded
        self._environment = environment
        self._hint = hint

    def faults(self, parsed: RuleCondition) -> list[FoundFault]:
        """The faults of a condition in their order."""
        faults = (self._fault(fault) for fault in parsed.faults)
        return [fault for fault in faults if fault]

    def faults_of_lists(self, parsed: RuleCondition, lists: Collection[str]) -> list[FoundFault]:
        """The faults for items of these lists."""
        uses = (one for one in parsed.faults if one.kind == "list" and one.text in lists)
        return [fault for use in uses if (fault := self._list_fault(use))]

    def _fault(self, fault: Fault) -> FoundFault | None:
        kind, text, _ = fault
        environment = self._environment
        if kind == "list":
            return self._list_fault(fault)
        if kind == "field":
            known = environment.has_field(text)
            return None if known else FoundFault(environment.missing_field(text), is_unknown=True)
        if kind == "event":
            problem = f"there is no type of events {shown(text)}"
            return None if environment.has_event(text) else FoundFault(problem, is_unknown=True)
        return FoundFault(text, is_unknown=False)

    def _list_fault(self, fault: Fault) -> FoundFault | None:
        """Why Falco refuses a rule for an item of a list that is no value of a field.

        It takes the name of a list for a value until it loads the file that has the list.
        """
        _, name, kind = fault
        environment = self._environment
        if not environment.vocabulary.is_known or (kind == EVENT and environment.sends_own_events):
            return None
        if name in self._loaded.lists.names():
            problem = self._loaded.lists.misfit(name, kind)
            text = f"list {shown(name)} cannot be used: {problem}"
        else:
            problem = value_problem(kind, name)
            text = f"{problem}{self._hint('list', name)}"
        return FoundFault(text, kind == EVENT) if problem else None
