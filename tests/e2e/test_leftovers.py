"""Children of an earlier Falco of the same name that the garbage collector does not take."""

from tests.e2e.falcos import CHILDREN, CLUSTER_SCOPED, leftovers, said, uid
from tests.eventually import eventually

# The garbage collector has 30 s, and the tries after that are up to 30 s apart.
TAKEN_WITHIN = 90
NAMESPACED = sorted(set(CHILDREN) - set(CLUSTER_SCOPED))


def owners(document):
    return [each["uid"] for each in document["metadata"].get("ownerReferences", ())]


def test_what_the_garbage_collector_does_not_take_is_taken_over(api, namespace, falcos, paused):
    wanted = {"same": "DaemonSet", "other": "Deployment"}
    for name in wanted:
        falcos.create(name, type="DaemonSet")
    old = {name: falcos.becomes(name, Reconciled="True", Available="True") for name in wanted}
    before = {name: falcos.children(name) for name in wanted}
    with paused("kube-controller-manager"):
        for name, type_ in wanted.items():
            falcos.delete(name)
            eventually(lambda name=name: falcos.get(name) is None)
            falcos.create(name, type=type_)
        for name in wanted:
            message = said(falcos.becomes(name, Reconciled="False"))["message"]
            assert "is still being deleted" not in message
            assert f"uid {uid(old[name])}" in message
        for name, type_ in wanted.items():
            falco = falcos.becomes(name, within=TAKEN_WITHIN, Reconciled="True")
            after = falcos.children(name)
            assert set(after) == {*CHILDREN} - {"DaemonSet"} | {type_}
            for kind in {*NAMESPACED} & set(after):
                assert uid(after[kind]) == uid(before[name][kind])
                assert owners(after[kind]) == [uid(falco)]
    for name in wanted:
        falcos.becomes(name, Reconciled="True", Available="True")
        falcos.delete(name)
    eventually(lambda: leftovers(api, namespace) == [], TAKEN_WITHIN)
