"""The little of DER that the tests write themselves: a timestamp as RFC 3161 has it."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

_SEQUENCE, _SET, _OCTETS, _INTEGER, _OID, _TIME, _NULL = 0x30, 0x31, 0x04, 0x02, 0x06, 0x18, 0x05
_EXPLICIT = 0xA0
_SHA256 = "2.16.840.1.101.3.4.2.1"
_ECDSA_SHA256 = "1.2.840.10045.4.3.2"
_SIGNED_DATA = "1.2.840.113549.1.7.2"
_TST_INFO = "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE, _MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"


def octets(data: bytes, tag: int = _OCTETS) -> bytes:
    """A value with its tag and length."""
    if len(data) < 0x80:
        return bytes((tag, len(data))) + data
    length = len(data).to_bytes((len(data).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + data


def sequence(*parts: bytes) -> bytes:
    return octets(b"".join(parts), _SEQUENCE)


def timestamp_response(authority, message: bytes, at) -> bytes:
    """The answer of a timestamp authority that has seen a message."""
    imprint = sequence(_algorithm(_SHA256), octets(hashlib.sha256(message).digest()))
    time = octets(at.strftime("%Y%m%d%H%M%SZ").encode(), _TIME)
    info = sequence(_integer(1), _oid("1.2.3.4"), imprint, _integer(4711), time)
    signer = _signer(authority, info)
    certificate = authority.certificate.public_bytes(Encoding.DER)
    data = sequence(
        _integer(3),
        octets(_algorithm(_SHA256), _SET),
        sequence(_oid(_TST_INFO), octets(octets(info), _EXPLICIT)),
        octets(certificate, _EXPLICIT),
        octets(signer, _SET),
    )
    token = sequence(_oid(_SIGNED_DATA), octets(data, _EXPLICIT))
    return sequence(sequence(_integer(0)), token)


def _signer(authority, info: bytes) -> bytes:
    certificate = authority.certificate
    attributes = sorted(
        (
            sequence(_oid(_CONTENT_TYPE), octets(_oid(_TST_INFO), _SET)),
            sequence(_oid(_MESSAGE_DIGEST), octets(octets(hashlib.sha256(info).digest()), _SET)),
        )
    )
    signed = b"".join(attributes)
    signature = authority.key.sign(octets(signed, _SET), ec.ECDSA(SHA256()))
    name = certificate.issuer.public_bytes()
    return sequence(
        _integer(1),
        sequence(name, _integer(certificate.serial_number)),
        _algorithm(_SHA256),
        octets(signed, _EXPLICIT),
        sequence(_oid(_ECDSA_SHA256)),
        octets(signature),
    )


def _algorithm(name: str) -> bytes:
    return sequence(_oid(name), octets(b"", _NULL))


def _integer(value: int) -> bytes:
    return octets(value.to_bytes(value.bit_length() // 8 + 1, "big"), _INTEGER)


def _oid(text: str) -> bytes:
    first, second, *rest = map(int, text.split("."))
    out = bytearray()
    for arc in (first * 40 + second, *rest):
        piece = [arc & 0x7F]
        while arc := arc >> 7:
            piece.append(0x80 | (arc & 0x7F))
        out += bytes(reversed(piece))
    return octets(bytes(out), _OID)
