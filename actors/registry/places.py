"""The places of one repository: its mirrors and its registry, asked in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from actors.registry.failure import Absent, ExchangeError, RegistryDown
from actors.registry.session import Session
from resources.registry.request import Hold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resources.registry.request import Endpoint

T = TypeVar("T")


class Places:
    """Asks each place of an endpoint in turn, until one has what is wanted.

    A host that is down is asked nothing more; `down` may be shared with others that ask the same,
    and knows hosts by `Endpoint.url`.
    The time to be silent is divided among the places, so that all of them get their turn.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        idle_seconds: float,
        down: dict[str, RegistryDown] | None = None,
    ) -> None:
        self._endpoints = endpoint.places
        self._idle_seconds = idle_seconds / len(self._endpoints)
        self._sessions: dict[Endpoint, Session] = {}
        self._down = {} if down is None else down
        self._held: dict[str, float] = {}

    @property
    def received(self) -> int:
        """The bytes of all bodies."""
        return sum(session.received for session in self._sessions.values())

    @property
    def holds(self) -> tuple[Hold, ...]:
        """What hosts have demanded to wait."""
        return tuple(Hold(url, seconds) for url, seconds in self._held.items())

    def close(self) -> None:
        """Close every connection."""
        for session in self._sessions.values():
            session.close()

    def first(self, ask: Callable[[Session], T]) -> T:
        """The answer of the first place that has one.

        Raises:
            Absent: no place has it.
            RegistryDown: every place is down.
            ExchangeError: all have failed, some in another way; the message names each.
        """
        failures: list[tuple[Endpoint, ExchangeError]] = []
        for endpoint in self._endpoints:
            try:
                return ask(self._session(endpoint))
            except ExchangeError as error:
                failures.append(self._failed(endpoint, error))
        raise _together(failures)

    def every(self, ask: Callable[[Session], Iterator[T]]) -> Iterator[T | ExchangeError]:
        """Yield what each place has, then the errors of those that failed; raises if all did."""
        failures: list[tuple[Endpoint, ExchangeError]] = []
        for endpoint in self._endpoints:
            try:
                for found in ask(self._session(endpoint)):
                    if isinstance(found, ExchangeError):
                        self._note(endpoint, found)
                    yield found
            except ExchangeError as error:
                failures.append(self._failed(endpoint, error))
        if len(failures) == len(self._endpoints):
            raise _together(failures)
        for endpoint, failure in failures:
            yield ExchangeError(f"{endpoint.registry}: {failure}", transient=failure.transient)

    def _failed(self, endpoint: Endpoint, error: ExchangeError) -> tuple[Endpoint, ExchangeError]:
        self._note(endpoint, error)
        if isinstance(error, RegistryDown):
            self._down[endpoint.url] = error
        return endpoint, error

    def _note(self, endpoint: Endpoint, error: ExchangeError) -> None:
        if error.retry_after:
            self._held[endpoint.url] = max(error.retry_after, self._held.get(endpoint.url, 0.0))

    def _session(self, endpoint: Endpoint) -> Session:
        if endpoint.url in self._down:
            raise self._down[endpoint.url]
        if endpoint.unusable:
            raise ExchangeError(endpoint.unusable, transient=True)
        if endpoint not in self._sessions:
            self._sessions[endpoint] = Session(endpoint, self._idle_seconds)
        return self._sessions[endpoint]


def _together(failures: list[tuple[Endpoint, ExchangeError]]) -> ExchangeError:
    """One error for those of all places; that of the only place as it is.

    They hang together only if each does: what a place answers, it would answer others, too. So
    what a mirror demands to wait holds for all only if the last place has not answered either.
    """
    errors = [error for _, error in failures]
    if len(errors) == 1:
        return errors[0]
    uniform = (kind for kind in (Absent, RegistryDown) if all(type(e) is kind for e in errors))
    kind = next(uniform, ExchangeError)
    waits = [error.retry_after for error in errors if error.retry_after and errors[-1].transient]
    return kind(
        "; ".join(f"{endpoint.registry}: {error}" for endpoint, error in failures),
        transient=any(error.transient for error in errors),
        retry_after=min(waits, default=None),
        hangs=all(error.hangs for error in errors),
    )
