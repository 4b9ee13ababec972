"""What a user does and sees by kubectl, and what root sees on the node."""

import json
import re
from base64 import urlsafe_b64decode
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from deploy.local.identities import NODE
from tests.api import Api, manifest
from tests.eventually import eventually

FALCO, SIDECAR, OPERATOR = "falco", "artifact-operator", "operator"
OPERATOR_NAMESPACE = "falco-operator"
OF_OPERATOR = "app.kubernetes.io/name=falco-operator"
TOKEN = "run/secrets/kubernetes.io/serviceaccount/token"
CREDENTIAL = "authentication.kubernetes.io/credential-id"
WEB_PORT = 8765
CGROUPS = Path("/sys/fs/cgroup")
# A pod that is Available at once when its web server answers.
QUICK = {
    "name": FALCO,
    "readinessProbe": {"initialDelaySeconds": 1, "periodSeconds": 1},
}


class Kube:
    """The cluster of one real node."""

    def __init__(self, plane, node):
        self.plane = plane
        self.node = node
        self.api = Api(plane)

    def run(self, *arguments):
        return self.plane.kubectl(*arguments).stdout

    def namespace(self, name, **labels):
        self.api.create(manifest("Namespace", "", name, metadata={"labels": labels}))
        return Namespace(self, name)

    def of_operator(self):
        """The one operator pod that is not ending."""
        return self._only(OPERATOR_NAMESPACE, OF_OPERATOR)

    def operators(self):
        """All operator pods."""
        return self.api.list("Pod", OPERATOR_NAMESPACE, OF_OPERATOR)

    def leader(self):
        """Who holds the Lease, and the operator pod of it."""
        lease = self.api.get("Lease", OPERATOR_NAMESPACE, "falco-operator")
        holder = lease["spec"]["holderIdentity"]
        pods = [pod for pod in self.operators() if pod["metadata"]["name"] in holder]
        assert len(pods) == 1, holder
        return holder, pods[0]

    def evict(self, pod):
        """What a drain asks for."""
        metadata = {key: pod["metadata"][key] for key in ("namespace", "name")}
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/eviction"
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
        self.plane.client.call("POST", path, eviction)

    @contextmanager
    def cordoned(self):
        """No pod gets to the node while in the context."""
        self.api.merge("Node", "", NODE, {"spec": {"unschedulable": True}})
        try:
            yield
        finally:
            self.api.merge("Node", "", NODE, {"spec": {"unschedulable": None}})

    def execute(self, pod, container, *command):
        """The output of a command in a container."""
        return self.run("exec", *_of(pod), f"--container={container}", "--", *command)

    def logs(self, pod, container, *options):
        return self.run("logs", *_of(pod), f"--container={container}", *options)

    def kill(self, pod, container):
        """SIGKILL to the first process of a container."""
        self.node.ctr("tasks", "kill", "--signal=SIGKILL", container_id(pod, container))

    def process(self, pod, container):
        """The id of the first process of a container, as root on the node sees it."""
        wanted = container_id(pod, container)
        tasks = self.node.ctr("tasks", "list").splitlines()
        return next(int(line.split()[1]) for line in tasks if line.startswith(wanted))

    def status_of_process(self, pod, container):
        """The lines of `/proc/<pid>/status` by name."""
        lines = Path(f"/proc/{self.process(pod, container)}/status").read_text().splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def anonymous_memory(self, pod, container):
        """Bytes of a container that are no page cache, by its cgroup."""
        groups = Path(f"/proc/{self.process(pod, container)}/cgroup").read_text()
        first = re.findall(r"^\d+:memory:/(\S+)$", groups, re.MULTILINE)
        second = re.findall(r"^0::/(\S+)$", groups, re.MULTILINE)
        folder = CGROUPS / "memory" / first[0] if first else CGROUPS / second[0]
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        return int(stat["total_rss"] if first else stat["anon"])

    def token(self, pod, container):
        """The token that a container finds in its file, by the id that audit logs have for it."""
        root = Path(f"/proc/{self.process(pod, container)}/root")
        payload = (root / TOKEN).read_text().split(".")[1]
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return f"JTI={claims['jti']}"

    def used_tokens(self):
        """The ids of the tokens with which requests came."""
        lines = self.plane.audit_log.read_text().splitlines()
        users = (json.loads(line)["user"] for line in lines if CREDENTIAL in line)
        return {token for user in users for token in user.get("extra", {}).get(CREDENTIAL, ())}

    def _only(self, namespace, selector):
        pods = self.api.list("Pod", namespace, selector)
        stay = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        assert len(stay) == 1, [pod["metadata"]["name"] for pod in stay]
        return stay[0]


class Namespace:
    """Falcos and artifacts of one namespace."""

    def __init__(self, kube, name):
        self.kube = kube
        self.name = name
        self._api = kube.api

    def apply(self, kind, name, *, metadata=None, **spec):
        document = manifest(kind, self.name, name, spec=spec, metadata=metadata or {})
        return self._api.take(document, "user")

    def quick(self, name, *, pod=None, falco=None, **spec):
        """A Falco that is Available as soon as it answers."""
        containers = [QUICK | (falco or {})]
        template = {"spec": {**(pod or {}), "containers": containers}}
        return self.apply("Falco", name, podTemplateSpec=template, **spec)

    def delete(self, kind, name):
        self._api.delete(kind, self.name, name)

    def pod(self, falco):
        """The one pod of a Falco that is not ending."""
        return self.kube._only(self.name, f"app.kubernetes.io/instance={falco}")

    def gone(self, falco):
        """Wait until no pod of the Falco is left."""
        selector = f"app.kubernetes.io/instance={falco}"
        eventually(lambda: not self._api.list("Pod", self.name, selector), within=60)

    def condition(self, kind, name, which):
        """Status and message of a condition about the present generation."""
        found = self._api.get(kind, self.name, name)
        for known in found.get("status", {}).get("conditions", []):
            if known["type"] == which:
                assert known.get("observedGeneration") == found["metadata"]["generation"]
                return known["status"], known["message"]
        return "", ""

    def since(self, kind, name, which):
        """When a condition got its present status."""
        conditions = self._api.get(kind, self.name, name)["status"]["conditions"]
        known = next(known for known in conditions if known["type"] == which)
        return datetime.fromisoformat(known["lastTransitionTime"])

    def available(self, falco, within=90):
        """Wait until the Falco is Available with a pod that is ready, and return the pod."""

        def pod():
            found = self.pod(falco)
            assert is_ready(found), found["status"]
            return found

        self.becomes("Falco", falco, "Available", within=within)
        eventually(pod, within)
        self.becomes("Falco", falco, "Available", within=within)
        return self.pod(falco)

    def programmed(self, kind, name, within=60):
        self.becomes(kind, name, "Programmed", within=within)

    def becomes(self, kind, name, which, status="True", within=60):
        def check():
            found = self.condition(kind, name, which)
            assert found[0] == status, (kind, name, which, found)
            return found

        return eventually(check, within)

    def judge(self, falco):
        """Who has decided what is installed in the pod of a Falco, by its NodeReport."""
        report = self._api.get("NodeReport", self.name, self.pod(falco)["metadata"]["name"]) or {}
        return report.get("judge", "")

    def metrics(self, falco):
        """What Falco says about itself, empty while it does not answer."""
        return self._answer(falco, "/metrics").decode()

    def rules(self, falco):
        """Digests of the rules files that Falco has loaded, by name."""
        pattern = r'sha256_rules_files_info\{file_name="([^"]+)",sha256="([^"]+)"'
        return dict(re.findall(pattern, self.metrics(falco)))

    def plugins(self, falco):
        return json.loads(self._answer(falco, "/versions") or b"{}").get("plugin_versions", {})

    def events(self, type_=None):
        """Reason and note of the Events of the namespace."""
        return [
            (event["regarding"]["kind"], event["reason"], event["note"])
            for event in self._api.list("Event", self.name)
            if type_ is None or event["type"] == type_
        ]

    def _answer(self, falco, path):
        address = self.pod(falco)["status"]["podIP"]
        try:
            with urlopen(f"http://{address}:{WEB_PORT}{path}", timeout=5) as response:
                return response.read()
        except (URLError, OSError):
            return b""


def container_status(pod, container):
    status = pod["status"]
    known = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    return next((found for found in known if found["name"] == container), {})


def container_id(pod, container):
    return container_status(pod, container)["containerID"].removeprefix("containerd://")


def is_ready(pod):
    conditions = pod["status"].get("conditions", [])
    return any(known["type"] == "Ready" and known["status"] == "True" for known in conditions)


def restarts(pod, container):
    return container_status(pod, container).get("restartCount", 0)


def started_at(pod, container):
    """When the container was started, empty while it does not run."""
    return container_status(pod, container).get("state", {}).get("running", {}).get("startedAt", "")


def _of(pod):
    metadata = pod["metadata"]
    return (f"--namespace={metadata['namespace']}", metadata["name"])
