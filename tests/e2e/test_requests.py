"""What the operator asks of the API server, counted in its audit log."""

from datetime import UTC, datetime

import pytest

from resources.artifact.references import FINALIZERS
from resources.kubernetes.kinds import KINDS
from supervisors.sources import SOURCES
from tests.e2e.falcos import CHILDREN, writes_of_a_creation
from tests.eventually import eventually

# Spelt in ways that the API server changes, or leaves out, when it stores them.
SPECS: dict[str, dict] = {
    "plain": {},
    "on-delete": {"updateStrategy": {"type": "OnDelete"}},
    "deployment": {"type": "Deployment", "replicas": 2},
    "autoscaled": {"type": "Deployment", "strategy": {"type": "Recreate"}},
    "version": {"version": "0.40.0"},
    "overlaid": {
        "podTemplateSpec": {
            "metadata": {"labels": {"team": "blue"}, "annotations": {"empty": ""}},
            "spec": {
                "hostNetwork": False,
                "priorityClassName": "",
                "tolerations": [],
                "nodeSelector": {},
                "terminationGracePeriodSeconds": 30,
                "containers": [
                    {
                        "name": "falco",
                        "env": [{"name": "EMPTY", "value": ""}, {"name": "HOST_ROOT"}],
                        "ports": [{"containerPort": 9999}],
                        "resources": {
                            "limits": {"cpu": "1000m", "memory": "2048Mi"},
                            "requests": {"cpu": 1},
                        },
                        "securityContext": {"readOnlyRootFilesystem": False},
                        "volumeMounts": [{"name": "extra", "mountPath": "/x", "readOnly": False}],
                    },
                    {"name": "beside", "image": "example.com/beside"},
                ],
                "volumes": [{"name": "extra", "emptyDir": {}}],
            },
        }
    },
}

# What is watched, and what may carry a finalizer of an earlier operator: the metadata of all that.
SELECTIONS = [(KINDS[source.kind].plural, source.label_selector) for source in SOURCES]
SELECTIONS += [(KINDS[kind].plural, "") for kind in FINALIZERS]


def test_a_creation_costs_ten_writes_two_events_and_no_read(audit, falcos):
    assert len(writes_of_a_creation(audit, falcos)) <= 10


@pytest.mark.parametrize(
    "seconds", [10, pytest.param(60, marks=pytest.mark.bench)], ids=["moment", "minute"]
)
def test_idleness_costs_nothing(audit, falcos, seconds):
    for name, spec in SPECS.items():
        falcos.create(name, **spec)
    for name in SPECS:
        falcos.becomes(name, Reconciled="True", Available="True")
        falcos.told("ResourceCreated", name)
    audit.quiet(seconds)


def test_a_change_of_the_pods_available_costs_one_request(api, audit, operator, falcos, paused):
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")
    audit.quiet()
    with paused("kube-controller-manager"):
        for available, status in ((2, "False"), (1, "False"), (3, "True")):
            mark, before = audit.mark(), operator.reconciles()
            counts = {"numberAvailable": available, "numberUnavailable": 3 - available}
            api.merge("DaemonSet", falcos.namespace, "falco", {"status": counts}, "status")
            eventually(lambda n=available: falcos.get()["status"]["availableReplicas"] == n)
            falcos.becomes(Available=status)
            # One for the DaemonSet, and one for the status that was written by it.
            eventually(lambda n=before: operator.reconciles() >= n + 2)
            assert len(audit.since(mark).unwatched) == 1


def test_an_annotation_by_a_stranger_costs_nothing(api, audit, namespace, operator, falcos):
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")
    mark, begin = audit.quiet(), datetime.now(UTC)
    for kind, child in falcos.children().items():
        meta = child["metadata"]
        annotation = {"metadata": {"annotations": {"stranger": "here"}}}
        api.merge(kind, meta.get("namespace", ""), meta["name"], annotation)

    def seen():
        trace = operator.trace(f"{namespace}/falco")
        since = [entry for entry in trace if datetime.fromisoformat(entry["at"]) >= begin]
        reasons = [reason for entry in since for reason in entry["reasons"]]
        return {reason.split()[1] for reason in reasons if " " in reason} >= set(CHILDREN)

    eventually(seen)
    assert not audit.since(mark).unwatched


def test_a_restart_costs_one_list_for_each_kind_and_selection_and_no_write(
    audit, namespace, operator, falcos
):
    for name, spec in SPECS.items():
        falcos.create(name, **spec)
    for name in SPECS:
        falcos.becomes(name, Reconciled="True", Available="True")
    audit.quiet()
    operator.stop()
    mark = audit.mark()
    operator.start()
    for name in SPECS:
        eventually(lambda name=name: operator.trace(f"{namespace}/{name}"))
    eventually(lambda: len(audit.since(mark).lists) >= len(SELECTIONS))
    requests = audit.since(mark).unwatched
    assert not requests.writes
    assert not requests.events
    listed = [(request.resource, request.selector) for request in requests.lists]
    assert sorted(listed) == sorted(SELECTIONS)
    assert [request.resource for request in requests.reads] == ["/version"]
