"""The actor of one Secret or ConfigMap that an artifact names."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any

from actors.api.client import METADATA
from actors.api.errors import ApiError, NotFound
from actors.runtime.actor import Actor
from actors.runtime.reason import Cause
from actors.runtime.results import Done, RequeueAfter, Result, Retire
from actors.watch.view import View
from actors.write.errors import Fight
from actors.write.fights import Fights
from actors.write.retry import Retry, settled_delay
from actors.write.writer import Writer
from resources.artifact.references import FIELD_MANAGERS, FINALIZERS, is_protected
from resources.instance.outcome import Update
from resources.kubernetes.managed_fields import Difference
from resources.kubernetes.meta import RETRY

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.api.client import Client
    from actors.reference.index import ReferenceIndex
    from actors.runtime.context import Runtime
    from actors.runtime.reason import Reasons
    from actors.watch.store import Snapshot
    from actors.watch.view import SnapshotSource
    from resources.kubernetes.reference import ObjectRef

_log = logging.getLogger(__name__)


class ReferenceActor(Actor):
    """Keeps our finalizer on one object exactly as long as an artifact names it.

    Only metadata is read. The object is read by name only if the `ReferenceStore` may lack it: it
    drops an object that no artifact names when it is seen, and after an error the result of the
    last write is unknown.
    """

    def __init__(
        self,
        runtime: Runtime,
        ref: ObjectRef,
        client: Client,
        seen: SnapshotSource,
        index: ReferenceIndex,
        absent: Callable[[ObjectRef], None],
    ) -> None:
        """`absent` is called when the API server answers that the object does not exist."""
        super().__init__(runtime)
        self.kind = ref.kind
        self.ref = ref
        self._seen = seen
        self._index = index
        self._absent = absent
        self._writer = Writer(client, View(seen), FIELD_MANAGERS[ref.kind])
        self._retry = Retry(runtime.random)
        self._in_doubt = False
        self._uid = ""
        self._fights = Fights()
        self._truce_until = -math.inf

    @property
    def lane(self) -> tuple[str, str]:
        """Reconciles take turns by kind and namespace."""
        return self.ref.kind, self.ref.namespace

    async def on_reconcile(self, reasons: Reasons) -> Result:
        """Add or remove the finalizer if the object differs from what is wanted."""
        if reasons.have(Cause.RESTARTED):  # a write of the crashed actor may have no known result
            self._in_doubt = True
        try:
            result = await self._step()
        except ApiError as error:
            self._in_doubt = True
            _log.info("to be tried again: %s", error, extra={"object": str(self.ref)})
            return self._retry.requeue(error)
        self._retry = Retry(self.runtime.random)
        return result

    def describe(self) -> dict[str, Any]:
        """Add the object and whether an artifact names it, for the actor dump."""
        named = self._index.is_referenced(self.ref)
        return {**super().describe(), "object": str(self.ref), "referenced": named}

    async def _step(self) -> Result:
        named = self._index.is_referenced(self.ref)
        live = await self._live()
        self._in_doubt = False
        if not named:
            if live is not None and is_protected(self.ref.kind, live.meta):
                await self._release_object(live)
            return Retire()
        if live is None or not _needs_protection(live):
            return Done()
        return await self._protect(live)

    async def _live(self) -> Snapshot | None:
        """The live object; None if it does not exist, or if its kind is not listed yet."""
        if self._in_doubt:
            return await self._read()
        live = self._writer.view.get(self.ref)
        if live is not None or not self._index.is_referenced(self.ref):
            return live
        is_listed = self._seen.seen(self.ref) > 0
        return await self._read() if is_listed else None

    async def _read(self) -> Snapshot | None:
        live = await self._writer.read(self.ref, METADATA)
        if live is None:
            self._absent(self.ref)
        return live

    async def _release_object(self, live: Snapshot) -> None:
        try:
            await self._writer.drop_finalizer(live, FINALIZERS[self.ref.kind])
        except NotFound:  # somebody else has removed the finalizer of a deleted object
            self._absent(self.ref)

    async def _protect(self, live: Snapshot) -> Result:
        """Add the finalizer; pause while another field manager removes it again and again."""
        now = self.runtime.clock.monotonic()
        if live.meta.uid != self._uid:
            self._uid, self._fights, self._truce_until = live.meta.uid or "", Fights(), -math.inf
        if now < self._truce_until:
            return RequeueAfter(self._truce_until - now, "the end of a truce over the finalizer")
        await self._writer.add_finalizer(live, FINALIZERS[self.ref.kind])
        missing = Difference("metadata.finalizers", "missing", None)
        fight = self._fights.corrected(Update(self.ref, (missing,)), now)
        if fight is not None:
            _log.warning("%s", fight, extra={"object": str(self.ref)})
            truce = settled_delay(Fight(fight), 0, self.runtime.random) or 0.0
            self._truce_until = now + truce
        return Done()


def state_of(live: Snapshot | None) -> tuple[str, bool, bool, str] | None:
    """All of an object that a ReferenceActor acts on; equal after every other change of it.

    It is the uid, whether the object is protected, whether it is being deleted, and its `RETRY`.
    """
    if live is None:
        return None
    meta, is_deleted = live.meta, live.meta.deletion_timestamp is not None
    retry = (meta.annotations or {}).get(RETRY, "")
    return meta.uid or "", is_protected(live.ref.kind, meta), is_deleted, retry


def _needs_protection(live: Snapshot) -> bool:
    """Whether the finalizer is to be added; the API server refuses it during deletion (422)."""
    return live.meta.deletion_timestamp is None and not is_protected(live.ref.kind, live.meta)
