"""The actors as rows of a table, of which a client that has the others asks for the new ones."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from actors.runtime.lifecycle import ActorState
from supervisors.debug.description import bounded
from supervisors.debug.members import members, state_of
from supervisors.tree.dynamic import DynamicSupervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from actors.runtime.context import Runtime
    from supervisors.debug.entries import Selection
    from supervisors.tree.member import Member
    from supervisors.tree.stopping import Superior

VERSION = 1
"""Of the JSON: another one if a column goes or means something else."""

MOST = 20_000
"""Rows of a table at most, beside the rows of what is not idle."""

# Seconds of work until the rest of the loop has a turn.
_STEP = 0.002
# A trace keeps how long a handler ran in single precision.
_BLUR = 0.01
_MOST_REASONS = 3


class Row(NamedTuple):
    """One actor; the names of the fields are the columns.

    Times are in milliseconds, moments in those since the epoch. `wait` and `run` are of the
    messages in the trace, as are `requests`; `due` is the next look, the restart or the retry, and
    `why` its cause. `doing` is the handler that runs, since `since`. `held` says what the mail
    waits for.
    """

    name: str
    under: str
    kind: str
    state: str
    mail: int
    reasons: str
    held: str
    outcome: str
    at: int | None
    wait_p50: float | None
    wait_max: float | None
    run_p50: float | None
    run_max: float | None
    requests: int
    messages: int
    restarts: int
    due: int | None
    why: str
    doing: str
    since: int | None
    error: str


class Table:
    """Reads the rows in steps, between which the loop goes on."""

    def __init__(
        self, runtime: Runtime, roots: Callable[[], Iterable[Superior]], most: int = MOST
    ) -> None:
        self._runtime = runtime
        self._roots = roots
        self._most = most

    async def read(self, wanted: Selection, after: str) -> bytes:
        """The rows of the actors of the kind and namespace that are wanted, as JSON.

        `after` is what an earlier answer for the same selection gave: then only those rows come
        that may have changed since. A client that then has another number of rows than `total`
        has some that are gone, and has to ask for all.

        Of more than `most` rows the last come in `beyond`, and only if they are not idle; `omitted`
        counts the others. The process is another one if `process` differs.
        """
        clock, process = self._runtime.clock, self._runtime.numbers.process
        moment = _Moment(clock.now().timestamp() * 1000, clock.monotonic())
        since = _since(after, process)
        total = omitted = 0
        rows, beyond = _Rows(), _Rows()
        begun = clock.monotonic()
        for superior, member in members(self._roots()):
            if _is_wanted(member, wanted):
                total += 1
                settled = _settled(superior, member)
                if total > self._most and settled is not None:
                    omitted += 1
                elif settled is None or since is None or settled >= since:
                    (rows if total <= self._most else beyond).add(
                        row(superior.name, member, moment)
                    )
            if clock.monotonic() - begun > _STEP:
                rows.pack()
                beyond.pack()
                await asyncio.sleep(0)
                begun = clock.monotonic()
        head = {
            "version": VERSION,
            "process": process,
            "after": f"{process}:{moment.monotonic - _BLUR:.3f}",
            "now": round(moment.epoch),
            "whole": since is None,
            "total": min(total, self._most),
            "omitted": omitted,
            "columns": Row._fields,
        }
        return b"".join(
            (
                msgspec.json.encode(head)[:-1],
                b',"rows":[',
                rows.content(),
                b'],"beyond":[',
                beyond.content(),
                b"]}",
            )
        )


class _Moment(NamedTuple):
    """One moment in milliseconds since the epoch and on the monotonic clock."""

    epoch: float
    monotonic: float

    def wall(self, monotonic: float) -> int:
        return round(self.epoch + (monotonic - self.monotonic) * 1000)


class _Rows:
    """Rows in JSON: as rows they would keep the garbage collector busy."""

    def __init__(self) -> None:
        self._new: list[Row] = []
        self._packed: list[bytes] = []

    def add(self, row: Row) -> None:
        self._new.append(row)

    def pack(self) -> None:
        if self._new:
            self._packed.append(msgspec.json.encode(self._new)[1:-1])
            self._new.clear()

    def content(self) -> bytes:
        self.pack()
        return b",".join(self._packed)


def row(under: str, member: Member, moment: _Moment) -> Row:
    """The row of a child of the supervisor `under`."""
    actor = member.actor
    state, doing, since, kind = state_of(member), "", None, member.name.partition("/")[0]
    mail, due, why = member.waiting, member.due, "restart"
    held = "its restart" if mail is not None else ""
    if actor is not None:
        kind, mail = actor.kind, actor.actor_inbox
        why, due = actor.next_look or ("", None)
        if actor.current is not None:
            doing, since = actor.activity(), actor.current[1]
        if mail.depth:
            held = "the running handler" if actor.current else "its turn"
    elif member.is_parked:
        why = "retry"
    glances = [*member.trace.glances()] if member.trace is not None else []
    waits = [glance.wait for glance in glances]
    runs = [glance.run for glance in glances]
    return Row(
        bounded(member.name),
        under,
        kind,
        state,
        mail.depth if mail is not None else 0,
        bounded(", ".join(mail.reasons.texts(_MOST_REASONS))) if mail is not None else "",
        held,
        bounded(glances[-1].outcome) if glances else "",
        moment.wall(glances[-1].at + glances[-1].run) if glances else None,
        *_middle_and_most(waits),
        *_middle_and_most(runs),
        sum(glance.calls for glance in glances),
        len(glances),
        member.restarts,
        None if due is None else moment.wall(due),
        why if due is not None else "",
        bounded(doing),
        None if since is None else moment.wall(since),
        bounded(member.error),
    )


def _middle_and_most(seconds: list[float]) -> tuple[float | None, float | None]:
    if not seconds:
        return None, None
    ordered = sorted(seconds)
    return round(ordered[(len(ordered) - 1) // 2] * 1000, 3), round(ordered[-1] * 1000, 3)


def _is_wanted(member: Member, wanted: Selection) -> bool:
    if not wanted.kind and not wanted.namespace:
        return True
    parts = member.name.split("/")
    kind = parts[0] if member.actor is None else member.actor.kind
    namespace = parts[1] if len(parts) == 3 else ""
    return wanted.kind in {"", kind, parts[0]} and wanted.namespace in {"", namespace}


def _settled(superior: Superior, member: Member) -> float | None:
    """Since when nothing has changed about an idle actor; None for one that may change now.

    An object's actor changes only with a message, and the last one is in its trace. A part may be
    restarted without any.
    """
    actor = member.actor
    if (
        actor is None
        or actor.trace is None
        or actor.phase is not ActorState.IDLE
        or not actor.actor_inbox.empty()
        or not isinstance(superior, DynamicSupervisor)
    ):
        return None
    return actor.trace.ended


def _since(after: str, process: str) -> float | None:
    """The monotonic time of what a client has; None if it has to get all."""
    own, _, time = after.partition(":")
    try:
        return float(time) if own == process else None
    except ValueError:
        return None
