from datetime import UTC, datetime

from msgspec import convert

from resources.falco.spec import Falco, FalcoStatus
from resources.instance.outcome import Outcome
from resources.instance.status import (
    UNSEEN,
    WorkloadStatus,
    observed_status,
    parked_status,
    status_of,
)
from resources.instance.workload import MainWorkload
from resources.kubernetes.meta import ObjectMeta

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
META = ObjectMeta(name="falco", namespace="ns", uid="u-1", generation=4)


def test_a_parked_actor_says_its_error_and_leaves_the_rest():
    fresh = Falco(metadata=META)
    before = observed_status(fresh, Outcome(), MainWorkload("DaemonSet", "falco"), None, NOW)
    after = parked_status(convert(before, FalcoStatus), "KeyError", "'x'", META.generation, NOW)
    [reconciled, available] = after.pop("conditions")
    assert (reconciled["status"], reconciled["reason"]) == ("False", "ActorParked")
    assert reconciled["message"] == "KeyError: 'x'"
    assert available == before.pop("conditions")[1]
    assert after == before


def test_the_status_is_read_of_an_instance_whose_spec_cannot_be():
    assert status_of(b'{"spec": 5, "status": {"observedGeneration": 7}}').observed_generation == 7
    assert status_of(b"{}") == WorkloadStatus()


def test_a_parked_actor_whose_error_quotes_any_bytes_says_so():
    after = parked_status(WorkloadStatus(), "UnicodeError", "\udcff is none", 4, NOW)
    assert after["conditions"][0]["message"] == "UnicodeError: \\udcff is none"


def test_conditions_that_the_api_server_has_set_begin_when_the_operator_sees_them():
    wanted = MainWorkload("DaemonSet", "falco")
    pending = {"metadata": {"generation": 1}, "spec": {"template": {"spec": {"containers": []}}}}
    unseen = Falco(metadata=META, status=FalcoStatus(conditions=UNSEEN))
    for after in (
        observed_status(unseen, Outcome(), wanted, pending, NOW),
        parked_status(unseen.status, "KeyError", "'x'", 4, NOW),
    ):
        assert [known["type"] for known in after["conditions"]] == ["Reconciled", "Available"]
        assert after["conditions"][1]["status"] == "Unknown"
        for known in after["conditions"]:
            assert known["lastTransitionTime"] == "2026-01-02T03:04:05Z"
