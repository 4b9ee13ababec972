"""Which of the installed artifacts Falco has loaded, by what it says of itself.

A rules file is proved by its SHA-256. Falco does not say which files of config.d it has read, nor
which content a library had: for Configs and Plugins the time of its last reload is the proof.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from resources.artifact.nodereport import LoadState, ReportState
from resources.artifact.reasons import METRICS_OFF, NOT_LOADED, TOO_OLD, WEB_SERVER_OFF

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from resources.artifact.nodereport import ArtifactReport
    from resources.node.check_request import WebServer
    from resources.node.falco_answer import FalcoAnswer
    from resources.node.slots import SlotId, SlotVersion

# Nanoseconds. Falco waits 100 ms for further changes before it reads its files again, so a reload
# that reads a change is at least that much later than the change; one that was under way when the
# change came is not.
_DEBOUNCE = 100_000_000
# Nanoseconds after which what Falco has not loaded is reported as such. It takes 0.5 to 2 s for the
# official rules.
_PATIENCE = 30_000_000_000

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
        text = "Falco does not serve metrics (webserver.prometheus_metrics_enabled)"
        return LoadTrouble(METRICS_OFF, text)
    return None


class FalcoView(NamedTuple):
    """What Falco has said last, and when it was asked, in nanoseconds since the epoch.

    Without an answer there is a trouble, or Falco was not asked yet.
    """

    answer: FalcoAnswer | None = None
    asked_at: int = 0
    trouble: LoadTrouble | None = None


class Loaded(NamedTuple):
    """Whether Falco has loaded an artifact; None: it may still do so."""

    state: LoadState | None
    reason: str | None = None
    message: str | None = None


def with_loaded(
    reports: Iterable[ArtifactReport],
    installed: Mapping[SlotId, SlotVersion],
    view: FalcoView,
    changed_at: int,
) -> tuple[ArtifactReport, ...]:
    """The reports with what Falco has loaded of the artifacts that are programmed.

    `changed_at`: when Falco's directories were changed last, in nanoseconds since the epoch.
    """
    by_artifact: dict[tuple[str, str, str], list[SlotVersion]] = {}
    for slot, version in installed.items():
        by_artifact.setdefault((slot.kind, slot.name, slot.uid), []).append(version)
    return tuple(
        _with_loaded(
            report,
            by_artifact.get((report.kind, report.name, report.uid), ()),
            view,
            changed_at,
        )
        for report in reports
    )


def is_waiting(reports: Iterable[ArtifactReport]) -> bool:
    """Whether Falco may still load an artifact that is programmed."""
    return any(
        report.state == ReportState.PROGRAMMED and report.loaded is None for report in reports
    )


def _with_loaded(
    report: ArtifactReport, versions: Iterable[SlotVersion], view: FalcoView, changed_at: int
) -> ArtifactReport:
    if report.state != ReportState.PROGRAMMED:
        return report
    loaded = _loaded(report.kind, versions, view, changed_at)
    return replace(
        report,
        loaded=loaded.state.value if loaded.state is not None else None,
        loaded_reason=loaded.reason,
        loaded_message=loaded.message,
    )


def _loaded(kind: str, versions: Iterable[SlotVersion], view: FalcoView, changed_at: int) -> Loaded:
    answer = view.answer
    if answer is None:
        if view.trouble is None:
            return Loaded(None)
        return Loaded(LoadState.UNKNOWN, *view.trouble)
    if kind != "Rulesfile" and not answer.reloaded_at:
        return Loaded(LoadState.UNKNOWN, TOO_OLD, "this Falco does not say when it has reloaded")
    is_reloaded = answer.reloaded_at >= changed_at + _DEBOUNCE
    lacking = [
        text for version in versions if (text := _lacking(kind, version, answer, is_reloaded))
    ]
    if not lacking:
        proof = _BY_TIME.format(_OF_KIND[kind]) if kind in _OF_KIND else None
        return Loaded(LoadState.TRUE, None, proof)
    if view.asked_at - changed_at < _PATIENCE:
        return Loaded(None)
    hint = "Falco's log says why, if it has refused to reload"
    return Loaded(LoadState.FALSE, NOT_LOADED, f"{'; '.join(lacking)}; {hint}")


def _lacking(kind: str, version: SlotVersion, answer: FalcoAnswer, is_reloaded: bool) -> str:
    """What Falco lacks of a version; empty if it has loaded it."""
    if kind == "Rulesfile":
        digest = answer.rules.get(version.file)
        if version.content is None or digest == version.content.sha256:
            return ""
        return f"Falco {'has not loaded' if digest is None else 'runs an older'} {version.file}"
    if not is_reloaded:
        return f"Falco has not reloaded since {version.file} was installed"
    plugins, entry = answer.plugins, version.entry
    if entry is not None and plugins is not None and entry.name not in plugins:
        return f"Falco has not loaded the plugin {entry.name}"
    return ""
