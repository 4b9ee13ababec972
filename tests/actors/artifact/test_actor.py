"""The actor of one artifact: when it writes, and what it tells."""

import json
import random
from typing import Any, cast

import pytest
from msgspec import ValidationError

from actors.api.errors import Conflict, Refused, Unavailable
from actors.artifact.actor import ArtifactActor, ArtifactServices
from actors.artifact.reference_reader import ReferenceReader
from actors.artifact.report_index import ReportIndex
from actors.artifact.signature_standing import Signatures
from actors.artifact.signature_verdicts import SignatureVerdicts
from actors.artifact.tag_digests import TagDigests
from actors.artifact.trusted_root_file import TrustedRootFile
from actors.reference.index import ReferenceIndex
from actors.reference.store import ReferenceStore
from actors.registry.table_file import TableFile
from actors.runtime.context import Runtime
from actors.runtime.reason import Cause, Reason, Reasons
from actors.runtime.results import Done, RequeueAfter, Retire
from actors.watch.store import Change, Store, snapshot_of
from resources.registry.credentials import RegistryPolicy
from resources.registry.table_reader import read_table
from resources.signatures.demand import DEFAULT_MODES
from tests.actors.artifact.test_report_index import entry, node, pod, report
from tests.actors.artifacts import artifact_ref
from tests.fake_clock import FakeClock

REF = artifact_ref("rules")
INLINE = {"inlineRules": [{"rule": "x"}]}


class Api:
    """The artifact on the API server; what it is asked to write, unless an error comes first."""

    def __init__(self, store):
        self.store = store
        self.live: Any = None
        self.revision = 10
        self.writes: list[Any] = []
        self.errors: list[Exception] = []

    def put(self, seen=True, **fields):
        """The artifact is so now, and the watch has shown it."""
        self.revision += 1
        known = self.live or {"metadata": {"name": REF.name, "namespace": REF.namespace}}
        metadata = {**known["metadata"], **fields.pop("metadata", {})}
        metadata["resourceVersion"] = str(self.revision)
        self.live = {**known, **fields, "metadata": metadata}
        if seen:
            self.show()
        return self.raw

    @property
    def raw(self):
        return json.dumps(self.live).encode()

    def show(self):
        self.store.put(snapshot_of(REF.kind, self.raw))

    async def apply(self, ref, body, manager, subresource):
        assert (ref, manager, subresource) == (REF, "artifact-controller", "status")
        self._fail()
        if body["metadata"]["resourceVersion"] != self.live["metadata"]["resourceVersion"]:
            raise Conflict(409, "Conflict", "changed")
        self.writes.append(body["status"])
        return self.put(seen=False, status=body["status"])

    async def json_patch(self, ref, operations, manager):
        assert (ref, manager) == (REF, "artifact-controller")
        self._fail()
        self.writes.append([one["op"] for one in operations])
        return self.put(seen=False, metadata={"finalizers": None})

    def _fail(self):
        if self.errors:
            raise self.errors.pop(0)


LISTED = Reason(Cause.LISTED)
REPORTED = Reason(Cause.CHANGED, "NodeReport", "falco-1")
NEXT_COUNTS = "the next status write for counts"


class House:
    """Two pods on one node, and the artifact's actor, which runs when it is told."""

    def __init__(self):
        self.clock = FakeClock()
        self.runtime = Runtime(self.clock, random.Random(1))
        self.store = Store()
        self.api = cast("Any", Api(self.store))  # in the place of a Client
        self.records: list[Any] = []
        self.reports = ReportIndex()
        self.digests = TagDigests(self.runtime)
        self.verdicts = SignatureVerdicts(self.runtime, self.digests.registries)
        self.signatures = Signatures(
            self.verdicts, TrustedRootFile(), DEFAULT_MODES, TableFile("", read_table)
        )
        self.services = ArtifactServices(
            self.api,
            self.store,
            self.records.append,
            ReferenceStore(ReferenceIndex()),
            ReferenceReader(self.api, RegistryPolicy(), TableFile("", read_table)),
            self.digests,
            self.reports,
            self.signatures,
        )
        self.actor = self.fresh()
        self.there(node("n"), pod("p1"), pod("p2"))

    def fresh(self):
        return ArtifactActor(self.runtime, REF, self.services)

    def there(self, *snapshots):
        for snapshot in snapshots:
            self.reports.note(Change(snapshot.ref, None, snapshot))

    def report(self, *pods, revision="1", state="Programmed", uid="rules", **fields):
        for name in pods:
            self.there(report(name, "n", entry(state, revision, uid, **fields)))

    def create(self, spec=None, uid="rules", **metadata):
        known = {"uid": uid, "generation": 1, **metadata}
        self.api.put(metadata=known, spec=spec or INLINE)

    async def run(self, reason=LISTED):
        return await self.actor.on_reconcile(Reasons(reason))

    @property
    def programmed(self):
        (found,) = (one for one in self.api.writes[-1]["conditions"] if one["type"] == "Programmed")
        return found["status"], found["reason"]

    @property
    def told(self):
        return [record.draft.reason for record in self.records]


@pytest.fixture
def house():
    """An artifact of which nothing is known yet."""
    made = House()
    made.create()
    return made


async def test_a_status_is_written_once_and_not_again_while_nothing_changes(house):
    assert await house.run() == Done()
    assert house.programmed == ("Unknown", "Pending")
    for _ in range(3):
        house.api.show()
        assert await house.run() == Done()
    assert len(house.api.writes) == 1


async def test_mere_counts_are_written_every_two_seconds_at_most(house):
    house.there(pod("p3"))
    await house.run()
    house.report("p1")
    assert await house.run() == RequeueAfter(2.0, NEXT_COUNTS)
    await house.clock.advance(1.5)
    house.report("p2")
    assert await house.run() == RequeueAfter(0.5, NEXT_COUNTS)
    await house.clock.advance(0.5)
    assert await house.run() == Done()
    assert [status["nodes"]["summary"] for status in house.api.writes] == ["0/3", "2/3"]


async def test_counts_of_many_pods_are_written_less_often_and_a_verdict_still_at_once(house):
    names = [f"p{number}" for number in range(1, 1001)]
    house.there(*(pod(name) for name in names[2:]))
    await house.run()
    house.report(*names[:500])
    await house.clock.advance(4.0)
    assert await house.run(REPORTED) == RequeueAfter(6.0, NEXT_COUNTS)
    assert await house.run() == RequeueAfter(6.0, NEXT_COUNTS)
    await house.clock.advance(6.0)
    assert await house.run(REPORTED) == Done()
    house.report(*names[500:])
    assert await house.run(REPORTED) == Done()
    assert [status["nodes"]["summary"] for status in house.api.writes] == [
        "0/1000",
        "500/1000",
        "1000/1000",
    ]


async def test_every_failure_that_the_message_names_is_written_at_once_and_no_more(house):
    house.there(*(pod(f"p{number}") for number in range(3, 9)))
    await house.run()
    for number in range(1, 9):
        house.report(f"p{number}", state="Failed", reason="InvalidContent")
        for reason in (REPORTED, LISTED):
            wait = RequeueAfter(2.0, NEXT_COUNTS)
            assert await house.run(reason) == (Done() if number <= 5 else wait)
    assert [status["nodes"]["failed"] for status in house.api.writes] == [0, 1, 2, 3, 4, 5]


async def test_between_two_such_writes_a_report_costs_no_look_at_the_artifact(house, monkeypatch):
    house.there(pod("p3"))
    await house.run()
    monkeypatch.setattr(house.actor, "_publish", None)
    for name in ("p1", "p2"):
        house.report(name)
        assert await house.run(REPORTED) == RequeueAfter(2.0, NEXT_COUNTS)
    monkeypatch.undo()
    await house.clock.advance(2.0)
    assert await house.run(Reason(Cause.TIMER)) == Done()
    assert [status["nodes"]["summary"] for status in house.api.writes] == ["0/3", "2/3"]


@pytest.mark.parametrize("reason", [REPORTED, Reason(Cause.RESTARTED)])
async def test_a_flip_is_written_at_once(house, reason):
    await house.run()
    house.report("p1", state="Failed", reason="InvalidContent")
    assert await house.run(reason) == Done()
    assert house.programmed == ("False", "InvalidContent")
    house.report("p1", "p2")
    assert await house.run(reason) == Done()
    assert house.programmed == ("True", "Programmed")
    house.there(pod("p3"))
    assert await house.run(reason) == Done()
    assert house.programmed == ("Unknown", "Pending")


async def test_a_success_is_told_once_a_revision_whatever_comes_between(house):
    house.report("p1", "p2")
    for _ in range(2):
        await house.run()
        assert house.told == ["InlineArtifactStored"]
        house.report("p1", state="Failed")
        await house.run()
        house.report("p1")
    house.there(pod("p3"))
    await house.run()
    house.report("p3")
    await house.run()
    assert house.programmed == ("True", "Programmed")
    assert house.told == ["InlineArtifactStored"]
    house.create({"inlineRules": []}, generation=2)
    await house.run()
    house.report("p1", "p2", "p3", revision="2")
    await house.run()
    assert house.told == ["InlineArtifactStored", "InlineArtifactUpdated"]


async def test_after_a_restart_nothing_is_written_or_told_again(house):
    house.report("p1", "p2")
    await house.run()
    house.api.show()
    house.actor = house.fresh()
    assert await house.run() == Done()
    assert (len(house.api.writes), house.told) == (1, ["InlineArtifactStored"])
    house.create({**INLINE, "priority": 7}, generation=2)
    house.report("p1", "p2", revision="2")
    await house.run()
    assert house.told == ["InlineArtifactStored", "InlineArtifactPriorityChanged"]


async def test_what_nodes_did_while_no_operator_ran_is_told_by_the_next(house):
    house.report("p1", "p2")
    await house.run()
    house.create({**INLINE, "priority": 7}, generation=2)
    house.report("p1", "p2", revision="2")
    house.actor = house.fresh()
    await house.run()
    assert house.told == ["InlineArtifactStored", "InlineArtifactUpdated"]


async def test_a_recreated_artifact_starts_anew(house):
    house.report("p1", "p2")
    await house.run()
    house.api.live = None
    house.create(uid="another")
    await house.run()
    assert house.programmed == ("Unknown", "Pending")
    house.report("p1", "p2", uid="another")
    await house.run()
    assert house.told == ["InlineArtifactStored"] * 2


async def test_a_write_that_lost_a_race_is_made_again_from_what_is_now(house):
    house.api.put(seen=False, spec={"inlineRules": []}, metadata={"generation": 2})
    assert await house.run() == RequeueAfter(0.0, "retry after Conflict")
    house.api.show()
    assert await house.run() == Done()
    assert house.api.writes[-1]["observedGeneration"] == 2


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (Unavailable(503, "ServiceUnavailable", "", retry_after=7.0), 7.0),
        (Refused(403, "Forbidden", ""), 60.0),
    ],
)
async def test_an_error_of_the_api_server_is_waited_out_and_nothing_is_told_before(
    house, error, seconds
):
    house.report("p1", "p2")
    house.api.errors = [error]
    assert await house.run() == RequeueAfter(seconds, f"retry after {type(error).__name__}")
    assert house.records == []
    assert await house.run() == Done()
    assert house.told == ["InlineArtifactStored"]


async def test_an_artifact_that_is_gone_is_let_go(house):
    oci = {"ociArtifact": {"image": {"repository": "falco/rules"}}}
    house.create(oci, generation=2)
    await house.run()
    assert house.digests._tags
    house.store.remove(REF, 99)
    assert await house.run() == Retire()
    assert not house.digests._tags
    assert not house.reports._namespaces["ns"].tallies


async def test_an_artifact_that_is_going_is_left_alone(house):
    house.create(deletionTimestamp="2026-01-01T00:00:00Z", finalizers=["theirs"])
    assert await house.run() == Done()
    assert house.api.writes == []
    assert not house.reports._namespaces["ns"].tallies


async def test_finalizers_of_the_go_operator_are_removed_before_all_else(house):
    names = [f"rulesfile.artifact.falcosecurity.dev/finalizer-{number}" for number in range(2)]
    house.create(finalizers=names)
    assert await house.run() == Done()
    assert house.api.writes[0] == ["test", "test", "remove", "test", "remove"]
    assert house.programmed == ("Unknown", "Pending")


async def test_a_spec_that_cannot_be_read_is_told_and_found_once_it_can(house):
    house.create({"inlineRules": [], "priority": "high"})
    assert await house.run() == Done()
    assert house.programmed == ("False", "InvalidContent")
    assert house.told == ["InvalidContent"]
    house.create(generation=2)
    await house.run()
    assert house.programmed == ("Unknown", "Pending")


async def test_nothing_is_said_before_it_is_known_what_is_there(house):
    house.create({"configMapRef": {"name": "named"}})
    assert await house.run() == Done()
    assert house.api.writes == []
    house.services.metadata.confirm_absent(artifact_ref("named", "ConfigMap"))
    await house.run()
    assert house.programmed == ("False", "ReferenceResolutionFailed")
    assert house.told == ["ReferenceResolutionFailed"]


async def test_a_parked_actor_says_so_once_it_can(house):
    await house.run()
    house.api.show()
    house.api.errors = [Conflict(409, "Conflict", "")]
    parking = house.fresh().tell_parked(KeyError("x"))
    house.clock.sleep = _at_once
    await parking
    assert house.programmed == ("Unknown", "ActorParked")
    assert house.api.writes[-1]["resolved"]["revision"] == "1"


async def test_a_parked_actor_whose_status_cannot_be_decoded_says_so(house):
    house.api.put(status={"nodes": "no object"})
    with pytest.raises(ValidationError):
        await house.run()
    await house.fresh().tell_parked(KeyError("x"))
    assert house.programmed == ("Unknown", "ActorParked")


async def _at_once(_seconds):
    pass


def test_the_dump_shows_which_incarnation_it_is(house):
    assert house.actor.describe()["object"] == str(REF)
