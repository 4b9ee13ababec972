"""Nodes, Falco pods and their NodeReports in numbers, made without any controller or kubelet."""

import asyncio
import json
from itertools import count

import uvloop

from actors.api.configuration import kubeconfig_configuration
from actors.api.transport import Transport
from resources.instance.labels import OWNER_KIND
from resources.kubernetes.kinds import collection_path, object_path
from resources.kubernetes.reference import ObjectRef
from tests.api import manifest
from tests.bench.bare_client import Silent

AT_ONCE = 50
INLINE = [{"macro": "never", "condition": "evt.num<0"}]
READY = {"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]}
CONTAINER = {"name": "falco", "image": "falco"}


class LargeCluster:
    """Falco pods in one namespace, each on a node of its own, that report all of its artifacts."""

    def __init__(self, cluster, api, namespace, nodes, artifacts):
        self._kubeconfig = str(cluster.kubeconfig)
        self._api = api
        self.namespace = namespace
        self.nodes = nodes
        self.pods: dict[int, str] = {}
        """Their uids, by number."""
        self._reports: dict[int, str] = {}
        """The resourceVersions of the reports, by number."""
        api.create(manifest("Namespace", "", namespace))
        api._client.call(
            "POST",
            f"/api/v1/namespaces/{namespace}/serviceaccounts",
            {"metadata": {"name": "default"}},
        )
        self.artifacts = [
            api.create(
                manifest("Rulesfile", namespace, f"rules-{number}", spec={"inlineRules": INLINE})
            )
            for number in range(artifacts)
        ]

    def fill(self):
        """All nodes, pods and reports exist."""
        self._at_once(self._node_with_pod)

    def roll_out(self):
        """The first artifact with other rules, which every pod has reported."""
        name = self.artifacts[0]["metadata"]["name"]
        spec = {"inlineRules": [*INLINE, *INLINE]}
        changed = self._api.take(manifest("Rulesfile", self.namespace, name, spec=spec), "user")
        revisions = {0: str(changed["metadata"]["generation"])}
        self._at_once(lambda send, number: self._report(send, "PUT", number, revisions))
        return changed

    def is_programmed(self, artifact):
        """Whether the status says that all pods have the revision of this generation."""
        name, generation = artifact["metadata"]["name"], artifact["metadata"]["generation"]
        status = self._api.get("Rulesfile", self.namespace, name).get("status", {})
        return any(
            condition["type"] == "Programmed"
            and condition["status"] == "True"
            and condition["observedGeneration"] >= generation
            for condition in status.get("conditions", ())
        )

    async def _node_with_pod(self, send, number):
        name = f"node-{number}"
        await send("POST", "Node", manifest("Node", "", name, status=READY))
        pod = manifest(
            "Pod",
            self.namespace,
            f"falco-{number}",
            metadata={"labels": {OWNER_KIND: "Falco"}},
            spec={
                "nodeName": name,
                "containers": [CONTAINER],
                "automountServiceAccountToken": False,
            },
        )
        self.pods[number] = (await send("POST", "Pod", pod))["metadata"]["uid"]
        await self._report(send, "POST", number, {})

    async def _report(self, send, method, number, revisions):
        entries = [
            {
                "kind": "Rulesfile",
                "name": artifact["metadata"]["name"],
                "uid": artifact["metadata"]["uid"],
                "revision": revisions.get(at, "1"),
                "state": "Programmed",
            }
            for at, artifact in enumerate(self.artifacts)
        ]
        document = manifest(
            "NodeReport",
            self.namespace,
            f"falco-{number}",
            nodeName=f"node-{number}",
            podUID=self.pods[number],
            artifacts=entries,
        )
        if method == "PUT":
            document["metadata"]["resourceVersion"] = self._reports[number]
        written = await send(method, "NodeReport", document)
        self._reports[number] = written["metadata"]["resourceVersion"]

    def _at_once(self, task):
        uvloop.run(self._all(task))

    async def _all(self, task):
        configuration = await kubeconfig_configuration(self._kubeconfig)
        transport = Transport(configuration, Silent(), AT_ONCE)

        async def send(method, kind, document):
            ref = ObjectRef(kind, self.namespace, document["metadata"]["name"])
            path = object_path(ref)
            if method == "POST":
                path = collection_path(kind, "" if kind == "Node" else self.namespace)
            answer = await transport.request(
                method,
                path,
                verb="create",
                body=json.dumps(document).encode(),
                headers={"Content-Type": "application/json"},
            )
            return json.loads(answer)

        numbers = count()

        async def work():
            while (number := next(numbers)) < self.nodes:
                await task(send, number)

        try:
            await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        finally:
            await transport.close()
