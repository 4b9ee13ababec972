"""What the actors of a node know of its artifacts: each part written by one, read by all."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from actors.runtime.reason import Cause, Reason
from resources.artifact.nodereport import FalcoReport
from resources.check.check_request import WebServer
from resources.node.loaded import FalcoView, FileTimes, with_loaded
from resources.node.pace import Heard, next_change_at
from resources.rules.versions import versions_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from resources.artifact.nodereport import ArtifactReport
    from resources.kubernetes.reference import ObjectRef
    from resources.node.artifact import NodeArtifact
    from resources.node.refusal import Refusal, Way
    from resources.node.slots import SlotId, SlotVersion


class Writes(NamedTuple):
    """How many times Falco's files were written."""

    changes: int
    batches: int
    renewals: int


class WayBack(NamedTuple):
    """Why what Falco had loaded last has to come back, in place of the files after `changes`."""

    way: Way
    changes: int


class FalcoIdentity(NamedTuple):
    """The Falco of the pod, as the operator has told it to the sidecar; empty if it did not."""

    namespace: str = ""
    name: str = ""
    image_version: str = ""
    """The tag or digest of the image."""


class NodeState:
    """The artifacts' actors put artifacts here; the installation writes everything else.

    Messages between these actors carry no payload, for it is here: many changes are installed
    together.
    """

    def __init__(
        self,
        tell_installation: Callable[[Reason], None],
        identity: FalcoIdentity,
        deadline: float,
    ) -> None:
        """`tell_installation` is called with a reason when an artifact has changed.

        `deadline`: seconds that Falco has to load a change, after its quiet time.
        """
        self.deadline = deadline
        self._tell_installation = tell_installation
        self.identity = identity
        self.versions = versions_of(identity.image_version)
        """Those of Falco: what it has said, or what its image tells before it has run."""
        self._artifacts: dict[ObjectRef, NodeArtifact] = {}
        self.installed: Mapping[SlotId, SlotVersion] = {}
        """The versions on disk."""
        self.reports: tuple[ArtifactReport, ...] = ()
        """A report for every artifact, as of the last installation."""
        self.judge = ""
        """Who has judged the versions on disk: Falco, or, with the reason, our own check only."""
        self.batches = 0
        """How many times files were changed; files that were changed together count once."""
        self.changes = 0
        """How many times the files have begun or ceased to change."""
        self.times = FileTimes()
        """When the installed files were changed."""
        self.left_alone_until = 0.0
        """Until when Falco is given time to load them, on the monotonic clock."""
        self.is_held = False
        """Whether the next batch waits for Falco."""
        self.tells = False
        """Whether Falco has said when it has loaded its files, and can be asked for it again."""
        self.taken: Writes | None = None
        """The writes after which Falco has said that it has loaded everything."""
        self.silent_since: float | None = None
        """Since when Falco has not answered, on the monotonic clock; None while it does."""
        self.written_before: Writes | None = None
        """The writes until then."""
        self.web_server = WebServer()
        """Where the Falco that loads them answers."""
        self.falco = FalcoView()
        """What it has said last."""
        self.renewal_due = False
        """Whether a file is to be renamed anew, so that Falco looks once more."""
        self.renewals = 0
        """How many times that was done."""
        self.is_mixed = False
        """Whether files may be of another version than `installed` says, after a kill."""
        self.loaded: Mapping[SlotId, SlotVersion] | None = None
        """The versions that Falco has loaded last, all at once; None if it has not said so."""
        self.refused: Mapping[SlotId, Refusal] = {}
        """Versions that Falco has refused, and that are held back."""
        self.refusals = 0
        """How many that were in all."""
        self.way_back: WayBack | None = None
        """Why what was loaded last has to come back, if it has to."""
        self.is_blind = False
        """Whether Falco does not reload, whatever is changed."""
        self.unproved: Collection[SlotId] = ()
        """What was taken back, while Falco has not proved by a reload that it looks at all."""
        self.gate_opened = False
        """Whether Falco was let start, by this process or one before."""

    @property
    def writes(self) -> Writes:
        """How many times the files were written until now."""
        return Writes(self.changes, self.batches, self.renewals)

    def next_change_at(self, now: float) -> float:
        """When Falco may see the next change, on the monotonic clock."""
        if not self.gate_opened:
            return now
        heard = Heard(
            has_taken=self.taken == self.writes,
            is_late=self.falco.is_late and self.falco.changes == self.changes,
            silent_since=self.silent_since,
            was_written_to=self.written_before != self.writes,
        )
        known = heard if self.tells else None
        return next_change_at(self.left_alone_until, known, now, self.deadline)

    def falco_report(self) -> FalcoReport:
        """The Falco of the pod as it is reported."""
        name, versions = self.identity.name, self.versions
        return FalcoReport(
            name=name,
            version=versions.falco,
            engine_version=versions.engine,
            plugin_api_version=versions.plugin_api,
        )

    def loaded_reports(self) -> tuple[ArtifactReport, ...]:
        """The reports, with what is known of what Falco has loaded."""
        view = self.falco
        if view.answer is not None and (view.changes != self.changes or self.is_mixed):
            view = FalcoView()  # what it has said is no word about these files
        return with_loaded(self.reports, self.installed, view, self.times)

    def artifacts(self) -> tuple[NodeArtifact, ...]:
        """Every artifact whose actor has reconciled it."""
        return tuple(self._artifacts.values())

    def put(self, ref: ObjectRef, artifact: NodeArtifact) -> None:
        """Keep the artifact in its new state."""
        if self._artifacts.get(ref) != artifact:
            self._artifacts[ref] = artifact
            self._tell_installation(Reason(Cause.CONTENTS))

    def drop(self, ref: ObjectRef) -> None:
        """Forget an artifact that was deleted."""
        if self._artifacts.pop(ref, None) is not None:
            self._tell_installation(Reason(Cause.CONTENTS))

    def retain(self, refs: Collection[ObjectRef]) -> None:
        """Forget all artifacts but these, which are all that exist."""
        for ref in [ref for ref in self._artifacts if ref not in refs]:
            self.drop(ref)
