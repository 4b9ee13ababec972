"""What the log says of the gate when it opens."""

import random

import pytest

from actors.runtime.context import Runtime
from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason
from resources.kubernetes.reference import ObjectRef
from resources.node.artifact import NodeArtifact
from sidecar.node.gate import Gate
from sidecar.node.state import FalcoIdentity, NodeState
from sidecar.volume.disk import Disk
from sidecar.volume.volume import Volume
from tests.eventually import soon
from tests.fake_clock import FakeClock

REF = ObjectRef("Rulesfile", "falco", "slow")
COMING = NodeArtifact("Rulesfile", "slow", "uid", "1", True, {}, is_coming=True)


@pytest.fixture
def state():
    return NodeState(lambda _reason: None, FalcoIdentity(image_version="0.44.1"), 30.0)


@pytest.fixture
async def opened(state, root, caplog):
    """Runs a gate with a deadline of 60 s; returns the log once it is open."""
    caplog.set_level("INFO", logger="sidecar.node.gate")
    clock = FakeClock()
    runtime = Runtime(clock, random.Random(1))
    gate = Gate(runtime, state, 60.0, lambda: True, Volume(root, Disk()))
    ref = gate.launch()

    async def run(seconds):
        ref.tell(Reconcile(Reason(Cause.INSTALLED)))
        await clock.advance(seconds)
        await soon(lambda: gate._is_recorded)
        return [(record.levelname, record.getMessage()) for record in caplog.records]

    yield run
    await ref.stop()


async def test_a_gate_that_has_nothing_to_wait_for_says_so(opened):
    assert await opened(0.0) == [("INFO", "Falco may start: nothing is left to install")]


async def test_a_gate_that_opens_by_its_deadline_names_what_is_missing(state, opened):
    state.put(REF, COMING)
    message = "Falco may start, as the deadline is over: waiting for Rulesfile slow"
    assert await opened(60.0) == [("WARNING", message)]
