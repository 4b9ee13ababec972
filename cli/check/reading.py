"""Reads what the checks look at, with the user's rights."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from actors.api.body import json_body
from actors.api.errors import ApiError
from cli.check.crds import DEFINITIONS
from cli.check.facts import Facts
from cli.check.nodes import UNKNOWN as UNKNOWN_VERSION
from cli.check.operator import is_old, lease_of, unknown_falcos
from cli.check.rights import asked_of_installer, asked_of_user
from cli.cluster.operator_settings import settings_of
from cli.cluster.operators import LEASE, OF_CHILDREN, SELECTOR
from cli.cluster.snapshot import UNKNOWN, Snapshot, Unread, read_one, snapshot, why_not
from resources.falco.desired import FalcoSettings
from resources.kubernetes.reference import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.check.facts import Right
    from cli.cluster.connection import Connection
    from cli.cluster.snapshot import Object

_OURS = ("Falco", "Component", "Rulesfile", "Plugin", "Config", "LimitRange", "ResourceQuota")
_WHOLE = (
    "ClusterRole",
    "ClusterRoleBinding",
    "Node",
    "Namespace",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
)
_OF_OPERATOR = ("Role", "RoleBinding")
_CHILDREN = ("DaemonSet", "Deployment", "Pod")
_PROGRAMS = ("Deployment", "Pod")
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_MOST_REPORTS = 50
# A leader renews every two seconds.
_RENEWED_WITHIN = 5.0


async def read(
    connection: Connection, namespace: str, operator_namespace: str, *, is_pre: bool
) -> Facts:
    """Everything that the checks look at, of one namespace or of all.

    Raises Failure if the API server cannot be reached.
    """
    server_version = await _version(connection)
    found = await asyncio.gather(
        snapshot(connection, (*_OURS, *_WHOLE), namespace),
        snapshot(connection, _CHILDREN, namespace, dict.fromkeys(_CHILDREN, OF_CHILDREN)),
        _of_operators(connection, operator_namespace, SELECTOR),
        _crds(connection),
    )
    operators = [one["metadata"]["namespace"] for one in found[2].of("Deployment")]
    operator_namespace = next(iter(operators), operator_namespace)
    more = await asyncio.gather(
        snapshot(connection, _OF_OPERATOR, operator_namespace),
        _lease(connection, operator_namespace),
        _of_webhooks(connection, found[0]),
        _reports(connection, found[1]),
    )
    seen = _joined([*found, *more])
    asked = (
        asked_of_installer(operator_namespace, server_version)
        if is_pre
        else asked_of_user(namespace)
    )
    missing, unasked = await _missing(connection, asked)
    facts = Facts(
        snapshot=seen,
        version=server_version,
        program=version("falco-operator"),
        settings=settings_of(seen.of("Deployment")) or FalcoSettings(),
        now=datetime.now(UTC),
        operator_namespace=operator_namespace,
        missing=missing,
        unasked=unasked,
    )
    lease = lease_of(facts)
    if lease is None or not is_old(lease, facts.now):
        return facts
    await asyncio.sleep(_RENEWED_WITHIN)
    later = await _lease(connection, operator_namespace)
    return replace(facts, lease_later=later.get("Lease", operator_namespace, LEASE))


async def _version(connection: Connection) -> tuple[int, int]:
    try:
        return await connection.client.server_version()
    except ApiError as error:
        why_not(connection, error)
        return UNKNOWN_VERSION


async def _of_operators(connection: Connection, namespace: str, selector: str) -> Snapshot:
    """Deployments and pods of operators: in the cluster, or where one is expected to be."""
    selectors = dict.fromkeys(_PROGRAMS, selector)
    found = await snapshot(connection, _PROGRAMS, "", selectors)
    if not found.unread:
        return found
    here = await snapshot(connection, _PROGRAMS, namespace, selectors)
    return here if not here.unread else found


async def _lease(connection: Connection, namespace: str) -> Snapshot:
    return await _one(connection, ObjectRef("Lease", namespace, LEASE))


async def _one(connection: Connection, ref: ObjectRef) -> Snapshot:
    try:
        found = await read_one(connection, ref)
    except ApiError as error:
        return Snapshot({}, [Unread(ref.kind, ref.namespace, why_not(connection, error))])
    return Snapshot({ref.kind: [] if found is None else [found]}, [])


async def _crds(connection: Connection) -> Snapshot:
    """Ours alone: a cluster may have hundreds, each of hundreds of KiB."""
    refs = (ObjectRef("CustomResourceDefinition", "", one.crd_name) for one in DEFINITIONS)
    return _joined(await asyncio.gather(*(_one(connection, ref) for ref in refs)))


async def _of_webhooks(connection: Connection, seen: Snapshot) -> Snapshot:
    """The Services of all webhooks, and their endpoints."""
    services = dict.fromkeys(
        (service["namespace"], service["name"])
        for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
        for one in seen.of(kind)
        for webhook in one.get("webhooks") or ()
        if (service := (webhook.get("clientConfig") or {}).get("service"))
    )
    readings = []
    for namespace, name in services:
        selector = {"EndpointSlice": f"kubernetes.io/service-name={name}"}
        readings.append(_one(connection, ObjectRef("Service", namespace, name)))
        readings.append(snapshot(connection, ["EndpointSlice"], namespace, selector))
    return _joined(await asyncio.gather(*readings))


async def _reports(connection: Connection, seen: Snapshot) -> Snapshot:
    """What Falcos of unknown releases have said of themselves; of many, the first ones."""
    pods = [pod for _, pod in islice(unknown_falcos(seen.of("Pod")), _MOST_REPORTS)]
    metadata = [pod["metadata"] for pod in pods]
    refs = [ObjectRef("NodeReport", one["namespace"], one["name"]) for one in metadata]
    return _joined(await asyncio.gather(*(_one(connection, ref) for ref in refs)))


async def _missing(
    connection: Connection, rights: Iterable[Right]
) -> tuple[tuple[Right, ...], str]:
    """Those of the rights that the user lacks, and why that is not known."""
    asked = list(rights)
    answers = await asyncio.gather(
        *(_may(connection, right) for right in asked), return_exceptions=True
    )
    missing = []
    for right, answer in zip(asked, answers, strict=True):
        if isinstance(answer, ApiError):
            return (), why_not(connection, answer)
        if isinstance(answer, BaseException):
            raise answer
        if not answer:
            missing.append(right)
    return tuple(missing), ""


async def _may(connection: Connection, right: Right) -> bool:
    resource, _, subresource = right.resource.partition("/")
    attributes = {
        "verb": right.verb,
        "group": right.group,
        "resource": resource,
        "subresource": subresource,
        "namespace": right.namespace,
    }
    body: dict[str, Any] = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    raw = await connection.transport.request(
        "POST",
        _REVIEWS,
        verb="create",
        body=json_body(body),
        headers={"Content-Type": "application/json"},
    )
    return bool(msgspec.json.decode(raw)["status"]["allowed"])


def _joined(snapshots: Iterable[Snapshot]) -> Snapshot:
    """All that was read; what the API server has no kind for is not there."""
    objects: dict[str, dict[tuple[str, str], Object]] = {}
    unread: list[Unread] = []
    for one in snapshots:
        for kind in one.kinds:
            found = objects.setdefault(kind, {})
            for item in one.of(kind):
                found[item["metadata"].get("namespace", ""), item["metadata"]["name"]] = item
        unread += [missing for missing in one.unread if missing.why != UNKNOWN]
    return Snapshot(
        {kind: found.values() for kind, found in objects.items()}, dict.fromkeys(unread)
    )
