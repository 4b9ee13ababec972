"""Which webhooks and policies could refuse or change what the operator writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from cli.check.facts import Level, Problem, labels_of
from cli.output.words import named
from resources.kubernetes.kinds import CHILD_KINDS, KINDS
from resources.kubernetes.meta import LabelSelector
from resources.kubernetes.selector import selects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cli.check.facts import Facts
    from cli.cluster.snapshot import Object

_WRITES = {"CREATE", "UPDATE"}
_NAME_LABEL = "kubernetes.io/metadata.name"


class Target(NamedTuple):
    """What is written: a kind, the labels of its namespace, if it has one, and its own."""

    kind: str
    namespace: Mapping[str, str] | None
    labels: Mapping[str, str]


class _Webhook(NamedTuple):
    name: str
    kind: str
    webhook: Object

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def dead(facts: Facts) -> Iterator[Problem]:
    """Webhooks that are asked about what we write, and cannot answer."""
    for one in _webhooks(facts):
        met = _met(one.webhook, facts, (*CHILD_KINDS, "Pod"))
        why = _why_silent(facts, one.webhook) if met else ""
        if not why:
            continue
        about = f"it is asked about {named(met)}"
        name = f"{one}, webhook {one.webhook['name']}: {why}"
        if one.webhook.get("failurePolicy", "Fail") == "Fail":
            yield Problem(Level.BAD, f"{name}; {about}, and refuses them (failurePolicy Fail)")
        else:
            seconds = one.webhook.get("timeoutSeconds", 10)
            text = f"{name}; {about}, each of which may wait {seconds} s"
            yield Problem(Level.DOUBTFUL, text)


def mutating(facts: Facts) -> Iterator[Problem]:
    """Webhooks that may change what we write; what they change, the operator would correct."""
    for one in _webhooks(facts):
        met = _met(one.webhook, facts) if one.kind.startswith("Mutating") else []
        if met:
            condition = ", unless its matchConditions say otherwise"
            unless = condition if one.webhook.get("matchConditions") else ""
            text = f"{one}, webhook {one.webhook['name']}, may change {named(met)}{unless}"
            yield Problem(Level.DOUBTFUL, text)


def refusing(facts: Facts) -> Iterator[Problem]:
    """Webhooks and policies that may refuse what we write, where something was not written."""
    refused = _not_reconciled(facts)
    if not refused:
        return
    for one in _webhooks(facts):
        met = _met(one.webhook, facts) if one.kind.startswith("Validating") else []
        if met and not _why_silent(facts, one.webhook):
            text = f"{one}, webhook {one.webhook['name']}, may refuse {named(met)}"
            yield Problem(Level.DOUBTFUL, f"{text}; not reconciled: {named(refused)}")
    bound = {
        binding["spec"]["policyName"]
        for binding in facts.snapshot.of("ValidatingAdmissionPolicyBinding")
        if "Deny" in (binding["spec"].get("validationActions") or ())
    }
    for policy in facts.snapshot.of("ValidatingAdmissionPolicy"):
        constraints = (policy["spec"].get("matchConstraints") or {}) | {
            "rules": (policy["spec"].get("matchConstraints") or {}).get("resourceRules") or ()
        }
        met = _met(constraints, facts)
        if met and policy["metadata"]["name"] in bound:
            text = (
                f"ValidatingAdmissionPolicy {policy['metadata']['name']} may refuse"
                f" {named(met)}; not reconciled: {named(refused)}"
            )
            yield Problem(Level.DOUBTFUL, text)


def _not_reconciled(facts: Facts) -> list[str]:
    found = [*facts.snapshot.of("Falco"), *facts.snapshot.of("Component")]
    return [
        f"{one['kind']} {one['metadata']['namespace']}/{one['metadata']['name']}"
        for one in found
        for condition in (one.get("status") or {}).get("conditions") or ()
        if condition["type"] == "Reconciled" and condition["status"] == "False"
    ]


def _webhooks(facts: Facts) -> Iterator[_Webhook]:
    for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        for one in facts.snapshot.of(kind):
            for webhook in one.get("webhooks") or ():
                yield _Webhook(one["metadata"]["name"], kind, webhook)


def _targets(facts: Facts, kinds: Iterable[str]) -> Iterator[Target]:
    """The objects of these kinds that there are for a Falco or Component, pods among them."""
    for workload in facts.workloads:
        namespace = facts.namespaces[workload.namespace]
        labels = {**(labels_of(namespace) if namespace else {}), _NAME_LABEL: workload.namespace}
        own = workload.child.body["metadata"]["labels"]
        for kind in kinds:
            if kind in ("DaemonSet", "Deployment") and kind != workload.child.ref.kind:
                continue
            found = labels_of(workload.template) if kind == "Pod" else own
            yield Target(kind, labels if KINDS[kind].namespaced else None, found)


def _met(webhook: Mapping[str, Any], facts: Facts, kinds: Iterable[str] = CHILD_KINDS) -> list[str]:
    """The plurals of what it is asked about, of all that is written."""
    met = (target.kind for target in _targets(facts, kinds) if is_asked(webhook, target))
    return [KINDS[kind].plural for kind in dict.fromkeys(met)]


def is_asked(webhook: Mapping[str, Any], target: Target) -> bool:
    """Whether a webhook, or the constraints of a policy, are about an object that is written.

    As the API server matches rules and selectors; its matchConditions are not evaluated.
    """
    is_exact = webhook.get("matchPolicy") == "Exact"
    included, excluded = (
        any(_matches(rule, target.kind, is_exact) for rule in webhook.get(field) or ())
        for field in ("rules", "excludeResourceRules")
    )
    if not included or excluded:
        return False
    in_namespace = target.namespace
    if in_namespace is not None and not _selects(webhook, "namespaceSelector", in_namespace):
        return False
    return _selects(webhook, "objectSelector", target.labels)


def _matches(rule: Mapping[str, Any], kind: str, is_exact: bool) -> bool:
    known = KINDS[kind]
    scope = "Namespaced" if known.namespaced else "Cluster"
    return (
        bool({*_WRITES, "*"} & set(rule.get("operations") or ()))
        and bool({known.group, "*"} & set(rule.get("apiGroups") or ()))
        and (not is_exact or bool({known.version, "*"} & set(rule.get("apiVersions") or ())))
        and bool({known.plural, "*", "*/*"} & set(rule.get("resources") or ()))
        and rule.get("scope", "*") in ("*", scope)
        and not rule.get("resourceNames")
    )


def _selects(webhook: Mapping[str, Any], field: str, labels: Mapping[str, str]) -> bool:
    selector = webhook.get(field) or {}
    return selects(msgspec.convert(selector, LabelSelector), labels)


def _why_silent(facts: Facts, webhook: Mapping[str, Any]) -> str:
    """Why a webhook cannot answer; empty if it can, or if nobody knows."""
    client = webhook.get("clientConfig") or {}
    service = client.get("service")
    if service is None:
        return ""
    namespace, name = service["namespace"], service["name"]
    if not facts.snapshot.could_read("Service"):
        return ""
    if facts.snapshot.get("Service", namespace, name) is None:
        return f"there is no Service {namespace}/{name}"
    if facts.snapshot.could_read("EndpointSlice") and not any(
        _is_ready(one)
        for one in facts.snapshot.of("EndpointSlice")
        if one["metadata"]["namespace"] == namespace
        and labels_of(one).get("kubernetes.io/service-name") == name
    ):
        return f"Service {namespace}/{name} has no endpoint that is ready"
    if not client.get("caBundle"):
        return "it has no caBundle, so no certificate of its Service is trusted"
    return ""


def _is_ready(slice_: Object) -> bool:
    endpoints: Iterable[Object] = slice_.get("endpoints") or ()
    return any((one.get("conditions") or {}).get("ready", True) for one in endpoints)
