import pytest

from resources.instance.availability import (
    PodCounts,
    availability,
    incomplete_counts,
    patience,
)


def daemon_set(generation=2, observed=2, desired=3, available=3, total=None, updated=None):
    """The API server leaves no count of a DaemonSet out but `updated` and `unavailable`."""
    total = desired if total is None else total
    return {
        "metadata": {"generation": generation},
        "status": {
            "observedGeneration": observed,
            "desiredNumberScheduled": desired,
            "currentNumberScheduled": total,
            "updatedNumberScheduled": total if updated is None else updated,
            "numberAvailable": available,
            "numberUnavailable": desired - available,
        },
    }


def deployment(generation=2, observed=2, desired=2, total=None, updated=None, available=0):
    """The API server leaves a count of a Deployment out if it is 0."""
    total = desired if total is None else total
    counts = {
        "replicas": total,
        "updatedReplicas": total if updated is None else updated,
        "availableReplicas": available,
        "unavailableReplicas": max(total - available, 0),
    }
    return {
        "metadata": {"generation": generation},
        "spec": {"replicas": desired},
        "status": {
            "observedGeneration": observed,
            **{name: count for name, count in counts.items() if count},
        },
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
            deployment(available=2),
            "True",
            "DeploymentAvailable",
            "2 of 2 pods are available",
            (2, 2, 0),
        ),
        (
            "Deployment",
            deployment(total=3, available=3),
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


SURGED = deployment(total=3, updated=1, available=2)


@pytest.mark.parametrize(
    ("kind", "workload", "counts", "message"),
    [
        (
            "DaemonSet",
            daemon_set(updated=0),
            (3, 3, 0),
            "3 of 3 pods are available; 0 of 3 pods are updated; because",
        ),
        (
            "DaemonSet",
            daemon_set(available=2, updated=1),
            (3, 2, 1),
            "2 of 3 pods are available; 1 of 3 pods are updated; because",
        ),
        ("DaemonSet", daemon_set(available=2), (3, 2, 1), "2 of 3 pods are available; because"),
        (
            "Deployment",
            SURGED,
            (2, 2, 1),
            "2 of 2 pods are available; 1 of 2 pods are updated; because",
        ),
        ("Deployment", deployment(available=2), (2, 2, 0), "2 of 2 pods are available"),
    ],
)
def test_a_rollout_that_is_not_complete_says_how_far_it_is_and_why(kind, workload, counts, message):
    result = availability(kind, workload, 7, "because")
    assert (result.desired, result.available, result.unavailable) == counts
    assert result.condition.message == message
    assert result.complete is ("because" not in message)


def test_the_message_is_bounded():
    assert len(availability("DaemonSet", daemon_set(updated=0), 7, "é" * 9999)[0].message) < 1024


@pytest.mark.parametrize(
    ("kind", "workload"),
    [
        ("DaemonSet", None),
        ("DaemonSet", {"metadata": {"generation": 1}}),
        ("DaemonSet", daemon_set(observed=1, available=0)),
        ("DaemonSet", daemon_set()),
        ("DaemonSet", daemon_set(desired=0, available=0)),
        ("Deployment", deployment(available=2)),
        ("Deployment", deployment(observed=1)),
    ],
)
def test_nothing_is_to_be_asked_about_a_workload_that_is_complete_or_unknown(kind, workload):
    assert incomplete_counts(kind, workload) is None


def test_the_counts_of_what_is_not_complete_are_those_of_the_workload():
    assert incomplete_counts("Deployment", SURGED) == PodCounts(2, 3, 1, 2, 1)
    missing = daemon_set(desired=3, total=1, available=1)
    assert incomplete_counts("DaemonSet", missing) == PodCounts(3, 1, 1, 1, 2)


def template(*probes, **spec):
    containers = [{"name": "c", **({"readinessProbe": probe} if probe else {})} for probe in probes]
    return {"spec": {"template": {"spec": {"containers": containers}}, **spec}}


ALL_THERE, SOME_MISSING = PodCounts(3, 3, 3, 0, 3), PodCounts(3, 1, 1, 0, 3)
SLOW = {"initialDelaySeconds": 30, "periodSeconds": 15}


@pytest.mark.parametrize(
    ("workload", "counts", "seconds"),
    [
        (template(None), ALL_THERE, 5),
        (template({"periodSeconds": 1}), ALL_THERE, 6),
        (template(None, SLOW, {"periodSeconds": 10}), ALL_THERE, 50),
        (template(SLOW, minReadySeconds=10), ALL_THERE, 60),
        (template({"initialDelaySeconds": 9999}), ALL_THERE, 120),
        (template(SLOW), SOME_MISSING, 15),
    ],
)
def test_a_healthy_pod_has_the_time_that_its_probe_takes(workload, counts, seconds):
    assert patience(workload, counts) == seconds
