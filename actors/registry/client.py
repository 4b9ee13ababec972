"""Looks up tags and pulls artifacts for the event loop, each batch or pull in a child process.

A child takes 0.3 s to start and is limited in memory and time, so no registry and no artifact can
block the event loop or exceed these limits.
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
# Bytes of private data of a child; 24 MB of them are oras and the modules that it imports.
_MEMORY = 48 * MEGABYTE
# Seconds that a child has to answer after the deadline of its look-ups.
_SLACK_SECONDS = 5.0
UNFINISHED = ".pull-"
"""Prefix of files that are not verified yet; a killed process leaves them to be removed."""


class RegistryError(Exception):
    """Why an artifact could not be pulled, as a `Problem` for a user to read."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem

    @property
    def transient(self) -> bool:
        """Whether the same pull may work in a moment."""
        return self.problem.transient

    @property
    def final(self) -> bool:
        """Whether every pull of this digest will fail in the same way."""
        return self.problem.final

    @property
    def retry_after(self) -> float | None:
        """Seconds that the registry has asked to wait."""
        return self.problem.retry_after


async def look_up(
    lookups: Sequence[Lookup], *, seconds: float = LOOK_UP_SECONDS
) -> list[LookupAnswer]:
    """The digests that references name, in the same order; a failed look-up has a problem instead.

    All look-ups share one child process; a reference that is a digest needs none.
    """
    asked = tuple(dict.fromkeys(lookup for lookup in lookups if not lookup.is_pinned))
    answers = await _answers(asked, seconds) if asked else {}
    return [answers.get(lookup) or LookupAnswer(lookup.reference) for lookup in lookups]


async def pull(request: Pull) -> Pulled:
    """Pull the file of an artifact: complete, synced and verified, or no file at all.

    Raises:
        RegistryError: the pull failed; as when it is cancelled, no file is left in the directory.
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
    """Look up each registry in a child of its own, so that the culprit breaks only its own."""
    registries = dict.fromkeys(lookup.endpoint.registry for lookup in lookups)
    if len(registries) == 1:
        return {
            each: LookupAnswer(problem=_failed(each.endpoint, "look-up", error)) for each in lookups
        }
    answers: dict[Lookup, LookupAnswer] = {}
    for registry in registries:
        batch = tuple(lookup for lookup in lookups if lookup.endpoint.registry == registry)
        answers |= await _answers(batch, seconds)
    return answers


def _failed(endpoint: Endpoint, what: str, error: WorkerFailed) -> Problem:
    return Problem(f"{endpoint}: the {what} {error}", transient=True)


def _remove(file: Path) -> None:
    with suppress(OSError):  # the file or its directory may not exist
        file.unlink()
