"""The finalizer of one Secret or ConfigMap comes and goes with the references to it."""

from actors.runtime.reason import Cause, Reason, Reasons
from actors.runtime.results import Done, RequeueAfter, Retire
from resources.artifact.references import FIELD_MANAGERS
from resources.kubernetes.kinds import collection_path

THEIRS = "tests.example.org/hold"


# Named and protected.


async def test_an_object_that_is_named_gets_the_finalizer_by_one_patch(house, requests, plural):
    house.create()
    house.named()
    house.listed()
    assert await house.run() == Done()
    assert house.finalizers() == [house.ours]
    assert requests == {("patch", plural, "200"): 1}


async def test_the_finalizer_alone_is_owned_by_a_manager_of_its_own(house):
    house.create(THEIRS)
    house.named()
    house.listed()
    await house.run()
    entry = next(
        entry
        for entry in house.live()["metadata"]["managedFields"]
        if entry["manager"] == FIELD_MANAGERS[house.ref.kind]
    )
    assert entry["fieldsV1"] == {"f:metadata": {"f:finalizers": {f'v:"{house.ours}"': {}}}}


async def test_what_is_protected_already_costs_nothing(house, requests):
    house.create(house.ours)
    house.named()
    house.listed()
    assert await house.run() == Done()
    assert await house.fresh_actor().on_reconcile(Reasons(Reason(Cause.LISTED))) == Done()
    assert not requests


async def test_an_object_that_is_not_there_is_told_to_be_absent(house):
    house.named()
    assert await house.run() == Done()
    assert house.found_absent == []
    house.listed()
    assert await house.run() == Done()
    assert house.found_absent == [house.ref]


async def test_before_the_kind_is_listed_nothing_is_asked(house, requests):
    house.create()
    house.named()
    assert await house.run() == Done()
    assert not requests


async def test_an_object_that_was_not_kept_when_it_was_seen_is_read_by_name_once(
    house, requests, plural
):
    house.create()
    house.listed()
    house.named()
    assert await house.run() == Done()
    assert house.finalizers() == [house.ours]
    assert await house.run() == Done()
    assert requests == {("get", plural, "200"): 1, ("patch", plural, "200"): 1}


async def test_an_object_that_is_not_there_is_not_waited_for_with_a_timer(house, requests, plural):
    house.named()
    house.listed()
    assert await house.run() == Done()
    assert requests == {("get", plural, "404"): 1}
    house.create()
    house.listed()
    assert await house.run() == Done()
    assert house.finalizers() == [house.ours]


async def test_an_object_that_is_being_deleted_is_not_protected_any_more(house, requests):
    house.create(THEIRS)
    house.delete()
    house.named()
    house.listed()
    assert await house.run() == Done()
    assert not requests
    assert house.finalizers() == [THEIRS]


async def test_an_object_whose_deletion_comes_first_is_let_alone_after_one_look(house):
    house.create(THEIRS)
    house.named()
    house.listed()
    house.delete()
    assert await house.run() == RequeueAfter(0.0, "retry after Conflict")
    assert await house.run("timer") == Done()
    assert house.finalizers() == [THEIRS]


async def test_of_metadata_nothing_is_kept_but_what_is_read(house):
    content = "c2VjcmV0IHRva2Vu"
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": content}
    body = {"metadata": {"name": house.ref.name, "annotations": annotations}}
    path = collection_path(house.ref.kind, house.ref.namespace)
    house.api.call("POST", path, {**body, "data": {"token": content}})
    house.listed()
    house.named()
    await house.run()
    assert house.finalizers() == [house.ours]
    assert content not in repr(house.actor._writer.view._written)
    house.listed()
    assert content not in repr(house.store._objects)


# Named no more.


async def test_the_finalizer_goes_with_the_last_reference_and_so_does_the_actor(house, requests):
    house.create(THEIRS, house.ours)
    house.named()
    house.listed()
    house.unnamed()
    assert await house.run() == Retire()
    assert house.finalizers() == [THEIRS]
    assert sum(requests.values()) == 1


async def test_a_deletion_that_waited_completes(house):
    house.create()
    house.named()
    house.listed()
    await house.run()
    house.delete()
    house.listed()
    assert await house.run() == Done()
    assert house.finalizers() == [house.ours]
    house.unnamed()
    assert await house.run() == Retire()
    assert house.live() is None


async def test_what_nobody_names_and_nothing_protects_costs_nothing(house, requests):
    house.create()
    house.listed()
    assert await house.run() == Retire()
    assert not requests


async def test_a_reference_that_goes_before_the_watch_shows_our_patch_is_undone(house):
    house.create()
    house.named()
    house.listed()
    await house.run()
    house.unnamed()
    assert await house.run() == Retire()
    assert house.finalizers() == []
