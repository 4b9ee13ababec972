"""Verifies the signatures that `SignatureVerdicts` is asked for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from actors.api.errors import ApiError
from actors.runtime.activity import Beside, decide
from actors.runtime.clock import within
from actors.runtime.mail import Letter
from actors.runtime.task_actor import TaskActor
from resources.artifact.references import Unresolved
from resources.signatures.policy import Result
from resources.signatures.request import Verdict, Verification

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from actors.artifact.signature_verdicts import Open, SignatureVerdicts
    from actors.artifact.trusted_root_file import TrustedRootFile
    from actors.runtime.context import Runtime
    from resources.artifact.sources import OciSource
    from resources.kubernetes.reference import ObjectRef
    from resources.registry.request import Endpoint
    from resources.signatures.demand import Demand
    from resources.signatures.policy import Policy

# Verifications at once: each is a process of up to 70 MB.
_AT_ONCE = 2
# Seconds between two looks at the file of the trusted root.
_LOOK = 30.0


class VerifySignature(NamedTuple):
    """What runs beside the mail, as the trace names it."""

    content: str


class SignatureChecker(TaskActor):
    """Verifies what is due, one artifact of a registry at a time, and tells each verdict.

    Credentials, keys and the trusted root are read for each verification, and not kept.
    """

    kind = "SignatureChecker"

    def __init__(
        self,
        runtime: Runtime,
        verdicts: SignatureVerdicts,
        root: TrustedRootFile,
        read: tuple[
            Callable[[str, OciSource], Awaitable[Endpoint]],
            Callable[[str, Demand], Awaitable[Policy]],
        ],
        verify: Callable[[Verification], Awaitable[Verdict]],
        tell: Callable[[Collection[ObjectRef]], None],
        on_root: Callable[[], None],
        count: Callable[[str], None],
    ) -> None:
        """`tell` gets artifacts with news; `on_root` is called when the file has changed."""
        super().__init__(runtime)
        self._verdicts = verdicts
        self._root = root
        self._read_endpoint, self._read_policy = read
        self._verify = verify
        self._tell = tell
        self._on_root = on_root
        self._count = count
        self._busy: set[str] = set()
        self._news: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """Verify what is due, then wait for the next."""
        self._verdicts.reset()
        self._verdicts.on_news = self._wake
        async with asyncio.TaskGroup() as running:
            while True:
                while len(self._busy) < _AT_ONCE and (due := self._verdicts.take_due(self._busy)):
                    self._busy.add(due.query.lane)
                    running.create_task(self._check(due))
                await self._wait()
                if self._root.look():
                    self._on_root()

    def describe(self) -> dict[str, Any]:
        """Add all queries, for the actor dump."""
        return {**super().describe(), "signatures": list(self._verdicts.describe())}

    async def _check(self, due: Open) -> None:
        query = due.query
        what = VerifySignature(f"{query.source.registry}/{query.source.repository}@{query.digest}")
        with Beside(Letter(what, None, self.runtime.clock.monotonic())):
            verdict = await self._verdict(due)
            if verdict is not None:
                decide(f"found {what.content} {verdict.result}: {verdict.message}")
        self._busy.discard(due.query.lane)
        if verdict is not None:
            self._count(verdict.result)
            if concerned := self._verdicts.answered(due, verdict):
                self._tell(concerned)
        self._wake()

    async def _verdict(self, due: Open) -> Verdict | None:
        """What the registry says; None if none of its hosts wants to be asked now."""
        query = due.query
        try:
            endpoint = await self._read_endpoint(query.namespace, query.source)
            policy = await self._read_policy(query.namespace, query.demand)
        except (Unresolved, ApiError) as error:
            return Verdict(Result.REGISTRY_FAILED, str(error))
        rested = self._verdicts.rested(due, endpoint)
        if rested is None:
            return None
        return await self._verify(Verification(rested, query.digest, policy))

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    async def _wait(self) -> None:
        self._news = self.loop.create_future()
        seconds = _LOOK
        if len(self._busy) < _AT_ONCE:
            seconds = min(self._verdicts.next_due(self._busy), _LOOK)
        await within(self.runtime.clock, seconds, self._news)
