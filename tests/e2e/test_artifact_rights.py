"""What a Falco pod's own token lets whoever holds it do: read what artifacts name, and report."""

import json
import ssl
from base64 import b64decode
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from resources.instance.reconcile_mode import ANNOTATION
from resources.kubernetes.kinds import ARTIFACTS, KINDS, collection_path, object_path
from resources.kubernetes.reference import ObjectRef
from tests.api import APPLY, MERGE, manifest
from tests.audit import Audit
from tests.e2e.falcos import condition
from tests.e2e.references import config_map_ref
from tests.eventually import eventually
from tests.rights import rights

JSON = "application/json"
REGISTRY = {"name": "127.0.0.1:1", "plainHTTP": True}
IMAGE = {"repository": "falco/rules", "tag": f"sha256:{64 * '0'}"}
# What every account may do: ask about itself.
ANYBODY = {"authentication.k8s.io", "authorization.k8s.io"}
RIGHTS = {
    *(("", "nodes", verb) for verb in ("get", "list", "watch")),
    *(
        ("artifact.falcosecurity.dev", KINDS[kind].plural, verb)
        for kind in ARTIFACTS
        for verb in ("get", "list", "watch")
    ),
    *(("artifact.falcosecurity.dev", "nodereports", verb) for verb in ("get", "create", "patch")),
    *(("events.k8s.io", "events", verb) for verb in ("create", "patch")),
}
READS = {("", "secrets", "get"), ("", "configmaps", "get")}


class Holder:
    """Whoever has the token of a Falco's pods."""

    def __init__(self, kubeconfig):
        cluster = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]
        ca = b64decode(cluster["certificate-authority-data"]).decode()
        self._address = urlsplit(cluster["server"]).netloc
        self._tls = ssl.create_default_context(cadata=ca)
        self._token = Path(f"{kubeconfig}.token").read_text()

    def asks(self, method, path, body=None, content_type=JSON):
        """Status and document of the answer."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": content_type}
        connection = HTTPSConnection(self._address, timeout=30, context=self._tls)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def may(self, method, path, body=None, content_type=JSON):
        """Whether it is not refused for want of a right."""
        status, _ = self.asks(method, path, body, content_type)
        return status != 403

    def reads(self, kind, namespace, name):
        return self.may("GET", object_path(ObjectRef(kind, namespace, name)))

    def rules(self, namespace):
        """All that it may do in a namespace, by the API server's own account."""
        path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
        status, review = self.asks("POST", path, {"spec": {"namespace": namespace}})
        assert status == 201
        found = review["status"]["resourceRules"]
        return [rule for rule in found if not set(rule["apiGroups"]) & ANYBODY]


@pytest.fixture
def holder(fleet):
    """The holder of the pods' token, once the API server's authorizer knows the pods' rights."""
    (sidecar,) = fleet.falco(type="Deployment", replicas=1).sidecars
    made = Holder(sidecar.kubeconfig)
    eventually(lambda: rights(made.rules(fleet.namespace)) == RIGHTS)
    return made


@pytest.fixture
def elsewhere(namespaces, api):
    """A namespace without artifacts, with objects of the same names."""
    namespace = namespaces()
    for name in ("named", "other"):
        make(api, namespace, name)
    return namespace


def make(api, namespace, name):
    api.create(manifest("Secret", namespace, name, stringData={"username": "u", "password": "p"}))
    api.create(manifest("ConfigMap", namespace, name, data={"rules.yaml": "[]", "ca.crt": "-"}))


def oci(**registry):
    return {"ociArtifact": {"image": IMAGE, "registry": REGISTRY | registry}}


def with_secret(name):
    return oci(auth={"secretRef": {"name": name}})


def with_ca(name):
    tls = {"caConfigMapRef": {"name": name}}
    return {"ociArtifact": {"image": IMAGE, "registry": {"name": "127.0.0.1:1", "tls": tls}}}


def lists(namespace):
    """All ways to get at more than one of them."""
    for kind in ("Secret", "ConfigMap"):
        for scope in ("", namespace):
            path = collection_path(kind, scope)
            yield path
            yield f"{path}?watch=1&timeoutSeconds=1"
        yield f"{collection_path(kind, namespace)}?fieldSelector=metadata.name=other"


def refuses_all_but(holder, fleet, elsewhere):
    """Nothing passes but what artifacts name, by name."""
    refused = [
        *(("GET", path) for path in lists(fleet.namespace)),
        *(("GET", path) for path in lists(elsewhere)),
    ]
    for kind in ("Secret", "ConfigMap"):
        other = object_path(ObjectRef(kind, fleet.namespace, "other"))
        named = object_path(ObjectRef(kind, elsewhere, "named"))
        refused += [("GET", other), ("GET", named), ("DELETE", other)]
        refused += [("GET", object_path(ObjectRef(kind, fleet.namespace, "not-there")))]
    assert [request for request in refused if holder.may(*request)] == []


# Secrets and ConfigMaps.


def test_where_nothing_is_referred_to_nothing_may_be_read(fleet, holder, elsewhere):
    for name in ("named", "other"):
        make(fleet.api, fleet.namespace, name)
    refuses_all_but(holder, fleet, elsewhere)
    assert not holder.reads("Secret", fleet.namespace, "named")
    assert not holder.reads("ConfigMap", fleet.namespace, "named")
    assert rights(holder.rules(fleet.namespace)) == RIGHTS


@pytest.mark.parametrize(
    ("kind", "spec", "referent"),
    [
        ("Rulesfile", with_secret("named"), "Secret"),
        ("Plugin", with_secret("named"), "Secret"),
        ("Rulesfile", with_ca("named"), "ConfigMap"),
        ("Plugin", with_ca("named"), "ConfigMap"),
        ("Rulesfile", config_map_ref("named"), "ConfigMap"),
        ("Config", config_map_ref("named"), "ConfigMap"),
    ],
)
def test_what_an_artifact_names_may_be_read_for_as_long_as_it_does_and_nothing_else(
    fleet, holder, elsewhere, kind, spec, referent
):
    for name in ("named", "other"):
        make(fleet.api, fleet.namespace, name)
    fleet.apply(kind, "artifact", **spec)
    eventually(lambda: holder.reads(referent, fleet.namespace, "named"))
    refuses_all_but(holder, fleet, elsewhere)
    rules = holder.rules(fleet.namespace)
    assert rights(rules) - RIGHTS == {("", KINDS[referent].plural, "get")}
    (named,) = (rule for rule in rules if rights([rule]) & READS)
    assert named["resourceNames"] == ["named"]
    fleet.delete(kind, "artifact")
    eventually(lambda: not holder.reads(referent, fleet.namespace, "named"))
    assert rights(holder.rules(fleet.namespace)) == RIGHTS


@pytest.mark.usefixtures("holder")
def test_a_node_that_is_quicker_than_its_role_reads_again_soon_and_tells_nobody(fleet, cluster):
    fleet.start()
    pod, falco = fleet.sidecars[0].pod, ("Falco", fleet.namespace, "falco")
    fleet.api.merge(*falco, {"metadata": {"annotations": {ANNOTATION: "paused"}}})
    eventually(lambda: condition(fleet.api.get(*falco), "Reconciled")["reason"] == "Paused")
    make(fleet.api, fleet.namespace, "named")
    asked = Audit(cluster, f"system:serviceaccount:{fleet.namespace}:falco")
    mark = asked.mark()
    with fleet.api.history("NodeReport", fleet.namespace, pod) as reports:
        fleet.apply("Rulesfile", "rules", **config_map_ref("named"))
        eventually(lambda: len([get for get in asked.since(mark).reads if get.is_denied]) > 1)
        fleet.api.merge(*falco, {"metadata": {"annotations": {ANNOTATION: None}}})
        fleet.programmed("Rulesfile", "rules")
        eventually(lambda: fleet.events("rules"))
    states = {one["state"] for report in reports for one in report["artifacts"]}
    assert states <= {"Pending", "Programmed"}
    assert [reason for reason, _ in fleet.events("rules")] == ["ConfigMapArtifactStored"]


# Artifacts and reports.


def writes(kind, namespace):
    """Every way to change an artifact, to make one, or to remove some."""
    document = manifest(kind, namespace, "artifact", spec={})
    collection, path = (
        collection_path(kind, namespace),
        f"{collection_path(kind, namespace)}/artifact",
    )
    yield "POST", collection, document, JSON
    yield "DELETE", collection, None, JSON
    yield "DELETE", path, None, JSON
    for place in (path, f"{path}/status"):
        yield "PUT", place, document, JSON
        yield "PATCH", place, {"metadata": {"labels": {"x": "y"}}}, MERGE
        yield "PATCH", f"{place}?fieldManager=x&force=true", document, APPLY


@pytest.mark.parametrize("kind", ARTIFACTS)
def test_artifacts_of_the_namespace_are_read_and_none_is_written(fleet, holder, elsewhere, kind):
    fleet.apply(kind, "artifact")
    before = fleet.api.get(kind, fleet.namespace, "artifact")["spec"]
    assert holder.reads(kind, fleet.namespace, "artifact")
    assert holder.may("GET", collection_path(kind, fleet.namespace))
    for scope in ("", elsewhere):
        assert not holder.may("GET", collection_path(kind, scope))
    for namespace in (fleet.namespace, elsewhere):
        passed = [request for request in writes(kind, namespace) if holder.may(*request)]
        assert passed == []
    assert fleet.api.get(kind, fleet.namespace, "artifact")["spec"] == before


def test_reports_are_written_and_never_listed_or_removed(fleet, holder, elsewhere):
    (sidecar,) = fleet.sidecars
    collection = collection_path("NodeReport", fleet.namespace)
    path = f"{collection}/{sidecar.pod}"
    document = own_report(fleet)
    assert holder.asks("PATCH", f"{path}?fieldManager=x", document, APPLY)[0] == 201
    assert holder.asks("GET", path)[0] == 200
    refused = [
        ("GET", collection),
        ("GET", f"{collection}?watch=1&timeoutSeconds=1"),
        ("GET", collection_path("NodeReport", "")),
        ("PUT", path, document),
        ("DELETE", path),
        ("DELETE", collection),
        *writes("NodeReport", elsewhere),
    ]
    assert [request for request in refused if holder.may(*request)] == []
    assert not holder.reads("NodeReport", elsewhere, "artifact")


def own_report(fleet):
    """What the pod of the first sidecar may say of its node."""
    sidecar = fleet.sidecars[0]
    pod = fleet.api.get("Pod", fleet.namespace, sidecar.pod)
    uid = pod["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "Pod", "name": sidecar.pod, "uid": uid}
    return manifest(
        "NodeReport",
        fleet.namespace,
        sidecar.pod,
        metadata={"ownerReferences": [owner]},
        nodeName=sidecar.node,
        podUID=uid,
    )


def changed(document, **metadata):
    return document | {"metadata": document["metadata"] | metadata}


def test_no_pod_speaks_for_another(fleet, cluster, tmp_path):
    """The pods of a Falco share an account; what a token was made for is what counts."""
    fleet.falco(type="Deployment", replicas=2)
    own = own_report(fleet)
    first, second = (Holder(sidecar.kubeconfig) for sidecar in fleet.sidecars)
    unbound = Holder(
        cluster.service_account_kubeconfig(fleet.namespace, "falco", tmp_path / "unbound")
    )
    path = object_path(ObjectRef("NodeReport", fleet.namespace, own["metadata"]["name"]))

    def answer(holder, document):
        status, said = holder.asks("PATCH", f"{path}?fieldManager=x&force=true", document, APPLY)
        return status, said.get("message", "").rpartition("denied request: ")[2]

    eventually(lambda: answer(first, own)[0] == 201)
    before = fleet.api.get("NodeReport", fleet.namespace, own["metadata"]["name"])
    owner = own["metadata"]["ownerReferences"][0]
    for holder, document, why in (
        (second, own, "is not the pod whose token this is"),
        (unbound, own, "is not the pod whose token this is: none"),
        (first, own | {"podUID": "another"}, "podUID: not the uid"),
        (first, own | {"nodeName": "node-of-another"}, "nodeName: not the node"),
        (first, changed(own, ownerReferences=[]), "metadata.ownerReferences: only the pod"),
        (
            first,
            changed(own, ownerReferences=[owner, owner | {"name": "x", "uid": "another"}]),
            "metadata.ownerReferences: only the pod",
        ),
        (first, changed(own, finalizers=["example.com/stay"]), "metadata.finalizers"),
    ):
        status, said = answer(holder, document)
        assert status == 403
        assert why in said
    collection = path.rpartition("/")[0]
    forged = [{"op": "replace", "path": "/artifacts", "value": []}]
    for method, place, body, content_type in (
        ("POST", collection, own, JSON),
        ("PATCH", path, {"artifacts": []}, MERGE),
        ("PATCH", path, forged, "application/json-patch+json"),
    ):
        for holder in (second, unbound):
            assert holder.asks(method, place, body, content_type)[0] == 403, (method, content_type)
    assert fleet.api.get("NodeReport", fleet.namespace, own["metadata"]["name"]) == before
    assert answer(first, own)[0] == 200
    fleet.api.delete("NodeReport", fleet.namespace, own["metadata"]["name"])
    assert second.asks("POST", collection, own)[0] == 403
    assert first.asks("POST", collection, own)[0] == 201


def test_a_node_is_read_and_not_written_and_pods_and_falcos_are_neither(fleet, holder):
    node = object_path(ObjectRef("Node", "", "node-1"))
    assert holder.may("GET", node)
    refused = [
        ("PATCH", node, {"metadata": {"labels": {"x": "y"}}}, MERGE),
        ("DELETE", node),
        ("GET", collection_path("Pod", fleet.namespace)),
        ("GET", collection_path("Falco", fleet.namespace)),
        ("GET", collection_path("Event", fleet.namespace)),
        ("GET", collection_path("Role", fleet.namespace)),
    ]
    assert [request for request in refused if holder.may(*request)] == []
