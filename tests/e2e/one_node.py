"""A Falco with a single pod and its sidecar, which all tests of a module may share."""

import stat
from base64 import b64encode
from contextlib import contextmanager, suppress
from uuid import uuid4

from resources.kubernetes.kinds import ARTIFACTS, INSTANCES
from resources.node.files import Directory
from tests.api import manifest
from tests.e2e.fleet import Fleet
from tests.eventually import eventually
from tests.operator_process import OperatorProcess, operator_kubeconfig

# What the namespace or the Falco brings along.
_THEIRS = frozenset({"kube-root-ca.crt", "falco"})


class OneNode(Fleet):
    """What is asked of a Fleet, and of its only node."""

    def __init__(self, cluster, api, namespace, directory, operator):
        super().__init__(cluster, api, namespace, directory)
        self.operator = operator

    @property
    def node(self):
        """The only sidecar."""
        return self.sidecars[0]

    def mount_base(self):
        """The sidecar sees falco.yaml, as it does in a pod with the exact check."""
        base = self.api.get("ConfigMap", self.namespace, "falco")["data"]["falco.yaml"]
        (self.node.root / "etc/falco/falco.yaml").write_text(base)

    @property
    def judge(self):
        """Who has decided what is installed, by the NodeReport."""
        (report,) = self.api.list("NodeReport", self.namespace)
        return report.get("judge", "")

    def config_map(self, name, **data):
        """A ConfigMap with these keys; `_` stands for `.` in them."""
        data = {key.replace("_", "."): value for key, value in data.items()}
        return self._put("ConfigMap", name, data=data)

    def secret(self, name, **data):
        """A Secret with these keys."""
        encoded = {key: b64encode(value.encode()).decode() for key, value in data.items()}
        return self._put("Secret", name, data=encoded)

    def said(self, kind, name, status, reason, which="Programmed", within=60):
        """The message of a condition, once it has this status and this reason."""

        def check():
            found = self.condition(kind, name, which)
            assert found[:2] == (status, reason), self.status(kind, name)
            return found[2]

        return eventually(check, within)

    def told(self, name, *reasons):
        """The Events about an artifact by their reason, once all of these are there.

        Exactly these, none of them twice.
        """

        def check():
            found = self.events_about(name)
            assert sorted(event["reason"] for event in found) == sorted(reasons), found
            assert not [event for event in found if event.get("series")], found
            return {event["reason"]: event for event in found}

        return eventually(check)

    def events_about(self, name):
        """In the order in which they were told."""
        found = [
            event
            for event in self.api.list("Event", self.namespace)
            if event["regarding"]["name"] == name and event["regarding"]["kind"] in ARTIFACTS
        ]
        return sorted(found, key=lambda event: event["eventTime"])

    def libraries(self):
        """What Falco could load as plugins: content by file name."""
        return self.node._files(Directory.PLUGINS)

    def files(self):
        """All that Falco could see: identity, time and size of every file by its path."""
        return {
            path: (found.st_ino, found.st_mtime_ns, found.st_size)
            for path, found in self._stats().items()
        }

    def modes(self):
        """Permissions of every file by its path."""
        return {path: found.st_mode & 0o7777 for path, found in self._stats().items()}

    def discard(self, kind, name):
        """An artifact and its files are gone."""
        self.delete(kind, name)
        eventually(lambda: not any(_is_of(name, path) for path in self.files()))

    def clear(self):
        """No artifact is left, nothing that they named, and no file of theirs."""
        for kind in ARTIFACTS:
            self.api.clear(kind, self.namespace)
        for kind, name in self._named():
            self.api.delete(kind, self.namespace, name)
        eventually(lambda: not self.files())
        # One that is still to go cannot be made anew: the operator lets go of it a moment later.
        eventually(lambda: not self._named())

    def protected(self):
        """What the operator keeps of what artifacts name."""
        return [found for found in self._referents() if found["metadata"].get("finalizers")]

    def _named(self):
        """What artifacts could name, by kind and name."""
        return [
            (found["kind"], found["metadata"]["name"])
            for found in self._referents()
            if found["metadata"]["name"] not in _THEIRS
        ]

    def _referents(self):
        return [
            {"kind": kind, **found}
            for kind in ("ConfigMap", "Secret")
            for found in self.api.list(kind, self.namespace)
        ]

    def _stats(self):
        stats = {}
        for place in Directory:
            for path in (self.node.root / place.value).iterdir():
                with suppress(FileNotFoundError):  # removed since it was listed
                    if stat.S_ISREG((found := path.stat()).st_mode):
                        stats[f"{place.value}/{path.name}"] = found
        return stats

    def _put(self, kind, name, **fields):
        return self.api.take(manifest(kind, self.namespace, name, **fields), "user")


def _is_of(name, path):
    return f"-{name}-" in path or path.endswith(f"/{name}.so")


@contextmanager
def one_node(cluster, api, directory, flags=()):
    """One running node, and the only operator: no test may start another.

    With flags its sidecar gets the base configuration of its Falco, too.
    """
    with OperatorProcess(operator_kubeconfig(cluster, directory), directory) as operator:
        operator.start()
        namespace = f"test-{uuid4().hex[:8]}"
        api.create(manifest("Namespace", "", namespace))
        made = OneNode(cluster, api, namespace, directory, operator)
        try:
            made.falco(type="Deployment", replicas=1, flags=flags)
            if flags:
                made.mount_base()
            yield made.start()
        finally:
            made.stop()
            for kind in (*ARTIFACTS, *INSTANCES):
                api.clear(kind, namespace)
            eventually(lambda: not any(api.list(kind, namespace) for kind in INSTANCES))
            eventually(lambda: not made.protected())  # while there is somebody who lets go of it
            api.delete("Namespace", "", namespace)
