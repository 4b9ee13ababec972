"""A value that is nested as deeply as the API server takes it."""

import json

from resources.kubernetes.kinds import KINDS, collection_path
from tests.eventually import eventually

# Python gives up at about a thousand, the API server at ten thousand.
LEVELS = 9_000
SAID = "jsonpath={.status.conditions[?(@.type=='Programmed')]['status','reason','message']}"


def create(api, namespace, kind, field):
    """As raw JSON: nothing here could encode it."""
    head = {"apiVersion": KINDS[kind].api_version, "kind": kind, "metadata": {"name": "deep"}}
    value = f"{'[' * LEVELS}{']' * LEVELS}"
    body = f'{json.dumps(head)[:-1]}, "spec": {{"{field}": {value}}}}}'
    connection = api.connection()
    path = collection_path(kind, namespace)
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.status == 201, response.read()
    connection.close()


def test_it_is_refused_by_name_and_nobody_else_notices(cluster, operator, fleet):
    (node,) = fleet.falco(type="Deployment", replicas=1).start().sidecars
    processes = operator.pid, node.pid
    kinds = {"Rulesfile": "inlineRules", "Config": "config"}
    try:
        for kind, field in kinds.items():
            create(fleet.api, fleet.namespace, kind, field)
        for kind in kinds:
            get = ("get", f"{kind.lower()}/deep", f"--namespace={fleet.namespace}")
            said = eventually(
                lambda get=get: (
                    "False" in (text := cluster.kubectl(*get, f"--output={SAID}").stdout) and text
                )
            )
            assert "InvalidContent" in said
            assert "nested deeper than" in said
        fleet.apply("Rulesfile", "rules", inlineRules=[{"list": "shells", "items": ["bash"]}])
        fleet.programmed("Rulesfile", "rules")
        assert [*node.rules()] == ["50-03-rules-inline.yaml"]
        assert (operator.pid, node.pid) == processes
        assert operator.running
        assert node.running
    finally:
        for kind in kinds:
            fleet.delete(kind, "deep")
