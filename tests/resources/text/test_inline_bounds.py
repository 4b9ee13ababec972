"""Values in resources that would cost too much to be written."""

import json

import pytest

from resources.text.limits import MAX_VALUES
from resources.text.yaml_writer import excess


@pytest.mark.parametrize(
    "value",
    [None, "text", 5, [], {}, [1] * (MAX_VALUES - 1), {"a": [{"b": None}]}],
)
def test_what_can_be_written_has_no_excess(value):
    assert excess(value) == ""


@pytest.mark.parametrize(
    "value", [[1] * MAX_VALUES, [[]] * MAX_VALUES, {"a": [{"b": ["x"] * MAX_VALUES}]}]
)
def test_a_value_of_very_many_is_too_much(value):
    assert excess(value) == "has more than 100000 values"


def test_a_deep_value_is_too_much():
    assert excess(json.loads("[" * 150 + "]" * 150)) == "is nested deeper than 100 levels"
