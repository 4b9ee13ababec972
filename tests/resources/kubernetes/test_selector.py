import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.kubernetes.meta import LabelSelector, LabelSelectorRequirement
from resources.kubernetes.selector import selects

LABELS = {"zone": "a", "disk": ""}


def requirement(key, operator, *values):
    return LabelSelectorRequirement(key=key, operator=operator, values=values or None)


def expressions(*requirements):
    return LabelSelector(match_expressions=requirements)


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        (None, True),
        (LabelSelector(), True),
        (LabelSelector(match_labels={"zone": "a"}), True),
        (LabelSelector(match_labels={"zone": "b"}), False),
        (LabelSelector(match_labels={"gone": ""}), False),
        (expressions(requirement("zone", "In", "b", "a")), True),
        (expressions(requirement("zone", "In", "b")), False),
        (expressions(requirement("gone", "In", "a")), False),
        (expressions(requirement("zone", "NotIn", "b")), True),
        (expressions(requirement("zone", "NotIn", "a")), False),
        (expressions(requirement("gone", "NotIn", "a")), True),
        (expressions(requirement("disk", "Exists")), True),
        (expressions(requirement("gone", "Exists")), False),
        (expressions(requirement("gone", "DoesNotExist")), True),
        (expressions(requirement("disk", "DoesNotExist")), False),
        (expressions(requirement("zone", "Exists"), requirement("gone", "Exists")), False),
        (expressions(requirement("zone", "Like", "a")), False),
    ],
)
def test_a_selector_selects_as_the_api_server_would(selector, selected):
    assert selects(selector, LABELS) is selected


def test_labels_and_expressions_must_both_hold():
    selector = LabelSelector(
        match_labels={"zone": "a"}, match_expressions=(requirement("disk", "DoesNotExist"),)
    )
    assert not selects(selector, LABELS)
    assert selects(selector, {"zone": "a"})


KEYS = st.sampled_from(["a", "b", "c"])
VALUES = st.lists(KEYS, min_size=1, max_size=3)


@given(st.dictionaries(KEYS, KEYS), KEYS, VALUES)
def test_each_operator_is_the_opposite_of_its_other(labels, key, values):
    assert selects(expressions(requirement(key, "In", *values)), labels) != selects(
        expressions(requirement(key, "NotIn", *values)), labels
    )
    assert selects(expressions(requirement(key, "Exists")), labels) != selects(
        expressions(requirement(key, "DoesNotExist")), labels
    )
