"""Who has to have signed an artifact, and what a verification has led to."""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum

import msgspec

MOST_EXPRESSION = 512
"""Characters of a regular expression."""
# Characters of an identity that an expression is tried on; those of real certificates have 200.
_MOST_NAME = 1024
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Mode(StrEnum):
    """What follows from the verdict: nothing, a condition, or that nothing else is published."""

    OFF = "Off"
    WARN = "Warn"
    ENFORCE = "Enforce"


class Identity(msgspec.Struct, frozen=True):
    """Whose certificate is accepted: the issuer of the token, and the subject that it is for.

    Of each pair, one is set. An expression has to match the whole name.
    """

    issuer: str = ""
    issuer_expression: str = ""
    subject: str = ""
    subject_expression: str = ""

    def accepts(self, signer: Signer) -> bool:
        """Whether this is the identity of the certificate, with both of its parts."""
        return _matches(self.issuer, self.issuer_expression, signer.issuer) and _matches(
            self.subject, self.subject_expression, signer.subject
        )


class Signer(msgspec.Struct, frozen=True):
    """Who has signed: an identity by its certificate, or the SHA-256 of a public key."""

    issuer: str = ""
    subject: str = ""
    key: str = ""

    def __str__(self) -> str:
        return f"key {self.key}" if self.key else f"{self.subject} (issuer {self.issuer})"


class Policy(msgspec.Struct, frozen=True):
    """What is accepted: a signature by any of these keys, as PEM text, or of these identities.

    `trusted_root` is the text of a trusted_root.json; if it is empty, that of `root_file` is taken.
    """

    keys: tuple[str, ...] = ()
    identities: tuple[Identity, ...] = ()
    trusted_root: str = ""
    root_file: str = ""


class Result(StrEnum):
    """What a verification has led to; a reason of the condition `Verified`."""

    VERIFIED = "Verified"
    NO_SIGNATURE = "NoSignature"
    NONE_MATCHES = "NoneMatches"
    ROOT_UNKNOWN = "RootUnknown"
    REGISTRY_FAILED = "RegistryFailed"


def policy_digest(identities: tuple[Identity, ...], keys: tuple[str, ...], root: str) -> str:
    """A digest of a policy, of which keys and trusted root are given by digests of their own."""
    document = msgspec.json.encode((identities, keys, root))
    return f"sha256:{hashlib.sha256(document).hexdigest()}"


def expression_problem(expression: str) -> str:
    """Why this is no regular expression that is accepted; empty if it is one.

    One that ignores case is compiled character by character, and a class can have all of Unicode.
    """
    if len(expression) > MOST_EXPRESSION:
        return f"a regular expression of at most {MOST_EXPRESSION} characters"
    if not expression.isascii() or any(c in "uUN" for c in _ESCAPE.findall(expression)):
        return "a regular expression in ASCII, as the names are, without \\u, \\U and \\N"
    try:
        re.compile(expression)
    except (re.error, RecursionError, OverflowError) as error:
        return f"a regular expression ({error})"
    return ""


def _matches(wanted: str, expression: str, name: str) -> bool:
    if not name or len(name) > _MOST_NAME:
        return False
    if wanted:
        return name == wanted
    if not expression or len(expression) > MOST_EXPRESSION:
        return False
    return re.fullmatch(expression, name) is not None
