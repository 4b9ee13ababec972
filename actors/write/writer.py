"""Writes on behalf of one resource; its View shows the answers at once."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from actors.api.client import FULL, Representation
from actors.api.errors import ApiError, Conflict, Lost, NotFound, Refused
from actors.runtime.activity import decide
from actors.watch.store import Snapshot, snapshot_of
from resources.kubernetes.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from actors.api.client import Client
    from actors.watch.view import View
    from resources.kubernetes.reference import ObjectRef

_NONE: frozenset[ObjectRef] = frozenset()


class Writer:
    """Writes under one field manager; each answer is in the View when a method returns.

    A write whose answer was lost may have been carried out, and the View does not show it:
    `settle` reads its object. Every method raises ApiError unless it says otherwise.
    """

    __slots__ = ("_client", "_unsettled", "manager", "view")

    def __init__(self, client: Client, view: View, manager: str) -> None:
        self._client = client
        self.view = view
        self.manager = manager
        self._unsettled = _NONE

    async def settle(self) -> bool:
        """Read each object by name of which the answer to a write was lost; whether any was.

        An object that may not be read is left to the watch.
        """
        unsettled = self._unsettled
        for ref in unsettled:
            try:
                await self.read(ref)
            except Refused:
                self._settled(ref)
        return bool(unsettled)

    async def read(self, ref: ObjectRef, representation: Representation = FULL) -> Snapshot | None:
        """Read an object by name; None if it does not exist."""
        try:
            return self._learned(ref, await self._client.get(ref, representation))
        except NotFound:
            self._forget(ref)
            return None

    async def add_finalizer(self, live: Snapshot, finalizer: str) -> None:
        """Add one finalizer to a built-in object; concurrent changes of the others stay."""
        written = await self._merge(live, {"finalizers": [finalizer]})
        decide(f"added the finalizer of {written.text}")

    async def drop_finalizer(self, live: Snapshot, finalizer: str) -> None:
        """Remove one finalizer from a built-in object, and no other."""
        written = await self._merge(live, {"$deleteFromPrimitiveList/finalizers": [finalizer]})
        decide(f"removed the finalizer of {written.text}")

    async def apply(self, ref: ObjectRef, body: Mapping[str, Any]) -> Snapshot:
        """Server-side apply with force; `Client.apply` tells what uid and resourceVersion mean."""
        with self._writing(ref):
            return self._learned(ref, await self._client.apply(ref, body, self.manager))

    async def patch(self, ref: ObjectRef, operations: list[dict[str, Any]]) -> None:
        """JSON patch; no operations are no request. Raises Conflict if a `test` in it fails."""
        if not operations:
            return
        with self._writing(ref):
            try:
                raw = await self._client.json_patch(ref, operations, self.manager)
                written = self._learned(ref, raw)
            except NotFound:
                self._forget(ref)
                raise
            except Refused as error:
                raise _as_race(error) from error
        paths = (change["path"] for change in operations if change["op"] != "test")
        decide(f"patched {written.text}: {', '.join(dict.fromkeys(paths))}")

    async def apply_status(self, computed_from: Snapshot, status: Mapping[str, Any]) -> None:
        """Apply the status; raises Conflict if the object has changed since it was computed from.

        The resourceVersion guards that: the API server ignores a uid in an apply of a status, and
        would give an old status to a recreated object (measured).
        """
        ref, version = computed_from.ref, computed_from.meta.resource_version
        body = {
            "apiVersion": KINDS[ref.kind].api_version,
            "kind": ref.kind,
            "metadata": {
                "name": ref.name,
                "namespace": ref.namespace,
                "resourceVersion": version,
            },
            "status": status,
        }
        with self._writing(ref):
            try:
                raw = await self._client.apply(ref, body, self.manager, "status")
            except NotFound:
                self.view.deleted(ref, computed_from.meta.uid or "")
                raise
            written = self._learned(ref, raw)
        decide(f"wrote the status of {written.text}")

    async def delete(self, live: Snapshot) -> bool:
        """Delete this incarnation; True if it is gone, False if a finalizer still holds it."""
        return await self._delete(live, None)

    async def delete_unchanged(self, live: Snapshot) -> bool:
        """As `delete`, but raise Conflict if the object has changed since."""
        return await self._delete(live, live.meta.resource_version)

    async def _delete(self, live: Snapshot, version: str | None) -> bool:
        with self._writing(live.ref):
            try:
                gone = await self._client.delete(live.ref, live.meta.uid or "", version)
            except NotFound:
                gone = True
        if gone:
            self.view.deleted(live.ref, live.meta.uid or "")
        decide(f"deleted {live.ref}")
        return gone

    async def _merge(self, live: Snapshot, metadata: Mapping[str, Any]) -> Snapshot:
        """Raises Conflict if another incarnation has the name, or if this one is being deleted."""
        change = {"uid": live.meta.uid, **metadata}
        with self._writing(live.ref):
            try:
                raw = await self._client.merge_metadata(live.ref, change, self.manager)
            except NotFound:
                self._forget(live.ref)
                raise
            except Refused as error:
                raise _as_race(error) from error
            return self._learned(live.ref, raw)

    @contextmanager
    def _writing(self, ref: ObjectRef) -> Iterator[None]:
        """Note the loss of the answer to a write of this object."""
        try:
            yield
        except Lost:
            self._unsettled |= {ref}
            raise

    def _learned(self, ref: ObjectRef, raw: bytes) -> Snapshot:
        snapshot = snapshot_of(ref.kind, raw)
        self.view.wrote(snapshot)
        self._settled(ref)
        return snapshot

    def _settled(self, ref: ObjectRef) -> None:
        """The object has been read; a writer that waits for none has no set of its own."""
        if self._unsettled:
            self._unsettled = self._unsettled - {ref} or _NONE

    def _forget(self, ref: ObjectRef) -> None:
        self._settled(ref)
        snapshot = self.view.get(ref)
        if snapshot is not None:
            self.view.deleted(ref, snapshot.meta.uid or "")


def _as_race(error: Refused) -> ApiError:
    """Translate 422: a failed test, or a finalizer for an object that is being deleted."""
    return Conflict(error.code, error.reason, error.message) if error.code == 422 else error
