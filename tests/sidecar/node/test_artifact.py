"""The actor of one artifact on a node."""

import json
import random
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from actors.runtime.context import Runtime
from actors.runtime.reason import Reasons
from actors.runtime.results import RequeueAfter
from actors.watch.store import Change, Store, snapshot_of
from resources.artifact.fields import Validation
from resources.artifact.medium import Medium
from resources.kubernetes.meta import RETRY
from resources.kubernetes.reference import ObjectRef
from resources.node.artifact import Trouble
from resources.registry.table import NO_TABLE, Host, Mirror, RegistryTable
from resources.signatures.demand import DEFAULT_MODES, DefaultModes
from resources.signatures.policy import Mode
from sidecar.node import artifact as module
from sidecar.node.artifact import NodeArtifactActor, artifact_changed, version_of
from tests.actor_examples import Counting, fake_runtime
from tests.actors.watch.stored import snapshot
from tests.fake_clock import FakeClock

INLINE: dict[str, list[object]] = {"inlineRules": []}


def artifact(resolved="2-abc", annotations=None, generation=2, uid="uid", spec=INLINE, **status):
    metadata = {"name": "rules", "uid": uid, "generation": generation, "annotations": annotations}
    status = {"resolved": {"revision": resolved}, **status}
    body = {"metadata": metadata, "spec": spec, "status": status}
    return snapshot_of("Rulesfile", json.dumps(body).encode())


def woken(before, after):
    return artifact_changed(Change((before or after).ref, before, after)).refs


CONTENT = [
    {"resolved": "2-def"},
    {"annotations": {RETRY: "1"}},
    {"generation": 3},
    {"uid": "other"},
]


@pytest.mark.parametrize("changed", CONTENT)
def test_what_decides_about_the_content_makes_another_version(changed):
    assert version_of(artifact(**changed)) != version_of(artifact())


# A generation may come again with another spec: etcd was restored from a backup.
@pytest.mark.parametrize("changed", [*CONTENT, {"spec": {"inlineRules": [1]}}, {"spec": None}])
def test_what_decides_about_the_content_wakes_the_actor(changed):
    assert woken(artifact(), artifact(**changed)) == (artifact().ref,)


@pytest.mark.parametrize(
    "changed",
    [{"nodes": {"summary": "1/3"}}, {"conditions": []}, {"annotations": {"any": "other"}}],
)
def test_no_other_write_of_the_status_or_the_metadata_does(changed):
    assert version_of(artifact(**changed)) == version_of(artifact())
    assert woken(artifact(), artifact(**changed)) == ()


def test_an_artifact_that_comes_goes_or_cannot_be_read_wakes_the_actor():
    unread = replace(artifact(), document=b'{"spec": 1, "status": 2}')
    for before, after in ((None, artifact()), (artifact(), None), (unread, unread)):
        assert woken(before, after) == (artifact().ref,)


class State:
    """What the actor puts, instead of an installation."""

    def put(self, ref, artifact):
        self.ref, self.artifact = ref, artifact


def test_a_parked_actor_says_so_also_if_it_is_the_decoding_that_crashes(monkeypatch):
    def too_deep(*_):
        raise RecursionError("too deep")

    monkeypatch.setattr(module, "decode", too_deep)
    ref, store, state = ObjectRef("Rulesfile", "ns", "rules"), Store(), State()
    store.put(snapshot(ref, 1))
    services: Any = SimpleNamespace(
        store=store, state=state, validation=Validation.ENFORCE, modes=DEFAULT_MODES
    )
    NodeArtifactActor(fake_runtime()[0], ref, services).tell_parked(RecursionError("too deep"))
    assert state.artifact.trouble == Trouble("ActorParked", "RecursionError: too deep")


DIGEST = f"sha256:{'a' * 64}"


def knowing(table):
    """The part of a Fetcher that knows the table of registries."""
    return SimpleNamespace(registries=SimpleNamespace(table=table, digest=""), oci=print)


ENFORCED = DefaultModes(others=Mode.ENFORCE)
UNVERIFIED = {"ociDigest": DIGEST}
OTHERWISE = {"ociDigest": DIGEST, "verified": {"digest": f"sha256:{'b' * 64}", "policy": "p"}}


@pytest.mark.parametrize("resolved", [UNVERIFIED, OTHERWISE])
@pytest.mark.parametrize("tag", ["latest", DIGEST])
@pytest.mark.parametrize(
    ("verify", "modes"), [({"mode": "Enforce"}, DEFAULT_MODES), ({}, ENFORCED), (None, ENFORCED)]
)
def test_enforced_no_digest_is_fetched_that_the_operator_has_not_verified(
    verify, modes, tag, resolved
):
    source = {"image": {"repository": "acme/rules", "tag": tag}, "verify": verify}
    published = {"revision": "2", "observedGeneration": 2, **resolved}
    found = artifact(spec={"ociArtifact": source}, resolved="2")
    document = json.loads(found.raw)
    document["status"]["resolved"] = published
    found = snapshot_of("Rulesfile", json.dumps(document).encode())
    services: Any = SimpleNamespace(
        labels=dict, modes=modes, validation=Validation.ENFORCE, fetcher=knowing(NO_TABLE)
    )
    actor = NodeArtifactActor(fake_runtime()[0], found.ref, services)
    assert actor._look(found, 0.0).sources == {Medium.OCI: None}


CACHE = RegistryTable((Mirror("ghcr.io", ("cache",)),), {"cache": Host(pull_through=True)})
BY_DIGEST = {"ociArtifact": {"image": {"repository": "a/b", "tag": DIGEST}}}


OTHER_DIGEST = f"sha256:{'b' * 64}"


@pytest.mark.parametrize(
    ("table", "published", "installed", "looks", "is_fetched"),
    [
        (NO_TABLE, None, None, [0.0], True),
        (CACHE, None, None, [0.0], False),
        (CACHE, OTHER_DIGEST, OTHER_DIGEST, [0.0, 60.0], False),
        (CACHE, DIGEST, None, [0.0], True),
        (CACHE, None, DIGEST, [0.0], True),
        (CACHE, None, None, [0.0, 71.0], True),  # an operator that is away
    ],
)
def test_a_digest_behind_a_cache_is_fetched_once_the_operator_has_published_it(
    table, published, installed, looks, is_fetched, monkeypatch
):
    document = json.loads(artifact(spec=BY_DIGEST).raw)
    digest = {"ociDigest": published} if published else {}
    document["status"]["resolved"] = {"revision": "2", "observedGeneration": 2, **digest}
    found = snapshot_of("Rulesfile", json.dumps(document).encode())
    services: Any = SimpleNamespace(
        labels=dict,
        validation=Validation.ENFORCE,
        modes=DEFAULT_MODES,
        fetcher=knowing(table),
        state=SimpleNamespace(installed={}),
    )
    actor = NodeArtifactActor(fake_runtime()[0], found.ref, services)
    monkeypatch.setattr(actor, "_source_state", lambda medium, *_: medium)
    if installed:
        content = SimpleNamespace(origin=f"oci:{installed}")
        slot = actor._artifact(found).slot(Medium.OCI)
        services.state.installed[slot] = SimpleNamespace(content=content)
    seen = [actor._look(found, at) for at in looks][-1]
    assert seen.sources == {Medium.OCI: Medium.OCI if is_fetched else None}
    assert seen.is_coming is not is_fetched


@pytest.mark.parametrize(
    ("own", "other", "pods"),
    [
        ({"desired": 9, "programmed": 7}, {"desired": 50}, 2),
        (None, {"desired": 50, "programmed": 50}, 50),
        (None, None, None),
    ],
)
def test_the_status_says_how_many_pods_pull_or_that_of_another_artifact_how_many_there_are(
    own, other, pods
):
    store = Store()
    for name, nodes in (("rules", own), ("other", other)):
        document = json.loads(artifact(nodes=nodes, observedGeneration=2).raw)
        document["metadata"] |= {"name": name, "resourceVersion": "1"}
        store.put(snapshot_of("Rulesfile", json.dumps(document).encode()))
    services: Any = SimpleNamespace(store=store)
    actor = NodeArtifactActor(fake_runtime()[0], artifact().ref, services)
    assert actor._pulling_pods() == pods


class Running(FakeClock):
    """A clock that goes on while it is read; its timers are a moment early, as those of a loop."""

    def monotonic(self):
        self._time += 0.0001
        return self._time


@pytest.mark.parametrize(("table", "seconds"), [(NO_TABLE, 10.0), (CACHE, 70.0)])
async def test_what_nobody_resolves_is_not_awaited_for_ever_though_a_timer_is_early(table, seconds):
    """Else other artifacts that are refused would be pending as long as it is not resolved."""
    clock, store, state = Running(), Store(), State()
    unresolved = artifact(spec={"ociArtifact": {"image": {"repository": "a/b"}}}, resolved=None)
    document = json.loads(unresolved.raw)
    document["metadata"]["resourceVersion"] = "1"
    store.put(snapshot_of("Rulesfile", json.dumps(document).encode()))
    services: Any = SimpleNamespace(
        store=store,
        state=state,
        labels=dict,
        validation=Validation.ENFORCE,
        modes=DEFAULT_MODES,
        fetcher=knowing(table),
    )
    runtime = Runtime(clock=clock, random=random.Random(1), observer=Counting())
    actor = NodeArtifactActor(runtime, unresolved.ref, services)
    result = await actor.on_reconcile(Reasons())
    assert actor._waits_until == pytest.approx(seconds, abs=0.01)
    assert (state.artifact.is_coming, type(result)) == (True, RequeueAfter)
    clock._time = actor._waits_until - 0.00015
    while isinstance(result, RequeueAfter):
        assert state.artifact.is_coming
        result = await actor.on_reconcile(Reasons())
    assert not state.artifact.is_coming
