"""The trusted root: which authorities and logs vouch for a signature, and when they did.

Source: sigstore/protobuf-specs, `sigstore_trustroot.proto`, in the form of trusted_root.json.
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
from cryptography import x509

from resources.signatures.public_key import PublicKey, has_signed, key_of
from resources.signatures.strict import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator


_MEDIA_TYPE = "application/vnd.dev.sigstore.trustedroot"


class InvalidRoot(ValueError):  # noqa: N818 - it describes the root, not a failure of ours
    """The text is no trusted root, or names no authority or no log."""


_Time = Annotated[datetime, msgspec.Meta(tz=True)]


class _Period(msgspec.Struct, frozen=True):
    start: _Time | None = None
    end: _Time | None = None


class _Key(msgspec.Struct, frozen=True, rename="camel"):
    raw_bytes: str
    valid_for: _Period = _Period()


class _LogId(msgspec.Struct, frozen=True, rename="camel"):
    key_id: str = ""


class _Log(msgspec.Struct, frozen=True, rename="camel"):
    public_key: _Key
    log_id: _LogId = _LogId()


class _Certificate(msgspec.Struct, frozen=True, rename="camel"):
    raw_bytes: str


class _Chain(msgspec.Struct, frozen=True):
    certificates: tuple[_Certificate, ...] = ()


class _Authority(msgspec.Struct, frozen=True, rename="camel"):
    cert_chain: _Chain = _Chain()
    valid_for: _Period = _Period()


class _Root(msgspec.Struct, frozen=True, rename="camel"):
    media_type: str
    tlogs: tuple[_Log, ...] = ()
    ctlogs: tuple[_Log, ...] = ()
    certificate_authorities: tuple[_Authority, ...] = ()


@dataclass(frozen=True, slots=True)
class Authority:
    """The certificates of an authority, and the period in which it has issued others."""

    certificates: tuple[x509.Certificate, ...]
    period: _Period

    def covers(self, at: datetime) -> bool:
        """Whether it was to be trusted at this time."""
        return _covers(self.period, at)


@dataclass(frozen=True, slots=True)
class Log:
    """A log, by its id, with its key and the period in which that has signed."""

    id: bytes
    key: PublicKey
    period: _Period

    def covers(self, at: datetime) -> bool:
        """Whether it was to be trusted at this time."""
        return _covers(self.period, at)

    def has_signed(self, signature: bytes, data: bytes, at: datetime) -> bool:
        """Whether the log has signed these bytes, and was to be trusted at this time."""
        return self.covers(at) and has_signed(self.key, signature, data)


@dataclass(frozen=True, slots=True)
class Root:
    """Authorities of certificates, logs of signatures, and logs of certificates."""

    authorities: tuple[Authority, ...]
    logs: tuple[Log, ...]
    certificate_logs: tuple[Log, ...]


def log_of(logs: tuple[Log, ...], name: bytes, what: str) -> Log:
    """The log of this id; raises Rejected."""
    for log in logs:
        if log.id == name:
            return log
    raise Rejected(f"the trusted root does not know its {what} {name.hex()[:64]}", is_root=True)


def root_of(text: bytes) -> Root:
    """The trusted root in a text; raises InvalidRoot."""
    try:
        document = msgspec.json.decode(text, type=_Root)
        authorities = tuple(_authority(each) for each in document.certificate_authorities)
        root = Root(authorities, tuple(_logs(document.tlogs)), tuple(_logs(document.ctlogs)))
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise InvalidRoot(f"it cannot be read: {type(error).__name__}") from None
    if not document.media_type.startswith(_MEDIA_TYPE):
        raise InvalidRoot("its media type is not that of a trusted root")
    if not (root.authorities and root.logs and root.certificate_logs):
        raise InvalidRoot("it names no authority, no log, or no log of certificates")
    return root


def _authority(authority: _Authority) -> Authority:
    ders = [b64decode(each.raw_bytes) for each in authority.cert_chain.certificates]
    return Authority(tuple(map(x509.load_der_x509_certificate, ders)), authority.valid_for)


def _logs(logs: tuple[_Log, ...]) -> Iterator[Log]:
    """The logs; one with a key of an algorithm that is not known here vouches for nothing."""
    for log in logs:
        try:
            key = key_of(b64decode(log.public_key.raw_bytes))
        except Rejected:
            continue
        yield Log(b64decode(log.log_id.key_id), key, log.public_key.valid_for)


def _covers(period: _Period, at: datetime) -> bool:
    return (period.start is None or period.start <= at) and (period.end is None or at <= period.end)
