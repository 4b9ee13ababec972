"""What a node reports of every artifact, after the check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from resources.artifact.nodereport import ArtifactReport, LoadState, ReportState
from resources.artifact.reasons import INVALID, PENDING
from resources.kubernetes.event import bounded
from resources.node.artifact import NodeArtifact, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from resources.check.check_request import Verdict
    from resources.node.plan import Plan
    from resources.node.slots import SlotId

_OVERRULED = "installed all the same, as validation is Warn"


def reports(
    artifacts: Iterable[NodeArtifact],
    planned: Plan,
    verdict: Verdict,
    refused: Mapping[SlotId, Trouble],
) -> tuple[ArtifactReport, ...]:
    """A report for every artifact; `refused` are slots that could not be written.

    While content of any artifact is still on its way, what the check refuses is pending, not
    failed: rules may need a plugin that is just being fetched.
    """
    ordered = sorted(artifacts, key=lambda artifact: (artifact.kind, artifact.name))
    is_early = any(artifact.is_coming for artifact in ordered)
    return tuple(_report(artifact, planned, verdict, refused, is_early) for artifact in ordered)


def judge(verdict: Verdict) -> str:
    """Who has decided what is installed: Falco, or, with the reason, our own check only."""
    return f"own check only: {verdict.unasked}" if verdict.unasked else "Falco"


def open_artifacts(
    artifacts: Iterable[NodeArtifact], reports: Iterable[ArtifactReport]
) -> list[str]:
    """Kind and name of the artifacts whose state may still change without a user's action.

    These are pending, not reported yet with their revision, or in trouble that is transient.
    """
    reports = tuple(reports)
    reported = {(report.kind, report.name, report.uid, report.revision) for report in reports}
    pending = {
        (report.kind, report.name) for report in reports if report.state == ReportState.PENDING
    }
    unsettled = {
        (artifact.kind, artifact.name)
        for artifact in artifacts
        if (artifact.kind, artifact.name, artifact.uid, artifact.revision) not in reported
        or any(
            isinstance(state, Trouble) and state.transient
            for state in (artifact.sources or {}).values()
        )
    }
    return [f"{kind} {name}" for kind, name in sorted(pending | unsettled)]


def _report(
    artifact: NodeArtifact,
    planned: Plan,
    verdict: Verdict,
    refused: Mapping[SlotId, Trouble],
    is_early: bool,
) -> ArtifactReport:
    if not artifact.selected:
        return _in_state(artifact, ReportState.NOT_SELECTED)
    trouble = _trouble(artifact, planned, verdict, refused)
    if trouble is not None:
        slots = map(artifact.slot, artifact.sources or ())
        refusal = next((planned.held[slot] for slot in slots if slot in planned.held), None)
        if refusal is not None:
            report = _in_state(artifact, ReportState.FAILED, trouble.reason, trouble.message)
            return replace(
                report,
                loaded=LoadState.FALSE.value,
                loaded_reason=refusal.reason,
                loaded_message=bounded(refusal.message),
            )
        may_pass = trouble.reason == INVALID and is_early and not artifact.trouble
        if may_pass or trouble.reason == PENDING:
            return _in_state(artifact, ReportState.PENDING, PENDING, trouble.message)
        return _in_state(artifact, ReportState.FAILED, trouble.reason, trouble.message)
    if not artifact.revision or artifact.sources is None or None in artifact.sources.values():
        return _in_state(artifact, ReportState.PENDING, PENDING, _waiting(artifact))
    slots = map(artifact.slot, artifact.sources)
    ids = [str(slot) for slot in slots]
    overruled = [f"{_OVERRULED}: {text}" for id_ in ids for text in verdict.overruled.get(id_, ())]
    found = [text for id_ in ids for text in verdict.warnings.get(id_, ())]
    warnings = [*overruled, *artifact.warnings, *found]
    return _in_state(artifact, ReportState.PROGRAMMED, None, "; ".join(warnings) or None)


def _trouble(
    artifact: NodeArtifact, planned: Plan, verdict: Verdict, refused: Mapping[SlotId, Trouble]
) -> Trouble | None:
    """Everything that is wrong with an artifact, under the reason of the first trouble."""
    troubles = [artifact.trouble] if artifact.trouble is not None else []
    for medium, state in (artifact.sources or {}).items():
        slot = artifact.slot(medium)
        if isinstance(state, Trouble):
            troubles.append(state)
        known = (planned.held, planned.conflicts)
        troubles += [reasons[slot] for reasons in known if slot in reasons]
        if problems := verdict.problems.get(str(slot)):
            troubles.append(Trouble(INVALID, "; ".join(problems)))
        if slot in refused:
            troubles.append(refused[slot])
    if not troubles:
        return None
    messages = dict.fromkeys(trouble.message for trouble in troubles)
    return Trouble(troubles[0].reason, "; ".join(messages))


def _waiting(artifact: NodeArtifact) -> str:
    if not artifact.revision or artifact.sources is None:
        return "the operator has not resolved this generation yet"
    media = [medium for medium, state in artifact.sources.items() if state is None]
    return f"being fetched: {', '.join(media)}"


def _in_state(
    artifact: NodeArtifact,
    state: ReportState,
    reason: str | None = None,
    message: str | None = None,
) -> ArtifactReport:
    return ArtifactReport(
        kind=artifact.kind,
        name=artifact.name,
        uid=artifact.uid,
        revision=artifact.revision,
        state=state.value,
        reason=reason,
        message=bounded(message) if message else None,
    )
