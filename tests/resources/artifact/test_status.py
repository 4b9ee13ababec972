"""The status of an artifact."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from resources.artifact.fields import SUMMARIES, ArtifactStatus, Resolved, unseen_status
from resources.artifact.resolution import ResolutionFailure
from resources.artifact.rollout import FAILED, Fit, Load, PodProgress, Sum
from resources.artifact.status import (
    COUNTS,
    Observed,
    fields,
    go_finalizers,
    is_programmed,
    parked_status,
    resolved_json,
    status,
    status_of,
)
from resources.kubernetes.conditions import condition
from resources.kubernetes.meta import ObjectMeta

UNSEEN = unseen_status("Rulesfile")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
NEW = ArtifactStatus()
RESOLVED = Resolved(observed_generation=2, revision="2-abc")
ALL = Sum(pods=3, programmed=3)


def seen(total, resolved=None, missing=None, trouble=None):
    return Observed(total, SUMMARIES["Rulesfile"], resolved, missing, trouble)


def at(observed, before=NEW, now=NOW, generation=2):
    return status(before, observed, generation, now)


def failed(*nodes, message="broken", reason="InvalidContent"):
    return tuple(PodProgress(FAILED, node, reason, message) for node in nodes)


PROGRAMMED = {
    "all": (ALL, None, "True", "Programmed", "Installed on 3 pods"),
    "one": (Sum(1, 1), None, "True", "Programmed", "Installed on 1 pod"),
    "all, with remarks": (
        ALL._replace(remarks=("a", "b")),
        None,
        "True",
        "Programmed",
        "Installed on 3 pods; a; b",
    ),
    "one fails": (
        Sum(3, 1, 1, 1, failed("n1"), ("p",)),
        None,
        "False",
        "InvalidContent",
        "Failed on 1 of 3 pods: n1: broken",
    ),
    "several fail alike": (
        Sum(3, 1, 2, 0, failed("n1", "n2")),
        None,
        "False",
        "InvalidContent",
        "Failed on 2 of 3 pods: n1, n2: broken",
    ),
    "many fail": (
        Sum(9, 0, 8, 1, (*failed("n1"), *failed("n2", message="else"), *failed("n3", "n4", "n5"))),
        None,
        "False",
        "InvalidContent",
        "Failed on 8 of 9 pods: n1, n3, n4, n5: broken; n2: else; and 3 pods more",
    ),
    "a node gives no good reason": (
        Sum(1, 0, 1, 0, failed("n1", reason="no reason!")),
        None,
        "False",
        "Failed",
        "Failed on 1 of 1 pod: n1: broken",
    ),
    "some have not reported": (
        Sum(3, 1, 0, 2, (), ("p1", "p2")),
        None,
        "Unknown",
        "Pending",
        "Waiting for 2 of 3 pods: p1, p2",
    ),
    "many have not reported": (
        Sum(9, 0, 0, 9, (), ("p1", "p2", "p3", "p4", "p5")),
        None,
        "Unknown",
        "Pending",
        "Waiting for 9 of 9 pods: p1, p2, p3, p4, p5 and 4 more",
    ),
    "some cannot be reached": (
        Sum(4, 3, unreachable=1, out_of_reach=(("p1", "n1"),), remarks=("a",)),
        None,
        "True",
        "Programmed",
        "Installed on 3 pods; 1 pod unreachable on nodes that are not ready: p1 on n1; a",
    ),
    "many cannot be reached, and one fails": (
        Sum(
            9,
            1,
            1,
            failures=failed("n9"),
            unreachable=7,
            out_of_reach=tuple((f"p{number}", f"n{number}") for number in range(5)),
        ),
        None,
        "False",
        "InvalidContent",
        (
            "Failed on 1 of 9 pods: n9: broken; 7 pods unreachable on nodes that are not ready: "
            "p0 on n0, p1 on n1, p2 on n2, p3 on n3, p4 on n4 and 2 more"
        ),
    ),
    "some cannot be reached, and one is waited for": (
        Sum(2, 0, 0, 1, waiting=("p2",), unreachable=1, out_of_reach=(("p1", "n1"),)),
        None,
        "Unknown",
        "Pending",
        "Waiting for 1 of 2 pods: p2; 1 pod unreachable on nodes that are not ready: p1 on n1",
    ),
    "none can be reached": (
        Sum(1, unreachable=1, out_of_reach=(("p1", "n1"),)),
        None,
        "Unknown",
        "Pending",
        "No pod can be reached; 1 pod unreachable on nodes that are not ready: p1 on n1",
    ),
    "nobody": (Sum(), None, "Unknown", "NoNodes", "There are no Falco pods in this namespace"),
    "nobody is covered": (
        Sum(pods=3),
        None,
        "Unknown",
        "NoNodes",
        "The selector covers no node of a Falco pod",
    ),
    "there is no revision": (
        Sum(1, 0, 0, 1),
        ResolutionFailure("False", "InvalidContent", "spec.x is wrong"),
        "False",
        "InvalidContent",
        "spec.x is wrong",
    ),
}


REFUSED = (PodProgress("Failed", "n1", "InvalidContent", "refused"),)
LOADED = {
    "all": (Sum(3, 3, loaded=3), None, "True", "Loaded", "Loaded by Falco on 3 pods"),
    "all, by their time": (
        Sum(3, 3, loaded=3, proofs=("by time",)),
        None,
        "True",
        "Loaded",
        "Loaded by Falco on 3 pods; by time",
    ),
    "some may still do so": (
        Sum(3, 3, loaded=1),
        None,
        "Unknown",
        "Pending",
        "Falco has not loaded it yet on 2 of 3 pods",
    ),
    "some cannot say it": (
        Sum(3, 3, loaded=1, doubts=(Load("Unknown", "WebServerOff", "it is off"),)),
        None,
        "Unknown",
        "WebServerOff",
        "Not known of 2 of 3 pods: it is off",
    ),
    "one did not": (
        Sum(3, 3, loaded=2, not_loaded=1, refusals=(("n1", "refused"),)),
        None,
        "False",
        "NotLoaded",
        "Not loaded on 1 of 3 pods: n1: refused",
    ),
    "one has refused it": (
        Sum(3, 2, 1, 0, REFUSED, loaded=2, refused=1, refusals=(("n1", "refused"),)),
        None,
        "False",
        "InvalidContent",
        "Not loaded on 1 of 3 pods: n1: refused",
    ),
    "many did not": (
        Sum(9, 9, not_loaded=9, refusals=tuple((f"n{at}", "refused") for at in range(5))),
        None,
        "False",
        "NotLoaded",
        "Not loaded on 9 of 9 pods: n0, n1, n2, n3, n4: refused; and 4 pods more",
    ),
    "one is not installed": (
        Sum(3, 2, 1, 0, failed("n1"), loaded=2),
        None,
        "False",
        "NotProgrammed",
        "Not installed on 1 of 3 pods",
    ),
    "one is not installed yet": (
        Sum(3, 2, 0, 1, loaded=2),
        None,
        "Unknown",
        "Pending",
        "Not installed on 1 of 3 pods yet",
    ),
    "one cannot be reached": (
        Sum(3, 2, loaded=2, unreachable=1),
        None,
        "True",
        "Loaded",
        "Loaded by Falco on 2 pods",
    ),
    "none can be reached": (
        Sum(1, unreachable=1),
        None,
        "Unknown",
        "Pending",
        "No pod can be reached",
    ),
    "nobody": (Sum(), None, "Unknown", "NoNodes", "There are no Falco pods in this namespace"),
    "there is no revision": (
        Sum(1, 0, 0, 1),
        ResolutionFailure("False", "InvalidContent", "spec.x is wrong"),
        "Unknown",
        "InvalidContent",
        "Not installed yet, as the condition Programmed says",
    ),
}


NEW_FALCO, OLD_FALCO = Fit("Falco a 0.45.0", "True"), Fit("Falco b 0.43.1", "False", "needs more")
NAMELESS = Fit("Falco c latest", "Unknown", "its engine is not known")
COMPATIBLE = {
    "all": (
        Sum(3, 3, fits=(NEW_FALCO,), fitted=3),
        None,
        "True",
        "Compatible",
        "Falco a 0.45.0: all that it needs is there",
    ),
    "one Falco is too old": (
        Sum(3, 2, 1, 0, failed("n1"), fits=(OLD_FALCO, NEW_FALCO), fitted=3),
        None,
        "False",
        "Incompatible",
        "Falco b 0.43.1: needs more; Falco a 0.45.0: all that it needs is there",
    ),
    "one is too old, and others have not reported": (
        Sum(3, 0, 1, 2, failed("n1"), fits=(OLD_FALCO,), fitted=1),
        None,
        "False",
        "Incompatible",
        "Falco b 0.43.1: needs more",
    ),
    "many Falcos are": (
        Sum(7, 7, fits=tuple(OLD_FALCO._replace(falco=name) for name in "abcdefg"), fitted=7),
        None,
        "False",
        "Incompatible",
        "a, b, c, d, e: needs more; and 2 more",
    ),
    "one does not say": (
        Sum(3, 3, fits=(NAMELESS, NEW_FALCO), fitted=3),
        None,
        "Unknown",
        "FalcoVersionUnknown",
        "Falco c latest: its engine is not known; Falco a 0.45.0: all that it needs is there",
    ),
    "some have not reported": (
        Sum(3, 1, 0, 2, fits=(NEW_FALCO,), fitted=1),
        None,
        "Unknown",
        "Pending",
        "Not installed on 2 of 3 pods yet",
    ),
    "one has not got it": (
        Sum(3, 2, 1, 0, failed("n1"), fits=(NEW_FALCO,), fitted=2),
        None,
        "Unknown",
        "NotProgrammed",
        "What it needs is not known on 1 of 3 pods",
    ),
    "none can be reached": (
        Sum(1, unreachable=1),
        None,
        "Unknown",
        "Pending",
        "No pod can be reached",
    ),
    "nobody": (Sum(), None, "Unknown", "NoNodes", "There are no Falco pods in this namespace"),
    "there is no revision": LOADED["there is no revision"],
}


@pytest.mark.parametrize(
    ("total", "trouble", "status", "reason", "message"), COMPATIBLE.values(), ids=COMPATIBLE
)
def test_compatible_says_which_falco_has_what_is_needed(total, trouble, status, reason, message):
    observed = seen(total, None if trouble else RESOLVED, (), trouble)
    told = condition(at(observed).conditions, "Compatible")
    assert told is not None
    assert (told.status, told.reason, told.message) == (status, reason, message)


def test_a_config_needs_nothing_and_is_not_said_to_be_compatible():
    after = at(Observed(ALL, SUMMARIES["Config"], RESOLVED, ()))
    assert condition(after.conditions, "Compatible") is None
    assert condition(unseen_status("Config").conditions, "Compatible") is None


@pytest.mark.parametrize(
    ("total", "trouble", "status", "reason", "message"), LOADED.values(), ids=LOADED
)
def test_loaded_says_what_falco_runs(total, trouble, status, reason, message):
    observed = seen(total, None if trouble else RESOLVED, (), trouble)
    told = condition(at(observed).conditions, "Loaded")
    assert told is not None
    assert (told.status, told.reason, told.message) == (status, reason, message)


@pytest.mark.parametrize(
    ("total", "trouble", "status", "reason", "message"), PROGRAMMED.values(), ids=PROGRAMMED
)
def test_programmed_says(total, trouble, status, reason, message):
    after = at(seen(total, RESOLVED, (), trouble))
    programmed = condition(after.conditions, "Programmed")
    assert programmed is not None
    assert (programmed.status, programmed.reason, programmed.message) == (status, reason, message)
    assert programmed.observed_generation == after.observed_generation == 2
    assert is_programmed(after) == (status == "True")


def test_counts_and_summary_are_those_of_the_pods_that_are_covered():
    nodes = at(seen(Sum(9, 3, 1, 2, failed("n1")), RESOLVED, ())).nodes
    assert fields(ArtifactStatus(nodes=nodes))["nodes"] == {
        "desired": 6,
        "programmed": 3,
        "failed": 1,
        "pending": 2,
        "loaded": 0,
        "summary": "3/6",
    }
    assert fields(at(seen(Sum())))["nodes"]["desired"] == 0
    nodes = fields(at(seen(Sum(9, 3, unreachable=2), RESOLVED, ())))["nodes"]
    assert (nodes["unreachable"], nodes["summary"]) == (2, "3/5")


def test_references_that_are_there_and_that_are_missing():
    references = condition(at(seen(ALL, RESOLVED, ())).conditions, "ResolvedRefs")
    assert references is not None
    assert (references.status, references.reason) == ("True", "ReferenceResolved")
    gone = condition(at(seen(ALL, RESOLVED, ("a is gone", "b"))).conditions, "ResolvedRefs")
    assert gone is not None
    assert (gone.status, gone.reason) == ("False", "ReferenceResolutionFailed")
    assert gone.message == "a is gone; b"


def test_what_is_not_known_of_references_stays_as_it_was():
    before = at(seen(ALL, RESOLVED, ()))
    after = at(seen(ALL, RESOLVED, None), before, LATER)
    assert after == before
    assert condition(at(seen(ALL, RESOLVED, None)).conditions, "ResolvedRefs") is None


def test_the_time_of_resolving_moves_only_with_what_was_resolved():
    before = at(seen(ALL, RESOLVED, ()))
    assert before.resolved is not None
    assert before.resolved.resolved_at == "2026-01-01T00:00:00Z"
    assert at(seen(ALL, RESOLVED, ()), before, LATER) == before
    other = Resolved(observed_generation=2, revision="2-def")
    moved = at(seen(ALL, other, ()), before, LATER).resolved
    assert moved is not None
    assert moved.resolved_at == "2026-01-01T00:01:00Z"


def test_what_nodes_go_by_stays_until_there_is_something_else():
    before = at(seen(ALL, RESOLVED, ()))
    trouble = ResolutionFailure("False", "OCIArtifactStoreFailed", "down")
    after = at(seen(Sum(3, 0, 0, 3), None, (), trouble), before, LATER, generation=3)
    assert after.resolved == before.resolved
    assert after.observed_generation == 3


def test_counts_and_the_names_in_the_message_are_mere_counts():
    before = at(seen(Sum(3, 1, 0, 2, (), ("p1", "p2")), RESOLVED, ()))
    after = at(seen(Sum(3, 2, 0, 1, (), ("p1",)), RESOLVED, ()), before)
    assert before != after
    assert COUNTS.only_differ(fields(before), fields(after))
    for other in (
        at(seen(ALL, RESOLVED, ()), before),
        at(seen(Sum(3, 1, 0, 2), RESOLVED, ("gone",)), before),
        at(seen(Sum(3, 1, 0, 2), Resolved(observed_generation=2), ()), before),
        at(seen(Sum(3, 1, 0, 2), RESOLVED, ()), before, generation=3),
        NEW,
    ):
        assert not COUNTS.only_differ(fields(before), fields(other))


def test_a_failure_more_is_no_mere_count_until_the_message_names_as_many_as_it_can():
    def failing(count):
        names = failed(*(f"n{number}" for number in range(min(count, 5))))
        return fields(at(seen(Sum(9, 0, count, 9 - count, names), RESOLVED, ())))

    for count in range(1, 5):
        assert not COUNTS.only_differ(failing(count), failing(count + 1))
    assert COUNTS.only_differ(failing(5), failing(6))


def test_conditions_of_others_and_the_order_of_all_stay():
    values = {"status": "True", "reason": "R", "message": "", "lastTransitionTime": "t"}
    conditions = [{"type": kind, **values} for kind in ("Theirs", "Programmed")]
    raw = {"status": {"conditions": conditions}}
    before = status_of(json.dumps(raw).encode())
    after = at(seen(Sum(), RESOLVED, ()), before)
    assert [known.type for known in after.conditions or ()] == [
        "ResolvedRefs",
        "Programmed",
        "Loaded",
        "Compatible",
        "Theirs",
    ]
    assert status_of(json.dumps({"status": fields(after)}).encode()) == after


def test_conditions_that_the_api_server_has_set_begin_when_the_operator_sees_them():
    after = at(seen(Sum(3, 0, 0, 3), None, None), UNSEEN)
    for state in (after, parked_status(UNSEEN, "KeyError", "'x'", 3, NOW)):
        assert {known.last_transition_time for known in state.conditions or ()} == {
            "2026-01-01T00:00:00Z"
        }
    refs = condition(after.conditions, "ResolvedRefs")
    assert refs is not None
    assert (refs.status, refs.reason) == ("Unknown", "Pending")
    assert at(seen(Sum(3, 0, 0, 3), None, None), after, LATER) == after


def test_two_pods_of_one_node_that_fail_alike_name_it_once():
    after = at(seen(Sum(3, 1, 2, 0, failed("n1", "n1")), RESOLVED, ()))
    programmed = condition(after.conditions, "Programmed")
    assert programmed is not None
    assert programmed.message == "Failed on 2 of 3 pods: n1: broken"


def test_a_parked_actor_says_nothing_else():
    before = at(seen(ALL, RESOLVED, ()))
    after = parked_status(before, "KeyError", "'x'", 3, LATER)
    programmed = condition(after.conditions, "Programmed")
    assert programmed is not None
    assert (programmed.status, programmed.reason, programmed.message) == (
        "Unknown",
        "ActorParked",
        "KeyError: 'x'",
    )
    assert after.resolved == before.resolved
    assert after.nodes == before.nodes


def test_the_status_is_read_of_an_artifact_whose_spec_cannot_be():
    raw = {"spec": "nonsense", "status": {"observedGeneration": 7}}
    assert status_of(json.dumps(raw).encode()).observed_generation == 7
    assert status_of(b"{}") == NEW


def test_only_finalizers_of_sidecars_are_taken_for_such():
    theirs = (
        "rulesfile.artifact.falcosecurity.dev/finalizer-node-1",
        "artifact.falcosecurity.dev/finalizer-x",
    )
    others = (
        "artifact.falcosecurity.dev/secret-in-use",
        "rulesfile.artifact.falcosecurity.dev/finalizer",
        "rulesfile.artifact.falcosecurity.dev.example.org/finalizer-x",
        "example.org/artifact.falcosecurity.dev/finalizer-x",
        "foregroundDeletion",
    )
    assert go_finalizers(ObjectMeta(finalizers=(*others, *theirs))) == theirs
    assert go_finalizers(ObjectMeta()) == ()


@pytest.mark.parametrize(
    ("document", "resolved"),
    [
        ({}, b""),
        ({"status": {"conditions": [{"type": 5}]}}, b""),
        ({"status": {"resolved": {"revision": "2-a"}, "nodes": "x"}}, b'{"revision": "2-a"}'),
        ({"status": {"resolved": 5}}, b"5"),
        ({"status": []}, b""),
    ],
)
def test_what_is_resolved_is_known_whatever_else_the_status_is(document, resolved):
    assert resolved_json(json.dumps(document).encode()) == resolved
