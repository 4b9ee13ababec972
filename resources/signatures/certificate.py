"""The certificate of a keyless signature: who it is for, who has issued it, and who has seen it.

Sources: Fulcio, `docs/oid-info.md` and "Certificate Specification"; RFC 6962, section 3.2.
"""

from __future__ import annotations

import hashlib
from datetime import UTC
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.certificate_transparency import LogEntryType, Version
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from resources.signatures.policy import Signer
from resources.signatures.strict import Rejected
from resources.signatures.trusted_root import log_of

if TYPE_CHECKING:
    from datetime import datetime

    from resources.signatures.trusted_root import Root

_ISSUER = ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_ISSUER_BEFORE = ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_UTF8_STRING = 0x0C


def certificate_of(pem: str) -> x509.Certificate:
    """The one certificate in a PEM text; raises Rejected."""
    if pem.count("-----BEGIN ") != 1:
        raise Rejected("it has not exactly one certificate")
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise Rejected("its certificate cannot be read") from None


def signing_key(certificate: x509.Certificate) -> ec.EllipticCurvePublicKey:
    """The key that has signed; raises Rejected."""
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise Rejected("its certificate has no ECDSA key")
    return key


def check_certificate(certificate: x509.Certificate, root: Root, at: datetime) -> None:
    """Hold a certificate against the trusted root, as of a time; raises Rejected.

    The time is that of the signature, which only a log or a timestamp authority can tell.
    """
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        raise Rejected("its certificate was not valid at the time of the signature")
    issuer = _issuer_of(certificate, root, at)
    _check_usage(certificate)
    _check_log(certificate, issuer, root)


def signer_of(certificate: x509.Certificate) -> Signer:
    """The identity that a certificate is for, which has to be one; raises Rejected."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        subjects = [
            *names.get_values_for_type(x509.UniformResourceIdentifier),
            *names.get_values_for_type(x509.RFC822Name),
        ]
    except (x509.ExtensionNotFound, ValueError):
        raise Rejected("its certificate names no subject") from None
    if len(subjects) != 1 or len(list(names)) != 1:
        raise Rejected("its certificate has not exactly one subject that is a URI or e-mail")
    return Signer(issuer=_token_issuer(certificate), subject=subjects[0])


def _token_issuer(certificate: x509.Certificate) -> str:
    values = {
        extension.oid: extension.value.value
        for extension in certificate.extensions
        if isinstance(extension.value, x509.UnrecognizedExtension)
    }
    try:
        if _ISSUER in values:
            return _utf8(values[_ISSUER])
        if _ISSUER_BEFORE in values:
            return values[_ISSUER_BEFORE].decode()
    except UnicodeDecodeError:
        pass
    raise Rejected("its certificate names no issuer")


def _utf8(der: bytes) -> str:
    """The text of a DER UTF8String of less than 64 KiB; raises Rejected."""
    if len(der) >= 2 and der[0] == _UTF8_STRING:
        lengths = {0x81: 1, 0x82: 2}
        more = lengths.get(der[1], 0)
        length = int.from_bytes(der[2 : 2 + more], "big") if more else der[1]
        if len(der) == 2 + more + length:
            return der[2 + more :].decode()
    raise Rejected("its certificate names its issuer in another form")


def _issuer_of(certificate: x509.Certificate, root: Root, at: datetime) -> x509.Certificate:
    """The authority that has issued the certificate; raises Rejected."""
    known = (each for authority in root.authorities for each in authority.certificates)
    if not any(_may_have_issued(certificate, each) for each in known):
        name = certificate.issuer.rfc4514_string()[:200]
        raise Rejected(f"the trusted root does not know its authority {name}", is_root=True)
    trusted = [
        a for authority in root.authorities if authority.covers(at) for a in authority.certificates
    ]
    if not trusted:
        raise Rejected("the trusted root has no authority for the time of the signature")
    # Its certificates are for code signing, and a client's would be for client authentication.
    ca, leaf = (
        policy.may_be_present(x509.ExtendedKeyUsage, Criticality.NON_CRITICAL, None)
        for policy in (ExtensionPolicy.webpki_defaults_ca(), ExtensionPolicy.webpki_defaults_ee())
    )
    builder = PolicyBuilder().store(Store(trusted)).time(at)
    verifier = builder.extension_policies(ca_policy=ca, ee_policy=leaf).build_client_verifier()
    try:
        return verifier.verify(certificate, []).chain[1]
    except (VerificationError, x509.UnsupportedGeneralNameType, ValueError):
        raise Rejected("no authority of the trusted root has issued its certificate") from None


def _may_have_issued(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether name and key are those that the certificate names; others may have the same name."""
    if certificate.issuer != authority.subject:
        return False
    try:
        extensions = certificate.extensions
        named = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
        kind = x509.SubjectKeyIdentifier
        return authority.extensions.get_extension_for_class(kind).value.digest == named
    except (x509.ExtensionNotFound, ValueError):
        return True


def _check_usage(certificate: x509.Certificate) -> None:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        raise Rejected("its certificate is not for signing code") from None
    if not usage.digital_signature or ExtendedKeyUsageOID.CODE_SIGNING not in purposes:
        raise Rejected("its certificate is not for signing code")


def _check_log(certificate: x509.Certificate, issuer: x509.Certificate, root: Root) -> None:
    """A log of certificates has promised to show this one (RFC 6962, section 3.2)."""
    try:
        kind = x509.PrecertificateSignedCertificateTimestamps
        promises = list(certificate.extensions.get_extension_for_class(kind).value)
    except (x509.ExtensionNotFound, ValueError):
        promises = []
    if len(promises) != 1:
        raise Rejected("its certificate has not exactly one promise of a log of certificates")
    (promise,) = promises
    if promise.version is not Version.v1 or promise.entry_type is not LogEntryType.PRE_CERTIFICATE:
        raise Rejected("its certificate has a promise of another kind")
    if not isinstance(promise.signature_hash_algorithm, SHA256):
        raise Rejected("its certificate has a promise with another hash")
    log = log_of(root.certificate_logs, promise.log_id, "log of certificates")
    at = promise.timestamp.replace(tzinfo=UTC)
    key = issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    tbs = certificate.tbs_precertificate_bytes
    signed = b"".join(
        (
            bytes((0, 0)),  # version 1, the timestamp of a certificate
            int(at.timestamp() * 1000).to_bytes(8, "big"),
            (1).to_bytes(2, "big"),  # the entry is a precertificate
            hashlib.sha256(key).digest(),
            len(tbs).to_bytes(3, "big"),
            tbs,
            len(promise.extension_bytes).to_bytes(2, "big"),
            promise.extension_bytes,
        )
    )
    if not log.has_signed(promise.signature, signed, at):
        raise Rejected("no log of certificates has seen its certificate")
