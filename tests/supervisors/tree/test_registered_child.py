"""A child that others find by its place in the process."""

import pytest

from supervisors.tree.registered_child import RegisteredChild
from tests.actor_examples import fake_runtime
from tests.fake_clock import settle
from tests.supervisors.process.recording import Recording


@pytest.fixture
def made():
    """The actors that were made, oldest first."""
    return []


@pytest.fixture
def child(made):
    runtime, _, _ = fake_runtime()

    def make():
        made.append(Recording(runtime))
        return made[-1]

    return RegisteredChild("child", make, after_start=lambda: made[-1].received.append("launched"))


async def test_a_message_to_a_child_that_is_not_started_is_dropped(child):
    child.tell("early")
    assert child.started is None
    with pytest.raises(AssertionError, match="child has not been started yet"):
        _ = child.actor


async def test_each_start_makes_a_new_actor_which_gets_the_messages_from_then_on(child, made):
    first = child.spec.start()
    child.tell("one")
    await settle()
    await first.stop()
    child.tell("lost")
    second = child.spec.start()
    child.tell("two")
    await settle()
    assert child.actor is made[1]
    assert [actor.received for actor in made] == [["launched", "one"], ["launched", "two"]]
    await second.stop()
