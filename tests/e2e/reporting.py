"""Artifacts of one namespace, and Falco pods whose reports the test writes as sidecars would."""

from resources.kubernetes.kinds import ARTIFACT_GROUP
from tests.api import manifest
from tests.e2e.falcos import condition, uid
from tests.eventually import eventually

INLINE = {"inlineRules": [{"macro": "never", "condition": "evt.num<0"}]}


class Reporting:
    """What the user makes, what nodes say of it, and what the operator makes of that."""

    def __init__(self, api, falcos):
        self.api = api
        self.falcos = falcos
        self.namespace = falcos.namespace
        self._said = {}

    # The user.

    def create(self, name="rules", spec=None, kind="Rulesfile", **metadata):
        document = manifest(kind, self.namespace, name, spec=spec or INLINE, metadata=metadata)
        return self.api.create(document)

    def change(self, name="rules", kind="Rulesfile", **spec):
        return self.api.merge(kind, self.namespace, name, {"spec": spec})

    def get(self, name="rules", kind="Rulesfile"):
        return self.api.get(kind, self.namespace, name)

    def make(self, kind, name, **fields):
        return self.api.create(manifest(kind, self.namespace, name, **fields))

    # The cluster.

    def pods(self, count=3):
        """The pods of the Falco, by name, once so many are scheduled."""

        def scheduled():
            pods = [pod for pod in self.falcos.pods() if pod["spec"].get("nodeName")]
            assert len(pods) == count
            return sorted(pods, key=lambda pod: pod["metadata"]["name"])

        return eventually(scheduled)

    def run(self):
        """A Falco on every node."""
        self.falcos.create()
        return self.pods()

    # The nodes.

    def report(self, pod, artifact, state="Programmed", **fields):
        """The pod says this of the artifact as it is now, and the rest as before."""
        resolved = artifact.get("status", {}).get("resolved", {})
        entry = {
            "kind": artifact["kind"],
            "name": artifact["metadata"]["name"],
            "uid": uid(artifact),
            "revision": resolved.get("revision", ""),
            "state": state,
            **fields,
        }
        said = self._said.setdefault(uid(pod), {})
        said[uid(artifact)] = entry
        self.write_report(pod, list(said.values()))

    def write_report(self, pod, entries, **fields):
        name = pod["metadata"]["name"]
        owner = {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid(pod)}
        document = {
            "apiVersion": f"{ARTIFACT_GROUP}/v1alpha1",
            "kind": "NodeReport",
            "metadata": {
                "name": name,
                "namespace": self.namespace,
                "ownerReferences": [owner],
            },
            "nodeName": pod["spec"]["nodeName"],
            "podUID": uid(pod),
            "artifacts": entries,
            **fields,
        }
        self.api.take(document, "artifact-operator")

    # The operator.

    def becomes(self, name="rules", kind="Rulesfile", within=60.0, **wanted):
        """The artifact, once conditions of its newest generation have these reasons."""

        def check():
            artifact = self.get(name, kind)
            found = {type_: condition(artifact, type_).get("reason") for type_ in wanted}
            assert found == wanted, artifact.get("status")
            return artifact

        return eventually(check, within)

    def sums_up(self, summary, name="rules", kind="Rulesfile"):
        """The artifact, once so many pods have succeeded, as in 2/3."""

        def check():
            artifact = self.get(name, kind)
            assert artifact.get("status", {}).get("nodes", {}).get("summary") == summary, artifact
            return artifact

        return eventually(check)

    def resolves(self, before, name="rules", kind="Rulesfile"):
        """The artifact, once it has another revision than before."""

        def check():
            artifact = self.get(name, kind)
            assert revision(artifact) not in {"", revision(before)}, artifact.get("status")
            return artifact

        return eventually(check)

    def notes(self, reason="", name="rules", kind="Rulesfile"):
        """Of the Events about the artifact, oldest first."""
        found = [
            event
            for event in self.api.list("Event", self.namespace)
            if (event["regarding"]["kind"], event["regarding"]["name"]) == (kind, name)
            and reason in {"", event["reason"]}
        ]
        return [event["note"] for event in sorted(found, key=lambda event: event["eventTime"])]

    def told(self, reason, name="rules", kind="Rulesfile", count=1):
        """These notes, once there are as many."""

        def check():
            notes = self.notes(reason, name, kind)
            assert len(notes) == count, notes
            return notes

        return eventually(check)


def revision(artifact):
    return artifact.get("status", {}).get("resolved", {}).get("revision", "")


def said(artifact, type_="Programmed"):
    """The message of a condition."""
    return condition(artifact, type_)["message"]


def counts(artifact):
    nodes = artifact["status"]["nodes"]
    return {key: nodes[key] for key in ("desired", "programmed", "failed", "pending")}
