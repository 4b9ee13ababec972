"""Writes all children of a custom resource, wave by wave, whichever of them fail."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from actors.api.errors import ApiError, Refused
from actors.runtime.activity import decide
from actors.write.errors import Fight, Leaving, NameConflict, WriteError, message_of
from actors.write.fights import Fights
from actors.write.retry import settled_delay
from resources.instance.outcome import (
    DRIFT,
    ERROR_ON_CREATE,
    ERROR_ON_UPDATE,
    NAME_CONFLICT,
    Failure,
    Outcome,
    Update,
    drift,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
    from random import Random

    from actors.runtime.context import Runtime
    from actors.watch.view import View
    from actors.write.applier import Applier
    from resources.instance.children import Child
    from resources.kubernetes.reference import ObjectRef


_MOST_FIELDS = 5
"""How many fields of an updated child the trace names."""


@dataclass(slots=True)
class Attempt:
    """The outcome of one try to write all children."""

    created: list[ObjectRef] = field(default_factory=list)
    updated: list[Update] = field(default_factory=list)
    failures: dict[ObjectRef, Failure] = field(default_factory=dict)
    errors: list[WriteError] = field(default_factory=list)
    done: set[ObjectRef] = field(default_factory=set)
    blocked: set[ObjectRef] = field(default_factory=set)
    """Children that are not usable: no child that depends on one of them is written."""
    pruned: list[ObjectRef] = field(default_factory=list)
    refusals: list[Refused] = field(default_factory=list)
    """Refusals of requests that are not about a wanted child, and so are not held."""

    def next(self) -> Attempt:
        """A new attempt that also reports what this one did, for that is not in the status yet."""
        return Attempt(self.created, self.updated, pruned=self.pruned)

    def failed(self, ref: ObjectRef, error: WriteError) -> None:
        """Note an error about the resource itself, or about a child that is to be deleted."""
        self.errors.append(error)
        self.failures[ref] = Failure(ERROR_ON_UPDATE, message_of(error), ref)
        if isinstance(error, Refused):
            self.refusals.append(error)

    def refused(self, random: Random) -> float | None:
        """Seconds until the requests in `refusals` are made again; None if there are none."""
        delays = (settled_delay(error, 0, random) for error in self.refusals)
        return min((delay for delay in delays if delay is not None), default=None)

    def outcome(self) -> Outcome:
        """What the status and the Events report."""
        failures = tuple(self.failures.values())
        return Outcome(tuple(self.created), tuple(self.updated), tuple(self.pruned), failures)


@dataclass(slots=True)
class _Hold:
    """A request that failed and is not made again before `until`, unless its body changes."""

    body: dict[str, Any]
    error: WriteError
    tries: int
    until: float


class Children:
    """The children of one incarnation of a custom resource."""

    __slots__ = ("_applier", "_drift_corrected", "_fights", "_holds", "_made", "_runtime", "_view")

    def __init__(
        self,
        runtime: Runtime,
        applier: Applier,
        view: View,
        drift_corrected: Callable[[str], None],
    ) -> None:
        """`drift_corrected` is called with the kind of each child that was corrected."""
        self._runtime = runtime
        self._applier = applier
        self._view = view
        self._drift_corrected = drift_corrected
        self._holds: dict[ObjectRef, _Hold] = {}
        self._fights = Fights()
        self._made: tuple[ObjectRef, ...] = ()

    async def ensure(
        self,
        children: Collection[Child],
        beside: Callable[[], Awaitable[None]],
        attempt: Attempt,
    ) -> None:
        """Bring every child to its desired body, as far as that can be done now.

        `beside` runs together with the first wave, and puts the children that must not be written
        if it fails into `attempt.blocked`. A child whose dependency is blocked is not tried, and
        is no failure of its own.
        """
        # A child that is not wanted for a while is deleted by us; to make it again is no drift.
        wanted = {child.ref for child in children}
        self._made = tuple(ref for ref in self._made if ref in wanted)
        first: Sequence[Awaitable[None]] = (beside(),)
        for _, wave in groupby(children, key=lambda child: child.wave):
            ready = [child for child in wave if not attempt.blocked & {child.ref, *child.after}]
            await _together([*first, *(self._ensure(child, attempt) for child in ready)])
            first = ()
        self._holds = {ref: self._holds[ref] for ref in attempt.failures if ref in self._holds}
        changed = {*attempt.created, *(update.ref for update in attempt.updated)}
        if same := attempt.done - changed:
            decide(f"left {len(same)} children as they are")

    def inspect(self, children: Iterable[Child]) -> Attempt:
        """Report as failures what `ensure` would write, without any request."""
        attempt = Attempt()
        for child in children:
            try:
                different = self._applier.differences(child)
            except (NameConflict, Leaving) as error:
                attempt.failures[child.ref] = _failure(child.ref, error, missing=False)
                continue
            # A field with the desired value that we do not own is no drift, though `ensure` would
            # take its ownership back; and nobody has removed what the API server never stored.
            strayed = different and [
                difference
                for difference in different
                if difference.kind not in ("unowned", "dropped")
            ]
            if strayed is None or strayed:
                attempt.failures[child.ref] = drift(child.ref, strayed)
        return attempt

    def next_try(self) -> float | None:
        """Seconds until the earliest held request is due; None if nothing is held."""
        if not self._holds:
            return None
        due = min(hold.until for hold in self._holds.values())
        return max(0.0, due - self._runtime.clock.monotonic())

    def describe(self) -> dict[str, str]:
        """The children whose requests are held, with the error, for the actor dump."""
        return {str(ref): str(hold.error) for ref, hold in self._holds.items()}

    async def _ensure(self, child: Child, attempt: Attempt) -> None:
        missing = self._view.get(child.ref) is None
        try:
            written = await self._unless_held(child)
        except (ApiError, NameConflict, Leaving, Fight) as error:
            self._failed(child, error, attempt, missing=missing)
            return
        self._holds.pop(child.ref, None)
        attempt.done.add(child.ref)
        if isinstance(written, Update):
            decide(f"updated {self._in_words(written)}")
            attempt.updated.append(written)
        elif written is not None:
            decide(f"created {self._named(written)}")
            attempt.created.append(written)
        self._note_drift(child, written, attempt)
        if child.ref not in self._made:
            self._made += (self._view.kept(child.ref),)

    def _failed(self, child: Child, error: WriteError, attempt: Attempt, *, missing: bool) -> None:
        attempt.errors.append(error)
        attempt.failures[child.ref] = _failure(child.ref, error, missing=missing)
        # An outdated child still serves its dependents, except a ConfigMap: a pod reads it once.
        is_config = child.ref.kind == "ConfigMap" and not isinstance(error, Fight)
        if missing or is_config or isinstance(error, NameConflict | Leaving):
            attempt.blocked.add(child.ref)
        self._hold(child, error)

    def _note_drift(
        self, child: Child, written: ObjectRef | Update | None, attempt: Attempt
    ) -> None:
        """Count a corrected drift; one too many is a fight, and holds the child for a while."""
        now = self._runtime.clock.monotonic()
        if isinstance(written, Update) and written.drift:
            fight = self._fights.corrected(written, now)
        elif written == child.ref and child.ref in self._made:
            fight = self._fights.recreated(child.ref, now)
        else:
            return
        self._drift_corrected(child.ref.kind)
        if fight is not None:
            self._failed(child, Fight(fight), attempt, missing=False)

    def _in_words(self, update: Update) -> str:
        fields = [found.path for found in update.differences]
        more = f" and {len(fields) - _MOST_FIELDS} more" if len(fields) > _MOST_FIELDS else ""
        return f"{self._named(update.ref)}: {', '.join(fields[:_MOST_FIELDS])}{more}"

    def _named(self, ref: ObjectRef) -> str:
        """The child with the version that was written, by which a trace knows its echo."""
        snapshot = self._view.get(ref)
        return snapshot.text if snapshot is not None else str(ref)

    async def _unless_held(self, child: Child) -> ObjectRef | Update | None:
        hold = self._holds.get(child.ref)
        if hold is None or hold.body != child.body:
            return await self._applier.ensure(child)
        if (left := hold.until - self._runtime.clock.monotonic()) > 0:
            decide(f"skipped {child.ref}: held for {left:.1f} s more, {type(hold.error).__name__}")
            raise hold.error.with_traceback(None)
        return await self._applier.ensure(child)

    def _hold(self, child: Child, error: WriteError) -> None:
        before = self._holds.get(child.ref)
        if before is not None and before.error is error:
            return
        tries = before.tries if before is not None and before.body == child.body else 0
        delay = settled_delay(error, tries, self._runtime.random)
        if delay is None:
            self._holds.pop(child.ref, None)
            return
        until = self._runtime.clock.monotonic() + delay
        self._holds[child.ref] = _Hold(child.body, error, tries + 1, until)


async def _together(steps: Sequence[Awaitable[None]]) -> None:
    """Await all, then raise the first error; a failure does not cancel the others."""
    results = await asyncio.gather(*steps, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


def _failure(ref: ObjectRef, error: WriteError, *, missing: bool) -> Failure:
    if isinstance(error, NameConflict):
        reason = NAME_CONFLICT
    elif isinstance(error, Fight):
        reason = DRIFT
    else:
        reason = ERROR_ON_CREATE if missing else ERROR_ON_UPDATE
    return Failure(reason, message_of(error), ref)
