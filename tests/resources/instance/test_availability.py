import pytest

from resources.instance.availability import availability


def daemon_set(generation=2, observed=2, desired=3, available=3):
    return {
        "metadata": {"generation": generation},
        "status": {
            "observedGeneration": observed,
            "desiredNumberScheduled": desired,
            "numberAvailable": available,
        },
    }


def deployment(generation=2, observed=2, desired=2, **status):
    return {
        "metadata": {"generation": generation},
        "spec": {"replicas": desired},
        "status": {"observedGeneration": observed, **status},
    }


@pytest.mark.parametrize(
    ("kind", "workload", "status", "reason", "message", "counts"),
    [
        (
            "DaemonSet",
            None,
            "False",
            "DaemonSetNotFound",
            "there is no DaemonSet",
            (None, None, None),
        ),
        (
            "DaemonSet",
            {"metadata": {"generation": 1}},
            "Unknown",
            "DaemonSetUnavailable",
            "generation 1 of the DaemonSet is not yet observed",
            (None, None, None),
        ),
        (
            "DaemonSet",
            daemon_set(observed=1),
            "Unknown",
            "DaemonSetUnavailable",
            "generation 2 of the DaemonSet is not yet observed",
            (3, 3, 0),
        ),
        (
            "DaemonSet",
            daemon_set(),
            "True",
            "DaemonSetAvailable",
            "3 of 3 pods are available",
            (3, 3, 0),
        ),
        (
            "DaemonSet",
            daemon_set(observed=3),
            "True",
            "DaemonSetAvailable",
            "3 of 3 pods are available",
            (3, 3, 0),
        ),
        (
            "DaemonSet",
            daemon_set(available=1),
            "False",
            "DaemonSetUnavailable",
            "1 of 3 pods are available",
            (3, 1, 2),
        ),
        (
            "DaemonSet",
            daemon_set(desired=0, available=0),
            "False",
            "DaemonSetUnavailable",
            "the DaemonSet wants no pods",
            (0, 0, 0),
        ),
        (
            "Deployment",
            None,
            "False",
            "DeploymentNotFound",
            "there is no Deployment",
            (None, None, None),
        ),
        (
            "Deployment",
            deployment(observed=0),
            "Unknown",
            "DeploymentUnavailable",
            "generation 2 of the Deployment is not yet observed",
            (2, None, None),
        ),
        (
            "Deployment",
            deployment(),
            "False",
            "DeploymentUnavailable",
            "0 of 2 pods are available",
            (2, 0, 2),
        ),
        (
            "Deployment",
            deployment(availableReplicas=2),
            "True",
            "DeploymentAvailable",
            "2 of 2 pods are available",
            (2, 2, 0),
        ),
        (
            "Deployment",
            deployment(availableReplicas=3),
            "True",
            "DeploymentAvailable",
            "3 of 2 pods are available",
            (2, 3, 0),
        ),
        (
            "Deployment",
            deployment(desired=0),
            "False",
            "DeploymentUnavailable",
            "the Deployment wants no pods",
            (0, 0, 0),
        ),
    ],
)
def test_available_only_if_observed_and_wanted_and_all_there(
    kind, workload, status, reason, message, counts
):
    result = availability(kind, workload, 7)
    assert (result.desired, result.available, result.unavailable) == counts
    assert tuple(result.condition) == ("Available", status, reason, message, 7)
