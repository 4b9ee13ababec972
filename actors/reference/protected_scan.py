"""A scan, once after each start, for objects that an earlier operator has protected."""

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
    """The metadata that the scan needs; labels and annotations, which may be large, are skipped."""

    namespace: str = ""
    finalizers: tuple[str, ...] | None = None


class _Item(Struct):
    metadata: _Meta


_item_decoder = Decoder(_Item)


class ProtectedScan(TaskActor):
    """Reads the metadata of all Secrets and ConfigMaps once, page by page, and keeps none of it.

    `on_protected` is called with the scope of each object that carries our finalizer, so that the
    scope is watched; it may be called several times with one scope.
    """

    kind = "ProtectedScan"

    def __init__(
        self, runtime: Runtime, client: Client, on_protected: Callable[[ObjectRef], None]
    ) -> None:
        super().__init__(runtime)
        self._client = client
        self._on_protected = on_protected

    async def run(self) -> None:
        """Scan both kinds; a kind that fails is tried again and does not hold up the other."""
        unscanned, attempt = list(FINALIZERS), 0
        while unscanned:
            errors = {kind: await self._scan(kind) for kind in unscanned}
            unscanned = [kind for kind, error in errors.items() if error is not None]
            if unscanned:
                retry_after = [
                    error.retry_after or 0.0 for error in errors.values() if error is not None
                ]
                delay = _BACKOFF.delay(attempt, self.runtime.random)
                await self.runtime.clock.sleep(max(delay, *retry_after))
                attempt += 1

    async def _scan(self, kind: str) -> ApiError | None:
        try:
            async with aclosing(pages(self._client, kind, representation=METADATA)) as listing:
                async for page in listing:
                    self._report(kind, page)
        except ApiError as error:
            _log.warning("cannot look for protected %ss yet: %s", kind, error)
            return error
        return None

    def _report(self, kind: str, page: Page) -> None:
        metas = (decoded(_item_decoder, item).metadata for item in page.items or ())
        ours = FINALIZERS[kind]
        namespaces = {meta.namespace for meta in metas if ours in (meta.finalizers or ())}
        for namespace in sorted(namespaces):
            self._on_protected(ObjectRef(kind, namespace, ""))
