"""Signatures as cosign v3 stores them: bundles, by a key or by a certificate."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from resources.signatures.certificate import check_certificate, signer_of
from resources.signatures.claims import Envelope, check_statement, envelope_of
from resources.signatures.policy import Signer
from resources.signatures.public_key import has_signed, has_signed_hash, key_digest
from resources.signatures.strict import Rejected, decoded, document_of, field
from resources.signatures.trusted_root import log_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cryptography import x509
    from sigstore.models import Bundle

    from resources.signatures.public_key import PublicKey
    from resources.signatures.trusted_root import Root

_MEDIA_TYPES = (
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
)


def is_keyless(document: dict[str, Any]) -> bool:
    """Whether the bundle has a certificate, rather than the name of a key."""
    return field(document, "verificationMaterial", "certificate") is not None


def read(text: bytes) -> dict[str, Any]:
    """The document of a bundle; raises Rejected."""
    document = document_of(text, "its bundle")
    if document.get("mediaType") not in _MEDIA_TYPES:
        raise Rejected("its bundle is not of version 0.3")
    is_message = document.get("messageSignature") is not None
    if is_message == isinstance(document.get("dsseEnvelope"), dict):
        raise Rejected("its bundle has not exactly one signature")
    return document


def signed_by_key(document: dict[str, Any], keys: Iterable[PublicKey], digest: str) -> Signer:
    """The key that has signed the artifact of this digest; raises Rejected.

    The bundle names its key by a hint, which is not read: all keys are tried.
    """
    envelope = _envelope(document)
    for key in keys:
        if envelope is None:
            signature = decoded(field(document, "messageSignature", "signature"), "its signature")
            is_by_key = has_signed_hash(key, signature, _hash_of(digest))
        else:
            is_by_key = has_signed(key, envelope.signature, envelope.signed)
        if is_by_key:
            if envelope is not None:
                check_statement(envelope, digest)
            return Signer(key=key_digest(key))
    raise Rejected("it is by none of the keys")


def signed_keyless(text: bytes, root: Root, root_path: Path, digest: str) -> Signer:
    """The identity that has signed the artifact of this digest; raises Rejected.

    The sigstore package verifies certificate, log entry, timestamps and signature. It does not look
    at the period in which the trusted root's authorities and logs are to be trusted: that is done
    here.
    """
    from sigstore.errors import Error  # noqa: PLC0415 - 25 MB that keys do without
    from sigstore.hashes import Hashed  # noqa: PLC0415
    from sigstore.models import Bundle, TrustedRoot  # noqa: PLC0415
    from sigstore.verify import Verifier  # noqa: PLC0415
    from sigstore_models.common.v1 import HashAlgorithm  # noqa: PLC0415

    document = read(text)
    envelope = _envelope(document)
    try:
        bundle = Bundle.from_json(text)
        _check_periods(bundle, document, root)
        verifier = Verifier(trusted_root=TrustedRoot.from_file(str(root_path)))
        if envelope is None:
            signed = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=_hash_of(digest))
            verifier.verify_artifact(signed, bundle, _Anybody())
        else:
            kind, payload = verifier.verify_dsse(bundle, _Anybody())
            check_statement(Envelope(kind, payload, envelope.signature), digest)
    except Rejected:
        raise
    except Error as error:
        raise Rejected(f"it is not valid: {_first_line(error)}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Rejected(f"its bundle cannot be read: {type(error).__name__}") from None
    return signer_of(bundle.signing_certificate)


class _Anybody:
    """Takes any certificate; whose it is, is compared with the policy once all else is verified."""

    def verify(self, cert: x509.Certificate) -> None:
        """Do nothing."""


def _check_periods(bundle: Bundle, document: dict[str, Any], root: Root) -> None:
    """Authority and log were to be trusted when they signed; raises Rejected.

    A certificate is for ten minutes, so the time of its issue is near enough to any time within.
    """
    certificate = bundle.signing_certificate
    issued = certificate.not_valid_before_utc
    check_certificate(certificate, root, issued)
    entries = field(document, "verificationMaterial", "tlogEntries")
    if not isinstance(entries, list) or len(entries) != 1:
        raise Rejected("it is not in exactly one log")
    (entry,) = entries
    log = log_of(root.logs, decoded(field(entry, "logId", "keyId"), "its log"), "log")
    seconds = field(entry, "integratedTime")
    try:
        at = datetime.fromtimestamp(int(seconds), UTC) if seconds not in (None, "0", 0) else issued
    except (ValueError, TypeError, OverflowError, OSError):
        raise Rejected("its log tells no time") from None
    if not log.covers(at):
        raise Rejected("its log was not to be trusted at the time of the signature")


def _envelope(document: dict[str, Any]) -> Envelope | None:
    """The envelope of the bundle; None if it has a signature of the artifact itself."""
    envelope = document.get("dsseEnvelope")
    return envelope_of(envelope) if isinstance(envelope, dict) else None


def _hash_of(digest: str) -> bytes:
    return bytes.fromhex(digest.removeprefix("sha256:"))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
