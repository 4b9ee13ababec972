"""What a signature says: which artifact it is for. It is compared with the root's digest, always.

Sources: containers/image, "Atomic container signature format"; in-toto Statement v1; DSSE v1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resources.signatures.strict import Rejected, decoded, document_of, field
from resources.text.messages import shown_unquoted

if TYPE_CHECKING:
    from typing import Any

_SIMPLE_SIGNING = "cosign container image signature"
_STATEMENT = "application/vnd.in-toto+json"
_STATEMENTS = ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")
_SIGNATURE = "https://sigstore.dev/cosign/sign/v1"


class Envelope(NamedTuple):
    """A DSSE envelope: what is signed, as which type, and its one signature."""

    payload_type: str
    payload: bytes
    signature: bytes

    @property
    def signed(self) -> bytes:
        """The bytes that the signature covers (PAE)."""
        kind = self.payload_type.encode()
        return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(self.payload), self.payload)


def check_payload(payload: bytes, digest: str) -> None:
    """Hold a payload in the form of simple signing against a digest; raises Rejected."""
    document = document_of(payload, "its payload")
    if field(document, "critical", "type") != _SIMPLE_SIGNING:
        raise Rejected("its payload is no signature of an artifact")
    _compare(field(document, "critical", "image", "docker-manifest-digest"), digest)


def envelope_of(document: dict[str, Any]) -> Envelope:
    """The envelope of a bundle; raises Rejected."""
    kind, signatures = document.get("payloadType"), document.get("signatures")
    if not isinstance(kind, str) or not isinstance(signatures, list) or len(signatures) != 1:
        raise Rejected("its envelope has not exactly one signature")
    signature = field({"of": signatures[0]}, "of", "sig")
    payload = decoded(document.get("payload"), "its payload")
    return Envelope(kind, payload, decoded(signature, "its signature"))


def check_statement(envelope: Envelope, digest: str) -> None:
    """Hold the statement of an envelope against a digest; raises Rejected.

    Attestations, such as an SBOM, are no signatures, whoever signed them.
    """
    if envelope.payload_type != _STATEMENT:
        raise Rejected(f"its envelope holds {shown_unquoted(envelope.payload_type)}")
    document = document_of(envelope.payload, "its statement")
    if document.get("_type") not in _STATEMENTS:
        raise Rejected("its statement is of another type")
    if document.get("predicateType") != _SIGNATURE:
        kind = shown_unquoted(str(document.get("predicateType")))
        raise Rejected(f"it is an attestation of type {kind}, and no signature")
    subjects = document.get("subject")
    if not isinstance(subjects, list) or len(subjects) != 1:
        raise Rejected("its statement is not about exactly one artifact")
    sha256 = field({"of": subjects[0]}, "of", "digest", "sha256")
    _compare(f"sha256:{sha256}", digest)


def _compare(signed: object, digest: str) -> None:
    if signed != digest:
        raise Rejected(f"it is for another artifact, {shown_unquoted(str(signed)[:80])}")
