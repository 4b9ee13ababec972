"""OCI registries, from the event loop: everything that touches one runs in a child process.

A child takes 0.3 s to start and is limited in memory and time, so that no registry and no artifact
can block us, or cost us more than that.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from actors.runtime.child_process import MEGABYTE, WorkerFailed, run_worker
from resources.registry.request import Answers, LookupAnswer, Lookups, Problem, Pulled, PullRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resources.registry.request import Endpoint, Lookup, Pull

LOOK_UP_SECONDS = 60.0
# Of private data; 24 of them are oras and what it loads.
_MEMORY = 48 * MEGABYTE
# Until a child that has not answered in time is ended from outside.
_SLACK_SECONDS = 5.0
# Names of files that are not verified yet; whoever owns a directory may remove what was left there
# by a process that was killed.
UNFINISHED = ".pull-"


class RegistryError(Exception):
    """Why an artifact could not be had, for a user to read; transient as `Problem` has it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem

    @property
    def transient(self) -> bool:
        """Whether it may well work in a moment."""
        return self.problem.transient

    @property
    def final(self) -> bool:
        """Whether it will be the same whenever this digest is pulled."""
        return self.problem.final

    @property
    def retry_after(self) -> float | None:
        """Seconds that the registry asked us to wait."""
        return self.problem.retry_after


async def look_up(
    lookups: Sequence[Lookup], *, seconds: float = LOOK_UP_SECONDS
) -> list[LookupAnswer]:
    """Tell the digests that references name, in the same order; one that fails says why.

    All of them together are one child process, those that are digests already need none.
    """
    asked = tuple(dict.fromkeys(lookup for lookup in lookups if not lookup.is_pinned))
    found = await _answers(asked, seconds) if asked else {}
    return [found.get(lookup) or LookupAnswer(lookup.reference) for lookup in lookups]


async def pull(request: Pull) -> Pulled:
    """Fetch the file of an artifact: complete, synced and verified, or not there.

    Raises:
        RegistryError: and nothing is left in the directory, cancelled or not.
    """
    file = Path(request.directory, f"{UNFINISHED}{secrets.token_hex(8)}")
    try:
        pulled = await run_worker(
            "actors.registry.pull_worker",
            PullRequest(request, str(file)),
            Pulled,
            memory=_MEMORY,
            seconds=request.seconds,
        )
    except WorkerFailed as error:
        _remove(file)
        raise RegistryError(_failed(request.endpoint, "pull", error)) from error
    except BaseException:
        _remove(file)
        raise
    if pulled.problem is not None:
        _remove(file)
        raise RegistryError(pulled.problem)
    return pulled


async def _answers(lookups: tuple[Lookup, ...], seconds: float) -> dict[Lookup, LookupAnswer]:
    try:
        answers = await run_worker(
            "actors.registry.look_up_worker",
            Lookups(lookups, seconds),
            Answers,
            memory=_MEMORY,
            seconds=seconds + _SLACK_SECONDS,
        )
    except WorkerFailed as error:
        return await _answers_apart(lookups, seconds, error)
    return dict(zip(lookups, answers.answers, strict=True))


async def _answers_apart(
    lookups: tuple[Lookup, ...], seconds: float, error: WorkerFailed
) -> dict[Lookup, LookupAnswer]:
    """Ask each registry in a process of its own: whichever brought that one down, it was alone."""
    registries = dict.fromkeys(lookup.endpoint.registry for lookup in lookups)
    if len(registries) == 1:
        return {
            each: LookupAnswer(problem=_failed(each.endpoint, "look-up", error)) for each in lookups
        }
    found: dict[Lookup, LookupAnswer] = {}
    for registry in registries:
        its = tuple(lookup for lookup in lookups if lookup.endpoint.registry == registry)
        found |= await _answers(its, seconds)
    return found


def _failed(endpoint: Endpoint, what: str, error: WorkerFailed) -> Problem:
    return Problem(f"{endpoint}: the {what} {error}", transient=True)


def _remove(file: Path) -> None:
    with suppress(OSError):  # there is no such file, or not even a directory
        file.unlink()
