"""Holds up the actors started after it until an API server of a supported version answers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from actors.api.errors import Unavailable
from actors.runtime.actor import Actor
from actors.runtime.backoff import Backoff

if TYPE_CHECKING:
    from actors.api.client import Client
    from actors.runtime.context import Runtime

# Native sidecars, on which the pods depend, are on by default since 1.29.
OLDEST = (1, 29)
_BACKOFF = Backoff(base=0.5, cap=15.0)
_log = logging.getLogger(__name__)


class TooOld(Exception):  # noqa: N818 - it says what is wrong
    """The API server lacks what the operator depends on."""


class VersionGate(Actor):
    """Ready once the API server has answered with a version that is new enough.

    An API server that cannot be reached is asked again with backoff. A version that is too old, and
    a refusal to tell the version, are crashes whose message says so.
    """

    kind = "VersionGate"

    def __init__(self, runtime: Runtime, client: Client) -> None:
        super().__init__(runtime)
        self._client = client
        self._waits_for: str | None = "the API server has not answered yet"

    @property
    def waits_for(self) -> str | None:
        """Why the gate is not ready yet; None once it is."""
        return self._waits_for

    async def on_start(self) -> None:
        """Ask for the version until there is an answer."""
        version = await self._version()
        if version < OLDEST:
            actual, oldest = (".".join(map(str, pair)) for pair in (version, OLDEST))
            self._waits_for = f"Kubernetes {actual} is too old: at least {oldest} is needed"
            raise TooOld(self._waits_for)
        self._waits_for = None

    async def _version(self) -> tuple[int, int]:
        attempt = 0
        while True:
            try:
                return await self._client.server_version()
            except Unavailable as error:
                _log.warning("no API server yet: %s", error)
                self._waits_for = str(error)
            await self.runtime.clock.sleep(_BACKOFF.delay(attempt, self.runtime.random))
            attempt += 1
