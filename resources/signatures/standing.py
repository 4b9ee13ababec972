"""How an artifact stands with its signatures, and the condition `Verified` that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec

from resources.kubernetes.conditions import VERIFIED, ConditionDraft
from resources.kubernetes.definition import doc
from resources.kubernetes.event import bounded
from resources.signatures.policy import Mode, Result

if TYPE_CHECKING:
    from resources.kubernetes.meta import Condition
    from resources.signatures.request import Verdict

OFF = "Off"
PENDING = "Pending"
REFERENCE_FAILED = "ReferenceResolutionFailed"
REFUSED = "SignatureRefused"
"""The reason of the Event of a digest that is not signed as is demanded."""


class Verified(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A digest that is signed as the policy demands."""

    digest: Annotated[str, doc("The digest of the artifact, as sha256:….")]
    policy: Annotated[
        str, doc("SHA-256 of keys, identities and trusted root that it was verified by.")
    ]
    by: Annotated[str | None, doc("The key or identity that has signed.")] = None


class Standing(NamedTuple):
    """What is known of the signatures of one digest.

    `verdict` is None while it is not known. `missing` tells of each object that keys or the trusted
    root are taken from and that is not there; while one is missing there is no policy.
    """

    mode: Mode = Mode.OFF
    digest: str = ""
    policy: str = ""
    verdict: Verdict | None = None
    missing: tuple[str, ...] = ()

    @property
    def is_enforced(self) -> bool:
        """Whether nothing that is not verified may reach a node."""
        return self.mode is Mode.ENFORCE

    @property
    def verified(self) -> Verified | None:
        """What is to be published of a digest that is verified; None for any other."""
        if self.mode is Mode.OFF or self.verdict is None:
            return None
        if self.verdict.result is not Result.VERIFIED:
            return None
        return Verified(digest=self.digest, policy=self.policy, by=self.verdict.by or None)

    @property
    def refusal(self) -> tuple[str, str]:
        """Why the digest is not verified: the reason and the message of the condition."""
        if self.missing:
            return REFERENCE_FAILED, "; ".join(self.missing)
        if self.verdict is None:
            return PENDING, f"Looking for signatures of {self.digest}"
        return self.verdict.result.value, self.verdict.message


UNASKED = Standing()
"""The standing of an artifact whose signatures do not matter."""


def condition_of(
    standing: Standing, before: Condition | None, published: str | None, generation: int | None
) -> ConditionDraft | None:
    """The condition `Verified`; None if the one before stays, as it does while nothing is known.

    `published` is the digest that nodes are to install, if there is one.
    """
    if standing.mode is Mode.OFF:
        text = "Signatures are not verified: the mode is Off"
        return ConditionDraft(VERIFIED, "Unknown", OFF, text, generation)
    is_new = before is None or before.reason == OFF or before.observed_generation != generation
    if standing.verdict is None and not standing.missing and not (standing.digest and is_new):
        return None
    if standing.verified is not None and standing.verdict is not None:
        text = bounded(standing.verdict.message)
        return ConditionDraft(VERIFIED, "True", Result.VERIFIED.value, text, generation)
    reason, message = standing.refusal
    is_known = standing.verdict is not None and reason != Result.REGISTRY_FAILED
    text = bounded(f"{message}{_consequence(standing, published)}")
    return ConditionDraft(VERIFIED, "False" if is_known else "Unknown", reason, text, generation)


def _consequence(standing: Standing, published: str | None) -> str:
    if not standing.is_enforced:
        return "; it is installed all the same (mode Warn)" if published else ""
    if published:
        return f"; nodes keep {published}, which was verified before"
    return "; it is not installed (mode Enforce)"


class Permitted(NamedTuple):
    """What may be published: a digest, and that it is verified.

    `refusal` is the status, reason and message of a failure if there is nothing to publish.
    """

    digest: str = ""
    verified: Verified | None = None
    refusal: tuple[str, str, str] | None = None


def permitted(standing: Standing, digest: str, before: Verified | None) -> Permitted:
    """What may be published instead of this digest, which is published already, if any is.

    `before` is what was verified last. Enforced, that stays until something else is verified.
    """
    verified = standing.verified
    if verified is not None or not standing.is_enforced:
        is_open = standing.mode is not Mode.OFF and standing.verdict is None
        keeps = is_open and before is not None and before.digest == standing.digest
        return Permitted(standing.digest, before if keeps else verified)
    if before is not None and before.digest == digest:
        return Permitted(digest, before)
    reason, message = standing.refusal
    if reason == PENDING:
        return Permitted(refusal=("Unknown", PENDING, message))
    is_refused = reason not in {REFERENCE_FAILED, Result.REGISTRY_FAILED}
    return Permitted(refusal=("False", REFUSED if is_refused else reason, message))
