import pytest

from resources.instance.reconcile_mode import ANNOTATION, Mode, mode_of
from resources.kubernetes.invalid_spec import InvalidSpec
from resources.kubernetes.meta import ObjectMeta


@pytest.mark.parametrize(
    ("annotations", "mode"),
    [
        (None, Mode.FULL),
        ({}, Mode.FULL),
        ({ANNOTATION: ""}, Mode.FULL),
        ({ANNOTATION: "paused"}, Mode.PAUSED),
        ({ANNOTATION: "detect"}, Mode.DETECT),
    ],
)
def test_the_annotation_says_how_far_to_go(annotations, mode):
    assert mode_of(ObjectMeta(annotations=annotations)) is mode


def test_another_value_is_refused_by_name_and_what_is_allowed():
    with pytest.raises(InvalidSpec, match=r"falcosecurity\.dev/reconcile\].*'pasued'.*detect"):
        mode_of(ObjectMeta(annotations={ANNOTATION: "pasued"}))
