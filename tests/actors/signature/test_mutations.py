"""Signatures of which some bytes are others: whatever that breaks, none of them says more."""

import json
import random
from base64 import b64decode, b64encode

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from actors.signature.verification import Checks, accepted
from resources.signatures.legacy import LegacySignature
from resources.signatures.policy import Identity, Policy, Signer
from resources.signatures.strict import Rejected
from tests.sampled import examples
from tests.signing import ISSUER, SUBJECT, Sigstore

SIGSTORE = Sigstore()
DIGEST = f"sha256:{'ab' * 32}"
POLICY = Policy((), (Identity(issuer=ISSUER, subject=SUBJECT),), SIGSTORE.trusted_root())
SIGNER = Signer(ISSUER, SUBJECT)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """A few bytes are others, gone, or there twice."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 8))):
        at = chance.randrange(len(changed))
        match chance.randrange(4):
            case 0:
                changed[at] ^= 1 << chance.randrange(8)
            case 1:
                changed[at] = chance.randrange(256)
            case 2:
                del changed[at : at + chance.randrange(1, 9)]
            case _:
                changed[at:at] = changed[at : at + chance.randrange(1, 9)]
    return bytes(changed)


def bundles(chance):
    """Bundles with changes anywhere, or within the certificate alone."""
    for bundle in (SIGSTORE.bundle(DIGEST), SIGSTORE.second_bundle(DIGEST)):
        yield mutated(json.dumps(bundle).encode(), chance)
        certificate = bundle["verificationMaterial"]["certificate"]
        changed = mutated(b64decode(certificate["rawBytes"]), chance)
        certificate["rawBytes"] = b64encode(changed).decode()
        yield json.dumps(bundle).encode()


def layers(chance):
    """Signatures of cosign 2 with changes in one of their parts."""
    payload, annotations = SIGSTORE.layer(DIGEST)
    parts = [payload.decode(), *annotations.values()]
    del parts[3]  # the chain, which nobody reads
    der = x509.load_pem_x509_certificate(parts[2].encode()).public_bytes(Encoding.DER)
    lines = b64encode(mutated(der, chance)).decode()
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    yield LegacySignature(payload, parts[1], f"{begin}\n{lines}\n{end}\n", parts[3])
    for at, part in enumerate(parts):
        texts = [*parts]
        texts[at] = mutated(part.encode(), chance).decode(errors="replace")
        yield LegacySignature(texts[0].encode(), *texts[1:])


@examples(40, 800)
def test_no_change_leads_to_another_signer_or_to_an_error(examples):
    chance, checks = random.Random(examples), Checks(POLICY, DIGEST)
    refused = 0
    for _ in range(examples):
        for found in (*bundles(chance), *layers(chance)):
            try:
                assert accepted(checks, found) == SIGNER
            except Rejected:
                refused += 1
    # A change of what is not read, such as blanks, or a case of letters, changes nothing.
    assert refused > examples * 7
