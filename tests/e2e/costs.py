"""What the sidecars of a fleet ask of the API server, and the operator on their behalf."""

from resources.kubernetes.kinds import ARTIFACTS
from tests.audit import Audit
from tests.eventually import eventually

WATCHED = ("Node", *ARTIFACTS)


def rule(name, output):
    return {
        "rule": name,
        "desc": "Something happened",
        "condition": "evt.type = open",
        "output": output,
        "priority": "WARNING",
    }


def with_pods(fleet, count, flags=()):
    """The fleet with so many pods, of which sidecars and operator have said all there is to say."""
    fleet.falco(type="Deployment", replicas=count, flags=flags).start()
    eventually(lambda: len(fleet.api.list("NodeReport", fleet.namespace)) == count, within=60)
    eventually(lambda: fleet.status("Falco", "falco").get("availableReplicas") == count, within=60)
    return fleet


def of_pods(cluster, fleet):
    """The audit of all sidecars: they share one account."""
    return Audit(cluster, user=f"system:serviceaccount:{fleet.namespace}:falco")


def cost_of_a_rulesfile(fleet, by_pods, by_operator, text):
    """What the pods and the operator ask until a Rulesfile with this text is on all nodes.

    The operator's last words about an earlier fleet, of another namespace, are left out.
    """
    mark = by_pods.mark()
    fleet.apply("Rulesfile", "rules", inlineRules=[rule("rules", text)])
    fleet.programmed("Rulesfile", "rules", within=60)
    assert all(text in node.rules()["50-03-rules-inline.yaml"] for node in fleet.sidecars)
    of_operator = by_operator.since(mark).unwatched.about(fleet.namespace)
    return by_pods.since(mark).unwatched, of_operator


def is_bearable(count, of_pods, of_operator):
    """Fails where a Rulesfile has cost so many pods more than it may, or there was a conflict."""
    assert {one.resource for one in of_pods} == {"nodereports"}
    assert [one for one in (*of_pods, *of_operator) if one.code == 409] == []
    writes = [*map(str, of_pods.writes), *map(str, of_operator.writes)]
    assert len(writes) <= count + 5, writes
    return True


def streams(node):
    """How many watches a sidecar has opened, by kind."""
    return {kind: count for (kind,), count in node.samples()["watch_opens_total"].items()}
