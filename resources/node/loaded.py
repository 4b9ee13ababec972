"""Which of the installed artifacts Falco has loaded, by what it says of itself.

Falco says when it has read its configuration last, and after that it reads its rules. It gives the
SHA-256 of each rules file as well, but takes it only when it has compiled all rules: content that
came meanwhile is not what it runs. So both are needed. It does not say which files of config.d it
has read, nor which content a library had: for Configs and Plugins the time is the proof.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from resources.artifact.nodereport import LoadState, ReportState
from resources.artifact.reasons import METRICS_OFF, NOT_LOADED, TOO_OLD, WEB_SERVER_OFF

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from resources.artifact.nodereport import ArtifactReport
    from resources.check.check_request import WebServer
    from resources.node.falco_answer import FalcoAnswer
    from resources.node.slots import SlotId, SlotVersion

# Nanoseconds. Falco waits 100 ms for further changes before it reads its files again, so a reload
# that reads a change is at least that much later than the change; one that was under way when the
# change came is not.
_DEBOUNCE = 100_000_000

# Lacking, perhaps, in a way that nobody can be blamed for.
_UNKNOWN = "?"
_BY_TIME = "by the time of Falco's last reload, since Falco does not say which {} it has read"
_OF_KIND = {"Config": "configurations", "Plugin": "libraries"}


class LoadTrouble(NamedTuple):
    """Why it is not known what Falco has loaded."""

    reason: str
    message: str


def cannot_be_asked(server: WebServer) -> LoadTrouble | None:
    """Why a Falco with this web server cannot be asked what it has loaded; None if it can."""
    if not server.enabled:
        return LoadTrouble(WEB_SERVER_OFF, "Falco's web server is off (webserver.enabled)")
    if not server.is_local:
        text = "Falco's web server does not listen on 127.0.0.1 (webserver.listen_address)"
        return LoadTrouble(WEB_SERVER_OFF, text)
    if not server.metrics:
        text = "Falco serves no metrics (metrics.enabled, webserver.prometheus_metrics_enabled)"
        return LoadTrouble(METRICS_OFF, text)
    return None


class FalcoView(NamedTuple):
    """What Falco has said last, of the files as they were after so many `changes`.

    Without an answer there is a trouble, or Falco was not asked yet. `is_late`: it has had time
    enough to load everything.
    """

    answer: FalcoAnswer | None = None
    changes: int = 0
    trouble: LoadTrouble | None = None
    is_late: bool = False


class FileTimes(NamedTuple):
    """When the files of slots were installed, in nanoseconds since the epoch.

    `before`: for slots that this process has found installed, when anything was changed last.
    """

    before: int = 0
    by_slot: Mapping[SlotId, int] = {}
    last: int = 0
    """When this process has changed anything last, be it by a removal."""
    touched: int = 0
    """When anything was renamed or removed last, be it only to make Falco look once more."""

    @property
    def newest(self) -> int:
        """When anything was changed last."""
        return max(self.before, self.last)

    def bounded(self, now: int) -> FileTimes:
        """The same, with no time that lies in the future: the clock was set back."""
        times = {slot: min(at, now) for slot, at in self.by_slot.items()}
        return FileTimes(min(self.before, now), times, min(self.last, now), min(self.touched, now))


class Loaded(NamedTuple):
    """Whether Falco has loaded an artifact; None: it may still do so."""

    state: LoadState | None
    reason: str | None = None
    message: str | None = None


def with_loaded(
    reports: Iterable[ArtifactReport],
    installed: Mapping[SlotId, SlotVersion],
    view: FalcoView,
    times: FileTimes,
) -> tuple[ArtifactReport, ...]:
    """The reports with what Falco has loaded of the artifacts that are programmed."""
    lacking: dict[tuple[str, str, str], list[str]] = {}
    if view.answer is not None:
        for slot, version in installed.items():
            at, is_known = times.by_slot.get(slot, times.before), slot in times.by_slot
            if text := _lacking(slot.kind, version, view.answer, at, is_known=is_known):
                lacking.setdefault((slot.kind, slot.name, slot.uid), []).append(text)
    return tuple(
        _with_loaded(report, lacking.get((report.kind, report.name, report.uid), ()), view)
        for report in reports
    )


def is_waiting(reports: Iterable[ArtifactReport]) -> bool:
    """Whether Falco may still load an artifact that is programmed."""
    return any(
        report.state == ReportState.PROGRAMMED and report.loaded is None for report in reports
    )


def is_behind(view: FalcoView, times: FileTimes) -> bool:
    """Whether Falco has not read its files since they were changed last, be it by a removal."""
    return view.answer is not None and 0 < view.answer.reloaded_at < times.newest + _DEBOUNCE


def is_proved(answer: FalcoAnswer, times: FileTimes) -> bool:
    """Whether Falco has loaded all files together as they were after the last change."""
    return answer.reloaded_at >= times.newest + _DEBOUNCE


def has_taken(answer: FalcoAnswer, times: FileTimes) -> bool:
    """Whether Falco has loaded all changes and waits for the next one.

    It serves the time of a reload once that is over and its directories are watched again.
    """
    return answer.reloaded_at >= max(times.newest, times.touched) + _DEBOUNCE


def _with_loaded(report: ArtifactReport, lacking: Sequence[str], view: FalcoView) -> ArtifactReport:
    if report.state != ReportState.PROGRAMMED:
        return report
    loaded = _loaded(report.kind, lacking, view)
    return replace(
        report,
        loaded=loaded.state.value if loaded.state is not None else None,
        loaded_reason=loaded.reason,
        loaded_message=loaded.message,
    )


def _loaded(kind: str, lacking: Sequence[str], view: FalcoView) -> Loaded:
    answer = view.answer
    if answer is None:
        if view.trouble is None:
            return Loaded(None)
        return Loaded(LoadState.UNKNOWN, *view.trouble)
    if not answer.reloaded_at and (kind in _OF_KIND or not answer.rules):
        return Loaded(LoadState.UNKNOWN, TOO_OLD, "this Falco does not say when it has reloaded")
    if not lacking:
        proof = _BY_TIME.format(_OF_KIND[kind]) if kind in _OF_KIND else None
        return Loaded(LoadState.TRUE, None, proof)
    texts = [text for text in lacking if text != _UNKNOWN]
    if not (view.is_late and texts):
        return Loaded(None)
    hint = "Falco's log says why, if it has refused to reload"
    return Loaded(LoadState.FALSE, NOT_LOADED, f"{'; '.join(texts)}; {hint}")


def _lacking(
    kind: str, version: SlotVersion, answer: FalcoAnswer, at: int, *, is_known: bool
) -> str:
    """What Falco lacks of a version that was installed at this time; empty if it has loaded it.

    `is_known`: the time is that of its own installation, and so is worth an accusation.
    """
    if kind == "Rulesfile":
        digest = answer.rules.get(version.file)
        if version.content is not None and digest != version.content.sha256:
            verb = "has not loaded" if digest is None else "runs an older"
            return f"Falco {verb} {version.file}"
        if not answer.reloaded_at:
            return ""
    if answer.reloaded_at >= at + _DEBOUNCE:
        return ""
    return f"Falco has not reloaded since {version.file} was installed" if is_known else _UNKNOWN
