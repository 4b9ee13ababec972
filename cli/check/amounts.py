"""What ResourceQuotas and LimitRanges leave no room for."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from cli.check.facts import Level, Problem, containers_of
from resources.kubernetes.quantity import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cli.check.facts import Facts, Workload
    from cli.cluster.snapshot import Object

_HINT = "kubectl -n {} describe {} {}"
_COMPUTE = ("cpu", "memory", "ephemeral-storage")


def over_quota(facts: Facts) -> Iterator[Problem]:
    """The pods that a quota does not let in."""
    for quota in facts.snapshot.of("ResourceQuota"):
        spec = quota["spec"]
        if spec.get("scopes") or spec.get("scopeSelector"):
            continue
        namespace, name = quota["metadata"]["namespace"], quota["metadata"]["name"]
        hint = _HINT.format(namespace, "resourcequota", name)
        for workload in facts.workloads:
            if workload.namespace == namespace:
                for text in _of_quota(facts, quota, workload):
                    where = f"ResourceQuota {namespace}/{name}"
                    yield Problem(Level.BAD, f"{where}: {text}", hint)


def out_of_range(facts: Facts) -> Iterator[Problem]:
    """The containers and pods that a LimitRange refuses."""
    for ranges in facts.snapshot.of("LimitRange"):
        namespace, name = ranges["metadata"]["namespace"], ranges["metadata"]["name"]
        hint = _HINT.format(namespace, "limitrange", name)
        for workload in facts.workloads:
            if workload.namespace == namespace:
                for text in _of_range(ranges, workload):
                    where = f"LimitRange {namespace}/{name}"
                    yield Problem(Level.BAD, f"{where}: {workload}: {text}", hint)


def requested(template: Mapping[str, Any], name: str) -> Fraction:
    """What a pod asks of a resource: `requests.cpu`, or `limits.memory`.

    What native sidecars ask is added to that of the containers; of the other init containers the
    most counts, with the sidecars before it.
    """
    running = most = Fraction(0)
    for container in template["spec"].get("initContainers") or ():
        amount = amount_of(container, name) or Fraction(0)
        if container.get("restartPolicy") == "Always":
            running += amount
            most = max(most, running)
        else:
            most = max(most, running + amount)
    for container in template["spec"].get("containers") or ():
        running += amount_of(container, name) or Fraction(0)
    return max(most, running)


def amount_of(container: Mapping[str, Any], name: str) -> Fraction | None:
    """What a container asks of `requests.cpu` and the like; a limit is a request as well."""
    which, _, resource = name.partition(".")
    resources = container.get("resources") or {}
    value = (resources.get(which) or {}).get(resource)
    if value is None and which == "requests":
        value = (resources.get("limits") or {}).get(resource)
    return None if value is None else parse(value)


def _of_quota(facts: Facts, quota: Object, workload: Workload) -> Iterator[str]:
    status = quota.get("status") or {}
    hard, used = status.get("hard") or quota["spec"].get("hard") or {}, status.get("used") or {}
    lacking = _lacking(workload)
    for resource, most in hard.items():
        name = f"requests.{resource}" if resource in _COMPUTE else resource
        which, _, what = name.partition(".")
        if resource in ("pods", "count/pods"):
            each = Fraction(1)
        elif which in ("requests", "limits") and what in _COMPUTE:
            if unset := _unset(facts, workload, name):
                yield (
                    f"it limits {resource}, and container {unset} of {workload} has no {name}, so"
                    " that its pods are refused"
                )
                continue
            each = requested(workload.template, name)
        else:
            continue
        left = (parse(most) or Fraction(0)) - (parse(used.get(resource, "0")) or Fraction(0))
        if lacking and each * lacking > left:
            yield (
                f"{lacking} pods of {workload} are missing, and {used.get(resource, '0')} of"
                f" {most} {resource} are used"
            )


def _lacking(workload: Workload) -> int:
    """How many pods of a workload are not there; one that is not there lacks one at least."""
    live = workload.live
    if live is None:
        return 1
    status = live.get("status") or {}
    if workload.child.ref.kind == "DaemonSet":
        wanted, there = "desiredNumberScheduled", "currentNumberScheduled"
        return max(0, int(status.get(wanted, 0)) - int(status.get(there, 0)))
    return max(0, int(live["spec"].get("replicas", 1)) - int(status.get("replicas", 0)))


def _unset(facts: Facts, workload: Workload, name: str) -> str:
    """A container that says nothing of what a quota counts, if no LimitRange says it instead."""
    which, _, resource = name.partition(".")
    for ranges in facts.snapshot.of("LimitRange"):
        for one in ranges["spec"]["limits"]:
            given = {**(one.get("default") or {}), **(one.get("max") or {})}
            if which == "requests":
                given |= one.get("defaultRequest") or {}
            is_here = ranges["metadata"]["namespace"] == workload.namespace
            if is_here and one["type"] == "Container" and resource in given:
                return ""
    for container in containers_of(workload.template):
        if amount_of(container, name) is None:
            return str(container["name"])
    return ""


def _of_range(ranges: Object, workload: Workload) -> Iterator[str]:
    for one in ranges["spec"]["limits"]:
        if one["type"] == "Container":
            for container in containers_of(workload.template):
                who = f"container {container['name']}"
                yield from _beyond(one, who, lambda name, c=container: amount_of(c, name))
        elif one["type"] == "Pod":
            yield from _beyond(
                one, "the pod", lambda name: requested(workload.template, name) or None
            )


def _beyond(one: Mapping[str, Any], who: str, amount: Any) -> Iterator[str]:
    """What asks for more than the most, or for less than the least."""
    for resource, most in (one.get("max") or {}).items():
        for name in (f"limits.{resource}", f"requests.{resource}"):
            found, bound = amount(name), parse(most)
            if found is not None and bound is not None and found > bound:
                yield f"{who} has {name} above the {most} that are allowed"
                break
    for resource, least in (one.get("min") or {}).items():
        name = f"requests.{resource}"
        found, bound = amount(name), parse(least)
        if found is not None and bound is not None and found < bound:
            yield f"{who} has {name} below the {least} that are demanded"
