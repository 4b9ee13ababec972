"""Which hosts want no requests for now, and what of an endpoint may be asked meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resources.registry.limits import LONGEST_RETRY_AFTER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resources.registry.request import Endpoint, Hold


class Holds:
    """What hosts have demanded by 429 or Retry-After, whatever they were asked for.

    All times are those of one monotonic clock.
    """

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def add(self, holds: Iterable[Hold], now: float) -> None:
        """Keep what hosts demand, the longest of several demands."""
        self._until = {url: until for url, until in self._until.items() if until > now}
        for hold in holds:
            until = now + min(hold.seconds, LONGEST_RETRY_AFTER)
            self._until[hold.url] = max(until, self._until.get(hold.url, until))

    def rested(self, endpoint: Endpoint, now: float) -> Endpoint:
        """The endpoint of which no host is asked that wants no requests."""
        held = {url for url, until in self._until.items() if until > now}
        return endpoint.without(held) if held else endpoint

    def wait(self, endpoint: Endpoint, now: float) -> float:
        """Seconds until one of the places of an endpoint may be asked."""
        return min(max(self._until.get(place.url, now) - now, 0.0) for place in endpoint.places)

    def clear(self) -> None:
        """Forget every demand."""
        self._until.clear()
