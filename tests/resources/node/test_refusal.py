"""What Falco has refused, and when it is tried again."""

import pytest

from resources.artifact.medium import Medium
from resources.node.artifact import NodeArtifact, Trouble
from resources.node.refusal import (
    Circumstances,
    Way,
    completed,
    due,
    from_manifest,
    holds,
    refusals,
    to_manifest,
    wanted_versions,
)
from resources.node.slots import Content, SlotId, SlotVersion


def slot(name, kind="Rulesfile"):
    return SlotId(kind, name, f"uid-{name}", Medium.INLINE)


def version(name, content="1", created="2026"):
    return SlotVersion(f"50-03-{name}-inline.yaml", created, Content(content * 64, content))


A, B, C = slot("a"), slot("b"), slot("c")
CONFIG = slot("z", "Config")
LOADED = {A: version("a"), B: version("b"), CONFIG: version("z")}


def refused(new, way=Way.KEPT, engine="0.62.0"):
    installed = {**LOADED, **new}
    installed = {slot: version for slot, version in installed.items() if version is not None}
    return refusals(installed, LOADED, Circumstances(installed, engine), way), installed


def test_it_is_what_differs_from_what_was_loaded():
    found, _ = refused({B: version("b", "2"), C: version("c"), A: None})
    assert {slot: it.version for slot, it in found.items()} == {
        A: None,
        B: version("b", "2"),
        C: version("c"),
    }
    assert not any(it.is_final for it in found.values())
    assert "or one of the 3 changes that came together" in found[B].why


@pytest.mark.parametrize("way", Way)
def test_a_single_change_is_not_tried_again(way):
    found, wanted = refused({B: version("b", "2")}, way)
    assert found[B].is_final
    assert due(found, Circumstances(wanted, "0.62.0")) is None


def test_several_are_tried_alone_in_load_order_and_removals_last():
    found, wanted = refused({B: version("b", "2"), A: None, CONFIG: version("z", "2")})
    order = []
    while (slot := due(found, Circumstances(wanted))) is not None:
        order.append(slot)
        del found[slot]
    assert order == [CONFIG, B, A]


@pytest.mark.parametrize(
    ("changed", "is_due"),
    [
        ({A: version("a", "2")}, True),
        ({CONFIG: version("z", "2")}, True),
        ({C: version("c")}, False),
        ({A: version("a", created="2027")}, False),
    ],
    ids=["rules before it", "a configuration", "rules after it", "nothing of content"],
)
def test_it_is_tried_again_when_that_changes_on_which_it_may_depend(changed, is_due):
    found, wanted = refused({B: version("b", "2")})
    now = Circumstances({**wanted, **changed}, "0.62.0")
    assert (due(found, now) == B) is is_due


def test_it_is_tried_again_by_another_falco():
    found, wanted = refused({B: version("b", "2")})
    assert due(found, Circumstances(wanted, "0.63.0")) == B
    assert due(found, Circumstances(wanted, "")) is None


def test_nothing_is_concluded_while_something_is_being_fetched():
    found, _ = refused({B: version("b", "2")})
    assert due(found, Circumstances(None, "0.62.0")) is None
    found = refusals({B: version("b")}, {}, Circumstances(None), Way.GONE)
    now = Circumstances({B: version("b"), A: version("a")}, "0.62.0")
    assert due(found, now) is None
    known = completed(found, now)
    assert due(known, now) is None
    assert due(known, Circumstances({B: version("b")}, "0.62.0")) == B


def test_it_is_the_content_that_was_refused():
    found, _ = refused({B: version("b", "2")})
    assert holds(found[B], version("b", "2", created="2027"))
    assert not holds(found[B], version("b", "3"))
    assert not holds(found[B], None)
    gone, _ = refused({B: None})
    assert holds(gone[B], None)
    assert not holds(gone[B], version("b"))


def test_it_is_read_again_as_it_was_written():
    found, _ = refused({B: version("b", "2"), A: None})
    stored = to_manifest(found)
    assert from_manifest(stored) == found
    strange = {"x": {}, "Rulesfile/a/u/inline": 1, "Secret/a/u/inline": stored[str(B)]}
    assert from_manifest({**stored, **strange}) == found


def test_what_is_wanted_is_known_once_everything_is_fetched():
    def artifact(name, state, *, selected=True):
        return NodeArtifact("Rulesfile", name, f"uid-{name}", "1", selected, state)

    good = artifact("a", {Medium.INLINE: version("a")})
    failed = artifact("b", {Medium.INLINE: Trouble("X", "no registry")})
    other = artifact("c", {Medium.INLINE: version("c")}, selected=False)
    assert wanted_versions([good, failed, other]) == {A: version("a")}
    assert wanted_versions([good, artifact("b", None)]) is None
    assert wanted_versions([good, artifact("b", {Medium.INLINE: None})]) is None
