"""Public keys, and the signatures that they verify."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

from resources.signatures.public_key_text import blocks_of
from resources.signatures.strict import Rejected

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey
_KINDS = (ec.EllipticCurvePublicKey, rsa.RSAPublicKey, ed25519.Ed25519PublicKey)
_LEAST_RSA_BITS = 2048
_LEAST_CURVE_BITS = 256
# The usual hash of a curve; cosign takes SHA-256 for all.
_HASHES: dict[str, HashAlgorithm] = {"secp384r1": SHA384(), "secp521r1": SHA512()}


def keys_of(text: str) -> tuple[PublicKey, ...]:
    """The public keys in a PEM text; raises Rejected."""
    return tuple(_usable(block.encode(), is_pem=True) for block in blocks_of(text))


def key_of(der: bytes) -> PublicKey:
    """A public key of a trusted root; raises Rejected."""
    return _usable(der, is_pem=False)


def key_digest(key: PublicKey) -> str:
    """The SHA-256 of the key, in hexadecimal: what a log calls its id."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def has_signed(key: PublicKey, signature: bytes, data: bytes) -> bool:
    """Whether the signature of these bytes is by the key."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        try:
            key.verify(signature, data)
        except InvalidSignature:
            return False
        return True
    if _verifies(key, signature, data, SHA256()):
        return True
    other = _HASHES.get(key.curve.name) if isinstance(key, ec.EllipticCurvePublicKey) else None
    return other is not None and _verifies(key, signature, data, other)


def has_signed_hash(key: PublicKey, signature: bytes, sha256: bytes) -> bool:
    """Whether the signature of the bytes with this SHA-256 is by the key; Ed25519 has no such."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        return False
    return _verifies(key, signature, sha256, Prehashed(SHA256()))


def _verifies(
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    signature: bytes,
    data: bytes,
    algorithm: HashAlgorithm | Prehashed,
) -> bool:
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, padding.PKCS1v15(), algorithm)
        else:
            key.verify(signature, data, ec.ECDSA(algorithm))
    except InvalidSignature:
        return False
    return True


def _usable(data: bytes, *, is_pem: bool) -> PublicKey:
    try:
        key = load_pem_public_key(data) if is_pem else load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise Rejected("a key is not valid") from None
    if not isinstance(key, _KINDS):
        raise Rejected("a key is neither ECDSA nor RSA nor Ed25519")
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _LEAST_RSA_BITS:
        raise Rejected(f"an RSA key has {key.key_size} bits, needed are {_LEAST_RSA_BITS}")
    if isinstance(key, ec.EllipticCurvePublicKey) and key.key_size < _LEAST_CURVE_BITS:
        raise Rejected(f"an ECDSA key has {key.key_size} bits, needed are {_LEAST_CURVE_BITS}")
    return key
