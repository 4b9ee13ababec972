"""Tells in the status of a resource that its actor has crashed too often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.api.errors import ApiError
from actors.write.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actors.runtime.context import Runtime
    from actors.watch.store import Snapshot
    from actors.write.writer import Writer
    from resources.kubernetes.reference import ObjectRef

# Seconds, at least, between two tries.
_DELAY = 0.1


async def tell_parked(
    runtime: Runtime,
    writer: Writer,
    ref: ObjectRef,
    status: Callable[[Snapshot], Mapping[str, Any]],
) -> None:
    """Write this status of the resource; returns once it is written.

    Or once there is nothing to say any more: the resource is gone, or has another spec.
    """
    retry = Retry(runtime.random)
    parked = writer.view.get(ref)
    while parked is not None and (now := writer.view.get(ref)) is not None:
        if (now.meta.uid, now.meta.generation) != (parked.meta.uid, parked.meta.generation):
            return
        try:
            await writer.apply_status(now, status(now))
        except ApiError as problem:
            # Not at once: nothing but the watch can tell what the conflict was with.
            await runtime.clock.sleep(max(retry.after_error(problem), _DELAY))
        else:
            return
