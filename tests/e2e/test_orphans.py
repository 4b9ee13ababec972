"""Children without an owner reference: they are adopted, and do not outlive their Falco."""

from tests.e2e.falcos import CHILDREN, CLUSTER_SCOPED, COLLECTED_WITHIN, leftovers, uid
from tests.eventually import eventually

NAMESPACED = sorted(set(CHILDREN) - set(CLUSTER_SCOPED))


def owners(document):
    return [each["uid"] for each in document["metadata"].get("ownerReferences", ())]


def test_a_child_whose_owner_reference_is_removed_gets_it_back(api, namespace, falcos):
    falcos.create()
    falco = falcos.becomes(Reconciled="True", Available="True")
    before = {kind: uid(falcos.child(kind)) for kind in NAMESPACED}
    for kind in NAMESPACED:
        api.merge(kind, namespace, "falco", {"metadata": {"ownerReferences": None}})
    for kind in NAMESPACED:
        eventually(lambda kind=kind: owners(falcos.child(kind)) == [uid(falco)])
    falcos.becomes(Reconciled="True", Available="True")
    assert {kind: uid(falcos.child(kind)) for kind in NAMESPACED} == before


def test_a_new_falco_adopts_what_an_earlier_one_was_told_to_leave(cluster, namespace, falcos):
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")
    cluster.kubectl("delete", "falco", "falco", "-n", namespace, "--cascade=orphan")
    left = falcos.children()
    assert set(left) == set(NAMESPACED)
    assert all(owners(child) == [] for child in left.values())
    falcos.create(type="Deployment", replicas=1)
    falco = falcos.becomes(Reconciled="True", Available="True")
    adopted = falcos.children()
    assert "DaemonSet" not in adopted
    for kind in set(NAMESPACED) - {"DaemonSet"}:
        assert (uid(adopted[kind]), owners(adopted[kind])) == (uid(left[kind]), [uid(falco)])
    falcos.delete()
    eventually(lambda: leftovers(falcos.api, namespace) == [], COLLECTED_WITHIN)
