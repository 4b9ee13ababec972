"""Finds out whether Falco has loaded what is installed, and makes it look again if it has not."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from actors.runtime.activity import decide
from actors.runtime.actor import Actor
from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason
from actors.runtime.results import RequeueAfter, Result
from resources.artifact.reasons import FALCO_AWAY, NOT_ASKED
from resources.node.falco_answer import latest
from resources.node.loaded import (
    FalcoView,
    LoadTrouble,
    cannot_be_asked,
    has_taken,
    is_behind,
    is_proved,
    is_waiting,
)
from resources.node.pace import AWAY_FOR_LONG_SECONDS
from resources.node.refusal import Way
from sidecar.node.falco_client import FalcoAway
from sidecar.node.state import WayBack

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from actors.runtime.context import Runtime
    from actors.runtime.reason import Reasons
    from resources.check.check_request import WebServer
    from resources.node.falco_answer import FalcoAnswer
    from resources.rules.versions import FalcoVersions
    from sidecar.node.state import NodeState

_log = logging.getLogger(__name__)
# Seconds between two looks: at first, at most while Falco may still load something, at most while
# it does not answer, and while there is nothing to wait for.
_FIRST, _LOADING, _AWAY, _IDLE = 0.2, 2.0, 10.0, 300.0
# Seconds that Falco may be silent before that is told: it is so for 0.3 s of a reload, and longer
# when it starts.
_PATIENCE = 30.0
# Seconds of silence after which Falco has started, and not just reloaded.
_SHORT = 5.0
# In deadlines, which begin when Falco answers and its quiet time is over: when it is made to look
# once more, and when a Falco that answers and has not reloaded has refused what is new, so that a
# slow one has time to load it once more after the last renewal.
_RENEWALS = (1 / 6, 0.4, 5 / 6)
_REFUSED = 1.5
# Seconds that the kubelet waits at most before it starts again what has ended again and again.
_LONGEST_PAUSE = 300.0


class Loading(Actor):
    """Asks Falco after each installation, with growing steps, until it has loaded everything.

    Otherwise it asks every five minutes. A change that Falco missed, which happens while it loads
    another one, is brought to its notice at most three times.
    """

    kind = "Loading"

    def __init__(
        self,
        runtime: Runtime,
        state: NodeState,
        ask: Callable[[WebServer], Awaitable[FalcoAnswer]] | None,
        told: Callable[[], None],
        renew: Callable[[], None],
        learned: Callable[[], None],
        go_on: Callable[[], None],
    ) -> None:
        """`ask` raises FalcoAway; None: Falco is not to be asked.

        `told` is called when there is something new to report, `renew` to have a file renamed anew,
        `learned` when the versions of Falco are others than those that were known, `go_on` when the
        batch that waits for Falco may be installed.
        """
        super().__init__(runtime)
        self._node = state
        self._ask = ask
        self._told = told
        self._renew = renew
        self._learned = learned
        self._go_on = go_on
        self._changes = -1
        self._looks = self._renewals = 0
        self._since = self._changed_at = 0.0
        self._behind_since: float | None = None

    async def on_start(self) -> None:
        """Look at once: what a process before has installed may be loaded."""
        self.actor_inbox.post(Reconcile(Reason(Cause.STARTED)))

    async def on_reconcile(self, reasons: Reasons) -> Result:  # noqa: ARG002 - level-based
        """Ask Falco, and tell what is new."""
        now = self.runtime.clock.monotonic()
        if self._node.changes != self._changes:
            self._changes, self._changed_at = self._node.changes, now
            self._begin(now)
        before = self._node.loaded_reports()
        view = await self._look(now)
        if view.changes == self._node.changes or view.answer is None:
            self._node.falco = view
            at = int(self.runtime.clock.now().timestamp() * 1e9)
            self._node.times = self._node.times.bounded(at)
            self._judge(view, now)
        decide(_in_words(view))
        after = self._node.loaded_reports()
        if after != before:
            decide("told the report what Falco has loaded")
            self._told()
        if self._node.is_held and self._node.next_change_at(now) <= now:
            decide("let the batch that waits for Falco be installed")
            self._go_on()
        self._looks += 1
        if self._node.silent_since is not None:
            most = _LOADING if self._node.is_held else _AWAY
            return self._later(most, "Falco does not answer")
        is_waited_for = is_waiting(after) or is_behind(view, self._node.times)
        if not self._node.gate_opened:
            return self._later(_LOADING, "Falco to be let start")
        has_more = self._node.tells and self._node.taken != self._node.writes
        if view.is_late and self._may_be_refused(view):
            return self._later(_LOADING, "Falco to load or refuse what was installed")
        if view.is_late or not (is_waited_for or has_more):
            self._node.renewal_due = False
            jitter = self.runtime.random.uniform(0.9, 1.1)
            return RequeueAfter(_IDLE * jitter, "the next look at what Falco has loaded")
        if is_waited_for:
            self._make_it_look(now)
        return self._later(_LOADING, "Falco to load what was installed")

    def describe(self) -> dict[str, Any]:
        """Add what Falco has said, for the actor dump."""
        answer, trouble = self._node.falco.answer, self._node.falco.trouble
        said = (
            {"rules files": len(answer.rules), "engine": answer.versions.engine} if answer else None
        )
        return {**super().describe(), "Falco": said or (trouble and trouble.message)}

    def _begin(self, now: float) -> None:
        """Give Falco its time anew: there is a change, or it has not answered for long."""
        self._since = max(now, self._node.left_alone_until)
        self._looks = self._renewals = 0

    async def _look(self, now: float) -> FalcoView:
        trouble = self._cannot_ask()
        if trouble is not None:
            self._node.silent_since, self._node.tells = None, False
            return FalcoView(trouble=trouble)
        if not self._node.gate_opened:
            self._begin(now)  # there is no Falco yet
            return FalcoView()
        writes = self._node.writes
        try:
            assert self._ask is not None, "else there was a trouble"
            answer = await self._ask(self._node.web_server)
        except FalcoAway as error:
            if self._node.silent_since is None:
                self._node.silent_since, self._node.written_before = now, writes
            self._judge_silence(now)
            if now - self._node.silent_since < _PATIENCE:
                return self._node.falco._replace(trouble=None)
            return FalcoView(trouble=LoadTrouble(FALCO_AWAY, str(error)))
        if self._node.silent_since is not None and now - self._node.silent_since >= _SHORT:
            self._begin(now)  # it has just started
        self._node.silent_since, self._node.tells = None, answer.reloaded_at > 0
        self._learn(answer.versions)
        is_new = self._node.taken != writes
        if self._node.writes == writes and is_new and has_taken(answer, self._node.times):
            self._node.taken = writes
            if self._node.refused:
                self._go_on()  # a version that was refused may be tried again
        return FalcoView(answer, writes.changes, is_late=now - self._since >= self._node.deadline)

    def _judge(self, view: FalcoView, now: float) -> None:
        """Conclude whether Falco has loaded what is installed, all at once, or refuses it.

        A Falco that does not reload has refused the files, or it does not look at them at all: then
        it does not reload when what it had loaded is back either.
        """
        node = self._node
        if view.answer is None or not view.answer.reloaded_at or node.silent_since is not None:
            return
        if node.is_mixed:
            return
        if is_proved(view.answer, node.times):
            self._behind_since, node.is_blind, node.unproved = None, False, ()
            if node.loaded != node.installed:
                node.loaded = node.installed
                self._go_on()  # it is to be recorded
            return
        if self._behind_since is None:
            self._behind_since = now
        if not self._may_be_refused(view) or now - self._behind_since < _REFUSED * node.deadline:
            return
        node.is_blind = bool(node.unproved)
        if not node.is_blind:
            decide("concluded that Falco refuses what is new, for it has not reloaded")
            node.way_back = WayBack(Way.KEPT, node.changes)
        self._behind_since = None
        self._go_on()

    def _may_be_refused(self, view: FalcoView) -> bool:
        node = self._node
        is_other = node.loaded is not None and node.loaded != node.installed
        is_behind_late = view.is_late and is_behind(view, node.times) and not node.is_blind
        return is_behind_late and (is_other or bool(node.unproved))

    def _judge_silence(self, now: float) -> None:
        """Conclude whether Falco does not come up with what is installed."""
        node = self._node
        if node.silent_since is None or node.loaded in (None, node.installed):
            return
        was_away = node.written_before != node.writes
        patience = AWAY_FOR_LONG_SECONDS + (_LONGEST_PAUSE if was_away else 0.0)
        if now - max(node.silent_since, self._changed_at) >= patience:
            decide("concluded that Falco does not come up with what is new")
            node.way_back = WayBack(Way.GONE, node.changes)
            self._go_on()

    def _learn(self, versions: FalcoVersions) -> None:
        known = latest(self._node.versions, versions)
        if known != self._node.versions:
            _log.info("Falco says that it is %s, with engine %s", known.falco, known.engine)
            self._node.versions = known
            self._learned()

    def _cannot_ask(self) -> LoadTrouble | None:
        if self._ask is None:
            return LoadTrouble(NOT_ASKED, "--falco-web-server=off: Falco is not asked")
        return cannot_be_asked(self._node.web_server)

    def _make_it_look(self, now: float) -> None:
        times = _RENEWALS[self._renewals :]
        if times and now - self._since >= times[0] * self._node.deadline:
            self._renewals += 1
            decide("had Falco look once more")
            self._renew()

    def _later(self, most: float, why: str) -> RequeueAfter:
        return RequeueAfter(min(_FIRST * 1.5 ** min(self._looks, 10), most), why)


def _in_words(view: FalcoView) -> str:
    """What a look at Falco has shown, for the trace."""
    if view.answer is not None:
        return f"heard of Falco that it has loaded {len(view.answer.rules)} rules files"
    trouble = f": {view.trouble.message}" if view.trouble is not None else ""
    return f"heard nothing of Falco{trouble}"
