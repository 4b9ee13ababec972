"""The tokens of processes that run as a ServiceAccount, renewed before they expire."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from deploy.local.target import TOKEN_SECONDS, TargetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.local.target import Identity, Target

_RENEW_SECONDS = TOKEN_SECONDS / 3


class Tokens:
    """Kubeconfigs with tokens in files beside them, which `renew` replaces before they expire."""

    def __init__(self, target: Target, clock: Callable[[], float] = time.monotonic) -> None:
        self._target = target
        self._clock = clock
        self._renew_at: dict[Identity, float] = {}

    def issue(self, identity: Identity) -> None:
        """Write a kubeconfig; raises TargetError if there is no such ServiceAccount."""
        self._target.write_kubeconfig(identity)
        self._renew_at[identity] = self._clock() + _RENEW_SECONDS

    def forget(self, identity: Identity) -> None:
        """Renew the token of this identity no longer."""
        self._renew_at.pop(identity, None)

    def renew(self) -> list[str]:
        """Renew every token that is due; return the failures, as news for the user.

        A token is due after a third of its lifetime, so that failures can be retried.
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
