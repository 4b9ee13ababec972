"""What protection costs in requests, and what the operator never gets to know."""

import json
from threading import Event

import pytest

from tests.e2e.references import RULES, config_map_ref, is_settled, memory_of, secret_ref
from tests.eventually import eventually


def about_secrets(audit, mark):
    requests = audit.since(mark).unwatched
    return [request.verb for request in requests if request.resource == "secrets"]


def test_a_restart_writes_nothing_and_lists_each_namespace_once(audit, operator, places):
    everywhere = [places() for _ in range(3)]
    for found in everywhere:
        found.make("Secret", "token")
        found.make("ConfigMap", "rules", data=RULES)
        found.artifact("rules", {**secret_ref("token"), **config_map_ref("rules")})
        found.becomes_protected("Secret", "token")
        found.becomes_protected("ConfigMap", "rules")
    operator.stop()
    mark = audit.mark()
    operator.start()
    eventually(lambda: all(is_settled(operator, found.namespace) for found in everywhere))
    requests = audit.since(mark).unwatched
    assert not requests.writes
    assert [request.resource for request in requests.reads] == ["/version"]
    listed = [(found.resource, found.namespace, found.selector) for found in requests.lists]
    assert sorted(listed) == sorted(set(listed))
    scopes = {(resource, namespace) for resource, namespace, _ in listed if namespace}
    names = {found.namespace for found in everywhere}
    assert scopes == {(kind, name) for kind in ("secrets", "configmaps") for name in names}


def test_protecting_a_secret_costs_a_list_and_a_patch_and_letting_it_go_one_more(audit, references):
    references.make("Secret", "token")
    mark = audit.mark()
    references.artifact("rules", secret_ref("token"))
    references.becomes_protected("Secret", "token")
    assert about_secrets(audit, mark) == ["list", "patch"]
    mark = audit.mark()
    references.drop("rules")
    references.becomes_free("Secret", "token")
    assert about_secrets(audit, mark) == ["patch"]


def test_a_second_secret_of_a_namespace_costs_a_read_of_its_metadata_and_a_patch(audit, references):
    for name in ("first", "second"):
        references.make("Secret", name)
    references.artifact("rules", secret_ref("first"))
    references.becomes_protected("Secret", "first")
    mark = audit.mark()
    references.artifact("more", secret_ref("second"))
    references.becomes_protected("Secret", "second")
    assert about_secrets(audit, mark) == ["get", "patch"]


def test_a_secret_that_is_awaited_is_not_asked_for_again(audit, references):
    references.artifact("awaiting", secret_ref("awaited"))
    references.make("Secret", "token")
    references.artifact("rules", secret_ref("token"))
    references.becomes_protected("Secret", "token")
    mark = audit.mark()
    for number in range(20):
        references.change("awaiting", {**secret_ref("awaited"), "priority": number})
    references.make("Secret", "awaited")
    references.becomes_protected("Secret", "awaited")
    assert about_secrets(audit, mark) == ["patch"]


@pytest.mark.parametrize("seconds", [5, pytest.param(60, marks=pytest.mark.bench)])
def test_idle_protection_costs_nothing(audit, references, seconds):
    references.make("Secret", "token")
    references.artifact("rules", {**secret_ref("token"), **config_map_ref("awaited")})
    references.becomes_protected("Secret", "token")
    mark = audit.mark()
    Event().wait(seconds)  # the idleness itself
    assert not audit.since(mark).unwatched


def test_nothing_is_asked_about_a_namespace_without_artifacts(audit, references, places):
    foreign = places()
    mark = audit.mark()
    for number in range(20):
        foreign.make("Secret", f"secret-{number}")
        foreign.make("ConfigMap", f"config-map-{number}")
    references.make("Secret", "token")
    references.artifact("rules", secret_ref("token"))
    references.becomes_protected("Secret", "token")
    foreign.api.clear("Secret", foreign.namespace)
    requests = audit.since(mark).unwatched
    assert not [request for request in requests if request.namespace == foreign.namespace]
    assert not [request for request in requests if request.verb == "list" and not request.namespace]


def test_no_secret_is_ever_in_the_operator_s_memory(operator, references):
    marker, other = "never-to-be-seen-" + "x7Q" * 20, "never-to-be-known-" + "k3V" * 20
    references.make("Secret", "named", stringData={"token": marker})
    references.make("Secret", "beside", stringData={"token": other})
    references.artifact("rules", secret_ref("named"))
    references.becomes_protected("Secret", "named")
    references.make("Secret", "later", stringData={"token": marker})
    references.artifact("more", secret_ref("later"))
    references.becomes_protected("Secret", "later")
    base64 = references.get("Secret", "named")["data"]["token"]
    memory = memory_of(operator.pid)
    assert references.namespace.encode() in memory  # so the search does find what is there
    for secret in (marker, other, base64):
        assert secret.encode() not in memory
        assert secret not in json.dumps(operator.dump())
        assert secret not in operator.log.read_text()
