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
    """The fleet with so many pods, whose sidecars have said all that there is to say."""
    fleet.falco(type="Deployment", replicas=count, flags=flags).start()
    eventually(lambda: len(fleet.api.list("NodeReport", fleet.namespace)) == count, within=60)
    return fleet


def of_pods(cluster, fleet):
    """The audit of all sidecars: they share one account."""
    return Audit(cluster, user=f"system:serviceaccount:{fleet.namespace}:falco")


def cost_of_a_rulesfile(fleet, by_pods, by_operator, text):
    """What the pods and the operator ask until a Rulesfile with this text is on all nodes."""
    mark = by_pods.mark()
    fleet.apply("Rulesfile", "rules", inlineRules=[rule("rules", text)])
    fleet.programmed("Rulesfile", "rules", within=60)
    assert all(text in node.rules()["50-03-rules-inline.yaml"] for node in fleet.sidecars)
    return by_pods.since(mark).unwatched, by_operator.since(mark).unwatched


def is_bearable(count, of_pods, of_operator):
    """Whether a Rulesfile has cost so many pods no more than it may, and there was no conflict."""
    assert {one.resource for one in of_pods} == {"nodereports"}
    assert [one for one in (*of_pods, *of_operator) if one.code == 409] == []
    return len(of_pods.writes) + len(of_operator.writes) <= count + 5


def streams(node):
    """How many watches a sidecar has opened, by kind."""
    return {kind: count for (kind,), count in node.samples()["watch_opens_total"].items()}
