"""Reads what a report holds, with the user's rights."""

from __future__ import annotations

import asyncio
import platform
import sys
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING

import msgspec

from actors.api.errors import ApiError, Forbidden
from cli.check.catalog import CHECKS, checked
from cli.check.reading import read as read_facts
from cli.check.writing import as_text, summary
from cli.cluster.operators import OF_CHILDREN, SELECTOR
from cli.cluster.snapshot import UNKNOWN, Snapshot, read_one, snapshot, why_not
from cli.report.archive import Archive
from cli.report.contents import (
    AROUND,
    CHILDREN,
    NEVER,
    OURS,
    Log,
    add_objects,
    logs_of,
    told_of_removed,
)
from cli.report.dumps import add_dumps
from cli.report.redaction import Redaction
from cli.status.diagnosis import diagnosed
from cli.status.reading import read as read_status
from cli.status.text import text_of
from resources.instance.labels import OPERATOR
from resources.kubernetes.kinds import object_path
from resources.kubernetes.reference import ObjectRef

if TYPE_CHECKING:
    from cli.check.facts import Facts
    from cli.cluster.connection import Connection
    from cli.cluster.snapshot import Object

_LINES, _BYTES = "4000", str(1 << 20)
_PATIENCE = 20.0
_AT_ONCE = 8
# Of which Events are read.
_MOST_NAMESPACES = 50


async def read(
    connection: Connection, namespace: str, operator_namespace: str, pods: int, root: str
) -> bytes:
    """A report as a ZIP file; what could not be had is in the list of what was left out.

    Raises Failure if the API server cannot be reached.
    """
    archive, redaction = Archive(root), Redaction()
    archive.left_out += NEVER
    facts = await read_facts(connection, namespace, operator_namespace, is_pre=False)
    results = checked(facts, CHECKS)
    archive.add(("check.txt",), redaction.text(f"{as_text(results)}\n{summary(results)}\n"))
    archive.add(("versions.json",), _versions(facts))
    archive.add(("status.txt",), redaction.text(await _status(connection, namespace)))
    seen = await _objects(connection, namespace, facts.operator_namespace)
    add_objects(archive, redaction, seen)
    logs = [*logs_of(seen.of("Pod"), pods)]
    await _add_logs(connection, archive, redaction, logs)
    await add_dumps(connection, archive, redaction, seen, logs, facts.operator_namespace)
    archive.left_out += told_of_removed(redaction)
    return archive.finished()


async def _status(connection: Connection, namespace: str) -> str:
    """What the command `status` says."""
    found = await read_status(replace(connection, namespace=namespace))
    unread = [str(one) for one in found.unread]
    return text_of(diagnosed(found.observation), unread, is_wide=not namespace, width=0)


def _versions(facts: Facts) -> str:
    told = {
        "kubectl-falco": version("falco-operator"),
        "kubernetes": ".".join(map(str, facts.version)),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
    }
    return msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"


async def _objects(connection: Connection, namespace: str, operator_namespace: str) -> Snapshot:
    both = ("Deployment", "Pod")
    parts = [
        await snapshot(connection, (*OURS, *AROUND), namespace),
        await snapshot(connection, CHILDREN, namespace, dict.fromkeys(CHILDREN, OF_CHILDREN)),
        await snapshot(connection, both, operator_namespace, dict.fromkeys(both, SELECTOR)),
    ]
    with_falcos = {one["metadata"]["namespace"] for kind in OURS for one in parts[0].of(kind)}
    places = sorted({*with_falcos, operator_namespace})[:_MOST_NAMESPACES]
    parts += [await snapshot(connection, ["Event"], name) for name in places]
    lease = ObjectRef("Lease", operator_namespace, OPERATOR)
    try:
        found = await read_one(connection, lease)
        parts.append(Snapshot({"Lease": [found] if found else []}, []))
    except ApiError as error:
        why_not(connection, error)
    return joined(parts, with_falcos | {operator_namespace})


def joined(parts: list[Snapshot], namespaces: set[str]) -> Snapshot:
    """All parts, each object once; of Namespaces those that matter."""
    objects: dict[str, dict[tuple[str, str], Object]] = {}
    for part in parts:
        for kind in part.kinds:
            found = objects.setdefault(kind, {})
            for one in part.of(kind):
                name = one["metadata"]["name"]
                if kind != "Namespace" or name in namespaces:
                    found[one["metadata"].get("namespace", ""), name] = one
    unread = dict.fromkeys(one for part in parts for one in part.unread if one.why != UNKNOWN)
    return Snapshot({kind: found.values() for kind, found in objects.items()}, unread)


async def _add_logs(
    connection: Connection, archive: Archive, redaction: Redaction, logs: list[Log]
) -> None:
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one(log: Log) -> str | ApiError | TimeoutError:
        async with turn:
            try:
                return await asyncio.wait_for(_log(connection, log), _PATIENCE)
            except (ApiError, TimeoutError) as error:
                return error

    answers = await asyncio.gather(*map(one, logs))
    for log, answer in zip(logs, answers, strict=True):
        if isinstance(answer, str):
            redacted = redaction.falco_log if log.is_falco else redaction.text
            archive.add(log.path, redacted(answer))
        else:
            why = _why(answer)
            archive.left_out.append(f"{'/'.join(log.path)}: {redaction.text(why)}")


def _why(error: ApiError | TimeoutError) -> str:
    if isinstance(error, Forbidden):
        return "you may not read it (get pods/log)"
    return error.message if isinstance(error, ApiError) else "no answer in time"


async def _log(connection: Connection, log: Log) -> str:
    path = f"{object_path(ObjectRef('Pod', log.namespace, log.pod))}/log"
    query = {"container": log.container, "tailLines": _LINES, "limitBytes": _BYTES}
    if log.previous:
        query["previous"] = "true"
    raw = await connection.transport.request("GET", path, verb="get", query=query)
    return raw.decode("utf-8", "replace")
