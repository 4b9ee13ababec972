"""Artifacts of one namespace, and the Secrets and ConfigMaps that they name."""

from pathlib import Path

from deploy.local.client import RefusedError
from resources.artifact.references import FINALIZERS
from resources.kubernetes.kinds import object_path
from resources.kubernetes.reference import ObjectRef
from tests.api import manifest
from tests.e2e.falcos import condition
from tests.eventually import eventually

STRATEGIC = "application/strategic-merge-patch+json"
RULES = {"rules.yaml": "- rule: x"}
CREDENTIALS = {"username": "somebody", "password": "something"}
# A digest, which nobody has to look up.
PINNED = f"sha256:{'0' * 64}"


def config_map_ref(name):
    return {"configMapRef": {"name": name}}


def secret_ref(name):
    return _oci(auth={"secretRef": {"name": name}})


def ca_ref(name):
    return _oci(tls={"caConfigMapRef": {"name": name}})


def _oci(**registry):
    image = {"repository": "falcosecurity/rules", "tag": PINNED}
    return {"ociArtifact": {"image": image, "registry": {"name": "localhost", **registry}}}


class References:
    """Made by the administrator; what they name is protected by the operator."""

    def __init__(self, api, namespace):
        self.api = api
        self.namespace = namespace

    def artifact(self, name, spec, kind="Rulesfile"):
        return self.api.create(manifest(kind, self.namespace, name, spec=spec))

    def change(self, name, spec, kind="Rulesfile"):
        """The artifact has exactly this spec."""
        cleared = {"ociArtifact": None, "configMapRef": None, **spec}
        self.api.merge(kind, self.namespace, name, {"spec": cleared})

    def drop(self, name, kind="Rulesfile"):
        self.api.delete(kind, self.namespace, name)

    def make(self, kind, name, finalizers=(), **fields):
        metadata = {"finalizers": list(finalizers)}
        return self.api.create(manifest(kind, self.namespace, name, metadata=metadata, **fields))

    def get(self, kind, name):
        return self.api.get(kind, self.namespace, name)

    def delete(self, kind, name):
        self.api.delete(kind, self.namespace, name)

    def finalizers(self, kind, name):
        live = self.get(kind, name)
        assert live is not None, f"{kind} {name} is gone"
        return live["metadata"].get("finalizers", [])

    def is_protected(self, kind, name):
        return FINALIZERS[kind] in self.finalizers(kind, name)

    def becomes_protected(self, kind, name):
        eventually(lambda: self.is_protected(kind, name))

    def becomes_free(self, kind, name):
        eventually(lambda: not self.is_protected(kind, name))

    def is_resolved(self, name, said="All that is referred to is there", kind="Rulesfile"):
        """Waits until the operator has told this of what the artifact names."""

        def check():
            artifact = self.get(kind, name)
            assert condition(artifact, "ResolvedRefs").get("message") == said, artifact
            told = [event["note"] for event in self.api.list("Event", self.namespace)]
            assert said in told or condition(artifact, "ResolvedRefs")["status"] == "True"
            return True

        eventually(check)

    def vanishes(self, kind, name):
        eventually(lambda: self.get(kind, name) is None)

    def is_waiting(self, kind, name):
        """It is deleted and still there, for our finalizer."""
        assert self.is_protected(kind, name)
        return "deletionTimestamp" in self.get(kind, name)["metadata"]

    def strip(self, kind, name):
        """No finalizer of anybody is left."""
        self.api.merge(kind, self.namespace, name, {"metadata": {"finalizers": None}})

    def patch_finalizers(self, kind, name, metadata):
        """Strategic merge patch, as another manager; False for what the API server refuses."""
        path = object_path(ObjectRef(kind, self.namespace, name))
        try:
            self.api._patch(f"{path}?fieldManager=another", {"metadata": metadata}, STRATEGIC)
        except RefusedError as error:
            if error.status != 409:
                raise
            return False
        return True

    def read_and_replace(self, kind, name, number):
        """As most controllers write; False if somebody else has written meanwhile."""
        body = self.get(kind, name)
        body["metadata"]["annotations"] = {"number": str(number)}
        path = object_path(ObjectRef(kind, self.namespace, name))
        return self.api._client.request("PUT", path, body).status == 200


def crowd(operator, name):
    parts = operator.dump()["children"]
    found = next(part for part in parts if part["name"] == name)
    return found["actor"]["children"]


def of_namespace(operator, namespace):
    found = [child["object"] for child in crowd(operator, "references")]
    return [name for name in found if f"/{namespace}/" in name]


def is_settled(operator, namespace):
    """Both objects have their actors, and both watches of metadata are open."""
    return are_watched(operator) and len(of_namespace(operator, namespace)) == 2


def are_watched(operator):
    watches = [child for child in crowd(operator, "watchers") if "metadata" in child["name"]]
    return ["Watching" in child["actor"]["in"] for child in watches] == [True, True]


def memory_of(pid):
    """All that the process may write to."""
    found = []
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in maps:
            addresses, rights, *_ = line.split()
            if rights.startswith("rw"):
                begin, end = (int(address, 16) for address in addresses.split("-"))
                memory.seek(begin)
                found.append(memory.read(end - begin))
    return b"".join(found)
