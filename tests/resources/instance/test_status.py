from datetime import UTC, datetime

from msgspec import convert

from resources.falco.spec import Falco, FalcoStatus
from resources.instance.outcome import Outcome
from resources.instance.status import observed_status, parked_status
from resources.instance.workload import MainWorkload
from resources.kubernetes.meta import ObjectMeta

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
META = ObjectMeta(name="falco", namespace="ns", uid="u-1", generation=4)


def test_a_parked_actor_says_its_error_and_leaves_the_rest():
    fresh = Falco(metadata=META)
    before = observed_status(fresh, Outcome(), MainWorkload("DaemonSet", "falco"), None, NOW)
    resource = Falco(metadata=META, status=convert(before, FalcoStatus))
    after = parked_status(resource, "KeyError", "'x'", NOW)
    [reconciled, available] = after.pop("conditions")
    assert (reconciled["status"], reconciled["reason"]) == ("False", "ActorParked")
    assert reconciled["message"] == "KeyError: 'x'"
    assert available == before.pop("conditions")[1]
    assert after == before
