"""The operator may do what it does and no more: the audit logs of all these tests say so."""

from resources.kubernetes.kinds import INSTANCES, KINDS
from resources.operator_role import held_rules, used_rules
from tests.rights import rights

ROLES = {"ClusterRole": "", "Role": "falco-operator"}
# No request needs them: an admission plugin asks for them, as test_finalizers_right.py shows.
ASKED_BY_ADMISSION = {
    (KINDS[kind].group, f"{KINDS[kind].plural}/finalizers", "update") for kind in INSTANCES
}
# The operator may grant to pods only what it has itself.
HELD_TO_BE_GRANTED = rights(held_rules()) - rights(used_rules())


def test_no_request_was_denied_but_where_a_test_wants_it_so(whole_run):
    assert not [request for log in whole_run for request in log.denied()]


def test_every_right_was_used_but_for_those_that_are_there_for_another_reason(api, whole_run):
    roles = (api.get(kind, namespace, "falco-operator") for kind, namespace in ROLES.items())
    granted = rights(rule for role in roles for rule in role["rules"])
    requests = [request for log in whole_run for request in log.between(0, log.end)]
    used = {right for request in requests if not request.is_denied for right in request.rights}
    assert granted - used == HELD_TO_BE_GRANTED | ASKED_BY_ADMISSION
