import pytest

from resources.instance.outcome import (
    Failure,
    Outcome,
    Unstored,
    Update,
    deletion_failed,
    events,
    instance_deleted,
    parked,
    reconciled,
)
from resources.kubernetes.event import EventDraft, bounded
from resources.kubernetes.managed_fields import Difference
from resources.kubernetes.meta import Condition
from resources.kubernetes.reference import ObjectRef

ROLE = ObjectRef("Role", "ns", "falco")
SERVICE = ObjectRef("Service", "ns", "falco")
WORKLOAD = ObjectRef("DaemonSet", "ns", "falco")
IMAGE = Difference("spec.image", "changed", "kubectl-edit")
LABEL = Difference("metadata.labels.a", "missing", None)
TWO_FIELDS = "metadata.labels.a, spec.image (set by kubectl-edit)"


def reconciled_before(status="True", reason="ResourceCreated", message="Created things"):
    return Condition(
        type="Reconciled",
        status=status,
        reason=reason,
        message=message,
        last_transition_time="2026-01-01T00:00:00Z",
    )


@pytest.mark.parametrize(
    ("outcome", "before", "expected"),
    [
        (
            Outcome(created=(ROLE, WORKLOAD)),
            None,
            ("True", "ResourceCreated", "Created Role falco, DaemonSet falco"),
        ),
        (
            Outcome(created=(ROLE,), updated=(Update(WORKLOAD, (IMAGE,)),)),
            None,
            ("True", "ResourceCreated", "Created Role falco"),
        ),
        (
            Outcome(updated=(Update(WORKLOAD, (IMAGE,)),)),
            reconciled_before(),
            ("True", "ResourceUpdated", "Updated DaemonSet falco"),
        ),
        (
            Outcome(pruned=(WORKLOAD,)),
            reconciled_before(),
            ("True", "ResourceUpdated", "Updated DaemonSet falco"),
        ),
        (Outcome(), None, ("True", "ResourceUpToDate", "Every child is as wanted")),
        (
            Outcome(),
            reconciled_before("False", "NameConflict", "x"),
            ("True", "ResourceUpToDate", "Every child is as wanted"),
        ),
        (Outcome(), reconciled_before(), ("True", "ResourceCreated", "Created things")),
        (
            Outcome(failures=(Failure("ApplyPatchErrorOnCreate", "no quota", ROLE),)),
            reconciled_before(),
            ("False", "ApplyPatchErrorOnCreate", "Role/ns/falco: no quota"),
        ),
        (
            Outcome(
                created=(SERVICE,),
                failures=(
                    Failure("NameConflict", "exists", ROLE),
                    Failure("ApplyPatchErrorOnUpdate", "denied", WORKLOAD),
                ),
            ),
            reconciled_before(),
            ("False", "NameConflict", "Role/ns/falco: exists; DaemonSet/ns/falco: denied"),
        ),
        (
            Outcome(failures=(Failure("ApplyConfigurationError", "spec.version: bad"),)),
            None,
            ("False", "ApplyConfigurationError", "spec.version: bad"),
        ),
    ],
)
def test_reconciled_says_what_was_done_or_what_is_wrong(outcome, before, expected):
    assert tuple(reconciled(outcome, before, 3)) == ("Reconciled", *expected, 3)


def test_warnings_of_children_are_given_together_with_what_was_not_stored():
    unstored = (Unstored(WORKLOAD, ("spec.a",)),)
    outcome = Outcome(unstored=unstored, warnings=("a may write to b",))
    draft = reconciled(outcome, None, 1)
    assert draft.message == (
        "Every child is as wanted; warning: a may write to b; "
        "the API server did not store spec.a of DaemonSet falco; perhaps a feature gate is off"
    )


def test_what_the_api_server_did_not_store_is_a_warning_as_long_as_it_is_so():
    unstored = (Unstored(WORKLOAD, ("spec.a", "spec.b")),)
    warned = reconciled(Outcome(created=(SERVICE,), unstored=unstored), None, 3)
    words = (
        "Created Service falco; warning: the API server did not store spec.a, spec.b of DaemonSet"
    )
    assert warned.message == f"{words} falco; perhaps a feature gate is off"
    before = reconciled_before(message=warned.message)
    assert reconciled(Outcome(unstored=unstored), before, 3).message == warned.message
    assert reconciled(Outcome(), before, 3).message == "Created Service falco"
    assert events(Outcome(unstored=unstored), before) == ()


def test_a_parked_actor_is_not_reconciled():
    assert tuple(parked("KeyError", "'x'", 3)) == (
        "Reconciled",
        "False",
        "ActorParked",
        "KeyError: 'x'",
        3,
    )


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome(), []),
        (
            Outcome(created=(ROLE, SERVICE, WORKLOAD)),
            [
                ("SubResourceCreated", "Normal", "Create", "Created Role falco, Service falco"),
                ("ResourceCreated", "Normal", "Create", "Created DaemonSet falco"),
            ],
        ),
        (
            Outcome(updated=(Update(ROLE, (LABEL,)), Update(SERVICE, (LABEL, IMAGE)))),
            [
                (
                    "SubResourceUpdated",
                    "Normal",
                    "Update",
                    f"Updated Role falco (metadata.labels.a), Service falco ({TWO_FIELDS})",
                )
            ],
        ),
        (
            Outcome(updated=(Update(WORKLOAD, (IMAGE,)),)),
            [
                (
                    "ResourceUpdated",
                    "Normal",
                    "Update",
                    "Updated DaemonSet falco (spec.image (set by kubectl-edit))",
                )
            ],
        ),
        (
            Outcome(pruned=(WORKLOAD,)),
            [
                (
                    "DualDeploymentCleanup",
                    "Normal",
                    "Delete",
                    "Deleted DaemonSet falco, which is no longer wanted",
                )
            ],
        ),
        (
            Outcome(created=(ROLE,), failures=(Failure("NameConflict", "exists", WORKLOAD),)),
            [
                ("SubResourceCreated", "Normal", "Create", "Created Role falco"),
                ("ResourceApplyError", "Warning", "Apply", "DaemonSet/ns/falco: exists"),
            ],
        ),
    ],
)
def test_every_change_is_told_once(outcome, expected):
    assert events(outcome, reconciled_before()) == tuple(EventDraft(*event) for event in expected)


def test_a_failure_that_the_condition_already_says_is_not_told_again():
    outcome = Outcome(failures=(Failure("NameConflict", "exists", WORKLOAD),))
    before = reconciled_before("False", "NameConflict", "DaemonSet/ns/falco: exists")
    assert events(outcome, before) == ()
    assert len(events(outcome, reconciled_before("False", "NameConflict", "other"))) == 1


def test_the_end_of_a_resource_is_told():
    assert instance_deleted(ObjectRef("Falco", "ns", "x")) == EventDraft(
        "InstanceDeleted", "Normal", "Delete", "Cleaned up after Falco/ns/x"
    )
    assert deletion_failed(ROLE, "denied") == EventDraft(
        "DeletionError", "Warning", "Delete", "Role/ns/falco: denied"
    )


@pytest.mark.parametrize("text", ["x" * 5000, "ü" * 5000, "x" + "€" * 5000])
def test_a_long_text_is_cut_to_what_a_note_takes(text):
    short = bounded(text)
    assert 1020 <= len(short.encode()) <= 1024
    assert short.endswith("…")


def test_a_text_that_fits_is_left_alone():
    assert bounded("x" * 1024) == "x" * 1024
