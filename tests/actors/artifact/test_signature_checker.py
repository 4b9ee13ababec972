"""The checker: what it verifies at once, what it needs for that, and whom it tells."""

import asyncio
import random

import pytest

from actors.artifact.registries import Registries
from actors.artifact.signature_checker import SignatureChecker
from actors.artifact.signature_verdicts import SignatureQuery, SignatureVerdicts
from actors.artifact.trusted_root_file import TrustedRootFile
from actors.runtime.context import Runtime
from resources.artifact.references import Unresolved
from resources.artifact.sources import OciSource
from resources.registry.request import Endpoint, Hold
from resources.signatures.demand import Demand
from resources.signatures.policy import Mode, Policy, Result
from resources.signatures.request import Verdict, Verification
from tests.actor_examples import exits_of
from tests.actors.artifacts import artifact_ref
from tests.fake_clock import FakeClock, settle

RULES, MORE = artifact_ref("rules"), artifact_ref("more")
DIGEST = f"sha256:{'a' * 64}"
GOOD = Verdict(Result.VERIFIED, "good", "me")


class House:
    """A checker whose verifications take until `gate` is set."""

    def __init__(self, root):
        self.clock = FakeClock()
        self.runtime = Runtime(self.clock, random.Random(1))
        self.registries = Registries(self.runtime)
        self.verdicts = SignatureVerdicts(self.runtime, self.registries)
        self.root = TrustedRootFile(str(root))
        self.gate = asyncio.Event()
        self.running = []
        self.told = []
        self.counted = []
        self.roots = 0
        self.missing = None

    async def endpoint(self, _namespace, source):
        return Endpoint(source.registry, source.repository)

    async def policy(self, _namespace, _demand):
        if self.missing is not None:
            raise self.missing
        return Policy(("key",))

    async def verify(self, request):
        assert request == Verification(request.endpoint, DIGEST, Policy(("key",)))
        self.running.append(str(request.endpoint))
        await self.gate.wait()
        return GOOD

    def ask(self, artifact=RULES, registry="r", repository="one"):
        source = OciSource(registry, repository, "")
        query = SignatureQuery(source, DIGEST, Demand(Mode.OFF), "p", artifact.namespace)
        return self.verdicts.ask(artifact, query)

    def changed(self):
        self.roots += 1

    def checker(self):
        return SignatureChecker(
            self.runtime,
            self.verdicts,
            self.root,
            (self.endpoint, self.policy),
            self.verify,
            self.told.append,
            self.changed,
            self.counted.append,
        )


@pytest.fixture
async def house(tmp_path):
    """A running checker of which nothing is asked yet."""
    made = House(tmp_path / "root.json")
    ref = made.checker().launch()
    exits = exits_of(ref)
    await settle()
    yield made
    assert exits == []
    await ref.stop()


async def test_who_asks_is_told_once_it_is_known(house):
    assert house.ask() is None
    await settle()
    assert house.running == ["r/one"]
    house.gate.set()
    await settle()
    assert (house.told, house.counted) == ([{RULES}], ["Verified"])
    assert house.ask() == GOOD


async def test_one_of_each_registry_is_verified_at_a_time_and_two_in_all(house):
    asked = [("r", "one"), ("r", "two"), ("s", "one"), ("t", "one")]
    for number, (registry, repository) in enumerate(asked):
        house.ask(artifact_ref(f"rules{number}"), registry, repository)
    await settle()
    assert house.running == ["r/one", "s/one"]
    house.gate.set()
    await settle()
    assert sorted(house.running) == sorted("/".join(pair) for pair in asked)


async def test_without_what_the_policy_names_nothing_is_verified(house):
    house.missing = Unresolved("Secret keys does not exist")
    house.ask()
    await settle()
    assert house.running == []
    verdict = house.ask()
    assert (verdict.result, verdict.message) == (Result.REGISTRY_FAILED, str(house.missing))
    house.missing = None
    house.gate.set()
    await house.clock.advance(60.0)
    assert house.ask() == GOOD


async def test_a_host_that_wants_no_requests_is_not_asked(house):
    house.registries.hold([Hold("https://r", 500.0)])
    house.ask()
    await house.clock.advance(490.0)
    assert (house.running, house.counted) == ([], [])
    await house.clock.advance(11.0)
    assert house.running == ["r/one"]


async def test_another_table_of_registries_ends_what_hosts_have_demanded(house):
    house.registries.hold([Hold("https://r", 500.0)])
    house.ask()
    await settle()
    assert house.running == []
    house.registries.release()
    house.ask(MORE, repository="two")
    await settle()
    assert house.running == ["r/one"]


async def test_a_changed_trusted_root_is_noticed_within_half_a_minute(house, tmp_path):
    await house.clock.advance(60.0)
    assert house.roots == 0
    (tmp_path / "root.json").write_text("{}")
    await house.clock.advance(30.0)
    assert house.roots == 1
    await house.clock.advance(60.0)
    assert house.roots == 1
