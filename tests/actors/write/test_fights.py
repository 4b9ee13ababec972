from actors.write.fights import Fights
from resources.instance.outcome import Update
from resources.kubernetes.managed_fields import Difference
from resources.kubernetes.reference import ObjectRef

CHILD = ObjectRef("Service", "ns", "falco")


def correction(path, by="kubectl"):
    return Update(CHILD, (Difference(path, "changed", by),), drift=True)


def test_the_fifth_correction_of_one_field_within_a_minute_is_a_fight_that_names_both():
    fights = Fights()
    told = [fights.corrected(correction("spec.ports"), now) for now in (0, 10, 20, 30, 59)]
    assert told[:4] == [None] * 4
    assert told[4] == "spec.ports is changed by kubectl as often as it is corrected"


def test_five_corrections_of_different_fields_are_no_fight():
    fights = Fights()
    assert not any(fights.corrected(correction(f"spec.f{at}"), at) for at in range(5))


def test_a_fight_names_every_field_that_is_fought_over():
    fights = Fights()
    both = correction("spec.ports").differences + correction("spec.type", "helm").differences
    for now in range(4):
        assert fights.corrected(Update(CHILD, both, drift=True), now) is None
    assert fights.corrected(Update(CHILD, both, drift=True), 4) == (
        "spec.ports is changed by kubectl, spec.type is changed by helm as often as it is corrected"
    )


def test_corrections_that_lie_further_apart_are_no_fight():
    fights = Fights()
    assert not any(fights.corrected(correction("spec.ports"), at * 16) for at in range(20))


def test_what_is_quiet_is_forgotten():
    fights = Fights()
    fights.corrected(correction("spec.ports"), 0)
    fights.corrected(correction("spec.type"), 100)
    assert len(fights._corrections) == 1
