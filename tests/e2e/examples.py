"""The manifests in `examples/`, each carried out as a user would have it."""

from itertools import chain
from pathlib import Path

import yaml

from resources.kubernetes.kinds import ARTIFACTS, INSTANCES
from tests.e2e.falcos import Falcos, condition
from tests.eventually import eventually

FILES = sorted(Path("examples").glob("*.yaml"))


class Examples:
    """All of them in one namespace, applied at once."""

    def __init__(self, cluster, api, namespace):
        self.namespace = namespace
        self._cluster = cluster
        self._api = api
        self._falcos = Falcos(api, namespace)
        self._documents = {path.stem: list(yaml.safe_load_all(path.read_text())) for path in FILES}

    def apply(self):
        """Apply every document; those that are there already are as they were."""
        everything = []
        for document in chain.from_iterable(self._documents.values()):
            document["metadata"]["namespace"] = self.namespace
            everything.append(document)
        text = yaml.safe_dump_all(everything)
        self._cluster.kubectl("apply", "--server-side", "--filename=-", input=text)

    def clear(self):
        """Everything of ours is gone, and so is the namespace, soon."""
        for kind in (*INSTANCES, *ARTIFACTS):
            self._api.clear(kind, self.namespace)
        eventually(self._is_clear, within=60)
        self._api.delete("Namespace", "", self.namespace)

    def sources(self, example):
        """The kind and name of each object in an example."""
        return [(d["kind"], d["metadata"]["name"]) for d in self._documents[example]]

    def get(self, kind, name):
        return self._api.get(kind, self.namespace, name)

    def becomes(self, example, within=60.0, **statuses):
        """The Falco or Component of an example, once its conditions have these statuses."""
        kind, name = next(found for found in self.sources(example) if found[0] in INSTANCES)

        def check():
            resource = self.get(kind, name)
            found = {type_: condition(resource, type_).get("status") for type_ in statuses}
            assert found == statuses, resource.get("status")
            return resource

        return eventually(check, within)

    def children(self, name):
        return self._falcos.children(name)

    def pods(self, name):
        return self._falcos.pods(name)

    def workload(self, example):
        """The DaemonSet or Deployment of an example, as it is in the cluster."""
        resource = self.becomes(example, Reconciled="True")
        return Workload(self.get(resource["status"]["resourceType"], resource["metadata"]["name"]))

    def _is_clear(self):
        if any(self._api.list(kind, self.namespace) for kind in (*INSTANCES, *ARTIFACTS)):
            return False
        named = [self._api.list(kind, self.namespace) for kind in ("ConfigMap", "Secret")]
        return not any(found["metadata"].get("finalizers") for found in chain.from_iterable(named))


class Workload:
    """A live workload, its parts by name."""

    def __init__(self, document):
        self.generation = document["metadata"]["generation"]
        self.spec = document["spec"]
        self.metadata = self.spec["template"]["metadata"]
        self.pod = self.spec["template"]["spec"]
        self.containers = by_name(self.pod["containers"])
        self.init_containers = by_name(self.pod["initContainers"])
        self.volumes = by_name(self.pod["volumes"])

    @property
    def falco(self):
        return self.containers["falco"]


def by_name(items):
    return {item["name"]: item for item in items}
