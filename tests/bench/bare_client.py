"""Makes the writes of an operator with nothing of its own in between, and says what that took.

    python -m tests.bench.bare_client KUBECONFIG NAMESPACE

Of every Falco in the namespace, all at once, as the operator does it: the finalizer, the children
in their waves, the status; and the Events, as many at a time. What to write is made before.
Prints JSON: when it began, in seconds since 1970, its CPU seconds, and its peak memory in bytes.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import uvloop

from actors.api.client import Client
from actors.api.configuration import kubeconfig_configuration
from actors.api.transport import Transport
from actors.write.recorder import WRITERS
from resources.falco import desired as falcos
from resources.falco.desired import FalcoSettings
from resources.falco.spec import FIELD_MANAGER, FINALIZER, Falco
from resources.instance.outcome import Outcome, events
from resources.instance.status import observed_status
from resources.kubernetes.finalizer import add_finalizer
from resources.kubernetes.kinds import KINDS
from resources.kubernetes.reference import ObjectRef

if TYPE_CHECKING:
    from resources.instance.children import Child
    from resources.kubernetes.event import EventDraft


class Silent:
    """Observes nothing."""

    def api_request(self, verb: str, resource: str, code: str) -> None:
        """Ignore it."""


class Work(NamedTuple):
    """All that is written for one Falco."""

    ref: ObjectRef
    finalizer: list[dict[str, Any]]
    children: tuple[Child, ...]
    status: dict[str, Any]
    events: tuple[EventDraft, ...]


async def main(kubeconfig: str, namespace: str) -> None:
    transport = Transport(await kubeconfig_configuration(kubeconfig), Silent())
    client = Client(transport)
    page = msgspec.json.decode(await client.list_page("Falco", namespace, {}))
    works = [work_of(msgspec.convert(item, Falco)) for item in page["items"]]
    told: asyncio.Queue[tuple[ObjectRef, EventDraft]] = asyncio.Queue()
    began, cpu = time.time(), time.process_time()
    async with asyncio.TaskGroup() as tasks:
        recorders = [tasks.create_task(record(client, told)) for _ in range(WRITERS)]
        async with asyncio.TaskGroup() as each:
            for work in works:
                each.create_task(write(client, work, told))
        await told.join()
        for recorder in recorders:
            recorder.cancel()
    figures = {
        "began": began,
        "cpu": time.process_time() - cpu,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    print(json.dumps(figures))
    await transport.close()


def work_of(falco: Falco) -> Work:
    ref = ObjectRef("Falco", falco.metadata.namespace or "", falco.metadata.name)
    children = falcos.desired(falco, FalcoSettings())
    outcome = Outcome(created=tuple(child.ref for child in children))
    workload = {**children[-1].body, "metadata": {**children[-1].body["metadata"], "generation": 1}}
    status = observed_status(
        falco, outcome, falcos.main_workload(falco), workload, datetime.now(UTC)
    )
    return Work(
        ref, add_finalizer(falco.metadata, FINALIZER), children, status, events(outcome, None)
    )


async def write(
    client: Client, work: Work, told: asyncio.Queue[tuple[ObjectRef, EventDraft]]
) -> None:
    version = ""

    async def own() -> None:
        nonlocal version
        raw = await client.json_patch(work.ref, work.finalizer, FIELD_MANAGER)
        version = msgspec.json.decode(raw)["metadata"]["resourceVersion"]

    first = [own()]
    for _, wave in groupby(work.children, key=lambda child: child.wave):
        await asyncio.gather(*first, *(apply(client, child) for child in wave))
        first = []
    metadata = {
        "name": work.ref.name,
        "namespace": work.ref.namespace,
        "resourceVersion": version,
    }
    head = {"apiVersion": KINDS["Falco"].api_version, "kind": "Falco", "metadata": metadata}
    await client.apply(work.ref, {**head, "status": work.status}, FIELD_MANAGER, "status")
    for draft in work.events:
        told.put_nowait((work.ref, draft))


async def apply(client: Client, child: Child) -> None:
    metadata = {**child.body["metadata"], "resourceVersion": "1"}
    await client.apply(child.ref, {**child.body, "metadata": metadata}, FIELD_MANAGER)


async def record(client: Client, told: asyncio.Queue[tuple[ObjectRef, EventDraft]]) -> None:
    while True:
        ref, draft = await told.get()
        event = {
            "apiVersion": KINDS["Event"].api_version,
            "kind": "Event",
            "metadata": {"generateName": f"{ref.name}-", "namespace": ref.namespace},
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingController": "falcosecurity.dev/bare-client",
            "reportingInstance": "bare-client",
            "action": draft.action,
            "reason": draft.reason,
            "type": draft.type,
            "note": draft.note,
            "regarding": {"kind": ref.kind, "namespace": ref.namespace, "name": ref.name},
        }
        await client.create_event(ref.namespace, event)
        told.task_done()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
