"""The actors of a tree one by one, and which of them somebody asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from supervisors.debug.description import called

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PARKED = "parked"
"""The state of an object that has no actor, because it has crashed too often."""

_BELOW = ("children", PARKED, "observation")
_SPAN = re.compile(r"(?P<number>[0-9]{1,9})(?P<unit>[smh]?)", re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


def entries(node: Any, wanted: Selection) -> Iterator[dict[str, Any]]:
    """Each actor and each parked object of a described tree, with its description in `actor`.

    A description is made when its turn comes, and not of an object that is not `wanted`.
    Supervisors come before what is below them, and without that.
    """
    node = called(node)
    if not isinstance(node, dict) or not wanted.may_have(node):
        return
    if "actor" in node and not isinstance(node["actor"], str):  # a child, and not an actor itself
        actor = called(node["actor"]) or {}
        yield {**node, "actor": _without(actor)}
        node = actor
    elif "actor" in node:
        yield {"name": node.get("name", ""), "actor": _without(node)}
    elif "error" in node:
        known = {"kind": kind_of(node), "state": PARKED, "trace": node.get("trace", [])}
        yield {"object": node.get("object"), "error": node["error"], "actor": known}
    for key in _BELOW:
        below = called(node.get(key)) or ()
        for child in below if isinstance(below, list) else [below]:
            yield from entries(child, wanted)


def kind_of(entry: Mapping[str, Any]) -> str:
    """The kind of the object of an entry, empty if it has none."""
    return str(entry.get("object", "")).partition("/")[0]


@dataclass(frozen=True, slots=True)
class Selection:
    """What of the actors is asked for; empty and None ask for all.

    `since` asks for actors that have handled a message in as many seconds before `now`, or do.
    """

    kind: str = ""
    namespace: str = ""
    name: str = ""
    state: str = ""
    since: timedelta | None = None

    def __bool__(self) -> bool:
        return self != Selection()

    def may_have(self, entry: Mapping[str, Any]) -> bool:
        """Whether this entry may be asked for, by the namespace of its object alone."""
        parts = str(entry.get("object", "")).split("/")
        return len(parts) != 3 or self.namespace in {"", parts[1]}

    def has(self, entry: Mapping[str, Any], now: datetime) -> bool:
        """Whether this entry is asked for."""
        actor = entry["actor"]
        parts = str(entry.get("object", "")).split("/")
        return (
            self.kind in {"", actor.get("kind"), kind_of(entry)}
            and self.namespace in {"", parts[1] if len(parts) == 3 else None}
            and self.name in {"", parts[-1]}
            and self.state in {"", actor.get("state")}
            and (self.since is None or self._is_recent(actor, now))
        )

    def _is_recent(self, actor: Mapping[str, Any], now: datetime) -> bool:
        if actor.get("running") or self.since is None:
            return True
        trace = actor.get("trace") or ()
        return any(now - ended(message) <= self.since for message in trace)


def selection(query: Mapping[str, str]) -> Selection:
    """The selection of a query; raises ValueError with a text for the user."""
    since, span = query.get("since", ""), None
    if since:
        match = _SPAN.fullmatch(since)
        if match is None:
            raise ValueError(f"since is {since[:40]!r}: it has to be a number with s, m or h")
        span = timedelta(seconds=int(match["number"]) * _SECONDS[match["unit"]])
    texts = {name: query.get(name, "") for name in ("kind", "namespace", "name", "state")}
    return Selection(**texts, since=span)


def ended(message: Mapping[str, Any]) -> datetime:
    """When the handler of a message in a trace has ended."""
    begun = datetime.fromisoformat(message["at"]).astimezone(UTC)
    return begun + timedelta(seconds=message["run"])


def _without(actor: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in actor.items() if key not in _BELOW}
