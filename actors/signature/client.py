"""Verifies signatures for the event loop, each artifact in a child process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.runtime.child_process import MEGABYTE, WorkerFailed, run_worker
from resources.signatures.policy import Result
from resources.signatures.request import Verdict

if TYPE_CHECKING:
    from resources.signatures.request import Verification

# Bytes of private data of a child, most of them the modules that it imports.
_MEMORY = 128 * MEGABYTE
_SECONDS = 60.0


async def verify(request: Verification) -> Verdict:
    """Whether the artifact is signed as the policy demands."""
    try:
        return await run_worker(
            "actors.signature.verify_worker", request, Verdict, memory=_MEMORY, seconds=_SECONDS
        )
    except WorkerFailed as error:
        return Verdict(Result.REGISTRY_FAILED, f"{request.endpoint}: the verification {error}")
