"""What the actors of operators and sidecars do, asked through port-forwards."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from actors.api.errors import ApiError
from cli.cluster.operators import is_operator
from cli.cluster.snapshot import Snapshot
from cli.failure import Failure
from cli.trace.debug_client import DebugClient
from cli.trace.places import beside_falco, leading
from cli.trace.port_forward import PortForward

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cli.cluster.connection import Connection
    from cli.report.archive import Archive
    from cli.report.contents import Log
    from cli.report.redaction import Redaction
    from cli.trace.places import Place

_PATIENCE = 20.0
_PATH = "/debug/actors"


async def add_dumps(
    connection: Connection,
    archive: Archive,
    redaction: Redaction,
    seen: Snapshot,
    logs: Iterable[Log],
    operator_namespace: str,
) -> None:
    """The dump of the operator that leads, and of the sidecars of which there are logs."""
    pods = [pod for pod in seen.of("Pod") if is_operator(pod)]
    operators = Snapshot({"Pod": pods, "Lease": seen.of("Lease")}, seen.unread)

    def leader() -> Place:
        return leading(operators, operator_namespace)

    await _add(connection, archive, redaction, "operator", leader)
    for namespace, pod in dict.fromkeys((log.namespace, log.pod) for log in logs if log.is_falco):
        name = f"{namespace}.{pod}"

        def place(namespace: str = namespace, pod: str = pod) -> Place:
            return beside_falco(seen, pod, "", namespace)

        await _add(connection, archive, redaction, name, place)


async def _add(
    connection: Connection,
    archive: Archive,
    redaction: Redaction,
    name: str,
    place: Callable[[], Place],
) -> None:
    path = ("actors", f"{name}.json")
    try:
        content = await asyncio.wait_for(_dump(connection, place()), _PATIENCE)
    except (Failure, ApiError, TimeoutError) as error:
        why = error.message if isinstance(error, Failure | ApiError) else "no answer in time"
        archive.left_out.append(f"{'/'.join(path)}: {redaction.text(why)}")
        return
    archive.add(path, redaction.text(content.decode("utf-8", "replace")))


async def _dump(connection: Connection, place: Place) -> bytes:
    async with PortForward(connection.transport, *place).listening() as forward:
        who = f"pod {place.namespace}/{place.pod}"
        client = DebugClient(forward.url, who, lambda: forward.failure)
        content = await client.get(_PATH)
    if content is None:
        raise Failure(f"{who} has no {_PATH}")
    return content
