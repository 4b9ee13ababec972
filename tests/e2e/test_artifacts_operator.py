"""What the operator makes of artifacts, of what they name and of what nodes report of them."""

import time

import pytest

from deploy.local.publisher import Repository, publish_rules
from resources.registry.credentials import REGISTRY_ANNOTATION as ONLY
from tests.e2e.falcos import condition, uid
from tests.e2e.fleet import from_registry
from tests.e2e.reporting import INLINE, Reporting, counts, revision, said
from tests.eventually import eventually

NOBODY = "There are no Falco pods in this namespace"
RULES = "- macro: never\n  condition: evt.num<0\n"


@pytest.fixture
def reporting(api, falcos):
    """Artifacts of the test's namespace, and its nodes."""
    made = Reporting(api, falcos)
    yield made
    for kind in ("Rulesfile", "Plugin", "Config"):
        api.clear(kind, made.namespace)


# What nodes report.


def test_without_falco_pods_nothing_is_known(reporting):
    reporting.create()
    artifact = reporting.becomes(Programmed="NoNodes", ResolvedRefs="ReferenceResolved")
    assert said(artifact) == NOBODY
    assert condition(artifact, "Programmed")["status"] == "Unknown"
    assert condition(artifact, "ResolvedRefs")["status"] == "True"
    assert artifact["status"]["nodes"]["summary"] == "0/0"
    assert revision(artifact) == "1"
    assert artifact["status"]["resolved"]["resolvedAt"]


def test_it_is_programmed_once_the_last_pod_says_so(reporting):
    pods = reporting.run()
    names = [pod["metadata"]["name"] for pod in pods]
    reporting.create()
    artifact = reporting.becomes(Programmed="Pending")
    assert said(artifact) == f"Waiting for 3 of 3 pods: {', '.join(names)}"
    for at, pod in enumerate(pods):
        assert condition(reporting.get(), "Programmed")["status"] == "Unknown"
        reporting.report(pod, artifact)
        artifact = reporting.sums_up(f"{at + 1}/3")
    artifact = reporting.becomes(Programmed="Programmed")
    assert condition(artifact, "Programmed")["status"] == "True"
    assert said(artifact) == "Installed on 3 pods"
    assert counts(artifact) == {"desired": 3, "programmed": 3, "failed": 0, "pending": 0}
    told = reporting.told("InlineArtifactStored")
    assert told == ["Inline rules installed on 3 pods"]


def test_another_spec_is_another_revision_and_told_as_an_update(reporting):
    pods = reporting.run()
    artifact = reporting.create()
    for priority, reason in ((10, "PriorityChanged"), (20, "PriorityChanged"), (20, "Updated")):
        artifact = reporting.becomes(Programmed="Pending")
        for pod in pods:
            reporting.report(pod, artifact)
        reporting.becomes(Programmed="Programmed")
        rules = [{"macro": f"{reason}-{priority}", "condition": "evt.num<0"}]
        change = {} if reason == "PriorityChanged" else {"inlineRules": rules}
        reporting.change(priority=priority, **change)
    artifact = reporting.becomes(Programmed="Pending")
    assert revision(artifact) == "4"
    reporting.report(pods[0], artifact)
    assert len(said(artifact).split(", ")) == 3
    for pod in pods[1:]:
        reporting.report(pod, artifact)
    reporting.becomes(Programmed="Programmed")
    reporting.told("InlineArtifactUpdated")
    priorities = ["Priority 10 on 3 pods", "Priority 20 on 3 pods"]
    assert reporting.told("InlineArtifactPriorityChanged", count=2) == priorities
    assert len(reporting.notes()) == 4


def test_one_node_that_fails_is_named_and_what_it_says(reporting):
    pods = reporting.run()
    reporting.create()
    artifact = reporting.becomes(Programmed="Pending")
    broken = {"reason": "InvalidContent", "message": "line 3: no condition"}
    reporting.report(pods[0], artifact)
    reporting.report(pods[1], artifact, "Failed", **broken)
    artifact = reporting.becomes(Programmed="InvalidContent")
    assert condition(artifact, "Programmed")["status"] == "False"
    node = pods[1]["spec"]["nodeName"]
    assert said(artifact) == f"Failed on 1 of 3 pods: {node}: line 3: no condition"
    reporting.report(pods[1], artifact)
    reporting.becomes(Programmed="Pending")
    reporting.report(pods[2], artifact, message="key foo is not known")
    artifact = reporting.becomes(Programmed="Programmed")
    assert said(artifact) == "Installed on 3 pods; key foo is not known"


def test_only_the_report_of_a_pod_that_is_there_counts(reporting):
    pods = reporting.run()
    reporting.create()
    artifact = reporting.becomes(Programmed="Pending")
    for pod in pods[:2]:
        reporting.report(pod, artifact)
    fields = {"kind": "Rulesfile", "name": "rules", "uid": uid(artifact), "revision": "1"}
    entries = [{**fields, "state": "Programmed"}]
    reporting.write_report(pods[2], entries, podUID="another")
    stranger = {**pods[2], "metadata": {**pods[2]["metadata"], "name": "stranger"}}
    reporting.write_report(stranger, entries)
    reporting.sums_up("2/3")
    time.sleep(2.5)  # as long as a count may be held back
    assert reporting.sums_up("2/3")
    reporting.falcos.delete()
    reporting.becomes(Programmed="NoNodes", within=90)


def test_a_report_about_another_artifact_of_the_name_does_not_count(api, reporting):
    pods = reporting.run()
    reporting.create()
    artifact = reporting.becomes(Programmed="Pending")
    for pod in pods:
        reporting.report(pod, artifact)
    reporting.becomes(Programmed="Programmed")
    api.delete("Rulesfile", reporting.namespace, "rules")
    reporting.create()
    again = reporting.becomes(Programmed="Pending")
    assert revision(again) == revision(artifact)
    assert counts(again)["pending"] == 3


def test_nodes_that_the_selector_does_not_cover_are_not_waited_for(api, reporting):
    pods = reporting.run()
    for pod in pods:  # else their nodes are not known
        reporting.write_report(pod, [])
    label = f"{reporting.namespace}/pool"
    node = pods[0]["spec"]["nodeName"]
    reporting.create(spec={**INLINE, "selector": {"matchLabels": {label: "blue"}}})
    artifact = reporting.becomes(Programmed="NoNodes")
    assert said(artifact) == "The selector covers no node of a Falco pod"
    api.merge("Node", "", node, {"metadata": {"labels": {label: "blue"}}})
    try:
        artifact = reporting.becomes(Programmed="Pending")
        assert said(artifact) == f"Waiting for 1 of 1 pods: {pods[0]['metadata']['name']}"
        reporting.report(pods[0], artifact)
        reporting.report(pods[1], artifact, "NotSelected")
        artifact = reporting.becomes(Programmed="Programmed")
        assert artifact["status"]["nodes"]["summary"] == "1/1"
    finally:
        api.merge("Node", "", node, {"metadata": {"labels": {label: None}}})
    # What a node has reported of this revision stands until it says otherwise.
    reporting.report(pods[0], artifact, "NotSelected")
    reporting.becomes(Programmed="NoNodes")


# Nodes that are gone.


def set_ready(api, node, ready):
    """As a kubelet or the node controller would; without kwok nobody says otherwise."""
    condition = {"type": "Ready", "status": ready, "reason": "Test", "message": ""}
    api.merge("Node", "", node, {"status": {"conditions": [condition]}}, "status")


def test_a_node_that_is_not_ready_holds_up_nobody_and_counts_again_once_it_is_back(
    api, audit, paused, reporting
):
    pods = reporting.run()
    artifact = reporting.create()
    artifact = reporting.becomes(Programmed="Pending")
    for pod in pods[1:]:  # the first has never reported
        reporting.report(pod, artifact)
    name, dead = pods[0]["metadata"]["name"], pods[0]["spec"]["nodeName"]
    with paused("kwok"):
        mark = audit.mark()
        set_ready(api, dead, "Unknown")
        artifact = reporting.becomes(Programmed="Programmed")
        lost = f"1 pod unreachable on nodes that are not ready: {name} on {dead}"
        assert said(artifact) == f"Installed on 2 pods; {lost}"
        assert counts(artifact)["pending"] == 0
        nodes = artifact["status"]["nodes"]
        assert (nodes["unreachable"], nodes["summary"]) == (1, "2/3")
        assert reporting.told("InlineArtifactStored") == ["Inline rules installed on 2 pods"]
        assert len(audit.since(mark).of("get", "pods")) == 1
        assert 1 <= len(audit.since(mark).of("get", "nodes")) <= 5

        # The next revision does not wait at all.
        reporting.change(inlineRules=[{"macro": "other", "condition": "evt.num<0"}])
        artifact = reporting.becomes(Programmed="Pending")
        for pod in pods[1:]:
            reporting.report(pod, artifact)
        artifact = reporting.becomes(Programmed="Programmed")
        assert said(artifact) == f"Installed on 2 pods; {lost}"

        set_ready(api, dead, "True")
        artifact = reporting.becomes(Programmed="Pending")
        assert said(artifact) == f"Waiting for 1 of 3 pods: {name}"
        reporting.report(pods[0], artifact)
        artifact = reporting.becomes(Programmed="Programmed")
    assert said(artifact) == "Installed on 3 pods"
    assert "unreachable" not in artifact["status"]["nodes"]


# What artifacts name.

SECRET = {"stringData": {"username": "somebody", "password": "never-told"}}


def only_for(registry):
    """The metadata of a Secret that is sent to this registry alone."""
    return {"metadata": {"annotations": {ONLY: registry}}}


def oci(tag, registry="127.0.0.1:1", **fields):
    """A reference to an artifact of a registry that is not there."""
    image = {"repository": "falcosecurity/rules", "tag": tag}
    return {"ociArtifact": {"image": image, "registry": {"name": registry, **fields}}}


PINNED = f"sha256:{'a' * 64}"
REFERENCES = {
    "a Secret": (
        oci(PINNED, auth={"secretRef": {"name": "named"}}),
        "Secret",
        {"stringData": {"username": "somebody"}},
        SECRET,
        "Secret named: key password is missing; it has: username",
    ),
    "a Secret for another registry": (
        oci(PINNED, auth={"secretRef": {"name": "named"}}),
        "Secret",
        {**SECRET, **only_for("a")},
        only_for("127.0.0.1:1"),
        f"Secret named: the annotation {ONLY} allows 'a' only, and the registry is 127.0.0.1:1",
    ),
    "a token for no registry": (
        oci(PINNED, auth={"secretRef": {"name": "named"}}),
        "Secret",
        {"stringData": {"token": "never-told"}},
        only_for("127.0.0.1:1"),
        f"Secret named: the annotation {ONLY}: 127.0.0.1:1 is missing, which the key token demands",
    ),
    "a ConfigMap": (
        {"configMapRef": {"name": "named"}},
        "ConfigMap",
        {"data": {"other.yaml": "x"}},
        {"data": {"rules.yaml": RULES}},
        "ConfigMap named has no key rules.yaml; it has: other.yaml",
    ),
    "a CA": (
        oci(PINNED, tls={"caConfigMapRef": {"name": "named"}}),
        "ConfigMap",
        {"data": {"other.crt": "x"}},
        {"data": {"ca.crt": "x"}},
        "ConfigMap named has no key ca.crt; it has: other.crt",
    ),
}


def test_the_token_of_a_service_account_is_refused(api, reporting):
    # A token of an account that is not there yet is deleted by the controller of tokens.
    eventually(lambda: api.get("ServiceAccount", reporting.namespace, "default"))
    account = {"annotations": {"kubernetes.io/service-account.name": "default"}}
    kind = "kubernetes.io/service-account-token"
    reporting.make("Secret", "named", type=kind, metadata=account)
    reporting.create(spec=oci("latest", auth={"secretRef": {"name": "named"}}))
    artifact = reporting.becomes(
        ResolvedRefs="ReferenceResolutionFailed", Programmed="ReferenceResolutionFailed"
    )
    refused = f"Secret named: type {kind} is not for registries; allowed are "
    assert said(artifact, "ResolvedRefs").startswith(refused)


@pytest.mark.parametrize(
    ("spec", "kind", "wrong", "right", "message"), REFERENCES.values(), ids=REFERENCES
)
def test_what_is_missing_is_named_and_found_once_it_is_there(
    api, reporting, spec, kind, wrong, right, message
):
    reporting.create(spec=spec)
    artifact = reporting.becomes(
        ResolvedRefs="ReferenceResolutionFailed", Programmed="ReferenceResolutionFailed"
    )
    assert said(artifact, "ResolvedRefs") == f"{kind} named does not exist"
    assert "resolved" not in artifact["status"]
    reporting.make(kind, "named", **wrong)
    eventually(lambda: said(reporting.get(), "ResolvedRefs") == message)
    api.merge(kind, reporting.namespace, "named", right)
    artifact = reporting.becomes(ResolvedRefs="ReferenceResolved", Programmed="NoNodes")
    live = api.get(kind, reporting.namespace, "named")["metadata"]["resourceVersion"]
    resolved = artifact["status"]["resolved"]
    assert live in {
        resolved.get("secretResourceVersion"),
        resolved.get("configMapResourceVersion"),
    }
    notes = reporting.told("ReferenceResolutionFailed", count=2)
    assert notes == [f"{kind} named does not exist", message]
    assert "never-told" not in str(artifact)


def test_what_goes_missing_again_takes_nothing_away(api, reporting):
    reporting.make("ConfigMap", "named", data={"rules.yaml": RULES})
    reporting.create(spec={"configMapRef": {"name": "named"}})
    before = reporting.becomes(ResolvedRefs="ReferenceResolved", Programmed="NoNodes")
    api.merge("ConfigMap", reporting.namespace, "named", {"data": {"rules.yaml": None}})
    after = reporting.becomes(ResolvedRefs="ReferenceResolutionFailed", Programmed="NoNodes")
    assert after["status"]["resolved"] == before["status"]["resolved"]
    api.delete("ConfigMap", reporting.namespace, "named")
    api.merge("ConfigMap", reporting.namespace, "named", {"metadata": {"finalizers": None}})
    eventually(lambda: said(reporting.get(), "ResolvedRefs").endswith("does not exist"))
    assert reporting.get()["status"]["resolved"] == before["status"]["resolved"]


def test_other_content_is_another_revision_and_other_metadata_is_none(api, reporting):
    reporting.make("ConfigMap", "named", data={"rules.yaml": RULES, "other": "x"})
    reporting.create(spec={"configMapRef": {"name": "named"}})
    before = reporting.becomes(ResolvedRefs="ReferenceResolved", Programmed="NoNodes")
    for change in (
        {"metadata": {"annotations": {"stranger": "here"}}},
        {"data": {"other": "y"}},
        {"metadata": {"finalizers": None}},
    ):
        api.merge("ConfigMap", reporting.namespace, "named", change)
    api.merge("ConfigMap", reporting.namespace, "named", {"data": {"rules.yaml": f"{RULES}#"}})
    after = reporting.resolves(before)
    live = api.get("ConfigMap", reporting.namespace, "named")["metadata"]["resourceVersion"]
    reporting.create("sentinel", {"configMapRef": {"name": "named"}})
    reporting.becomes("sentinel", ResolvedRefs="ReferenceResolved")
    assert reporting.get()["status"]["resolved"] == after["status"]["resolved"]
    assert int(after["status"]["resolved"]["configMapResourceVersion"]) <= int(live)


def test_one_source_that_fails_does_not_hold_up_the_others(reporting):
    reporting.create(spec={**INLINE, "configMapRef": {"name": "missing"}})
    artifact = reporting.becomes(
        ResolvedRefs="ReferenceResolutionFailed", Programmed="ReferenceResolutionFailed"
    )
    assert revision(artifact) == "1"
    reporting.make("ConfigMap", "missing", data={"rules.yaml": RULES})
    artifact = reporting.becomes(ResolvedRefs="ReferenceResolved", Programmed="NoNodes")
    assert revision(artifact).startswith("1-")


def test_a_spec_that_cannot_be_carried_out_says_so(reporting):
    spec = oci("latest")
    spec["ociArtifact"]["image"]["repository"] = "Not/Valid"
    reporting.create(spec=spec)
    artifact = reporting.becomes(Programmed="InvalidContent")
    assert "spec.ociArtifact.image.repository: 'Not/Valid' is not valid" in said(artifact)
    reporting.told("InvalidContent")
    reporting.change(ociArtifact=None, inlineRules=[])
    reporting.becomes(Programmed="NoNodes", ResolvedRefs="ReferenceResolved")


# What Falcos may read.


def readable(falcos):
    rules = falcos.child("Role")["rules"]
    return {
        rule["resources"][0]: rule["resourceNames"] for rule in rules if "resourceNames" in rule
    }


def test_falcos_may_read_just_what_artifacts_of_their_namespace_name(api, reporting, falcos):
    falcos.create()
    falcos.becomes(Reconciled="True")
    assert readable(falcos) == {}
    reporting.create(spec=oci(PINNED, auth={"secretRef": {"name": "token"}}))
    eventually(lambda: readable(falcos) == {"secrets": ["token"]})
    spec = {"configMapRef": {"name": "settings"}}
    reporting.create("more", spec, "Config")
    eventually(lambda: readable(falcos) == {"secrets": ["token"], "configmaps": ["settings"]})
    api.delete("Rulesfile", reporting.namespace, "rules")
    eventually(lambda: readable(falcos) == {"configmaps": ["settings"]})
    api.delete("Config", reporting.namespace, "more")
    eventually(lambda: readable(falcos) == {})


# What the Go operator has left.

GO = ["rulesfile.artifact.falcosecurity.dev/finalizer-node-1", "example.org/theirs"]
GO += ["artifact.falcosecurity.dev/finalizer-node-2"]


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("Rulesfile", None),
        ("Config", {"config": {"json_output": True}}),
        ("Plugin", {"config": {}}),
    ],
)
def test_finalizers_of_the_go_operator_s_sidecars_go_and_others_stay(api, reporting, kind, spec):
    reporting.create("held", spec, kind, finalizers=GO)
    left = ["example.org/theirs"]
    eventually(lambda: reporting.get("held", kind)["metadata"]["finalizers"] == left)
    api.merge(kind, reporting.namespace, "held", {"metadata": {"finalizers": None}})


def test_an_artifact_that_is_held_by_such_finalizers_goes(api, operator, reporting):
    operator.stop()
    reporting.create(finalizers=[name for name in GO if "falcosecurity" in name])
    api.delete("Rulesfile", reporting.namespace, "rules")
    assert reporting.get() is not None
    operator.start()
    eventually(lambda: reporting.get() is None)


# What registries say.


def pinned(reporting, digest=""):
    """The artifact if it is pinned to this digest, or to any."""
    artifact = reporting.get()
    found = artifact.get("status", {}).get("resolved", {}).get("ociDigest")
    return artifact if found and digest in {"", found} else None


def test_a_registry_that_is_not_there_is_told_and_found_once_it_is(reporting, registry):
    digest = publish_rules(Repository(registry.url), "falco/rules", ["latest"], RULES)
    registry.process.stop()
    reporting.create(spec=from_registry(registry))
    artifact = reporting.becomes(
        ResolvedRefs="ReferenceResolved", Programmed="OCIArtifactStoreFailed"
    )
    assert registry.address in said(artifact)
    assert len(reporting.told("OCIArtifactStoreFailed")) == 1
    registry.process.launch()
    artifact = reporting.becomes(Programmed="NoNodes", within=60)
    assert artifact["status"]["resolved"]["ociDigest"] == digest


def test_a_restart_without_the_registry_changes_nothing(audit, operator, reporting, registry):
    publish_rules(Repository(registry.url), "falco/rules", ["latest"], RULES)
    pods = reporting.run()
    reporting.falcos.becomes(Reconciled="True", Available="True")
    reporting.make("ConfigMap", "named", data={"rules.yaml": RULES})
    reporting.create(spec={**from_registry(registry), "configMapRef": {"name": "named"}})
    artifact = eventually(lambda: pinned(reporting))
    reporting.create("broken")
    broken = reporting.becomes("broken", Programmed="Pending")
    for pod in pods:
        reporting.report(pod, artifact, message="key foo is not known")
        reporting.report(pod, broken, "Failed", reason="InvalidContent", message="line 3")
    reporting.becomes(Programmed="Programmed")
    reporting.sums_up("3/3")
    reporting.becomes("broken", Programmed="InvalidContent")
    eventually(lambda: counts(reporting.get("broken"))["failed"] == 3)
    reporting.told("OCIArtifactStored")
    reporting.told("ConfigMapArtifactStored")
    before = reporting.get(), reporting.get("broken")
    operator.stop()
    registry.process.stop()
    mark = audit.mark()
    operator.start()
    for name in ("rules", "broken"):
        path = f"Rulesfile/{reporting.namespace}/{name}"
        eventually(lambda path=path: operator.dump(path)["actor"]["trace"])
    reporting.create("sentinel")
    reporting.becomes("sentinel", Programmed="Pending")
    requests = audit.since(mark)
    assert {request.name for request in requests.writes} == {"sentinel"}
    assert not requests.events
    # The pods that have failed hold a verdict back: whether their nodes are ready may be looked up.
    assert {request.resource for request in requests.reads} - {"nodes"} == {"/version"}
    assert (reporting.get(), reporting.get("broken")) == before


# Many at once.


def test_fifty_artifacts_at_once_cost_few_writes_each_and_a_role_no_more_than_a_few(
    audit, operator, reporting, falcos
):
    pods = reporting.run()
    falcos.becomes(Reconciled="True", Available="True")
    mark = audit.mark()
    names = [f"rules-{number:02}" for number in range(50)]
    for name in names:
        reporting.create(name, oci(PINNED, auth={"secretRef": {"name": name}}))
    for name in names:
        reporting.becomes(name, ResolvedRefs="ReferenceResolutionFailed")
        reporting.make("Secret", name, **SECRET)
    for name in names:
        reporting.becomes(name, ResolvedRefs="ReferenceResolved", Programmed="Pending")
    eventually(lambda: readable(falcos) == {"secrets": names})
    for pod in pods:
        entries = [
            {
                "kind": "Rulesfile",
                "name": name,
                "uid": uid(artifact),
                "revision": revision(artifact),
                "state": "Programmed",
            }
            for name in names
            if (artifact := reporting.get(name))
        ]
        reporting.write_report(pod, entries)
    for name in names:
        reporting.becomes(name, Programmed="Programmed")
    requests = audit.since(mark)
    statuses = requests.of("patch", "rulesfiles")
    assert {request.subresource for request in statuses} == {"status"}
    assert len(statuses) <= 5 * len(names)
    assert not [request for request in statuses if request.code != 200]
    assert len(requests.of("patch", "roles")) < len(names)
    assert len(requests.of("get", "secrets")) <= 2 * len(names)
    names_of_kinds = {kind for (kind,) in operator.samples()["mailbox_depth"]}
    assert names_of_kinds >= {"Rulesfile", "Plugin", "Config", "Secret", "ConfigMap"}
