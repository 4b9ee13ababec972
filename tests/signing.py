"""Who signs artifacts in the tests: an authority, logs and a timestamp authority of our own.

What they sign has the form of what cosign v2 and v3 store. Each method has a parameter for what a
test wants to be wrong.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from tests.der import octets, timestamp_response

ISSUER = "https://token.actions.githubusercontent.com"
SUBJECT = "https://github.com/acme/rules/.github/workflows/release.yaml@refs/heads/main"
SIGNED_AT = datetime(2026, 5, 20, 12, 0, 0, tzinfo=UTC)
LIFE = timedelta(minutes=10)
SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
SIGN = "https://sigstore.dev/cosign/sign/v1"
_SCT_LIST = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_TOKEN_ISSUER = ObjectIdentifier("1.3.6.1.4.1.57264.1.8")


def b64(data: bytes) -> str:
    return b64encode(data).decode()


def canonical(document) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def spki(key):
    public = key.public_key() if hasattr(key, "public_key") else key
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def pem(key):
    """The public key as text."""
    public = key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def new_key():
    return ec.generate_private_key(ec.SECP256R1())


def sign(key, data: bytes):
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    return key.sign(data, ec.ECDSA(SHA256()))


def payload_of(digest: str, **critical) -> bytes:
    """What cosign v2 signs."""
    image = {"docker-manifest-digest": digest}
    document = {"identity": {"docker-reference": "ghcr.io/acme/rules"}, "image": image}
    kind = "cosign container image signature"
    return json.dumps({"critical": {**document, "type": kind, **critical}, "optional": {}}).encode()


def statement_of(*digests: str, predicate_type=SIGN) -> bytes:
    """What cosign v3 signs."""
    subjects = [{"digest": {"sha256": digest.partition(":")[2]}} for digest in digests]
    return json.dumps(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subjects,
            "predicateType": predicate_type,
            "predicate": {},
        }
    ).encode()


def pae(payload: bytes, kind="application/vnd.in-toto+json") -> bytes:
    return f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload


def envelope_of(key, payload: bytes):
    signature = b64(sign(key, pae(payload)))
    kind = "application/vnd.in-toto+json"
    return {"payload": b64(payload), "payloadType": kind, "signatures": [{"sig": signature}]}


def key_layer(key, digest: str, payload: bytes | None = None):
    """The payload of a signature of cosign v2 by a key, and the annotations of its layer."""
    payload = payload_of(digest) if payload is None else payload
    return payload, {"dev.cosignproject.cosign/signature": b64(sign(key, payload))}


def key_bundle(key, digest: str, payload: bytes | None = None):
    """A bundle of cosign v3 by a key."""
    payload = statement_of(digest) if payload is None else payload
    material = {"publicKey": {"hint": "none"}, "tlogEntries": []}
    envelope = envelope_of(key, payload)
    return {"mediaType": BUNDLE, "verificationMaterial": material, "dsseEnvelope": envelope}


class Log:
    """A transparency log of the first or the second generation."""

    def __init__(self, *, second=False) -> None:
        self.key = ed25519.Ed25519PrivateKey.generate() if second else new_key()
        self.id = hashlib.sha256(spki(self.key)).digest()

    def promise(self, body: bytes, at: datetime):
        """The annotation of cosign v2."""
        seconds = int(at.timestamp())
        entry = {"body": b64(body), "integratedTime": seconds, "logID": self.id.hex()}
        entry |= {"logIndex": 7}
        return {"SignedEntryTimestamp": b64(sign(self.key, canonical(entry))), "Payload": entry}

    def entry(self, body: bytes, kind, at: datetime | None):
        """The entry in a bundle, with a proof; `at` if a promise is made, too."""
        sibling = hashlib.sha256(b"another leaf").digest()
        leaf = hashlib.sha256(b"\0" + body).digest()
        root = hashlib.sha256(b"\1" + leaf + sibling).digest()
        note = f"log of the tests\n2\n{b64(root)}\n"
        signature = b64(self.id[:4] + sign(self.key, note.encode()))
        entry = {
            "logIndex": "7",
            "logId": {"keyId": b64(self.id)},
            "kindVersion": dict(zip(("kind", "version"), kind, strict=True)),
            "inclusionProof": {
                "logIndex": "0",
                "rootHash": b64(root),
                "treeSize": "2",
                "hashes": [b64(sibling)],
                "checkpoint": {"envelope": f"{note}\n\u2014 tests {signature}\n"},
            },
            "canonicalizedBody": b64(body),
        }
        if at is not None:
            promised = self.promise(body, at)["SignedEntryTimestamp"]
            entry |= {"integratedTime": str(int(at.timestamp()))}
            entry |= {"inclusionPromise": {"signedEntryTimestamp": promised}}
        return entry

    def trusted(self, **period: str):
        details = "PKIX_ED25519" if len(spki(self.key)) < 60 else "PKIX_ECDSA_P256_SHA_256"
        valid = {"start": "2021-01-01T00:00:00Z", **period}
        key = {"rawBytes": b64(spki(self.key)), "keyDetails": details, "validFor": valid}
        url = "https://log.invalid"
        return {"baseUrl": url, "hashAlgorithm": "SHA2_256", "publicKey": key} | {
            "logId": {"keyId": b64(self.id)}
        }


def _certificate(name, key, signer, issuer, extensions, since, until):
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(4711 if not name.rdns else x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(signer, SHA256())


def _usage(**yes: bool):
    names = ["content_commitment", "key_encipherment", "data_encipherment", "key_agreement"]
    names += ["digital_signature", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"]
    return x509.KeyUsage(**{name: yes.get(name, False) for name in names})


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """A root and one that it has issued a certificate for, as Fulcio and timestamp authorities."""

    def __init__(self, name: str, purpose=ExtendedKeyUsageOID.CODE_SIGNING, *, leaf=False) -> None:
        since, until = SIGNED_AT - timedelta(days=365), SIGNED_AT + timedelta(days=3650)
        self._root_key, self.key = new_key(), new_key()
        top = _named(f"{name} root")
        ca = (x509.BasicConstraints(ca=True, path_length=1), True)
        signs = (_usage(key_cert_sign=True, crl_sign=True), True)
        ids = [x509.SubjectKeyIdentifier.from_public_key(self._root_key.public_key())]
        known = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._root_key.public_key())
        extensions = [ca, signs, (ids[0], False), (known, False)]
        self.root = _certificate(top, self._root_key, self._root_key, top, extensions, since, until)
        identifier = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        basic = (x509.BasicConstraints(ca=not leaf, path_length=None if leaf else 0), True)
        usage = _usage(digital_signature=True) if leaf else signs[0]
        extensions = [basic, (usage, True), (x509.ExtendedKeyUsage([purpose]), leaf)]
        extensions += [(identifier, False), (known, False)]
        self.certificate = _certificate(
            _named(name), self.key, self._root_key, top, extensions, since, until
        )

    def trusted(self, **period: str):
        chain = [
            {"rawBytes": b64(each.public_bytes(Encoding.DER))}
            for each in (self.certificate, self.root)
        ]
        valid = {"start": "2021-01-01T00:00:00Z", **period}
        subject = {"organization": "tests", "commonName": "tests"}
        return {"subject": subject, "uri": "https://ca.invalid", "validFor": valid} | {
            "certChain": {"certificates": chain}
        }


class Sigstore:
    """All who vouch for keyless signatures."""

    def __init__(self) -> None:
        self.authority = Authority("authority")
        self.certificate_log, self.log, self.second_log = Log(), Log(), Log(second=True)
        self.timestamps = Authority("timestamps", ExtendedKeyUsageOID.TIME_STAMPING, leaf=True)

    def trusted_root(self, **changes) -> str:
        """The trusted_root.json that knows them."""
        document = {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [self.log.trusted(), self.second_log.trusted()],
            "certificateAuthorities": [self.authority.trusted()],
            "ctlogs": [self.certificate_log.trusted()],
            "timestampAuthorities": [self.timestamps.trusted()],
        }
        return json.dumps(document | changes)

    def certificate(self, key, subject=SUBJECT, issuer=ISSUER, at=SIGNED_AT, **wrong):
        """A certificate as Fulcio's; `wrong` may have `purpose` and `certificate_log`."""
        authority = self.authority
        public = authority.key.public_key()
        purpose = wrong.get("purpose", ExtendedKeyUsageOID.CODE_SIGNING)
        text = octets(issuer.encode(), 0x0C)
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(subject)])
        extensions = [
            (_usage(digital_signature=True), True),
            (x509.ExtendedKeyUsage([purpose]), False),
            (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(public), False),
            (names, True),
            (x509.UnrecognizedExtension(_TOKEN_ISSUER, text), False),
        ]
        issued_by = authority.certificate.subject
        arguments = x509.Name([]), key, authority.key, issued_by
        draft = _certificate(*arguments, extensions, at, at + LIFE)
        log = wrong.get("certificate_log", self.certificate_log)
        promise = self._promise(draft.tbs_certificate_bytes, at, log)
        extensions.append((x509.UnrecognizedExtension(_SCT_LIST, promise), False))
        return _certificate(*arguments, extensions, at, at + LIFE)

    def _promise(self, tbs: bytes, at: datetime, log: Log) -> bytes:
        """The list of one promise of a log of certificates (RFC 6962)."""
        milliseconds = int(at.timestamp() * 1000).to_bytes(8, "big")
        issuer = hashlib.sha256(spki(self.authority.key)).digest()
        signed = b"\0\0" + milliseconds + b"\0\1" + issuer + len(tbs).to_bytes(3, "big") + tbs
        signature = sign(log.key, signed + b"\0\0")
        promise = b"\0" + log.id + milliseconds + b"\0\0" + b"\4\3"
        promise += len(signature).to_bytes(2, "big") + signature
        inner = len(promise).to_bytes(2, "big") + promise
        return octets(len(inner).to_bytes(2, "big") + inner)

    def layer(self, digest: str, payload: bytes | None = None, at=SIGNED_AT, **wrong):
        """A signature of cosign v2 by an identity.

        `wrong` may have `signer` (arguments of `certificate`), `log`, `logged_at` and `signed`.
        """
        payload = payload_of(digest) if payload is None else payload
        key = new_key()
        certificate = self.certificate(key, at=at, **wrong.get("signer", {}))
        text = certificate.public_bytes(Encoding.PEM)
        signature = b64(sign(key, wrong.get("signed", payload)))
        body = canonical(
            {
                "apiVersion": "0.0.1",
                "kind": "hashedrekord",
                "spec": {
                    "data": {
                        "hash": {
                            "algorithm": "sha256",
                            "value": hashlib.sha256(payload).hexdigest(),
                        }
                    },
                    "signature": {"content": signature, "publicKey": {"content": b64(text)}},
                },
            }
        )
        log, logged_at = wrong.get("log", self.log), wrong.get("logged_at", at)
        return payload, {
            "dev.cosignproject.cosign/signature": signature,
            "dev.sigstore.cosign/certificate": text.decode(),
            "dev.sigstore.cosign/chain": self.authority.root.public_bytes(Encoding.PEM).decode(),
            "dev.sigstore.cosign/bundle": json.dumps(log.promise(body, logged_at)),
        }

    def bundle(self, digest: str, payload: bytes | None = None, at=SIGNED_AT, **wrong):
        """A bundle of cosign v3 by an identity, in a log of the first generation.

        `wrong` may have `signer`, `log` and `logged_at`.
        """
        payload = statement_of(digest) if payload is None else payload
        key = new_key()
        certificate = self.certificate(key, at=at, **wrong.get("signer", {}))
        envelope = envelope_of(key, payload)
        text = certificate.public_bytes(Encoding.PEM)
        signature = {"signature": envelope["signatures"][0]["sig"], "verifier": b64(text)}
        hashes = {
            name: {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}
            for name, data in (("envelopeHash", canonical(envelope)), ("payloadHash", payload))
        }
        spec = {**hashes, "signatures": [signature]}
        body = canonical({"apiVersion": "0.0.1", "kind": "dsse", "spec": spec})
        log, logged_at = wrong.get("log", self.log), wrong.get("logged_at", at)
        entry = log.entry(body, ("dsse", "0.0.1"), logged_at)
        return self._bundle(certificate, envelope, entry)

    def second_bundle(self, digest: str, at=SIGNED_AT, **wrong):
        """A bundle in a log of the second generation, whose time a timestamp authority tells.

        `wrong` may have `signer`, `stamped_at` and `timestamps`: None for none.
        """
        key = new_key()
        certificate = self.certificate(key, at=at, **wrong.get("signer", {}))
        payload = statement_of(digest)
        envelope = envelope_of(key, payload)
        der = b64(certificate.public_bytes(Encoding.DER))
        verifier = {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": {"rawBytes": der}}
        content = {"content": envelope["signatures"][0]["sig"], "verifier": verifier}
        data = {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(pae(payload)).digest())}
        spec = {"hashedRekordV002": {"data": data, "signature": content}}
        body = canonical({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": spec})
        entry = self.second_log.entry(body, ("hashedrekord", "0.0.2"), None)
        bundle = self._bundle(certificate, envelope, entry)
        authority = wrong.get("timestamps", self.timestamps)
        if authority is not None:
            signed = sign_bytes(envelope)
            stamp = timestamp_response(authority, signed, wrong.get("stamped_at", at))
            stamps = {"rfc3161Timestamps": [{"signedTimestamp": b64(stamp)}]}
            bundle["verificationMaterial"]["timestampVerificationData"] = stamps
        return bundle

    def _bundle(self, certificate, envelope, entry):
        der = b64(certificate.public_bytes(Encoding.DER))
        material = {"certificate": {"rawBytes": der}, "tlogEntries": [entry]}
        return {"mediaType": BUNDLE, "verificationMaterial": material, "dsseEnvelope": envelope}


def sign_bytes(envelope) -> bytes:
    """The signature in an envelope."""
    return b64decode(envelope["signatures"][0]["sig"])
