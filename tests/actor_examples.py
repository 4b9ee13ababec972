"""Actors that do as they are told, for the tests of the runtime and of the supervisors."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

from actors.runtime.actor import Actor
from actors.runtime.context import Runtime
from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason, Reasons
from actors.runtime.results import Done
from tests.fake_clock import FakeClock

if TYPE_CHECKING:
    from actors.runtime.lifecycle import Exit, ExitReason
    from actors.runtime.ref import ActorRef
    from actors.runtime.results import Result


class BugError(Exception):
    """What an actor under test crashes with."""


class Counting:
    """An observer that writes down what it is told."""

    def __init__(self) -> None:
        self.handled: list[tuple[str, str]] = []
        self.waits: list[float] = []
        self.events: list[tuple[str, ...]] = []

    def mail_handled(self, kind: str, wait: float, run: float, outcome: str) -> None:
        assert run >= 0
        self.handled.append((kind, outcome))
        self.waits.append(wait)

    def actor_started(self, kind: str) -> None:
        self.events.append(("started", kind))

    def actor_exited(self, kind: str, reason: ExitReason) -> None:
        self.events.append(("exited", kind, str(reason)))

    def actor_restarted(self, kind: str) -> None:
        self.events.append(("restarted", kind))

    def actor_parked(self, kind: str) -> None:
        self.events.append(("parked", kind))

    def actor_unparked(self, kind: str) -> None:
        self.events.append(("unparked", kind))


def fake_runtime() -> tuple[Runtime, FakeClock, Counting]:
    """A runtime on a fake clock, with fixed randomness."""
    clock, observer = FakeClock(), Counting()
    return Runtime(clock=clock, random=random.Random(1), observer=observer), clock, observer


class Probe(Actor):
    """Writes down what happens to it in `log`.

    It raises an exception that it is sent, waits for an event that it is sent, and answers with
    anything else. Reconciles end with the next of `results`: raised, awaited, or returned.
    """

    def __init__(self, runtime: Runtime, log: list[Any], results: list[Any] | None = None) -> None:
        super().__init__(runtime)
        self.log = log
        self.results = results if results is not None else []

    async def on_start(self) -> None:
        self.log.append("start")

    async def on_receive(self, message: Any) -> Any:
        self.log.append(message)
        return await _act_out(message)

    async def on_reconcile(self, reasons: Reasons) -> Result:
        self.log.append(words_of(reasons))
        result = await _act_out(self.results.pop(0)) if self.results else Done()
        return Done() if result is True else result

    async def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
        self.log.append(("failure", exception_type, exception_value, traceback is not None))

    async def on_stop(self) -> None:
        self.log.append("stop")


def reason(word: str) -> Reason:
    """The reason with this cause; for any other word, that a Falco of this name has changed."""
    return Reason(Cause(word)) if word in set(Cause) else Reason(Cause.CHANGED, "Falco", word)


def reconcile(word: str) -> Reconcile:
    """A reconcile for the reason that the word stands for."""
    return Reconcile(reason(word))


def words_of(reasons: Reasons) -> set[str]:
    """The words that these reasons stand for."""
    return {reason.name or str(reason.cause) for reason in reasons}


async def _act_out(what: Any) -> Any:
    if isinstance(what, Exception):
        raise what
    if isinstance(what, asyncio.Event):
        return await what.wait()
    return what


def exits_of(ref: ActorRef[Any]) -> list[Exit]:
    """Link to the actor; the list gets its exit."""
    exits: list[Exit] = []
    ref.link(lambda _, end: exits.append(end))
    return exits


def actor_of(ref: ActorRef[Any]) -> Any:
    """The actor behind the ref, for a look inside."""
    return ref.actor_inbox.actor
