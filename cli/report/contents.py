"""Which entries a report has, of what was read."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import yaml

from cli.cluster.operators import is_operator
from cli.output.without_aliases import WithoutAliases
from resources.falco.pod import MAIN, SIDECAR
from resources.instance.labels import NAME, OWNER_KIND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cli.cluster.snapshot import Object, Snapshot
    from cli.report.archive import Archive
    from cli.report.redaction import Redaction


OURS = ("Falco", "Component", "Rulesfile", "Plugin", "Config", "NodeReport")
CHILDREN = (
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "Service",
    "ConfigMap",
    "ClusterRole",
    "ClusterRoleBinding",
    "DaemonSet",
    "Deployment",
    "Pod",
)
"""Read by the label of what the operator has made, or of the operator itself."""

AROUND = (
    "Namespace",
    "Node",
    "LimitRange",
    "ResourceQuota",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
)
NEVER = (
    "Secrets: their content is never read",
    "ConfigMaps that artifacts name: their content is not read",
)
# Of a kind; a large cluster has 10,000 NodeReports, and Events come in thousands.
_MOST_OBJECTS = 300
_LOGGED = (SIDECAR, MAIN.name)


class Log(NamedTuple):
    """A log to be read: `previous` is that of the container before its last restart."""

    namespace: str
    pod: str
    container: str
    previous: bool

    @property
    def is_falco(self) -> bool:
        """Whether it is of a pod of a Falco."""
        return self.container == MAIN.name

    @property
    def path(self) -> tuple[str, ...]:
        """Its entry."""
        end = ".previous.log" if self.previous else ".log"
        return "logs", self.namespace, self.pod, f"{self.container}{end}"


def add_objects(archive: Archive, redaction: Redaction, seen: Snapshot) -> None:
    """An entry for each kind, with its objects as a YAML stream; Events as lines."""
    for kind in seen.kinds:
        if kind == "Event":
            continue
        found = [*sorted(seen.of(kind), key=_is_well)]
        if len(found) > _MOST_OBJECTS:
            archive.left_out.append(f"{len(found) - _MOST_OBJECTS} of {len(found)} {kind}s")
        kept = [redaction.of(one) for one in found[:_MOST_OBJECTS]]
        if kept:
            text = yaml.dump_all(kept, Dumper=WithoutAliases, sort_keys=False, allow_unicode=True)
            archive.add(("resources", f"{kind}.yaml"), text)
    events = [_event(one) for one in seen.of("Event")]
    if events:
        text = "".join(f"{line}\n" for line in sorted(events)[-10 * _MOST_OBJECTS :])
        archive.add(("events.txt",), redaction.text(text))
    archive.left_out += [str(one) for one in seen.unread]


def logs_of(pods: Iterable[Object], most: int) -> Iterator[Log]:
    """The logs of all operators, and of `most` pods of each Falco, those not ready first."""
    taken: Counter[tuple[str, str]] = Counter()
    for pod in sorted(pods, key=_is_well):
        labels = pod["metadata"].get("labels") or {}
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        if is_operator(pod):
            wanted = [one["name"] for one in pod["spec"]["containers"]]
        elif labels.get(OWNER_KIND) == "Falco":
            whose = namespace, labels.get(NAME, "")
            taken[whose] += 1
            wanted = [*_LOGGED] if taken[whose] <= most else []
        else:
            continue
        restarts = _restarts(pod)
        for container in wanted:
            yield Log(namespace, name, container, previous=False)
            if restarts.get(container):
                yield Log(namespace, name, container, previous=True)


def told_of_removed(redaction: Redaction) -> list[str]:
    """What was taken out of objects and logs, in lines."""
    return [f"{what}: {count} removed" for what, count in sorted(redaction.removed.items())]


def _restarts(pod: Object) -> dict[str, int]:
    status = pod.get("status") or {}
    found = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return {one["name"]: one.get("restartCount", 0) for one in found}


def _is_well(one: Object) -> bool:
    """Whether no condition of an object says otherwise; those come first."""
    conditions = (one.get("status") or {}).get("conditions") or ()
    if one["kind"] == "Pod":
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return all(each.get("status") != "False" for each in conditions)


def _event(one: Object) -> str:
    regarding = one.get("regarding") or {}
    series = one.get("series") or {}
    when = (
        series.get("lastObservedTime") or one.get("eventTime") or one.get("deprecatedLastTimestamp")
    )
    where = "/".join(filter(None, (regarding.get(key) for key in ("kind", "namespace", "name"))))
    times = series.get("count") or one.get("deprecatedCount") or 1
    note = " ".join(str(one.get("note", "")).split())
    return f"{when or ''} {one.get('type', '')} {where} {one.get('reason', '')} x{times}: {note}"
