"""A namespace with more failures than a NodeReport has room for."""

import msgspec
import pytest

from resources.node.short_report import MOST_BYTES
from tests.e2e.one_node import one_node
from tests.eventually import eventually

COUNT = 300
# Ten findings, of which a message has 1 KiB; Go's JSON writes each < as six bytes.
BAD = [{"rule": f"{number} {'<' * 60}"} for number in range(10)]
LONG = "x" * 200


@pytest.fixture(scope="module")
def fleet(cluster, api, tmp_path_factory):
    with one_node(cluster, api, tmp_path_factory.mktemp("short")) as made:
        yield made


def test_failures_come_first_the_rest_is_counted_and_nothing_is_taken_for_not_reported(fleet):
    fleet.apply("Rulesfile", "fine", inlineRules=[{"macro": "m", "condition": "evt.type = open"}])
    fleet.programmed("Rulesfile", "fine")
    for number in range(COUNT):
        fleet.apply("Rulesfile", f"bad-{number}-{LONG}", inlineRules=BAD)

    def report():
        found = fleet.api.get("NodeReport", fleet.namespace, fleet.node.pod)
        listed, unlisted = found["artifacts"], found.get("unlisted", [])
        assert len(listed) + sum(group["count"] for group in unlisted) == COUNT + 1
        assert len([group for group in unlisted if group["state"] == "Failed"]) == 1
        return found

    found = eventually(report, within=60)
    assert len(msgspec.json.encode(found)) <= MOST_BYTES
    assert 0 < len(found["artifacts"]) < COUNT
    assert {artifact["state"] for artifact in found["artifacts"]} == {"Failed"}
    names = {artifact["name"] for artifact in found["artifacts"]}
    assert "fine" not in names
    # An earlier report may have had room for it: the message stays until the status is written.
    eventually(
        lambda: fleet.said("Rulesfile", "fine", "True", "Programmed") == "Installed on 1 pod",
        within=60,
    )
    left_out = next(
        name for number in range(COUNT) if (name := f"bad-{number}-{LONG}") not in names
    )
    eventually(
        lambda: fleet.said("Rulesfile", left_out, "False", "InvalidContent", within=60).endswith(
            "has no room for the message, the sidecar's log has it"
        ),
        within=60,
    )

    fleet.apply("Rulesfile", "fine", inlineRules=[{"macro": "m", "condition": "evt.type = close"}])
    fleet.programmed("Rulesfile", "fine")
    fleet.clear()
    eventually(
        lambda: not fleet.api.get("NodeReport", fleet.namespace, fleet.node.pod).get("unlisted")
    )
