"""The operator's rights follow from what it does and what it grants, and are no more than that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.leader.election import LEASE
from resources import operator_role
from resources.component.catalog import COMPONENT_TYPES
from resources.falco.rights import FALCO_CLUSTER_RULES, falco_rules
from resources.instance.children import PRUNED
from resources.instance.rbac import rule
from resources.kubernetes.kinds import ARTIFACTS, CHILD_KINDS, INSTANCES, KINDS, WATCHED
from resources.operator_role import held_rules, lease_rules, merged, operator_rules, used_rules
from supervisors.sources import SOURCES
from tests.resources.fourth_type import TYPE
from tests.rights import rights

VERBS = ["get", "list", "watch", "create", "update", "patch", "delete"]
RULES = st.lists(
    st.builds(
        rule,
        st.sampled_from(["", "apps"]),
        st.lists(st.sampled_from("abc"), min_size=1),
        st.lists(st.sampled_from(VERBS), min_size=1),
        st.sets(st.sampled_from("xy")),
    )
)


def verbs(kind, subresource=""):
    """What the operator may do with a kind."""
    target = "/".join(filter(None, (KINDS[kind].plural, subresource)))
    wanted = (KINDS[kind].group, target)
    return {
        verb for group, resource, verb in rights(operator_rules()) if (group, resource) == wanted
    }


@given(RULES)
def test_merged_rules_give_the_same_rights_once_each_and_in_order(rules):
    found = merged(rules)
    assert rights(found) == rights(rules)
    assert sum(len(one["resources"]) * len(one["verbs"]) for one in found) == len(rights(rules))
    assert found == merged(reversed(rules)) == merged(found)
    shapes = [(one["apiGroups"], one["verbs"]) for one in found]
    assert all(shapes.count(shape) == 1 for shape in shapes)
    assert all(one["verbs"] == sorted(one["verbs"], key=VERBS.index) for one in found)


def test_what_is_watched_may_be_listed_and_watched_and_the_watchers_go_by_the_same_list():
    assert sorted(source.kind for source in SOURCES) == sorted(WATCHED)
    for kind in WATCHED:
        assert {"list", "watch"} <= verbs(kind)


@pytest.mark.parametrize("kind", CHILD_KINDS)
def test_children_may_be_read_claimed_and_kept_but_not_replaced_and_deleted_if_ever_pruned(kind):
    pruned = {"delete"} if kind in PRUNED else set()
    assert verbs(kind) == {"get", "list", "watch", "create", "patch"} | pruned


@pytest.mark.parametrize("kind", INSTANCES)
def test_custom_resources_are_the_users_but_for_finalizers_and_status(kind):
    assert verbs(kind) == {"get", "list", "watch", "patch"}
    assert verbs(kind, "status") == {"patch"}
    assert verbs(kind, "finalizers") == {"update"}


@pytest.mark.parametrize("kind", ARTIFACTS)
def test_artifacts_are_the_users_but_for_the_status_and_finalizers_that_were_left(kind):
    assert verbs(kind) == {"get", "list", "watch", "patch"}
    assert verbs(kind, "status") == {"patch"}


def test_events_may_be_written_and_listed_and_not_watched():
    assert verbs("Event") == {"list", "create", "patch"}


def test_pods_are_read_and_never_written():
    assert verbs("Pod") == {"get", "list", "watch"}


def test_secrets_are_seen_and_protected_but_neither_made_nor_deleted():
    assert verbs("Secret") == {"get", "list", "watch", "patch"}


def test_leases_are_no_matter_of_the_cluster_and_the_one_is_named():
    assert not verbs("Lease")
    by_name = {"resourceNames": [LEASE]}
    assert [one for one in lease_rules(LEASE) if one.items() >= by_name.items()] == [
        rule("coordination.k8s.io", ["leases"], ["get", "patch"], [LEASE])
    ]


def test_everything_that_any_pod_is_granted_is_held():
    types = COMPONENT_TYPES.values()
    granted = [rule for known in types for rule in (*known.rules, *known.cluster_rules)]
    assert rights(held_rules()) == rights([*FALCO_CLUSTER_RULES, *falco_rules(), *granted])


def test_nothing_is_held_but_what_is_used_or_granted():
    assert rights(operator_rules()) == rights(used_rules()) | rights(held_rules())
    assert not {verb for _, _, verb in rights(operator_rules())} & {"*", "bind", "escalate"}


def test_what_a_fourth_type_grants_is_held(monkeypatch):
    namespace: dict = {}
    exec(TYPE.replace('["pods"]', '["limitranges"]'), namespace)
    monkeypatch.setattr(operator_role, "granted_rules", lambda: namespace["TYPE"].rules)
    assert ("", "limitranges", "get") in rights(operator_rules())


def test_a_kind_that_is_done_more_to_is_one_line(monkeypatch):
    monkeypatch.setitem(operator_role._USED_VERBS, "Pod", ("get", "patch"))
    monkeypatch.setattr(operator_role, "WATCHED", (*WATCHED, "Pod"))
    assert verbs("Pod") == {"get", "list", "watch", "patch"}
