"""Patches of finalizers that can lose no other."""

import copy

import pytest

from resources.kubernetes.finalizer import add_finalizer, remove_finalizer, remove_finalizers
from resources.kubernetes.meta import ObjectMeta


class OutdatedError(Exception):
    """Something else is there than the patch was made for."""


def patched(document, operations):
    """What RFC 6902 makes of it, as far as these patches go."""
    document = copy.deepcopy(document)
    for operation in operations:
        *path, last = operation["path"].strip("/").split("/")
        target = document
        for step in path:
            target = target[int(step)] if isinstance(target, list) else target[step]
        at = len(target) if last == "-" else int(last) if isinstance(target, list) else last
        match operation["op"]:
            case "test":
                result = (
                    target.get(at) if isinstance(target, dict) else (target[at : at + 1] or [0])[0]
                )
                if result != operation["value"]:
                    raise OutdatedError
            case "remove":
                del target[at]
            case "add" if isinstance(target, list):
                target.insert(at, operation["value"])
            case "add":
                target[at] = operation["value"]
    return document


def live(*finalizers, uid="u"):
    return {"metadata": {"uid": uid, "finalizers": list(finalizers)}}


def meta(*finalizers):
    return ObjectMeta(uid="u", finalizers=finalizers or None)


REMOVALS = [
    (("a",), ("a",), []),
    (("a", "b", "c"), ("b",), ["a", "c"]),
    (("a", "b", "c"), ("a", "c"), ["b"]),
    (("a", "b", "c"), ("c", "x", "b", "a"), []),
]


@pytest.mark.parametrize(("present", "names", "left"), REMOVALS)
def test_just_these_are_removed(present, names, left):
    operations = remove_finalizers(meta(*present), names)
    assert patched(live(*present), operations)["metadata"]["finalizers"] == left


def test_nothing_to_remove_is_no_operation():
    assert remove_finalizers(meta("a"), ()) == []
    assert remove_finalizer(meta("a"), "b") == []
    assert remove_finalizers(meta(), ("a",)) == []


@pytest.mark.parametrize(
    "other", [live("b", "a"), live("a", "x", "b"), live("a"), live("a", "b", uid="another")]
)
def test_a_list_that_has_changed_meanwhile_is_left_alone(other):
    operations = remove_finalizers(meta("a", "b"), ("b",))
    with pytest.raises(OutdatedError):
        patched(other, operations)


def test_one_is_added_behind_the_others_or_to_none():
    assert patched(live("a"), add_finalizer(meta("a"), "b"))["metadata"]["finalizers"] == ["a", "b"]
    none = {"metadata": {"uid": "u"}}
    assert patched(none, add_finalizer(meta(), "b"))["metadata"]["finalizers"] == ["b"]
    with pytest.raises(OutdatedError):
        patched(live("a"), add_finalizer(meta(), "b"))
    assert add_finalizer(meta("b"), "b") == []
