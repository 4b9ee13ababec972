"""What an actor knows of one incarnation of its resource, and what it works with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actors.watch.view import View
from actors.write.applier import Applier
from actors.write.children import Attempt, Children
from actors.write.retry import Retry
from actors.write.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.api.client import Client
    from actors.runtime.context import Runtime
    from actors.watch.store import Store
    from actors.write.recorder import Record
    from resources.kubernetes.reference import Owner


@dataclass(frozen=True, slots=True)
class Services:
    """What an actor of the operator works with, shared by all of them."""

    client: Client
    store: Store
    record: Callable[[Record], None]
    drift_corrected: Callable[[str], None]
    """Called with the child's kind."""


@dataclass(slots=True)
class Incarnation:
    """What one actor knows of one incarnation."""

    owner: Owner
    view: View
    writer: Writer
    applier: Applier
    children: Children
    retry: Retry
    status_at: float = float("-inf")
    cleaned: bool = False
    namespace_goes: bool = False
    """Found when something was to be created there; then there can be no Event either."""
    told: str = ""
    unreported: Attempt = field(default_factory=Attempt)


def incarnation(runtime: Runtime, services: Services, owner: Owner, manager: str) -> Incarnation:
    """Begin with nothing known but what the Store shows; `manager` is the field manager."""
    view = View(services.store)
    writer = Writer(services.client, view, manager)
    applier = Applier(writer, owner)
    children = Children(runtime, applier, view, services.drift_corrected)
    return Incarnation(owner, view, writer, applier, children, Retry(runtime.random))
