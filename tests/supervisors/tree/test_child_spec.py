"""Child specs are valid or they are not made."""

from typing import Any

import pytest

from supervisors.tree.child_spec import ChildSpec, Restart, distinct
from tests.supervisors.tree.family import EACH_RESTART


def start() -> Any:
    raise AssertionError("a spec starts nothing by itself")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"name": ""}, ValueError, "needs a name"),
        ({"name": " x"}, ValueError, "needs a name"),
        ({"start": 42}, TypeError, "child x: start must be callable, got 42"),
        ({"restart": "always"}, TypeError, "child x: restart must be a Restart, got 'always'"),
        ({"stop_deadline": 0}, ValueError, "child x: stop_deadline"),
        ({"stop_deadline": float("inf")}, ValueError, "child x: stop_deadline"),
    ],
)
def test_a_spec_that_makes_no_sense_is_refused_with_its_reason(changes, error, message):
    with pytest.raises(error, match=message):
        ChildSpec(**{"name": "x", "start": start} | changes)


def test_a_child_is_permanent_unless_its_spec_says_otherwise():
    assert ChildSpec("x", start).restart is Restart.PERMANENT


@EACH_RESTART
def test_the_restart_type_and_the_exit_reason_decide_on_a_restart(restart, reason, again):
    assert restart.after(reason) is again


def test_two_children_of_one_name_are_refused():
    with pytest.raises(ValueError, match="same name: a, b"):
        distinct([ChildSpec(name, start) for name in "abacb"])
