import pytest

from resources.instance.workload import update_strategy


@pytest.mark.parametrize(
    ("workload", "given", "expected"),
    [
        (
            "DaemonSet",
            None,
            {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
        ),
        (
            "Deployment",
            None,
            {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
            },
        ),
        (
            "DaemonSet",
            {"rollingUpdate": {"maxUnavailable": "10%"}},
            {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%", "maxSurge": 0}},
        ),
        (
            "DaemonSet",
            {"type": ""},
            {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
        ),
        ("DaemonSet", {"type": "OnDelete"}, {"type": "OnDelete"}),
        (
            "Deployment",
            {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}},
            {"type": "Recreate"},
        ),
    ],
)
def test_pods_are_replaced_as_the_user_says_or_by_rolling_update(workload, given, expected):
    assert update_strategy(workload, given) == expected
