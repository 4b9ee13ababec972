"""The actor of an artifact that has to be signed: what it writes and tells, and what it asks."""

import pytest

from resources.registry.request import LookupAnswer
from resources.signatures.policy import Result
from resources.signatures.request import Verdict
from tests.actors.artifact.test_actor import House
from tests.signing import new_key, pem

A, B = (f"sha256:{letter * 64}" for letter in "ab")
GOOD = Verdict(Result.VERIFIED, f"{A} is signed by key 1", "key 1")
BAD = Verdict(Result.NO_SIGNATURE, "has no signature")
KEY = pem(new_key())


def spec(mode, key=KEY):
    verify = {"mode": mode, "keys": [{"inline": key}]}
    return {"ociArtifact": {"image": {"repository": "acme/rules"}, "verify": verify}}


class Signed(House):
    """A House whose artifact is of a registry."""

    def points_to(self, digest):
        """The tag points to a digest, as a look-up has told."""
        for tag in self.digests._tags.values():
            self.digests.answered(tag, LookupAnswer(digest))

    def verdict(self, verdict):
        due = self.signatures.verdicts.take_due(())
        assert due is not None
        return self.signatures.verdicts.answered(due, verdict)

    def restart(self):
        """Another operator begins, which knows what is published and nothing else."""
        self.digests.clear()
        self.signatures.verdicts.clear()
        self.actor = self.fresh()

    async def settled(self):
        """One reconcile of what the watch shows by now."""
        self.api.show()
        await self.run()

    @property
    def verified(self):
        status = self.api.live["status"]
        (found,) = (one for one in status["conditions"] if one["type"] == "Verified")
        return found["status"], found["reason"]

    @property
    def digest(self):
        return self.api.live["status"].get("resolved", {}).get("ociDigest")


@pytest.fixture
def house():
    return Signed()


async def begun(house, mode, verdict):
    """The tag points to A, of which there is this verdict."""
    house.create(spec(mode))
    await house.run()
    house.points_to(A)
    await house.settled()
    house.verdict(verdict)
    await house.settled()


async def test_enforced_a_digest_is_published_once_it_is_verified(house):
    house.create(spec("Enforce"))
    await house.run()
    house.points_to(A)
    await house.settled()
    assert (house.digest, house.verified) == (None, ("Unknown", "Pending"))
    house.verdict(GOOD)
    await house.settled()
    assert (house.digest, house.verified) == (A, ("True", "Verified"))
    assert "SignatureRefused" not in house.told


async def test_what_is_not_verified_is_told_once_and_stays_told(house):
    await begun(house, "Enforce", BAD)
    assert (house.digest, house.verified) == (None, ("False", "NoSignature"))
    assert house.programmed == ("False", "SignatureRefused")
    for _ in range(3):
        await house.clock.advance(house.signatures.verdicts.next_due(()))
        house.verdict(BAD)
        await house.settled()
    assert house.told == ["SignatureRefused"]


@pytest.mark.parametrize("mode", ["Warn", "Enforce"])
@pytest.mark.parametrize("verdict", [GOOD, BAD])
async def test_a_restart_writes_nothing_and_tells_nothing(house, mode, verdict):
    await begun(house, mode, verdict)
    writes, told = len(house.api.writes), len(house.told)
    house.restart()
    await house.settled()
    house.points_to(A)
    await house.settled()
    if verdict is GOOD:  # what is published as verified is not verified again
        assert house.signatures.verdicts.take_due(()) is None
    else:
        house.verdict(verdict)
        await house.settled()
    assert len(house.told) == told
    # While nothing is published, Programmed says that the tag is looked up again.
    assert len(house.api.writes) == writes or (mode, verdict) == ("Enforce", BAD)


async def test_a_tag_that_moves_leaves_what_was_verified(house):
    await begun(house, "Enforce", GOOD)
    house.points_to(B)
    await house.settled()
    assert (house.digest, house.verified) == (A, ("True", "Verified"))
    house.verdict(BAD)
    await house.settled()
    assert (house.digest, house.verified) == (A, ("False", "NoSignature"))
    house.points_to(A)
    await house.settled()
    assert house.verified == ("True", "Verified")
    assert house.told == ["SignatureRefused"]


async def test_what_was_installed_unverified_is_not_called_verified(house):
    await begun(house, "Warn", BAD)
    house.api.put(spec=spec("Enforce"), metadata={"generation": 2})
    await house.run()
    house.points_to(A)
    await house.settled()
    (found,) = (c for c in house.api.live["status"]["conditions"] if c["type"] == "Verified")
    assert found["message"] == "has no signature; no node installs it from now on (mode Enforce)"


async def test_another_key_is_another_question(house):
    await begun(house, "Enforce", GOOD)
    house.api.put(spec=spec("Enforce", pem(new_key())), metadata={"generation": 2})
    await house.run()
    house.points_to(A)
    await house.settled()
    due = house.signatures.verdicts.take_due(())
    assert due is not None
    assert due.query.digest == A
    assert house.digest == A  # of the generation before, which nodes keep
    assert house.verified == ("Unknown", "Pending")


async def test_another_trusted_root_matters_to_identities_only(house):
    await begun(house, "Warn", GOOD)
    house.signatures.root.digest = "sha256:another"
    await house.settled()
    assert house.signatures.verdicts.take_due(()) is None


async def test_without_keys_and_identities_nothing_is_asked(house):
    source = {"image": {"repository": "acme/rules"}, "verify": {"mode": "Warn"}}
    house.create({"ociArtifact": source})
    await house.run()
    house.points_to(A)
    await house.settled()
    assert house.signatures.verdicts.take_due(()) is None
    assert (house.digest, house.verified) == (A, ("False", "NoneMatches"))


async def test_an_artifact_of_no_registry_has_no_such_condition(house):
    await begun(house, "Warn", BAD)
    house.api.put(spec={"inlineRules": []}, metadata={"generation": 2})
    await house.run()
    types = {one["type"] for one in house.api.live["status"]["conditions"]}
    assert "Verified" not in types
    assert list(house.signatures.verdicts.describe()) == []
