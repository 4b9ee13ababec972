"""A Secret or ConfigMap that an artifact names cannot vanish under it."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from resources.artifact.references import FIELD_MANAGERS, FINALIZERS
from tests.e2e.falcos import uid
from tests.e2e.references import (
    CREDENTIALS,
    RULES,
    ca_ref,
    config_map_ref,
    of_namespace,
    secret_ref,
)
from tests.eventually import eventually

THEIRS = "example.org/theirs"

REFERENCES = {
    "the Secret of a Rulesfile": ("Rulesfile", secret_ref, "Secret"),
    "the Secret of a Plugin": ("Plugin", secret_ref, "Secret"),
    "the ConfigMap of a Rulesfile": ("Rulesfile", config_map_ref, "ConfigMap"),
    "the ConfigMap of a Config": ("Config", config_map_ref, "ConfigMap"),
    "the CA of a Rulesfile": ("Rulesfile", ca_ref, "ConfigMap"),
    "the CA of a Plugin": ("Plugin", ca_ref, "ConfigMap"),
}


@pytest.mark.parametrize(("artifact", "refer", "kind"), REFERENCES.values(), ids=REFERENCES)
def test_what_an_artifact_names_is_protected_for_as_long_as_it_does(
    references, artifact, refer, kind
):
    for name in ("named", "foreign"):
        references.make(kind, name, data={"rules.yaml": "LSBydWxlOiB4"})
    references.artifact("artifact", refer("named"), artifact)
    references.becomes_protected(kind, "named")
    entries = references.get(kind, "named")["metadata"]["managedFields"]
    added = next(entry for entry in entries if entry["manager"] == FIELD_MANAGERS[kind])
    fields = added["fieldsV1"]["f:metadata"]["f:finalizers"]
    assert f'v:"{FINALIZERS[kind]}"' in fields
    assert references.finalizers(kind, "foreign") == []
    references.drop("artifact", artifact)
    references.becomes_free(kind, "named")


def test_the_reference_may_come_first(references):
    references.artifact("rules", {**secret_ref("token"), **config_map_ref("rules")})
    references.make("Secret", "token", [THEIRS])
    references.make("ConfigMap", "rules", data=RULES)
    references.becomes_protected("Secret", "token")
    references.becomes_protected("ConfigMap", "rules")
    assert THEIRS in references.finalizers("Secret", "token")
    references.strip("Secret", "token")
    references.becomes_protected("Secret", "token")


def test_an_artifact_that_moves_takes_the_protection_with_it(references):
    for name in ("first", "second"):
        references.make("Secret", name)
    references.artifact("rules", secret_ref("first"))
    references.becomes_protected("Secret", "first")
    references.change("rules", secret_ref("second"))
    references.becomes_protected("Secret", "second")
    references.becomes_free("Secret", "first")
    references.change("rules", {"inlineRules": []})
    references.becomes_free("Secret", "second")


def test_what_two_artifacts_name_is_protected_until_the_last_one_goes(references):
    references.make("Secret", "shared")
    references.artifact("rules", secret_ref("shared"))
    references.artifact("plugin", secret_ref("shared"), "Plugin")
    references.becomes_protected("Secret", "shared")
    references.make("Secret", "sentinel")
    references.change("rules", secret_ref("sentinel"))
    references.becomes_protected("Secret", "sentinel")  # so the operator has heard of the change
    assert references.is_protected("Secret", "shared")
    references.drop("plugin", "Plugin")
    references.becomes_free("Secret", "shared")


def test_a_deletion_waits_and_completes_with_the_last_reference(references):
    references.make("Secret", "token")
    references.make("ConfigMap", "rules", data=RULES)
    references.artifact("rules", {**secret_ref("token"), **config_map_ref("rules")})
    kinds = {"Secret": "token", "ConfigMap": "rules"}
    for kind, name in kinds.items():
        references.becomes_protected(kind, name)
        references.delete(kind, name)
        assert references.is_waiting(kind, name)
    references.drop("rules")
    for kind, name in kinds.items():
        references.vanishes(kind, name)


def test_an_object_that_is_recreated_is_protected_anew(references):
    first = references.make("Secret", "token")
    references.artifact("rules", secret_ref("token"))
    references.becomes_protected("Secret", "token")
    references.delete("Secret", "token")
    references.strip("Secret", "token")
    second = references.make("Secret", "token")
    assert uid(first) != uid(second)
    references.becomes_protected("Secret", "token")


def test_an_artifact_that_is_recreated_protects_again(references):
    references.make("Secret", "token")
    for _ in range(3):
        references.artifact("rules", secret_ref("token"))
        references.becomes_protected("Secret", "token")
        references.drop("rules")
    references.becomes_free("Secret", "token")
    references.artifact("rules", secret_ref("token"))
    references.becomes_protected("Secret", "token")


def test_a_name_that_no_object_can_have_concerns_nobody_else(audit, references):
    mark = audit.mark()
    for number, name in enumerate(
        ["../../../kube-system/secrets/x", "x/status", "x?a=b", "X", "*"]
    ):
        references.artifact(f"rules-{number}", secret_ref(name))
    references.make("Secret", "token", stringData=CREDENTIALS)
    references.artifact("sentinel", secret_ref("token"))
    references.is_resolved("sentinel")
    concerned = audit.since(mark).unwatched.about(references.namespace, "kube-system")
    asked = [request for request in concerned if request.resource == "secrets"]
    assert {(request.namespace, request.name) for request in asked} == {
        (references.namespace, "token")
    }
    assert [request.verb for request in asked if request.is_write] == ["patch"]


# While no operator runs.


def test_what_changed_while_no_operator_ran_is_made_good(operator, places):
    protected = {}
    for case in ("unnamed", "dropped", "deleted", "recreated", "moved"):
        protected[case] = places()
        protected[case].make("Secret", "token")
        protected[case].artifact("rules", secret_ref("token"))
    for found in protected.values():
        found.becomes_protected("Secret", "token")
    created = places()
    created.artifact("rules", {**secret_ref("token"), **config_map_ref("rules")})
    operator.stop()
    protected["unnamed"].change("rules", {"inlineRules": []})
    protected["dropped"].drop("rules")
    protected["deleted"].delete("Secret", "token")
    protected["deleted"].drop("rules")
    protected["recreated"].delete("Secret", "token")
    protected["recreated"].strip("Secret", "token")
    protected["recreated"].make("Secret", "token")
    protected["moved"].make("ConfigMap", "rules", data=RULES)
    protected["moved"].change("rules", config_map_ref("rules"))
    created.make("Secret", "token")
    created.make("ConfigMap", "rules", data=RULES)
    assert protected["deleted"].is_waiting("Secret", "token")
    operator.start()
    for case in ("unnamed", "dropped", "moved"):
        protected[case].becomes_free("Secret", "token")
    protected["deleted"].vanishes("Secret", "token")
    protected["recreated"].becomes_protected("Secret", "token")
    protected["moved"].becomes_protected("ConfigMap", "rules")
    created.becomes_protected("Secret", "token")
    created.becomes_protected("ConfigMap", "rules")


def test_what_an_earlier_operator_protected_is_released(operator, references):
    operator.stop()
    references.make("Secret", "token", [FINALIZERS["Secret"]])
    operator.start()
    references.becomes_free("Secret", "token")
    eventually(lambda: not of_namespace(operator, references.namespace))


@pytest.mark.parametrize("kind", FINALIZERS)
def test_what_a_late_request_protects_is_released_though_no_artifact_is_near(references, kind):
    """The request of an operator that was killed, or one whose connection was lost, say."""
    references.make(kind, "object")
    references.patch_finalizers(kind, "object", {"finalizers": [FINALIZERS[kind]]})
    references.delete(kind, "object")
    references.vanishes(kind, "object")


# Beside others.


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
def test_nobody_s_finalizer_is_lost_where_two_write_at_once(references, kind):
    refer = secret_ref if kind == "Secret" else config_map_ref
    references.make(kind, "shared")
    done = Event()
    rounds: Counter[str] = Counter()

    def another_manager():
        while not done.is_set() or rounds["patches"] % 2:
            is_there = bool(rounds["patches"] % 2)
            assert (THEIRS in references.finalizers(kind, "shared")) == is_there
            field = "$deleteFromPrimitiveList/finalizers" if is_there else "finalizers"
            rounds["patches"] += references.patch_finalizers(kind, "shared", {field: [THEIRS]})

    def an_updater():
        while not done.is_set():
            rounds["updates"] += references.read_and_replace(kind, "shared", rounds["updates"])

    def toggle():
        references.artifact("rules", refer("shared"))
        references.becomes_protected(kind, "shared")
        references.drop("rules")
        references.becomes_free(kind, "shared")
        rounds["ours"] += 1
        return min(rounds[name] for name in ("ours", "patches", "updates")) >= 10

    with ThreadPoolExecutor(2) as pool:
        others = [pool.submit(another_manager), pool.submit(an_updater)]
        try:
            eventually(toggle, within=60)
        finally:
            done.set()
        for other in others:
            other.result()
    assert references.finalizers(kind, "shared") == []
