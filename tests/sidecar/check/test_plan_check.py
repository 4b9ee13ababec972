"""Which plans are checked."""

import pytest

from resources.artifact.medium import Medium
from resources.artifact.reasons import INVALID
from resources.check.check_request import Verdict, WebServer
from resources.node.artifact import Trouble
from resources.node.plan import Plan, PlannedSlot
from resources.node.slots import Content, SlotId, SlotVersion
from resources.rules.versions import FalcoVersions
from sidecar.check.node_check import CheckFailed
from sidecar.check.plan_check import PlanCheck

SLOT = SlotId("Config", "a", "uid", Medium.INLINE)
OLD, NEW = (SlotVersion("50-03-a-inline.yaml", "t", Content(x * 64, x)) for x in "12")
VERSIONS, NEWER = FalcoVersions("0.44.1", "0.62.0"), FalcoVersions("0.45.0", "0.63.0")
CHANGE = Plan((PlannedSlot(SLOT, NEW, OLD),), {})
SETTLED = Plan((PlannedSlot(SLOT, NEW, NEW),), {})
BACK = Plan((PlannedSlot(SLOT, OLD, OLD),), {}, {SLOT: Trouble(INVALID, "refused")})


class Asked:
    """Tells the port of the web server by what is wanted."""

    def __init__(self):
        self.plans = []
        self.fails = False

    async def ask(self, planned, versions):
        assert versions in {VERSIONS, NEWER}
        self.plans.append(planned)
        if self.fails:
            raise CheckFailed("out of memory")
        [slot] = planned.slots
        return Verdict(web_server=WebServer(port=9 if slot.wanted == NEW else 8765))


@pytest.fixture
def asked():
    return Asked()


@pytest.fixture
def check(asked):
    return PlanCheck(asked)


async def test_a_plan_that_brings_nothing_new_is_not_checked(check, asked):
    for planned in (CHANGE, CHANGE, SETTLED, SETTLED):
        assert (await check.verdict(planned, VERSIONS)).web_server.port == 9
    assert asked.plans == [CHANGE]


async def test_the_first_plan_is_checked(check, asked):
    await check.verdict(SETTLED, VERSIONS)
    assert asked.plans == [SETTLED]


async def test_a_plan_is_checked_anew_for_another_falco(check, asked):
    await check.verdict(CHANGE, VERSIONS)
    await check.verdict(SETTLED, NEWER)
    assert asked.plans == [CHANGE, SETTLED]


async def test_after_a_way_back_it_is_known_where_falco_answers(check, asked):
    await check.verdict(CHANGE, VERSIONS)
    assert (await check.verdict(BACK, VERSIONS)).web_server.port == 8765
    await check.verdict(BACK, VERSIONS)
    assert asked.plans == [CHANGE, BACK]


async def test_a_check_that_failed_is_repeated_and_what_is_installed_stays(check, asked):
    asked.fails = True
    verdict = await check.verdict(CHANGE, VERSIONS)
    assert (verdict.chosen, check.failure) == ({str(SLOT): "good"}, "out of memory")
    asked.fails = False
    assert (await check.verdict(CHANGE, VERSIONS)).web_server.port == 9
    assert (check.failure, len(asked.plans)) == ("", 2)
