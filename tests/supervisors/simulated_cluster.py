"""An API server with Secrets and ConfigMaps on which nothing happens before a test says so."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from actors.api.errors import ApiError, Conflict, NotFound, Refused
from resources.kubernetes.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

_KIND_OF = {known.plural: kind for kind, known in KINDS.items()}
_DELETE = "$deleteFromPrimitiveList/finalizers"


@dataclass(eq=False)
class Request:
    """Sent; carried out when it is served, and known to the client when it is answered."""

    name: str
    compute: Callable[[], Any]
    future: asyncio.Future
    outcome: Any = None

    def serve(self):
        try:
            self.outcome = self.compute()
        except ApiError as error:
            self.outcome = error

    def answer(self, outcome):
        if self.future.done():
            return  # nobody waits any more
        if isinstance(outcome, Exception):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


@dataclass(eq=False)
class Stream:
    """An open watch: what its client has been sent, up to a revision."""

    kind: str
    revision: int
    queue: asyncio.Queue = field(default_factory=asyncio.Queue)


class Cluster:
    """Client and transport in one, and the hand of everybody else."""

    def __init__(self):
        self.revision = 100
        self.objects = {}
        self.theirs = {}  # what others have set, by uid
        self.log = []
        self.lists = {}
        self.unserved = []
        self.unanswered = []
        self.late = []
        self.streams = []
        self.requests: Counter[str] = Counter()

    # The hand of everybody else.

    def create(self, ref, *finalizers):
        if ref not in self.objects:
            uid = f"uid-{self.revision}"
            self.theirs[uid] = {name for name in finalizers if "falco" not in name}
            meta = {"name": ref.name, "namespace": ref.namespace, "uid": uid}
            self._commit("ADDED", ref, {**meta, "finalizers": list(finalizers)})

    def delete(self, ref):
        if (meta := self.objects.get(ref)) and "deletionTimestamp" not in meta:
            self._commit("MODIFIED", ref, {**meta, "deletionTimestamp": "2026-01-01T00:00:00Z"})

    def add(self, ref, finalizer):
        meta = self.objects.get(ref)
        if meta and "deletionTimestamp" not in meta and finalizer not in meta["finalizers"]:
            self.theirs[meta["uid"]].add(finalizer)
            self._commit("MODIFIED", ref, {**meta, "finalizers": [finalizer, *meta["finalizers"]]})

    def strip(self, ref, finalizer):
        meta = self.objects.get(ref)
        if meta and finalizer in meta["finalizers"]:
            self.theirs[meta["uid"]].discard(finalizer)
            left = [name for name in meta["finalizers"] if name != finalizer]
            self._commit("MODIFIED", ref, {**meta, "finalizers": left})

    # What the operator asks; the methods are those of Client and Transport.

    async def get(self, ref, _representation):
        return await self._ask(f"get {ref}", lambda: self._raw(self._found(ref)))

    async def list_page(self, kind, namespace, query, _representation):
        return await self._ask(
            f"list {kind} {namespace}", lambda: self._page(kind, namespace, query)
        )

    async def merge_metadata(self, ref, metadata, _manager):
        return await self._ask(f"patch {ref}", lambda: self._merge(ref, metadata))

    async def stream(self, path, query, _silence, _accept):
        stream = Stream(_KIND_OF[path.rpartition("/")[2]], int(query["resourceVersion"]))
        self.requests[f"watch {stream.kind}"] += 1
        self.streams.append(stream)
        try:
            yield b""
            while True:
                item = await stream.queue.get()
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            self.streams.remove(stream)

    # When it is done.

    def serve(self, request):
        self.unserved.remove(request)
        request.serve()
        self.unanswered.append(request)

    def answer(self, request, outcome=None):
        """Answer with what came out of it, or as if that had got lost on the way."""
        (self.unanswered if request in self.unanswered else self.unserved).remove(request)
        request.answer(outcome or request.outcome)

    def cut_off(self, request, error):
        """Its client knows of no answer; the API server may carry it out at any later time."""
        self.unserved.remove(request)
        request.answer(error)
        self.late.append(request)

    def carry_out(self, request):
        self.late.remove(request)
        request.serve()

    def show(self, stream):
        """The next event, or if there is none, a bookmark; whether there was one."""
        for revision, type_, ref, meta in self.log:
            if ref.kind == stream.kind and revision > stream.revision:
                stream.revision = revision
                self._send(stream, type_, meta)
                return True
        stream.revision = self.revision
        self._send(stream, "BOOKMARK", {"resourceVersion": str(self.revision)})
        return False

    def _send(self, stream, type_, meta):
        stream.queue.put_nowait(json.dumps({"type": type_, "object": {"metadata": meta}}).encode())
        stream.queue.put_nowait(b"\n")

    async def _ask(self, name, compute):
        self.requests[name] += 1
        request = Request(name, compute, asyncio.get_running_loop().create_future())
        self.unserved.append(request)
        return await request.future

    def _commit(self, type_, ref, meta):
        self.revision += 1
        meta = {**meta, "resourceVersion": str(self.revision)}
        if "deletionTimestamp" in meta and not meta["finalizers"]:
            del self.objects[ref]
            type_ = "DELETED"
        else:
            self.objects[ref] = meta
        self.log.append((self.revision, type_, ref, meta))
        return meta

    def _found(self, ref):
        if ref not in self.objects:
            raise NotFound(404, "NotFound", str(ref))
        return self.objects[ref]

    def _merge(self, ref, change):
        meta = self._found(ref)
        if change["uid"] != meta["uid"]:
            raise Conflict(409, "Conflict", "another uid")
        dropped = change.get(_DELETE, ())
        added = [name for name in change.get("finalizers", ()) if name not in meta["finalizers"]]
        if added and "deletionTimestamp" in meta:
            raise Refused(422, "Invalid", "no new finalizers can be added")
        left = [name for name in meta["finalizers"] if name not in dropped]
        if [*left, *added] == meta["finalizers"]:
            return self._raw(meta)
        return self._raw(self._commit("MODIFIED", ref, {**meta, "finalizers": [*left, *added]}))

    def _page(self, kind, namespace, query):
        token = query.get("continue") or f"{self.revision}:0"
        revision, _, begin = token.partition(":")
        items = self.lists.setdefault((revision, kind, namespace), self._listed(kind, namespace))
        end = int(begin) + int(query["limit"])
        metadata = {"resourceVersion": revision}
        if end < len(items):
            metadata["continue"] = f"{revision}:{end}"
        shown = [{"metadata": meta} for meta in items[int(begin) : end]]
        return json.dumps({"metadata": metadata, "items": shown}).encode()

    def _listed(self, kind, namespace):
        return [
            meta
            for ref, meta in sorted(self.objects.items())
            if ref.kind == kind and namespace in {"", ref.namespace}
        ]

    @staticmethod
    def _raw(meta):
        return json.dumps({"metadata": meta}).encode()
