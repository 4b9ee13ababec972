"""Signatures as cosign v2 stores them: a layer, whose annotations hold all but the payload.

Source: sigstore/cosign, `specs/SIGNATURE_SPEC.md`.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from cryptography.hazmat.primitives.serialization import Encoding

from resources.signatures.certificate import (
    certificate_of,
    check_certificate,
    signer_of,
    signing_key,
)
from resources.signatures.claims import check_payload
from resources.signatures.policy import Signer
from resources.signatures.public_key import has_signed, key_digest
from resources.signatures.strict import Rejected, decoded, document_of, field
from resources.signatures.trusted_root import log_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography import x509

    from resources.signatures.public_key import PublicKey
    from resources.signatures.trusted_root import Root

_PROMISE = {"body", "integratedTime", "logIndex", "logID"}


class LegacySignature(NamedTuple):
    """A signature as it was found; each text is an annotation, empty if there is none."""

    payload: bytes
    signature: str
    certificate: str = ""
    bundle: str = ""


def signed_by_key(found: LegacySignature, keys: Iterable[PublicKey], digest: str) -> Signer:
    """The key that has signed the artifact of this digest; raises Rejected.

    No log is asked and no time matters: who has the key decides.
    """
    signature = decoded(found.signature, "its signature")
    for key in keys:
        if has_signed(key, signature, found.payload):
            check_payload(found.payload, digest)
            return Signer(key=key_digest(key))
    raise Rejected("it is by none of the keys")


def signed_keyless(found: LegacySignature, root: Root, digest: str) -> Signer:
    """The identity that has signed the artifact of this digest; raises Rejected.

    The time of the signature is that at which a log has promised to show it. The annotation with a
    chain of certificates is not read: the authorities are those of the trusted root.
    """
    certificate = certificate_of(found.certificate)
    at = _logged_at(found, certificate, root)
    check_certificate(certificate, root, at)
    signature = decoded(found.signature, "its signature")
    if not has_signed(signing_key(certificate), signature, found.payload):
        raise Rejected("it is not by the key of its certificate")
    check_payload(found.payload, digest)
    return signer_of(certificate)


def _logged_at(found: LegacySignature, certificate: x509.Certificate, root: Root) -> datetime:
    """When a log of the trusted root has taken in just this signature; raises Rejected."""
    if not found.bundle:
        raise Rejected("no log tells the time of the signature")
    bundle = document_of(found.bundle, "the promise of its log")
    promise = bundle.get("Payload")
    if not isinstance(promise, dict) or promise.keys() != _PROMISE:
        raise Rejected("the promise of its log has another form")
    numbers = promise["integratedTime"], promise["logIndex"]
    texts = promise["body"], promise["logID"]
    if not (all(type(n) is int for n in numbers) and all(isinstance(t, str) for t in texts)):
        raise Rejected("the promise of its log has another form")
    try:
        at = datetime.fromtimestamp(promise["integratedTime"], UTC)
        log = log_of(root.logs, bytes.fromhex(promise["logID"]), "log")
    except (ValueError, OverflowError, OSError):
        raise Rejected("the promise of its log has another form") from None
    signature = decoded(bundle.get("SignedEntryTimestamp"), "the promise of its log")
    signed = json.dumps(promise, sort_keys=True, separators=(",", ":")).encode()
    if not log.has_signed(signature, signed, at):
        raise Rejected("the log of the trusted root has not promised to show it")
    _compare(decoded(promise["body"], "the entry of its log"), found, certificate)
    return at


def _compare(body: bytes, found: LegacySignature, certificate: x509.Certificate) -> None:
    """The entry of the log is about this signature, payload and certificate; raises Rejected."""
    entry = document_of(body, "the entry of its log")
    if (entry.get("kind"), entry.get("apiVersion")) != ("hashedrekord", "0.0.1"):
        raise Rejected("the entry of its log is of another kind")
    sha256 = hashlib.sha256(found.payload).hexdigest()
    logged = decoded(field(entry, "spec", "signature", "publicKey", "content"), "the entry")
    try:
        other = certificate_of(logged.decode())
    except UnicodeDecodeError:
        raise Rejected("the entry of its log has no certificate") from None
    is_same = (
        field(entry, "spec", "data", "hash", "algorithm") == "sha256"
        and field(entry, "spec", "data", "hash", "value") == sha256
        and field(entry, "spec", "signature", "content") == found.signature
        and other.public_bytes(Encoding.DER) == certificate.public_bytes(Encoding.DER)
    )
    if not is_same:
        raise Rejected("the entry of its log is about another signature")
