"""The course of every process of this project: configure, connect, run a tree, exit."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import os
import random
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import uvloop

from actors.api.client import Client
from actors.api.configuration import BadConfiguration, configuration_of
from actors.api.transport import ANY_NUMBER, Transport
from actors.runtime.clock import SystemClock
from actors.runtime.context import Runtime
from actors.runtime.turns import Turns
from actors.watch.watcher import Watcher
from supervisors.process import ignored_flags, logs
from supervisors.process.endpoints import Endpoints
from supervisors.process.lookout import Lags, show
from supervisors.process.metrics import Metrics
from supervisors.process.settings import VERSION
from supervisors.process.supervise import supervise
from supervisors.tree.child_spec import ChildSpec
from supervisors.tree.supervisor import Strategy, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from actors.runtime.backoff import Backoff
    from actors.runtime.clock import Clock
    from actors.watch.audience import Audience
    from actors.watch.source import Source
    from actors.watch.store import Store
    from supervisors.debug.facts import Section
    from supervisors.process.settings import ProcessSettings
    from supervisors.tree.intensity import Intensity

# Seconds that cancelled tasks have to unwind before the process exits without them.
_LAST_WAIT = 1.0
# Of mallopt(3); a block of so many bytes is a mapping of its own, which goes when it is freed.
_M_MMAP_THRESHOLD, _LARGE = -3, 128 * 1024
# Seconds between two times that free memory is given back, which takes 0.04 to 0.5 ms.
_PERIOD = 10.0
# Objects by which the process grows until the garbage collector looks at the new ones.
_NEW_OBJECTS = 5_000


class Process:
    """The surroundings of a supervision tree: clock, metrics, runtime and connections."""

    def __init__(self, name: str, configuration: Any, trace_room: int) -> None:
        """`configuration` is that of the API server's client.

        `trace_room`: bytes, about, that the trace of one actor may take.
        """
        self.name = name
        self.configuration = configuration
        self.clock = SystemClock()
        self.metrics = Metrics(VERSION, self.clock.monotonic)
        # Not for secrets: jitter and the names of Events.
        chance = random.Random()  # noqa: S311
        self.runtime = Runtime(self.clock, chance, self.metrics, trace_room=trace_room)
        self.streams = Transport(configuration, self.metrics, ANY_NUMBER)
        self._transports = [self.streams]
        self._lags = Lags()
        self.observation: Supervisor | None = None
        """The supervisor of the endpoints, made with the root."""

    def limit_reconciles(self, most: int) -> None:
        """Let so many actors reconcile at once; to be called before any part is made."""
        self.runtime = replace(self.runtime, turns=Turns(most))

    def show_missing(self, kinds: Callable[[], Iterable[str]]) -> None:
        """Show a metric of the kinds whose CRD is missing."""
        what = "1 for each kind whose CRD is missing, so that nothing of that kind is served."
        self.metrics.show("crd_missing", what, lambda: dict.fromkeys(kinds(), 1))

    def client(self, transport: Transport) -> Client:
        """A client over a transport that is closed with the process."""
        self._transports.append(transport)
        return Client(transport)

    def watcher(
        self, source: Source, client: Client, store: Store, audience: Callable[[], Audience]
    ) -> ChildSpec:
        """A child that watches a source; `audience` is called at each start of the child."""
        clients = (client, self.streams)
        return ChildSpec(
            source.kind,
            lambda: Watcher.start(self.runtime, source, clients, store, audience(), self.metrics),
        )

    def root(
        self,
        name: str,
        settings: ProcessSettings,
        parts: Sequence[ChildSpec],
        waits_for: Callable[[], str | None],
        *,
        intensity: Intensity,
        backoff: Backoff,
        remark: Callable[[], str | None] = lambda: None,
        sections: Sequence[Section] = (),
    ) -> Supervisor:
        """The supervisor of the parts; that of the endpoints, `observation`, is made beside it.

        `waits_for` says why the process is not ready, None if it is; `remark` says what a user has
        to know though it is ready. `sections` are what the page of the actors shows of the parts.
        """
        show(self.metrics, self.runtime, self._lags)
        endpoints = Endpoints(
            self.runtime,
            self.name,
            settings.exposed,
            self.metrics,
            waits_for,
            root=lambda: root,
            observation=lambda: observation,
            remark=remark,
            lags=self._lags,
            sections=sections,
        )
        self.observation = observation = Supervisor(
            self.runtime,
            "observation",
            endpoints.specs(),
            strategy=Strategy.ONE_FOR_ONE,
            intensity=intensity,
            backoff=backoff,
        )
        root = Supervisor(
            self.runtime,
            name,
            parts,
            strategy=Strategy.REST_FOR_ONE,
            intensity=intensity,
            backoff=backoff,
        )
        return root

    async def close(self) -> None:
        """Close all connections."""
        for transport in self._transports:
            await transport.close()


def run(name: str, settings: ProcessSettings, compose: Callable[[Process], Supervisor]) -> NoReturn:
    """Run the tree that `compose` returns and the endpoints beside it; then exit.

    The process ends when a signal comes, or when the tree or the endpoints give up.
    """
    logs.configure(settings.log_level, settings.log_format)
    ignored_flags.warn(settings.ignored_flags)
    try:
        sys.exit(uvloop.run(_run(name, settings, compose)))
    except BadConfiguration as error:
        sys.exit(f"{name}: {error}")


class FreeMemory:
    """Gives memory that is free within the C library back to the system, from now on.

    By default glibc takes ever larger blocks from its heap, where one small object keeps all that
    is free below it: after a start with 1,000 Falcos that was 10 MB. Nothing is done without glibc.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        libc = ctypes.CDLL(None)
        if hasattr(libc, "malloc_trim"):
            libc.mallopt(_M_MMAP_THRESHOLD, _LARGE)
            self._trim = libc.malloc_trim
            self._give_back()

    def _give_back(self) -> None:
        self._trim(0)
        self._clock.call_later(_PERIOD, self._give_back)


def spare_collector() -> None:
    """Have the garbage collector look at new objects only, and at more of them at a time.

    What is there now, 49,000 objects of modules for the most part, stays as long as the process,
    and a burst makes hardly any garbage in circles. By Python's defaults a burst of 1,000 Falcos
    took 1.3 s for looking at it all again and again, up to 83 ms at a time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)


async def _run(
    name: str, settings: ProcessSettings, compose: Callable[[Process], Supervisor]
) -> int:
    configuration = await configuration_of(settings.kubeconfig)
    process = Process(name, configuration, settings.trace_room)
    FreeMemory(process.clock)
    try:
        root = compose(process)
        spare_collector()
        code = await supervise(root, process.observation)
    finally:
        await process.close()
    await _leave_behind(code)
    return code


async def _leave_behind(code: int) -> None:
    """Exit at once if tasks are left that cannot be cancelled: the loop would wait for them."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left and (await asyncio.wait(left, timeout=_LAST_WAIT))[1]:
        logging.shutdown()
        os._exit(code)
