"""What the user and the operator may do, against what they need."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from cli.check.facts import Level, Problem, Right
from cli.check.operator import ACCOUNT, deployments, is_elected
from cli.cluster.operators import LEASE
from cli.output.words import named
from resources.kubernetes.kinds import KINDS, RESOURCES
from resources.operator_role import lease_rules, operator_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cli.check.facts import Facts
    from cli.cluster.snapshot import Object


ROLE = "falco-operator"
_SEEN = (*RESOURCES, "NodeReport", "Pod", "Event")
# What the chart has, beside what its values may leave out.
_INSTALLED = (
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
    ("", "namespaces"),
)
_INSTALLED_IN_NAMESPACE = (
    ("", "serviceaccounts"),
    ("", "services"),
    ("apps", "deployments"),
    ("rbac.authorization.k8s.io", "roles"),
    ("rbac.authorization.k8s.io", "rolebindings"),
)
_POLICY_FROM = (1, 30)
_POLICIES = ("validatingadmissionpolicies", "validatingadmissionpolicybindings")


def asked_of_user(namespace: str) -> list[Right]:
    """The rights by which a user sees what the operator does; in all namespaces if it is empty."""
    kinds = (KINDS[kind] for kind in _SEEN)
    return [Right("list", kind.group, kind.plural, namespace) for kind in kinds]


def asked_of_installer(operator_namespace: str, version: tuple[int, int]) -> list[Right]:
    """The rights by which a user installs the operator.

    RBAC lets only those grant a right who have it, or may escalate.
    """
    policies = _POLICIES if version >= _POLICY_FROM else ()
    whole = [*_INSTALLED, *(("admissionregistration.k8s.io", name) for name in policies)]
    return [
        *(Right("create", group, resource) for group, resource in whole),
        *(Right("create", *one, operator_namespace) for one in _INSTALLED_IN_NAMESPACE),
        Right("escalate", "rbac.authorization.k8s.io", "clusterroles"),
    ]


def of_user(facts: Facts) -> Iterator[Problem]:
    """The rights that the user lacks."""
    if facts.unasked:
        yield Problem(Level.UNREAD, f"your rights are not known: {facts.unasked}")
    for right in facts.missing:
        yield Problem(Level.DOUBTFUL, f"you may not {right}")


def of_installer(facts: Facts) -> Iterator[Problem]:
    """The rights that a user lacks who wants to install."""
    if facts.unasked:
        yield Problem(Level.UNREAD, f"your rights are not known: {facts.unasked}")
    for right in facts.missing:
        if right.verb == "escalate":
            text = f"you may not {right}: you can only grant the operator what you may do yourself"
            yield Problem(Level.DOUBTFUL, text)
        else:
            yield Problem(Level.BAD, f"you may not {right}")


def of_operator(facts: Facts) -> Iterator[Problem]:
    """The rights that the operator's ServiceAccount lacks, by the roles that it is bound to."""
    namespace, account = account_of(facts)
    held = list(_held(facts, namespace, account, "ClusterRoleBinding", ""))
    if not held:
        text = f"no ClusterRoleBinding gives ServiceAccount {namespace}/{account} a ClusterRole"
        yield Problem(Level.BAD, text)
    else:
        lacking = _in_words(missing(operator_rules(), held))
        if lacking:
            which = f"ServiceAccount {namespace}/{account} may not {named(lacking)}"
            yield Problem(Level.BAD, f"{which}: ClusterRole {ROLE} does not allow it")
    if is_elected(facts) and all(map(facts.snapshot.could_read, ("Role", "RoleBinding"))):
        held += _held(facts, namespace, account, "RoleBinding", namespace)
        lacking = _in_words(missing(lease_rules(LEASE), held))
        if lacking:
            which = f"ServiceAccount {namespace}/{account} may not {named(lacking)}"
            yield Problem(Level.BAD, f"{which} in its namespace: it cannot lead")


def account_of(facts: Facts) -> tuple[str, str]:
    """Namespace and name of the operator's ServiceAccount."""
    for deployment in deployments(facts):
        spec = deployment["spec"]["template"]["spec"]
        return deployment["metadata"]["namespace"], spec.get("serviceAccountName", "default")
    return facts.operator_namespace, ACCOUNT


def missing(wanted: Iterable[Mapping[str, Any]], held: Iterable[Mapping[str, Any]]) -> list[Right]:
    """Every single right of the wanted rules that no held rule gives."""
    rules = list(held)
    return [
        Right(verb, group, resource)
        for rule in wanted
        for group, resource, verb in product(rule["apiGroups"], rule["resources"], rule["verbs"])
        if not any(_gives(given, group, resource, verb, rule) for given in rules)
    ]


def _in_words(rights: Iterable[Right]) -> list[str]:
    """The rights, those to one resource together."""
    verbs: dict[str, list[str]] = {}
    for right in rights:
        resource = f"{right.resource}.{right.group}" if right.group else right.resource
        verbs.setdefault(resource, []).append(right.verb)
    return [f"{'/'.join(found)} {resource}" for resource, found in verbs.items()]


def _gives(
    given: Mapping[str, Any], group: str, resource: str, verb: str, wanted: Mapping[str, Any]
) -> bool:
    """Whether a rule gives a right, as RBAC evaluates rules."""
    names = given.get("resourceNames")
    if names and not set(wanted.get("resourceNames") or ("",)) <= set(names):
        return False
    resources = given.get("resources") or ()
    _, slash, subresource = resource.partition("/")
    known = {"*", resource} | ({f"*/{subresource}"} if slash else set())
    return (
        bool({"*", verb} & set(given.get("verbs") or ()))
        and bool({"*", group} & set(given.get("apiGroups") or ()))
        and bool(known & set(resources))
    )


def _held(
    facts: Facts, namespace: str, account: str, kind: str, of_namespace: str
) -> Iterator[Mapping[str, Any]]:
    """The rules of all roles that bindings of a kind give a ServiceAccount."""
    whole = "system:serviceaccounts"
    groups = {"system:authenticated", whole, f"{whole}:{namespace}"}
    for binding in facts.snapshot.of(kind):
        if of_namespace and binding["metadata"]["namespace"] != of_namespace:
            continue
        if not any(
            _is_subject(subject, namespace, account, groups)
            for subject in binding.get("subjects") or ()
        ):
            continue
        reference = binding["roleRef"]
        where = of_namespace if reference["kind"] == "Role" else ""
        role: Object | None = facts.snapshot.get(reference["kind"], where, reference["name"])
        yield from (role or {}).get("rules") or ()


def _is_subject(subject: Mapping[str, Any], namespace: str, account: str, groups: set[str]) -> bool:
    if subject["kind"] == "ServiceAccount":
        return (subject.get("namespace"), subject["name"]) == (namespace, account)
    return subject["kind"] == "Group" and subject["name"] in groups
