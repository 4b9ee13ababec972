"""What a referenced object's actor does about errors, lost answers and opponents."""

from actors.api.client import Client
from actors.api.errors import ApiError, Unavailable
from actors.runtime.reason import Cause, Reason, Reasons
from actors.runtime.results import Done, RequeueAfter, Retire
from tests.fake_clock import FakeClock

THEIRS = "tests.example.org/hold"


class Lossy(Client):
    """Loses the answers to the next patches, which were carried out all the same."""

    lost = 0

    async def merge_metadata(self, *arguments):
        answer = await super().merge_metadata(*arguments)
        if self.lost:
            self.lost -= 1
            raise Unavailable(0, "ServerDisconnectedError", "no answer")
        return answer


async def test_a_patch_whose_answer_was_lost_is_undone_though_nobody_has_seen_it(house, transport):
    house.client = Lossy(transport)
    house.actor = house.fresh_actor()
    house.create()
    house.named()
    house.listed()
    house.client.lost = 1
    assert isinstance(await house.run(), RequeueAfter)
    assert house.finalizers() == [house.ours]
    house.unnamed()
    assert await house.run("timer") == Retire()
    assert house.finalizers() == []


async def test_a_restarted_actor_does_not_trust_that_its_last_life_wrote_nothing(house):
    house.create()
    house.named()
    house.listed()
    await house.run()
    house.unnamed()
    assert await house.fresh_actor().on_reconcile(Reasons(Reason(Cause.RESTARTED))) == Retire()
    assert house.finalizers() == []


async def test_another_incarnation_is_left_alone_until_it_was_looked_at(house, requests, plural):
    house.create(house.ours)
    house.named()
    house.listed()
    house.set_finalizers()
    house.delete()
    house.create(THEIRS, house.ours)
    house.unnamed()
    assert await house.run() == RequeueAfter(0.0, "retry after Conflict")
    assert house.finalizers() == [THEIRS, house.ours]
    assert await house.run("timer") == Retire()
    assert house.finalizers() == [THEIRS]
    assert requests["patch", plural, "422"] == 1
    assert sum(requests.values()) == 3


async def test_an_object_that_vanished_under_a_patch_needs_no_other_request(
    house, requests, plural
):
    house.create(house.ours)
    house.named()
    house.listed()
    house.set_finalizers()
    house.delete()
    house.unnamed()
    assert await house.run() == Retire()
    assert requests == {("patch", plural, "404"): 1}


async def test_without_the_right_it_is_tried_again_after_seconds_and_then_after_minutes(
    house, connect, account
):
    clock = FakeClock()
    house.client = Client(await connect(account), clock)
    house.actor = house.fresh_actor()
    house.create()
    house.named()
    house.listed()
    waits = []
    for _ in range(9):
        waits.append(await house.run())
        await clock.advance(waits[-1].seconds)
    patch, *early, first, second, third, last = waits
    assert [wait.seconds for wait in (patch, *early)] == [1.0, 1.0, 2.0, 4.0, 8.0]
    assert [first, second, third, last] == [
        RequeueAfter(seconds, "retry after Forbidden") for seconds in (60.0, 120.0, 300.0, 300.0)
    ]
    assert house.finalizers() == []


async def test_who_removes_the_finalizer_again_and_again_is_let_be_for_five_minutes(house):
    house.create()
    house.named()
    for _ in range(5):
        house.listed()
        assert await house.run() == Done()
        assert house.finalizers() == [house.ours]
        house.set_finalizers()
    house.listed()
    assert await house.run() == RequeueAfter(300.0, "the end of a truce over the finalizer")
    assert house.finalizers() == []
    await house.clock.advance(300.0)
    assert await house.run("timer") == Done()
    assert house.finalizers() == [house.ours]


async def test_a_recreated_object_is_not_taken_for_one_that_is_fought_over(house):
    house.named()
    for _ in range(8):
        house.create()
        house.listed()
        assert await house.run() == Done()
        assert house.finalizers() == [house.ours]
        house.set_finalizers()
        house.delete()
    house.listed()
    assert await house.run() == Done()


async def test_it_says_whether_it_is_named(house):
    assert house.actor.describe()["referenced"] is False
    house.named()
    assert house.actor.describe()["referenced"] is True
    assert house.actor.describe()["object"] == str(house.ref)


async def test_no_error_is_a_crash(house, transport):
    class Down(Client):
        async def get(self, *_arguments):
            raise ApiError(503, "ServiceUnavailable", "down", retry_after=7.0)

    house.client = Down(transport)
    house.actor = house.fresh_actor()
    house.named()
    house.listed()
    assert await house.run() == RequeueAfter(7.0, "retry after ApiError")
