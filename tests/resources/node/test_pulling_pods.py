"""Those pods pull that have not installed what is wanted now."""

import json

import pytest

from resources.node.pulling_pods import covered_pods, pulling_pods


def counted(nodes, observed=2, generation=2):
    status = {"observedGeneration": observed, **({"nodes": nodes} if nodes is not None else {})}
    return json.dumps({"metadata": {"generation": generation}, "status": status}).encode()


@pytest.mark.parametrize(
    ("raw", "pods"),
    [
        # Something new: every pod has to pull it.
        (counted({"desired": 5000, "programmed": 0, "pending": 5000}), 5000),
        # One more pod in a quiet cluster.
        (counted({"desired": 5000, "programmed": 4999, "pending": 1}), 1),
        # Those whom the registry has refused come back, too.
        (counted({"desired": 5000, "programmed": 10, "failed": 4990}), 4990),
        (counted({"desired": 5}), 5),
        # The status is about what was there before.
        (counted({"desired": 5000, "programmed": 5000}, observed=1), 5000),
        (counted({"programmed": 1}), None),
        (counted(None), None),
        (b"{}", None),
        (b'{"status": {"nodes": {"desired": "many"}}}', None),
    ],
)
def test_those_pods_pull_that_have_not_installed_it(raw, pods):
    assert pulling_pods(raw) == pods


def test_an_artifact_is_for_the_pods_that_it_covers():
    assert covered_pods(counted({"desired": 7, "programmed": 3}, observed=1)) == 7
    assert covered_pods(counted(None)) is None
