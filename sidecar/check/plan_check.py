"""Checks each plan once, and none that brings nothing new."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from resources.check.check_request import Verdict
from resources.node.plan import kept
from resources.node.report import judge
from sidecar.check.node_check import CheckFailed
from sidecar.volume.disk import VolumeError

if TYPE_CHECKING:
    from resources.node.plan import Plan
    from sidecar.check.node_check import NodeCheck

_log = logging.getLogger(__name__)


class PlanCheck:
    """Remembers the last verdict."""

    def __init__(self, check: NodeCheck) -> None:
        self._check = check
        self._last: tuple[Plan, Verdict] | None = None
        self.failure = ""
        """Why the last plan could not be checked; empty if it could."""
        self.judge = ""
        """Who has judged the last plan that was checked."""

    @property
    def settled(self) -> Verdict:
        """The verdict on a plan without new versions."""
        known = self._last[1] if self._last else Verdict()
        return Verdict(warnings=known.warnings, web_server=known.web_server)

    async def verdict(self, planned: Plan) -> Verdict:
        """The versions that may be activated.

        A plan without new versions is not checked, except for the first, and after Falco has
        refused something: its web server is where the files say that are back. If the check fails,
        what is installed stays, and the next call checks again.
        """
        last = self._last[0] if self._last is not None else None
        if self._last is not None and last == planned:
            return self._last[1]
        is_known = last is not None and last.held == planned.held
        if planned.is_settled and (is_known or not planned.slots):
            verdict = self.settled
        else:
            try:
                verdict = await self._check.ask(planned)
                self.judge = judge(verdict)
            except (CheckFailed, VolumeError) as error:
                _log.warning("the check failed: %s", error)
                self._last, self.failure = None, str(error)
                return kept(planned)
        self._last, self.failure = (planned, verdict), ""
        return verdict
