"""A Falco and the real sidecars of its pods, each under the identity that the operator gave it."""

from deploy.local.service_account import BoundPod
from resources.instance.labels import INSTANCE
from tests.api import manifest
from tests.eventually import eventually
from tests.sidecar_process import SidecarProcess

OF_FALCO = "instance.falcosecurity.dev/owner-kind=Falco"


class Fleet:
    """Pods are kwok's; what runs in them here is the sidecar alone."""

    def __init__(self, cluster, api, namespace, directory, variables=()):
        self._variables = variables
        self._cluster = cluster
        self.api = api
        self.namespace = namespace
        self._directory = directory
        self.sidecars: list[SidecarProcess] = []

    def falco(self, name="falco", *, flags=(), **spec):
        """A Falco whose pods are on their nodes; their sidecars do not run yet."""
        self.api.create(manifest("Falco", self.namespace, name, spec=spec))
        count = spec.get("replicas", 3)
        pods = eventually(lambda: self._placed(name, count), within=90)
        for pod in pods:
            meta = pod["metadata"]
            directory = self._directory / meta["name"]
            path = self._directory / f"{self.namespace}-{meta['name']}.kubeconfig"
            kubeconfig = self._cluster.service_account_kubeconfig(
                self.namespace, name, path, BoundPod(meta["name"], meta["uid"])
            )
            self.sidecars.append(
                SidecarProcess(kubeconfig, directory, pod, flags=flags, variables=self._variables)
            )
        return self

    def start(self):
        """Every sidecar runs and lets Falco start."""
        for sidecar in self.sidecars:
            sidecar.launch()
        for sidecar in self.sidecars:
            sidecar.wait_ready()
        return self

    def stop(self):
        """None of them runs."""
        for sidecar in self.sidecars:
            sidecar.__exit__()

    def apply(self, kind, name, *, metadata=None, **spec):
        """An artifact as a user applies it."""
        document = manifest(kind, self.namespace, name, spec=spec, metadata=metadata or {})
        return self.api.take(document, "user")

    def everywhere(self, check, within=60):
        """Whether it holds of every sidecar, sooner or later."""
        eventually(lambda: all(map(check, self.sidecars)), within)

    def delete(self, kind, name):
        self.api.delete(kind, self.namespace, name)

    def status(self, kind, name):
        found = self.api.get(kind, self.namespace, name)
        return (found or {}).get("status", {})

    def condition(self, kind, name, which="Programmed"):
        """Status, reason and message of a condition about the present generation, else empty."""
        found = self.api.get(kind, self.namespace, name) or {}
        for known in found.get("status", {}).get("conditions", []):
            if known["type"] == which:
                if known["observedGeneration"] != found["metadata"]["generation"]:
                    break
                return known["status"], known["reason"], known["message"]
        return "", "", ""

    def programmed(self, kind, name, status="True", within=60):
        """Reason and message of Programmed, once it has this status."""
        return eventually(lambda: self._said(kind, name, status), within=within)

    def events(self, name):
        """Reasons and notes of the Events about an artifact."""
        return [
            (event["reason"], event["note"])
            for event in self.api.list("Event", self.namespace)
            if event["regarding"]["name"] == name
        ]

    def _said(self, kind, name, status):
        found = self.condition(kind, name)
        return found[1:] if found[0] == status else None

    def _placed(self, falco, count):
        pods = [
            pod
            for pod in self.api.list("Pod", self.namespace, f"{OF_FALCO},{INSTANCE}={falco}")
            if pod["spec"].get("nodeName")
        ]
        return pods if len(pods) == count else None


def from_registry(registry, tag="latest", repository="falco/rules", **fields):
    """The source of an artifact: what a tag or digest stands for in a registry over plain HTTP."""
    image = {"repository": repository, "tag": tag}
    where = {"name": registry.address, "plainHTTP": True}
    return {"ociArtifact": {"image": image, "registry": where, **fields}}
