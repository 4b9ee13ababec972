"""A node without child processes: its installation, and what asks Falco."""

import random

from actors.runtime.context import Runtime
from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason
from actors.watch.store import Store
from resources.artifact.fields import Validation
from resources.artifact.medium import Medium
from resources.check.check_request import Verdict
from resources.node.artifact import NodeArtifact
from resources.node.files import Directory, library_name
from resources.node.plugin_entries import PluginEntry
from resources.node.slots import Content, SlotVersion
from sidecar.node.installation import Installation
from sidecar.node.loading import Loading
from sidecar.node.state import FalcoIdentity, NodeState
from sidecar.volume.volume import Volume
from tests.sidecar.node.one_node import stored
from tests.sidecar.node.simulated_falco import nanoseconds

QUIET = 2.0


class TimedVolume(Volume):
    """Its files change at the time of a clock that stands still."""

    def __init__(self, root, disk, clock, changed_at):
        super().__init__(root, disk)
        self._clock = clock
        self._at = changed_at

    def apply(self, desired, slots, *, gate_opened):
        applied = super().apply(desired, slots, gate_opened=gate_opened)
        if applied.is_seen:
            self._at = nanoseconds(self._clock)
        return applied

    def renew(self):
        super().renew()
        self._at = nanoseconds(self._clock)

    def changed_at(self):
        return self._at


class Believing:
    """A check that takes whatever is wanted."""

    async def ask(self, _planned, _versions):
        return Verdict()


class SimulatedNode:
    """The actors of one node; artifacts are put with content that is fetched already."""

    def __init__(self, volume, clock, falco):
        self.clock = clock
        self.falco = falco
        self.runtime = Runtime(clock, random.Random(1))
        self.store = Store()
        self.volume = volume
        self.state = NodeState(self._wake, FalcoIdentity("falco", "main", "0.44.1"), 30.0)
        self.is_listed = False
        self.at_each_report = []
        """Called whenever there is something new to report."""
        self.installation = Installation.start(
            self.runtime,
            self.store,
            self.state,
            self.volume,
            Believing(),
            QUIET,
            Validation.ENFORCE,
            self._installed,
            lambda _lost: None,
        )
        self.loading = Loading.start(
            self.runtime,
            self.state,
            falco.ask,
            self._told,
            self._renew,
            lambda: self._wake(Reason(Cause.VERSIONS)),
            lambda: self._wake(Reason(Cause.LOADED)),
        )

    def listed(self):
        """All artifacts that exist were put."""
        self.is_listed = True
        self._wake(Reason(Cause.LISTED))

    def open_gate(self):
        self.volume.open_gate()
        self.state.gate_opened = True

    def put(self, kind, name, text, body=""):
        """An artifact whose file has this text as a comment, which is its revision as well."""
        directory = Directory.RULES if kind == "Rulesfile" else Directory.CONFIG
        sha256 = self.volume.blobs.put(directory, f"# {text}\n{body}".encode())
        file = f"50-03-{name}-inline.yaml"
        self._put(kind, name, Medium.INLINE, SlotVersion(file, "2026", Content(sha256, text)), text)

    def put_plugin(self, name, text):
        sha256 = self.volume.blobs.put(Directory.PLUGINS, text.encode())
        entry = PluginEntry(name, f"/{Directory.PLUGINS.value}/{library_name(name)}")
        version = SlotVersion(library_name(name), "2026", Content(sha256, text), entry)
        self._put("Plugin", name, Medium.OCI, version, text)

    def delete(self, kind, name):
        ref = stored(self.store, kind, name)
        self.store.remove(ref, 100)
        self.state.drop(ref)

    def reports(self):
        """Revision, state, reason and loading of each artifact."""
        return {
            (report.kind, report.name): (
                report.revision,
                report.state,
                report.reason,
                report.loaded,
                report.loaded_reason,
            )
            for report in self.state.loaded_reports()
        }

    async def stop(self):
        for ref in (self.loading, self.installation):
            await ref.stop()

    def _put(self, kind, name, medium, version, revision):
        ref = stored(self.store, kind, name)
        artifact = NodeArtifact(kind, name, f"uid-{name}", revision, True, {medium: version})
        self.state.put(ref, artifact)

    def _wake(self, reason):
        if self.is_listed:
            self.installation.tell(Reconcile(reason))

    def _installed(self, _removed):
        self._told()
        self.loading.tell(Reconcile(Reason(Cause.INSTALLED)))

    def _told(self):
        for look in self.at_each_report:
            look()

    def _renew(self):
        self.state.renewal_due = True
        self._wake(Reason(Cause.NOT_LOADED))
