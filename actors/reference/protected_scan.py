"""Finds, once after a start, what an earlier operator has protected."""

from __future__ import annotations

import logging
from contextlib import aclosing
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.json import Decoder

from actors.api.client import METADATA
from actors.api.errors import ApiError, decoded
from actors.runtime.backoff import Backoff
from actors.runtime.task_actor import TaskActor
from actors.watch.paging import pages
from resources.artifact.references import FINALIZERS
from resources.kubernetes.reference import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.api.client import Client
    from actors.runtime.context import Runtime
    from actors.watch.paging import Page

_BACKOFF = Backoff(base=0.5, cap=60.0)
_log = logging.getLogger(__name__)


class _Meta(Struct):
    """The little that decides; of labels and annotations there may be much."""

    namespace: str = ""
    finalizers: tuple[str, ...] | None = None


class _Item(Struct):
    metadata: _Meta


_items = Decoder(_Item)


class ProtectedScan(TaskActor):
    """Reads the metadata of all Secrets and ConfigMaps once, a page at a time, and keeps none.

    `found` is told the scope of each object that carries our finalizer, so that it is watched. It
    may be told twice of one.
    """

    kind = "ProtectedScan"

    def __init__(
        self, runtime: Runtime, client: Client, found: Callable[[ObjectRef], None]
    ) -> None:
        super().__init__(runtime)
        self._client = client
        self._found = found

    async def run(self) -> None:
        """Scan both kinds; what fails is tried again until it has worked, and holds up no other."""
        left, attempt = list(FINALIZERS), 0
        while left:
            errors = {kind: await self._scan(kind) for kind in left}
            left = [kind for kind, error in errors.items() if error is not None]
            if left:
                asked = [error.retry_after or 0.0 for error in errors.values() if error is not None]
                delay = _BACKOFF.delay(attempt, self.runtime.random)
                await self.runtime.clock.sleep(max(delay, *asked))
                attempt += 1

    async def _scan(self, kind: str) -> ApiError | None:
        try:
            async with aclosing(pages(self._client, kind, representation=METADATA)) as found:
                async for page in found:
                    self._tell(kind, page)
        except ApiError as error:
            _log.warning("cannot look for protected %ss yet: %s", kind, error)
            return error
        return None

    def _tell(self, kind: str, page: Page) -> None:
        metas = (decoded(_items, item).metadata for item in page.items or ())
        ours = FINALIZERS[kind]
        namespaces = {meta.namespace for meta in metas if ours in (meta.finalizers or ())}
        for namespace in sorted(namespaces):
            self._found(ObjectRef(kind, namespace, ""))
