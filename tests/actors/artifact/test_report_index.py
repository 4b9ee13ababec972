"""Sums of what pods report, beside the plainest thing that could be right."""

import json
import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from actors.artifact.report_index import ReportIndex
from actors.watch.store import Change, VersionStore, snapshot_of
from resources.artifact.rollout import FAILED, Fit, Load, PodProgress, Subject, Sum
from resources.kubernetes.meta import LabelSelector
from resources.kubernetes.reference import ObjectRef
from resources.kubernetes.selector import selects
from tests.actors.artifacts import artifact_ref

BLUE = LabelSelector(match_labels={"pool": "blue"})
RULES = artifact_ref("rules")
STATES = ("Programmed", "Failed", "Pending", "NotSelected")


def pod(name, uid="uid", namespace="ns", **metadata):
    known = {"name": name, "namespace": namespace, "uid": uid, "resourceVersion": "1", **metadata}
    return snapshot_of("Pod", json.dumps({"metadata": known}).encode())


def node(name, **labels):
    known = {"name": name, "labels": labels, "resourceVersion": "1"}
    return snapshot_of("Node", json.dumps({"metadata": known}).encode())


def report(name, node_name, *entries, uid="uid", namespace="ns", falco=None):
    known = {"name": name, "namespace": namespace, "resourceVersion": "1"}
    raw = {"metadata": known, "nodeName": node_name, "podUID": uid, "artifacts": list(entries)}
    if falco is not None:
        raw["falco"] = {"name": "main", "version": falco}
    return snapshot_of("NodeReport", json.dumps(raw).encode())


def entry(state="Programmed", revision="1", uid="rules", load=None, **fields):
    known = {"kind": "Rulesfile", "name": uid, "uid": uid, "revision": revision}
    if load is not None:
        names = ("loaded", "loadedReason", "loadedMessage")
        known |= {name: value for name, value in zip(names, load, strict=True) if value}
    return {**known, "state": state, **fields}


class House:
    """An index, and who was concerned by what it was told last."""

    def __init__(self):
        self.index = ReportIndex()
        self.concerned: frozenset[ObjectRef] = frozenset()

    def there(self, *snapshots):
        for snapshot in snapshots:
            self.concerned = self.index.note(Change(snapshot.ref, None, snapshot))

    def gone(self, snapshot):
        self.concerned = self.index.note(Change(snapshot.ref, snapshot, None))

    def sum(self, revision="1", selector=None):
        return self.index.sum(RULES, Subject("rules", revision, selector))


@pytest.fixture
def house():
    """Two pods on two nodes, and the sum of one artifact is kept."""
    made = House()
    made.there(node("n1", pool="blue"), node("n2", pool="red"), pod("p1"), pod("p2"))
    assert made.sum() == Sum(2, 0, 0, 2, waiting=("p1", "p2"))
    return made


def test_a_report_is_added_to_the_sum_and_concerns_the_artifact(house):
    house.there(report("p1", "n1", entry()))
    assert house.concerned == {RULES}
    assert house.sum() == Sum(2, 1, 0, 1, waiting=("p2",))
    house.there(report("p2", "n2", entry("Failed", reason="R", message="M")))
    assert house.sum() == Sum(2, 1, 1, 0, (PodProgress(FAILED, "n2", "R", "M"),))


def test_a_report_that_says_the_same_of_an_artifact_does_not_concern_it(house):
    house.there(report("p1", "n1", entry()))
    for same in (
        report("p1", "n1", entry()),
        report("p1", "n1", entry(), entry("Failed", uid="other")),
        report("p1", "n1", entry(), entry(uid="another")),
    ):
        house.there(same)
        assert house.concerned == frozenset()


def test_nobody_is_concerned_who_has_never_asked_or_does_not_ask_any_more(house):
    house.index.forget(RULES)
    house.there(report("p1", "n1", entry()))
    assert house.concerned == frozenset()


def test_falcos_that_differ_are_all_named_the_worst_first_and_concern_whoever_asks(house):
    house.there(report("p1", "n1", entry(compatible="True"), falco="0.45.0"))
    assert house.index.outlook(RULES) == "Pending True"
    lacks = entry("Failed", compatible="False", compatibleMessage="needs more")
    house.there(report("p2", "n2", lacks, falco="0.43.1"))
    total = house.sum()
    assert total.fits == (
        Fit("Falco main 0.43.1", "False", "needs more"),
        Fit("Falco main 0.45.0", "True"),
    )
    assert (total.fitted, house.index.outlook(RULES)) == (2, "Failed 1 False")
    for falco in ("0.43.1", "0.44.1"):
        house.there(report("p2", "n2", lacks, falco=falco))
    assert house.concerned == {RULES}
    house.there(report("p2", "n2", entry(revision="0", compatible="True"), falco="0.43.1"))
    assert house.sum().fits == (Fit("Falco main 0.45.0", "True"),)


def test_a_report_of_another_incarnation_of_the_pod_does_not_count(house):
    house.there(report("p1", "n1", entry(), uid="older"))
    assert house.sum().pending == 2
    house.there(pod("p1", uid="older"))
    assert house.concerned == {RULES}
    assert house.sum().programmed == 1


def test_a_report_may_come_before_its_pod(house):
    house.there(report("p3", "n1", entry()))
    assert house.concerned == frozenset()
    house.there(pod("p3"))
    assert house.sum() == Sum(3, 1, 0, 2, waiting=("p1", "p2"))


def test_a_pod_that_ends_and_one_that_is_gone_do_not_count(house):
    house.there(pod("p1", deletionTimestamp="2026-01-01T00:00:00Z"))
    assert house.concerned == {RULES}
    house.gone(pod("p2"))
    assert house.sum() == Sum()


def test_a_pod_whose_node_is_gone_does_not_count_until_it_is_back(house):
    house.there(report("p1", "n1", entry()))
    house.gone(node("n1"))
    assert house.concerned == {RULES}
    assert house.sum() == Sum(1, 0, 0, 1, waiting=("p2",))
    house.there(node("n1"))
    assert house.sum().programmed == 1


def test_a_pod_whose_node_is_not_covered_is_not_waited_for(house):
    house.there(report("p1", "n1"), report("p2", "n2"))
    assert house.sum(selector=BLUE) == Sum(2, 0, 0, 1, waiting=("p1",))
    house.there(node("n2", pool="blue"))
    assert house.concerned == {RULES}
    assert house.sum(selector=BLUE) == Sum(2, 0, 0, 2, waiting=("p1", "p2"))


def test_a_node_that_only_reports_in_concerns_nobody(house):
    house.there(report("p1", "n1"))
    house.there(node("n1", pool="blue"))
    assert house.concerned == frozenset()


def test_a_pod_that_is_not_programmed_is_out_of_reach_while_its_node_is_not_ready(house):
    house.there(report("p1", "n1", entry()), report("p2", "n2", entry("Failed")))
    assert house.index.held_back() == [RULES]
    assert house.index.holding(RULES) == {"p2"}
    assert house.index.node_of("ns", "p2") == "n2"
    assert house.index.set_ready("n1", ready=False) == frozenset()
    assert house.index.set_ready("n2", ready=False) == {RULES}
    reached = Sum(2, 1, 0, 0, unreachable=1, out_of_reach=(("p2", "n2"),))
    assert house.sum() == reached
    assert house.index.outlook(RULES) == "Programmed"
    assert house.index.held_back() == []
    assert house.sum("2") == Sum(2, unreachable=2, out_of_reach=(("p1", "n1"), ("p2", "n2")))
    assert house.index.outlook(RULES) == "Pending"
    assert house.index.set_ready("n2", ready=True) == {RULES}
    house.there(report("p2", "n2", entry(revision="2")))
    assert house.sum("2") == Sum(2, 1, unreachable=1, out_of_reach=(("p1", "n1"),))


def test_a_pod_that_has_never_reported_is_where_it_was_seen(house):
    house.index.set_ready("n2", ready=False)
    assert house.index.node_of("ns", "p2") == ""
    assert house.index.place(ObjectRef("Pod", "ns", "p2"), "another", "n2") == frozenset()
    assert house.index.place(ObjectRef("Pod", "ns", "p2"), "uid", "n2") == {RULES}
    assert house.sum().out_of_reach == (("p2", "n2"),)
    assert house.sum(selector=BLUE) == Sum(2, 0, 0, 1, waiting=("p1",))
    house.there(pod("p2", uid="new"))
    assert house.sum().waiting == ("p1", "p2")


def test_a_change_of_a_node_that_is_not_ready_is_news(house):
    news = []
    house.index.on_unready_changed = lambda: news.append("changed")
    house.there(node("n2", pool="red"))
    house.index.set_ready("n2", ready=False)
    house.there(node("n2", pool="red"))
    assert news == ["changed"]
    house.gone(node("n2"))
    assert house.index.unready == frozenset()


def test_another_revision_starts_anew(house):
    house.there(report("p1", "n1", entry()), report("p2", "n2", entry(revision="2")))
    assert house.sum("1") == Sum(2, 1, 0, 1, waiting=("p2",))
    assert house.sum("2") == Sum(2, 1, 0, 1, waiting=("p1",))


def test_the_first_five_are_named_in_order():
    house = House()
    names = [f"p{number}" for number in range(9)]
    house.there(node("n"), *(pod(name) for name in random.Random(1).sample(names, 9)))
    assert house.sum().waiting == tuple(names[:5])
    for name in names:
        house.there(node(f"on-{name}"), report(name, f"on-{name}", entry("Failed")))
    assert [stand.node for stand in house.sum().failures] == [f"on-{name}" for name in names[:5]]
    for name in names:
        house.there(report(name, f"on-{name}", entry(message=f"odd {name[-1] < '7'}")))
    assert house.sum() == Sum(9, 9, 0, 0, remarks=("odd False", "odd True"))


def test_a_report_that_cannot_be_read_is_none(house):
    house.there(report("p1", "n1", entry()))
    raw = b'{"metadata":{"name":"p1","namespace":"ns"},"nodeName":7,"podUID":"uid"}'
    house.there(snapshot_of("NodeReport", raw))
    assert house.sum().pending == 2


def test_namespaces_have_nothing_to_do_with_each_other(house):
    house.there(
        pod("p3", namespace="elsewhere"), report("p1", "n1", entry(), namespace="elsewhere")
    )
    assert house.concerned == frozenset()
    assert house.sum() == Sum(2, 0, 0, 2, waiting=("p1", "p2"))


def test_the_outlook_tells_how_many_failures_are_named(house):
    assert house.index.outlook(RULES) == "Pending"
    house.there(*(pod(f"p{number}") for number in range(1, 9)))
    seen = []
    for number in range(1, 9):
        house.there(report(f"p{number}", "n1", entry("Failed")))
        seen.append(house.index.outlook(RULES))
    assert seen == [f"Failed {count}" for count in (1, 2, 3, 4, 5, 5, 5, 5)]


def test_pods_are_counted_by_namespace(house):
    assert (house.index.pods("ns"), house.index.pods("elsewhere")) == (2, 0)


def test_nothing_is_left_of_what_is_gone(house):
    house.there(report("p1", "n1", entry()))
    house.index.set_ready("n2", ready=False)
    house.index.place(ObjectRef("Pod", "ns", "p2"), "uid", "n2")
    house.index.forget(RULES)
    for snapshot in (pod("p1"), pod("p2"), report("p1", "n1"), node("n1"), node("n2")):
        house.gone(snapshot)
    index = house.index
    assert not index._namespaces
    assert not index._nodes
    assert not index._reporting
    assert not index._placed
    assert not index._unready


def test_what_many_report_alike_is_kept_once():
    house = House()
    house.there(node("n"))
    for number in range(100):
        house.there(pod(f"p{number}"), report(f"p{number}", "n", entry(), entry(uid="other")))
    entries = {
        id(one) for found in house.index._namespaces["ns"].reports.values() for one in found[2]
    }
    assert len(entries) == 2


def test_a_store_tells_all_and_keeps_little():
    store = VersionStore()
    whole = report("p1", "n1", entry(message="x" * 5000))
    assert store.put(whole).after == whole
    listed = store.page("NodeReport", [other := report("p2", "n1")], 5)
    assert [change.after for change in listed.changes] == [other]
    assert store.page("NodeReport", [other], 5).changes == []
    (gone,) = store.replace("NodeReport", listed.kept, 5)
    assert (gone.ref, gone.after) == (whole.ref, None)
    kept = store.get(other.ref)
    assert kept is not None
    assert kept.raw == b""
    assert kept.meta.labels is None


# In any order.

NAMESPACES = ("a", "b")
PODS = [(namespace, name) for namespace in NAMESPACES for name in ("p", "q", "r")]
NODES = ("m", "n")
HOLDING = {"Pending", "Failed"}
LABELS = st.sampled_from([{}, {"pool": "blue"}, {"pool": "red"}])
ARTIFACTS = [artifact_ref(name, namespace=namespace) for name in "xy" for namespace in NAMESPACES]
LOADS = (
    Load("True"),
    Load("True", "", "by time"),
    Load("Unknown", "WebServerOff", "it is off"),
    Load("False", "NotLoaded", "refused"),
)
ENTRIES = st.builds(
    entry,
    st.sampled_from(STATES),
    st.sampled_from(["", "1", "2"]),
    st.sampled_from("xy"),
    message=st.sampled_from(["", "", "odd"]),
    load=st.sampled_from([None, None, *LOADS]),
    compatible=st.sampled_from([None, "True", "False", "Unknown"]),
)
WORST = ("False", "Unknown", "True")
SUBJECTS = st.builds(
    Subject,
    st.sampled_from("xy"),
    st.sampled_from(["", "1", "2"]),
    st.sampled_from([None, BLUE]),
)


class Reporting(RuleBasedStateMachine):
    """Whatever happens, each sum is what a look at everything would find."""

    def __init__(self):
        super().__init__()
        self.index = ReportIndex()
        self.pods, self.reports, self.nodes = {}, {}, {}
        self.placed, self.unready = {}, set()
        self.subjects: dict[ObjectRef, Subject] = {}

    @rule(where=st.sampled_from(PODS), uid=st.sampled_from("12"), ends=st.booleans())
    def a_pod_is_there(self, where, uid, ends):
        namespace, name = where
        ending = {"deletionTimestamp": "2026-01-01T00:00:00Z"} if ends else {}
        found = pod(name, uid, namespace, **ending)
        before = self.stand_of_all()
        if ends or self.pods.get(where) != uid:
            self.placed.pop(where, None)
        change = Change(found.ref, None, found)
        self.change(self.pods, where, None if ends else uid, change, before)

    @rule(where=st.sampled_from(PODS))
    def a_pod_goes(self, where):
        before = self.stand_of_all()
        self.placed.pop(where, None)
        change = Change(ObjectRef("Pod", *where), None, None)
        self.change(self.pods, where, None, change, before)

    @rule(name=st.sampled_from(NODES), labels=LABELS)
    def a_node_is_there(self, name, labels):
        found = node(name, **labels)
        self.change(self.nodes, name, labels, Change(found.ref, None, found))

    @rule(name=st.sampled_from(NODES))
    def a_node_goes(self, name):
        before = self.stand_of_all()
        self.unready.discard(name)
        change = Change(ObjectRef("Node", "", name), None, None)
        self.change(self.nodes, name, None, change, before)

    @rule(name=st.sampled_from(NODES), ready=st.booleans())
    def a_node_is_looked_at(self, name, ready):
        before = self.stand_of_all()
        if name in self.nodes:
            (self.unready.discard if ready else self.unready.add)(name)
        assert self.index.set_ready(name, ready=ready) == self.differing(before)
        assert self.index.unready == self.unready

    @rule(where=st.sampled_from(PODS), uid=st.sampled_from("12"), name=st.sampled_from(NODES))
    def a_pod_is_looked_at(self, where, uid, name):
        before = self.stand_of_all()
        if self.pods.get(where) == uid:
            self.placed[where] = name
        assert self.index.place(ObjectRef("Pod", *where), uid, name) == self.differing(before)

    @rule(
        where=st.sampled_from(PODS),
        uid=st.sampled_from("12"),
        name=st.sampled_from(NODES),
        entries=st.lists(ENTRIES, max_size=3, unique_by=lambda one: one["uid"]),
        falco=st.sampled_from(["0.43.1", "0.45.0"]),
    )
    def a_pod_reports(self, where, uid, name, entries, falco):
        namespace, pod_name = where
        found = report(pod_name, name, *entries, uid=uid, namespace=namespace, falco=falco)
        said = (uid, name, {one["uid"]: {**one, "falco": f"Falco main {falco}"} for one in entries})
        self.change(self.reports, where, said, Change(found.ref, None, found))

    @rule(where=st.sampled_from(PODS))
    def a_report_goes(self, where):
        ref = ObjectRef("NodeReport", *where)
        self.change(self.reports, where, None, Change(ref, None, None))

    @rule(artifact=st.sampled_from(ARTIFACTS), subject=SUBJECTS)
    def an_artifact_is_summed_up(self, artifact, subject):
        self.subjects[artifact] = subject
        self.index.sum(artifact, subject)

    @rule(artifact=st.sampled_from(ARTIFACTS))
    def an_artifact_goes(self, artifact):
        self.subjects.pop(artifact, None)
        self.index.forget(artifact)

    def change(self, known, key, value, change, before=None):
        """In the world, and then in the index, which concerns just those who see a difference."""
        before = before or self.stand_of_all()
        if value is None:
            known.pop(key, None)
        else:
            known[key] = value
        assert self.index.note(change) == self.differing(before)

    def stand_of_all(self):
        return {ref: self.stands(ref) for ref in self.subjects}

    def differing(self, before):
        return {ref for ref, stands in self.stand_of_all().items() if before[ref] != stands}

    def stands(self, artifact):
        """How far each pod has come that counts, as far as that is told."""
        stands = {
            (namespace, name): self.stand(self.subjects[artifact], namespace, name, uid)
            for (namespace, name), uid in self.pods.items()
            if namespace == artifact.namespace
        }
        subject = self.subjects[artifact]
        return {
            key: (*_told(*stand), self.fit(subject, key))
            for key, stand in stands.items()
            if stand is not None
        }

    def fit(self, subject, where):
        """What a pod that counts says of its Falco."""
        uid, _, said = self.reports.get(where, ("", "", {}))
        found = said.get(subject.uid) if uid == self.pods[where] else None
        if not found or found["revision"] != subject.revision or found["state"] == "NotSelected":
            return None
        return Fit(found["falco"], found["compatible"]) if found["compatible"] else None

    def plain(self, artifact):
        """The sum as a look at everything finds it."""
        subject, total = self.subjects[artifact], Sum()
        for (namespace, name), uid in sorted(self.pods.items()):
            if namespace == artifact.namespace:
                stand = self.stand(subject, namespace, name, uid)
                total = self.add(total, name, stand)
                if stand is not None and (fit := self.fit(subject, (namespace, name))):
                    total = total._replace(fits=(*total.fits, fit), fitted=total.fitted + 1)
        return total._replace(
            failures=tuple(sorted(total.failures)),
            remarks=tuple(sorted(set(total.remarks))),
            proofs=tuple(sorted(set(total.proofs))),
            doubts=tuple(sorted(set(total.doubts))),
            refusals=tuple(sorted(total.refusals)),
            fits=tuple(sorted({*total.fits}, key=lambda fit: (WORST.index(fit.state), fit))),
        )

    def stand(self, subject, namespace, name, uid):
        stand = self.stand_if_ready(subject, namespace, name, uid)
        if stand is None or stand[0] not in {"Pending", "Failed"} or stand[1] not in self.unready:
            return stand
        return "Unreachable", stand[1], "", None

    def stand_if_ready(self, subject, namespace, name, uid):
        report_uid, on, said = self.reports.get((namespace, name), ("", "", {}))
        if report_uid != uid:
            on, said = self.placed.get((namespace, name), ""), {}
        elif on not in self.nodes:
            return None
        found = said.get(subject.uid)
        if found and found["revision"] == subject.revision:
            load = Load(*(found.get(f"loaded{part}", "") for part in ("", "Reason", "Message")))
            return found["state"], on, found["message"], load if load.state else None
        covered = on not in self.nodes or selects(subject.selector, self.nodes[on])
        return ("Pending" if covered else "NotSelected"), on, "", None

    @staticmethod
    def add(total, name, stand):
        if stand is None:
            return total
        total = total._replace(pods=total.pods + 1)
        match stand:
            case "Programmed", on, message, load:
                remarks = (*total.remarks, message) if message else total.remarks
                total = total._replace(programmed=total.programmed + 1, remarks=remarks)
                return Reporting.add_load(total, on, load)
            case "Failed", on, message, load:
                refusal = load if load and load.state == "False" else None
                failure = PodProgress(FAILED, on, "", message, refusal)
                total = total._replace(failed=total.failed + 1, failures=(*total.failures, failure))
                if refusal is None:
                    return total
                refusals = (*total.refusals, (on, refusal.message))
                return total._replace(refused=total.refused + 1, refusals=refusals)
            case "Unreachable", on, _, _:
                named = (*total.out_of_reach, (name, on))
                return total._replace(unreachable=total.unreachable + 1, out_of_reach=named)
            case "Pending", _, _, _:
                return total._replace(pending=total.pending + 1, waiting=(*total.waiting, name))
        return total

    @staticmethod
    def add_load(total, on, load):
        match load:
            case "True", _, message:
                proofs = (*total.proofs, message) if message else total.proofs
                return total._replace(loaded=total.loaded + 1, proofs=proofs)
            case "Unknown", _, _:
                return total._replace(doubts=(*total.doubts, load))
            case "False", _, message:
                refusals = (*total.refusals, (on, message))
                return total._replace(not_loaded=total.not_loaded + 1, refusals=refusals)
        return total

    @invariant()
    def every_sum_is_right(self):
        for artifact, subject in self.subjects.items():
            assert self.index.sum(artifact, subject) == self.plain(artifact)

    @invariant()
    def whoever_holds_a_verdict_back_is_told(self):
        held = {
            ref: {where[1] for where, stand in self.stands(ref).items() if stand[0] in HOLDING}
            for ref in self.subjects
        }
        assert set(self.index.held_back()) == {ref for ref, pods in held.items() if pods}
        for ref, pods in held.items():
            assert self.index.holding(ref) == pods

    @invariant()
    def usual_pods_take_no_room(self):
        for place in self.index._namespaces.values():
            for tally in place.tallies.values():
                assert tally.usual not in tally.apart.values()


def _told(state, on, message, load):
    match state:
        case "Failed":
            return state, on, message
        case "Unreachable":
            return state, on
        case "Programmed":
            return state, message, load, on if load and load.state == "False" else ""
    return (state,)


TestReporting = Reporting.TestCase
TestReporting.settings = settings(stateful_step_count=40)
