"""Checks each plan once, and none that brings nothing new."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from resources.check.check_request import Verdict
from resources.node.plan import kept
from resources.node.report import judge
from sidecar.check.node_check import CheckFailed
from sidecar.volume.disk import VolumeError

if TYPE_CHECKING:
    from resources.node.plan import Plan
    from resources.rules.versions import FalcoVersions
    from sidecar.check.node_check import NodeCheck

_log = logging.getLogger(__name__)


class _Checked(NamedTuple):
    """The last check: of this plan, for a Falco of these versions."""

    planned: Plan
    versions: FalcoVersions
    verdict: Verdict


class PlanCheck:
    """Remembers the last verdict."""

    def __init__(self, check: NodeCheck) -> None:
        self._check = check
        self._last: _Checked | None = None
        self.failure = ""
        """Why the last plan could not be checked; empty if it could."""
        self.judge = ""
        """Who has judged the last plan that was checked."""

    async def verdict(self, planned: Plan, versions: FalcoVersions) -> Verdict:
        """The versions that may be activated.

        A plan without new versions is not checked, except for the first of a Falco, unless the
        findings of other artifacts are to be overruled, and after Falco has refused something: its
        web server is where the files say that are back. If the check fails, what is installed
        stays, and the next call checks again.
        """
        known = self._last
        if known is not None and (known.planned, known.versions) == (planned, versions):
            return known.verdict
        is_checked = (
            known is not None
            and known.versions == versions
            and known.planned.held == planned.held
            and known.planned.lenient == planned.lenient
        )
        if planned.is_settled and (is_checked or not planned.slots):
            before = known.verdict if known else Verdict()
            verdict = replace(before, chosen={}, problems={}, disagreements=None)
        else:
            try:
                verdict = await self._check.ask(planned, versions)
                self.judge = judge(verdict)
            except (CheckFailed, VolumeError) as error:
                _log.warning("the check failed: %s", error)
                self._last, self.failure = None, str(error)
                return kept(planned)
        self._last, self.failure = _Checked(planned, versions, verdict), ""
        return verdict
