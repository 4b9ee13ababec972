"""The question whether an artifact is signed, and its answer, as child processes exchange them."""

from __future__ import annotations

import msgspec

from resources.registry.request import Endpoint, Hold
from resources.signatures.policy import Policy, Result


class Verification(msgspec.Struct, frozen=True):
    """The question whether the artifact with this root digest is signed as the policy demands."""

    endpoint: Endpoint
    digest: str
    policy: Policy
    idle_seconds: float = 10.0


class Verdict(msgspec.Struct, frozen=True):
    """The answer; `message` is for users, `by` says who has signed what is verified.

    `holds`: what hosts have demanded to wait.
    """

    result: Result
    message: str
    by: str = ""
    holds: tuple[Hold, ...] = ()
