"""Who names what."""

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from actors.reference.index import ReferenceIndex
from actors.watch.store import Change, snapshot_of
from resources.artifact.references import FINALIZERS
from resources.falco.rights import Readable
from resources.kubernetes.reference import ObjectRef
from tests.actors.artifacts import artifact_ref, gone, told

RULES, OTHER = artifact_ref("rules"), artifact_ref("other", "Plugin")
TOKEN, SECOND = ObjectRef("Secret", "ns", "token"), ObjectRef("Secret", "ns", "second")
CONFIG = ObjectRef("ConfigMap", "ns", "rules")


def test_what_is_named_for_the_first_time_is_returned():
    index = ReferenceIndex()
    assert index.note(told(RULES, TOKEN, CONFIG)) == {TOKEN, CONFIG}
    assert index.targets() == {TOKEN, CONFIG}
    assert index.is_referenced(TOKEN)
    assert index.readable("ns") == Readable(frozenset({"token"}), frozenset({"rules"}))


def test_a_change_that_names_the_same_concerns_nobody():
    index = ReferenceIndex()
    index.note(told(RULES, TOKEN))
    assert index.note(told(RULES, TOKEN)) == set()


def test_what_another_names_already_concerns_nobody_until_the_last_one_goes():
    index = ReferenceIndex()
    index.note(told(RULES, TOKEN))
    assert index.note(told(OTHER, TOKEN)) == set()
    assert index.note(gone(RULES)) == set()
    assert index.is_referenced(TOKEN)
    assert index.note(gone(OTHER)) == {TOKEN}
    assert not index.is_referenced(TOKEN)
    assert index.readable("ns") == Readable()


def test_a_move_from_one_to_another_concerns_both():
    index = ReferenceIndex()
    index.note(told(RULES, TOKEN))
    assert index.note(told(RULES, SECOND)) == {TOKEN, SECOND}
    assert index.readable("ns") == Readable(frozenset({"second"}))


def signed(ref, auth=None, **keys):
    """The news that an artifact takes public keys from a Secret, and credentials from another."""
    verify = {"keys": [{"secretRef": {"name": name}} for name in keys.values()]}
    registry = {"registry": {"auth": {"secretRef": {"name": auth}}}} if auth else {}
    spec = {"ociArtifact": {"image": {"repository": "r"}, "verify": verify, **registry}}
    known = {"name": ref.name, "namespace": ref.namespace}
    document = msgspec.json.encode({"metadata": known, "spec": spec})
    return Change(ref, None, snapshot_of(ref.kind, document))


def test_what_only_the_operator_reads_is_named_and_not_for_nodes():
    index = ReferenceIndex()
    assert index.note(signed(RULES, key="token")) == {TOKEN}
    assert index.is_referenced(TOKEN)
    assert index.readable("ns") == Readable()
    # Another artifact has nodes read it, so their Role changes, and back.
    assert index.note(signed(OTHER, auth="token")) == {TOKEN}
    assert index.readable("ns") == Readable(frozenset({"token"}))
    assert index.note(gone(OTHER)) == {TOKEN}
    assert index.readable("ns") == Readable()
    assert index.note(gone(RULES)) == {TOKEN}
    assert not index.is_referenced(TOKEN)


def test_those_who_name_an_object_are_known():
    index = ReferenceIndex()
    index.note(told(RULES, TOKEN))
    index.note(told(OTHER, TOKEN, CONFIG))
    assert index.referrers(TOKEN) == {RULES, OTHER}
    assert index.referrers(SECOND) == set()
    index.note(gone(OTHER))
    assert index.referrers(TOKEN) == {RULES}


def test_an_artifact_that_nobody_knew_may_go():
    assert ReferenceIndex().note(gone(RULES)) == set()


def test_an_artifact_that_cannot_be_read_names_what_it_named_before():
    index = ReferenceIndex()
    index.note(told(RULES, TOKEN))
    metadata = {"name": RULES.name, "namespace": RULES.namespace}
    strange = msgspec.json.encode({"metadata": metadata, "spec": {"configMapRef": "rules"}})
    assert index.note(Change(RULES, None, snapshot_of("Rulesfile", strange))) == set()
    assert index.targets() == {TOKEN}
    assert index.note(gone(RULES)) == {TOKEN}


def test_nothing_is_left_of_what_is_named_no_more():
    index = ReferenceIndex()
    index.note(told(RULES, TOKEN, CONFIG))
    index.note(told(OTHER, SECOND))
    index.note(gone(RULES))
    index.note(told(OTHER))
    assert not index._named
    assert not index._referrers
    assert not index._readers


NAMESPACES = ("ns", "elsewhere")
ARTIFACTS = [
    artifact_ref(name, kind, namespace)
    for name in "ab"
    for kind in ("Rulesfile", "Plugin")
    for namespace in NAMESPACES
]
TARGETS = [
    ObjectRef(kind, namespace, name)
    for kind in FINALIZERS
    for namespace in NAMESPACES
    for name in "xyz"
]


class Naming(RuleBasedStateMachine):
    """The index beside the plainest thing that could be right."""

    def __init__(self):
        super().__init__()
        self.index = ReferenceIndex()
        self.named = {}

    @rule(
        artifact=st.sampled_from(ARTIFACTS),
        secret=st.sampled_from("xyz") | st.none(),
        config_maps=st.sets(st.sampled_from("xyz"), max_size=2),
    )
    def an_artifact_changes(self, artifact, secret, config_maps):
        names = [("Secret", secret)] if secret else []
        names += [("ConfigMap", name) for name in sorted(config_maps)]
        targets = {ObjectRef(kind, artifact.namespace, name) for kind, name in names}
        self.note(told(artifact, *sorted(targets)), {**self.named, artifact: targets})

    @rule(artifact=st.sampled_from(ARTIFACTS))
    def an_artifact_goes(self, artifact):
        left = {known: targets for known, targets in self.named.items() if known != artifact}
        self.note(gone(artifact), left)

    def note(self, change, named):
        before, self.named = self.all_named(), named
        assert self.index.note(change) == before ^ self.all_named()

    def all_named(self):
        return {target for targets in self.named.values() for target in targets}

    @invariant()
    def both_directions_agree_with_the_artifacts(self):
        named = self.all_named()
        assert self.index.targets() == named
        for target in TARGETS:
            assert self.index.is_referenced(target) == (target in named)
        for namespace in NAMESPACES:
            inside = [ref for ref in named if ref.namespace == namespace]
            secrets, config_maps = (
                frozenset(ref.name for ref in inside if ref.kind == kind) for kind in FINALIZERS
            )
            assert self.index.readable(namespace) == Readable(secrets, config_maps)


TestNaming = Naming.TestCase
