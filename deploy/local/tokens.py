"""ServiceAccounts whose tokens are fresh for as long as somebody acts as them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from deploy.local.target import TOKEN_SECONDS, TargetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.local.target import Identity, Target

_RENEW_SECONDS = TOKEN_SECONDS / 3


class Tokens:
    """Kubeconfigs, each with a token in a file beside it that `renew` keeps from expiring."""

    def __init__(self, target: Target, clock: Callable[[], float] = time.monotonic) -> None:
        self._target = target
        self._clock = clock
        self._renew_at: dict[Identity, float] = {}

    def issue(self, identity: Identity) -> None:
        """The kubeconfig is there; TargetError if there is no such ServiceAccount."""
        self._target.write_kubeconfig(identity)
        self._renew_at[identity] = self._clock() + _RENEW_SECONDS

    def forget(self, identity: Identity) -> None:
        """Nobody acts as this one any more."""
        self._renew_at.pop(identity, None)

    def renew(self) -> list[str]:
        """Every token is good for a while; returns what a user should know of those that failed.

        A token is asked for anew when a third of its time is over, so that there is time to fail.
        """
        now = self._clock()
        news = []
        for identity in [due for due, at in self._renew_at.items() if at <= now]:
            self._renew_at[identity] = now + _RENEW_SECONDS
            try:
                self._target.renew_token(identity)
            except TargetError as error:
                news.append(f"The token of {identity} could not be renewed: {error}")
        return news
