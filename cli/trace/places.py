"""The pods whose actors may be asked, and the port at which they answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cli.cluster.operators import LEASE, SELECTOR
from cli.cluster.snapshot import snapshot
from cli.failure import Failure
from resources.falco.pod import SIDECAR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cli.cluster.connection import Connection
    from cli.cluster.snapshot import Object, Snapshot

_PORT = 8082
_FLAG = "--debug-bind-address"


class Place(NamedTuple):
    """A process that tells what its actors do, in a pod."""

    namespace: str
    pod: str
    port: int


async def operator_place(connection: Connection, namespace: str) -> Place:
    """The operator that leads: in this namespace or, if none is there, in any.

    Raises Failure if none is found.
    """
    selectors = {"Pod": SELECTOR}
    seen = await snapshot(connection, ("Pod", "Lease"), namespace, selectors)
    if not running(seen.of("Pod")):
        seen = await snapshot(connection, ("Pod", "Lease"), "", selectors)
    return leading(seen, namespace)


def leading(seen: Snapshot, namespace: str) -> Place:
    """The pod that holds the Lease, else the only one or the first that is ready."""
    pods = running(seen.of("Pod"))
    if not pods:
        why = next((f": {one}" for one in seen.unread if one.kind == "Pod"), "")
        raise Failure(
            f"no operator runs in namespace {namespace} or any other{why}; "
            "--operator-namespace says where it is, --server where it listens outside of pods"
        )
    holders = {
        (lease["metadata"]["namespace"], str(lease["spec"].get("holderIdentity", "")))
        for lease in seen.of("Lease")
        if lease["metadata"]["name"] == LEASE
    }
    leaders = {(place, holder.rpartition("_")[0]) for place, holder in holders}
    pod = min(pods, key=lambda pod: (_key(pod) not in leaders, not _is_ready(pod)))
    return _place(pod, pod["spec"]["containers"])


async def sidecar_place(connection: Connection, pod: str, node: str) -> Place:
    """The sidecar of a pod, or of a node's only Falco pod, in the namespace of the connection.

    Raises Failure if there is none.
    """
    seen = await snapshot(connection, ("Pod",), connection.namespace)
    return beside_falco(seen, pod, node, connection.namespace)


def beside_falco(seen: Snapshot, pod: str, node: str, namespace: str) -> Place:
    """The sidecar of this pod, or of the only pod of this node."""
    found = [
        one
        for one in running(seen.of("Pod"))
        if list(_sidecars(one))
        and pod in {"", one["metadata"]["name"]}
        and node in {"", one["spec"].get("nodeName", "")}
    ]
    asked = f"pod {pod}" if pod else f"node {node}"
    where = f"namespace {namespace}" if namespace else "all namespaces"
    if not found:
        why = next((f": {one}" for one in seen.unread), "")
        raise Failure(f"no sidecar of a Falco runs for {asked} in {where}{why}")
    if len(found) > 1:
        names = ", ".join("/".join(_key(one)) for one in found)
        raise Failure(f"{asked} in {where} has more than one: say which by --pod and -n: {names}")
    return _place(found[0], _sidecars(found[0]))


def running(pods: Iterable[Object]) -> list[Object]:
    """Those that run and are not being deleted."""
    return [
        pod
        for pod in pods
        if pod.get("status", {}).get("phase") == "Running"
        and "deletionTimestamp" not in pod["metadata"]
    ]


def _place(pod: Object, containers: Iterable[Any]) -> Place:
    flags = [flag for one in containers for flag in one.get("args", ()) if flag.startswith(_FLAG)]
    address = flags[-1].partition("=")[2] if flags else f":{_PORT}"
    port = address.rpartition(":")[2]
    namespace, name = _key(pod)
    if port in {"", "0"}:
        raise Failure(
            f"pod {namespace}/{name} does not tell what its actors do: it has {_FLAG}=0, as in "
            "the host's network, where a port of the name debug turns it on"
        )
    return Place(namespace, name, int(port))


def _sidecars(pod: Object) -> Iterator[Any]:
    spec = pod["spec"]
    containers = [*spec.get("initContainers", ()), *spec["containers"]]
    return (container for container in containers if container["name"] == SIDECAR)


def _key(pod: Object) -> tuple[str, str]:
    return pod["metadata"]["namespace"], pod["metadata"]["name"]


def _is_ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
