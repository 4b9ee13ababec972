"""Public keys as users give them."""

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from resources.signatures.public_key import has_signed, keys_of
from resources.signatures.public_key_text import blocks_of, text_problem
from resources.signatures.strict import Rejected
from tests.signing import Authority, new_key, pem

DATA = b"what is signed"
RSA = rsa.generate_private_key(65537, 2048)
# Its headers have characters that no block of a public key has.
ENCRYPTED = RSA.private_bytes(
    Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"password")
).decode()


def signatures():
    for curve, more in (
        (ec.SECP256R1(), None),
        (ec.SECP384R1(), SHA384()),
        (ec.SECP521R1(), SHA512()),
    ):
        key = ec.generate_private_key(curve)
        for algorithm in (SHA256(), *((more,) if more else ())):
            yield key, key.sign(DATA, ec.ECDSA(algorithm))
    yield RSA, RSA.sign(DATA, padding.PKCS1v15(), SHA256())
    edwards = ed25519.Ed25519PrivateKey.generate()
    yield edwards, edwards.sign(DATA)


SIGNATURES = dict(enumerate(signatures()))


@pytest.mark.parametrize(("key", "signature"), SIGNATURES.values(), ids=map(str, SIGNATURES))
def test_keys_of_all_usual_kinds_verify(key, signature):
    (public,) = keys_of(pem(key))
    assert has_signed(public, signature, DATA)
    assert not has_signed(public, signature, DATA + b".")
    assert not has_signed(public, signature[:-1], DATA)
    assert not has_signed(public, b"", DATA)


def test_other_paddings_and_hashes_are_refused():
    (public,) = keys_of(pem(RSA))
    pss = padding.PSS(padding.MGF1(SHA256()), padding.PSS.MAX_LENGTH)
    assert not has_signed(public, RSA.sign(DATA, pss, SHA256()), DATA)
    key = new_key()
    (public,) = keys_of(pem(key))
    assert not has_signed(public, key.sign(DATA, ec.ECDSA(SHA512())), DATA)


def test_a_text_may_hold_several_keys_between_other_lines():
    text = f"# old\n{pem(new_key())}\n# new\n{pem(new_key())}"
    assert len(keys_of(text)) == len(blocks_of(text)) == 2
    assert text_problem(text) == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "holds no PUBLIC KEY in PEM"),
        ("ssh-rsa AAAA", "holds no PUBLIC KEY in PEM"),
        (
            Authority("a").root.public_bytes(Encoding.PEM).decode(),
            "holds a CERTIFICATE, expected is a PUBLIC KEY",
        ),
        (pem(new_key()).replace("PUBLIC", "PRIVATE"), "holds a PRIVATE KEY"),
        ("x" * 20_000, "has more than 16384 characters"),
        (f"{pem(new_key())}{pem(RSA)[:100]}", "holds more than whole PUBLIC KEYs in PEM"),
        (f"{ENCRYPTED}{pem(new_key())}", "holds more than whole PUBLIC KEYs in PEM"),
    ],
    ids=["nothing", "other", "certificate", "private", "long", "cut off", "encrypted"],
)
def test_a_text_that_holds_something_else_says_what(text, problem):
    assert text_problem(text).startswith(problem)


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (rsa.generate_private_key(65537, 1024), "an RSA key has 1024 bits"),
        (ec.generate_private_key(ec.SECP224R1()), "an ECDSA key has 224 bits"),
        (dsa.generate_private_key(1024), "neither ECDSA nor RSA nor Ed25519"),
    ],
    ids=["weak", "weak curve", "other"],
)
def test_weak_and_other_keys_are_refused(key, why):
    with pytest.raises(Rejected, match=why):
        keys_of(pem(key))
    with pytest.raises(Rejected, match="not valid"):
        keys_of("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----")
