"""What protection costs in requests, and what the operator never gets to know."""

import json

import pytest

from tests.e2e.references import (
    CREDENTIALS,
    RULES,
    config_map_ref,
    is_settled,
    memory_of,
    secret_ref,
)
from tests.eventually import eventually


def about_secrets(audit, mark):
    """Verbs of requests about Secrets; actors that do not wait for each other made them."""
    requests = audit.since(mark).unwatched
    return [request.verb for request in requests if request.resource == "secrets"]


def test_a_restart_writes_nothing_and_lists_each_kind_once(audit, operator, places):
    everywhere = [places() for _ in range(3)]
    for found in everywhere:
        found.make("Secret", "token", stringData=CREDENTIALS)
        found.make("ConfigMap", "rules", data=RULES)
        found.artifact("rules", {**secret_ref("token"), **config_map_ref("rules")})
        found.becomes_protected("Secret", "token")
        found.becomes_protected("ConfigMap", "rules")
        found.is_resolved("rules")
    audit.quiet()
    operator.stop()
    mark = audit.mark()
    operator.start()
    eventually(lambda: all(is_settled(operator, found.namespace) for found in everywhere))
    requests = audit.since(mark).unwatched
    assert not requests.writes
    assert [request.resource for request in requests.reads] == ["/version"]
    listed = [(found.resource, found.namespace, found.selector) for found in requests.lists]
    assert sorted(listed) == sorted(set(listed))
    assert not any(namespace for _, namespace, _ in listed)


def test_a_secret_costs_two_reads_at_most_and_a_patch_and_letting_it_go_a_patch(audit, references):
    references.make("Secret", "token", stringData=CREDENTIALS)
    mark = audit.mark()
    references.artifact("rules", secret_ref("token"))
    references.is_resolved("rules")
    # The first shows its metadata, unless the watch has shown it before the artifact was seen.
    assert sorted(about_secrets(audit, mark)) in (["get", "get", "patch"], ["get", "patch"])
    mark = audit.quiet()
    references.drop("rules")
    references.becomes_free("Secret", "token")
    assert about_secrets(audit, mark) == ["patch"]


def test_a_secret_that_is_awaited_is_not_asked_for_again(audit, references):
    references.artifact("awaiting", secret_ref("awaited"))
    references.is_resolved("awaiting", "Secret awaited does not exist")
    mark = audit.mark()
    for number in range(20):
        references.change("awaiting", {**secret_ref("awaited"), "priority": number})
    references.make("Secret", "awaited", stringData=CREDENTIALS)
    references.is_resolved("awaiting")
    assert sorted(about_secrets(audit, mark)) == ["get", "patch"]


@pytest.mark.parametrize("seconds", [5, pytest.param(60, marks=pytest.mark.bench)])
def test_idle_protection_costs_nothing(audit, references, seconds):
    references.make("Secret", "token", stringData=CREDENTIALS)
    references.artifact("rules", {**secret_ref("token"), **config_map_ref("awaited")})
    references.is_resolved("rules", "ConfigMap awaited does not exist")
    references.becomes_protected("Secret", "token")
    audit.quiet(seconds)


def test_nothing_is_asked_about_a_namespace_without_artifacts(audit, references, places):
    foreign = places()
    mark = audit.quiet()  # at its start the operator looks for what is protected
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


def test_a_secret_that_nobody_names_never_gets_to_the_operator(operator, references):
    secret = "never-to-be-known-" + "k3V" * 20
    references.make("Secret", "beside", stringData={"token": secret})
    references.make("Secret", "named", stringData=CREDENTIALS)
    references.artifact("rules", secret_ref("named"))
    references.is_resolved("rules")
    references.make("Secret", "later", stringData={"token": secret})
    references.make("Secret", "sentinel", stringData=CREDENTIALS)
    references.artifact("more", secret_ref("sentinel"))
    references.is_resolved("more")
    base64 = references.get("Secret", "beside")["data"]["token"]
    memory = memory_of(operator.pid)
    assert references.namespace.encode() in memory  # so the search does find what is there
    for text in (secret, base64):
        assert text.encode() not in memory


def test_a_secret_that_is_read_is_shown_to_nobody(operator, references):
    credentials = {"username": "user-" + "w9Z" * 20, "password": "password-" + "x7Q" * 20}
    references.make("Secret", "named", stringData=credentials)
    references.artifact("rules", secret_ref("named"))
    references.is_resolved("rules")
    data = references.get("Secret", "named")["data"]
    shown = [json.dumps(operator.dump()), operator.log.read_text(), operator.metrics()]
    shown.append(json.dumps(references.get("Rulesfile", "rules")))
    shown.append(json.dumps(references.api.list("Event", references.namespace)))
    for secret in (*credentials.values(), *data.values()):
        assert all(secret not in text for text in shown)
