"""Every kind of signature, good and bad, in a real registry: what the verdict is, and why."""

import json
from base64 import b64encode
from datetime import timedelta
from itertools import count

import pytest

from actors.artifact.trusted_root_file import TrustedRootFile
from actors.signature.verification import answer
from deploy.local import Registry
from deploy.local.publisher import Repository, publish_rules
from resources.registry.request import Endpoint
from resources.signatures.policy import Identity, Mode, Policy, Result
from resources.signatures.request import Verification
from resources.signatures.standing import Standing, permitted
from tests.registries import LOCAL
from tests.signed import store_bundles, store_layers
from tests.signing import (
    ISSUER,
    LIFE,
    SIGNED_AT,
    SUBJECT,
    Log,
    Sigstore,
    key_bundle,
    key_layer,
    new_key,
    payload_of,
    pem,
    statement_of,
)

SIGSTORE, OTHERS = Sigstore(), Sigstore()
KEY, OTHER_KEY = new_key(), new_key()
OTHER = f"sha256:{'ab' * 32}"
WHO = Identity(issuer=ISSUER, subject=SUBJECT)
POLICY = Policy((pem(KEY),), (WHO,), SIGSTORE.trusted_root())
SBOM = "https://spdx.dev/Document"
LATER = SIGNED_AT + timedelta(seconds=1)
# Names of repositories: no test sees what another has stored.
_numbers = count()


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A real registry."""
    with Registry(tmp_path_factory.mktemp("registry")) as started:
        yield started


class Place:
    """A repository with one artifact, and the question who has signed it."""

    def __init__(self, registry) -> None:
        self.target, self.repository = Repository(registry.url), f"acme/rules{next(_numbers)}"
        self.endpoint = Endpoint(
            registry.address, self.repository, plain_http=True, local_registries=LOCAL
        )
        self.digest = publish_rules(self.target, self.repository, ["latest"], "- list: a")

    def layers(self, *layers):
        store_layers(self.target, self.repository, self.digest, *layers)

    def bundles(self, *bundles, **more):
        store_bundles(self.target, self.repository, self.digest, *bundles, **more)

    def verdict(self, policy=POLICY):
        return answer(Verification(self.endpoint, self.digest, policy))


@pytest.fixture
def place(registry):
    return Place(registry)


def with_blanks(layer):
    payload, annotations = layer
    name = "dev.cosignproject.cosign/signature"
    text = annotations[name]
    return payload, {**annotations, name: f"{text[:10]}\n{text[10:]}"}


def with_blanks_in_bundle(bundle):
    (signature,) = bundle["dsseEnvelope"]["signatures"]
    text = signature["sig"]
    signature["sig"] = f"{text[:10]} {text[10:]}"
    return bundle


def tampered(layer):
    payload, annotations = layer
    return payload.replace(b"acme", b"evil"), annotations


def tampered_bundle(bundle):
    envelope = bundle["dsseEnvelope"]
    envelope["payload"] = b64encode(statement_of(OTHER)).decode()
    return bundle


def twice(digest):
    """A payload that names two artifacts under one key: who reads the last one finds ours."""
    ours = payload_of(digest).decode()
    theirs = json.dumps(json.loads(payload_of(OTHER))["critical"])
    return ours.replace('{"critical"', f'{{"critical": {theirs}, "critical"').encode()


def twice_stated(digest):
    theirs = json.dumps([{"digest": {"sha256": "ab" * 32}}])
    text = statement_of(digest).decode()
    return text.replace('"subject"', f'"subject": {theirs}, "subject"', 1).encode()


def certified(layer, other):
    """As `cosign sign --key --certificate` stores it."""
    name = "dev.sigstore.cosign/certificate"
    return layer[0], {**layer[1], name: other[1][name]}


def promised_twice(layer):
    payload, annotations = layer
    name = "dev.sigstore.cosign/bundle"
    text = annotations[name].replace('"Payload"', '"Payload": {}, "Payload"', 1)
    return payload, {**annotations, name: text}


def enveloped_twice(bundle, other):
    theirs = json.dumps(other["dsseEnvelope"])
    ours = json.dumps(bundle)
    return ours.replace('"dsseEnvelope"', f'"dsseEnvelope": {theirs}, "dsseEnvelope"', 1).encode()


def signed_twice(bundle, other):
    bundle["dsseEnvelope"]["signatures"] += other["dsseEnvelope"]["signatures"]
    return bundle


def without(name, layer):
    payload, annotations = layer
    return payload, {key: text for key, text in annotations.items() if key != name}


def moved(layer):
    """A second later than the log has promised."""
    payload, annotations = layer
    bundle = json.loads(annotations["dev.sigstore.cosign/bundle"])
    bundle["Payload"]["integratedTime"] += 1
    return payload, {**annotations, "dev.sigstore.cosign/bundle": json.dumps(bundle)}


def moved_bundle(bundle):
    (entry,) = bundle["verificationMaterial"]["tlogEntries"]
    entry["integratedTime"] = str(int(entry["integratedTime"]) + 1)
    return bundle


def edited(bundle, **changes):
    (entry,) = bundle["verificationMaterial"]["tlogEntries"]
    entry.update(changes)
    return bundle


EXPIRED = SIGNED_AT + LIFE + timedelta(seconds=1)
# What is stored → the result, and a part of what a user is told.
LEGACY = {
    "unsigned": (None, Result.NO_SIGNATURE, "has no signature"),
    "right key": (lambda d: key_layer(KEY, d), Result.VERIFIED, "is signed by key "),
    "wrong key": (lambda d: key_layer(OTHER_KEY, d), Result.NONE_MATCHES, "by none of the keys"),
    "right key, with a certificate beside it": (
        lambda d: certified(key_layer(KEY, d), SIGSTORE.layer(d)),
        Result.VERIFIED,
        "is signed by key ",
    ),
    "right identity": (SIGSTORE.layer, Result.VERIFIED, SUBJECT),
    "wrong identity": (
        lambda d: SIGSTORE.layer(d, signer={"subject": "https://github.com/evil/rules"}),
        Result.NONE_MATCHES,
        f"it is by https://github.com/evil/rules (issuer {ISSUER})",
    ),
    "other issuer": (
        lambda d: SIGSTORE.layer(d, signer={"issuer": "https://accounts.evil"}),
        Result.NONE_MATCHES,
        "(issuer https://accounts.evil)",
    ),
    "tampered payload": (lambda d: tampered(key_layer(KEY, d)), Result.NONE_MATCHES, "none of"),
    "tampered payload, keyless": (
        lambda d: tampered(SIGSTORE.layer(d)),
        Result.NONE_MATCHES,
        "about another signature",
    ),
    "payload of another digest": (
        lambda _: key_layer(KEY, OTHER),
        Result.NONE_MATCHES,
        f"for another artifact, {OTHER}",
    ),
    "payload of another digest, keyless": (
        lambda _: SIGSTORE.layer(OTHER),
        Result.NONE_MATCHES,
        f"for another artifact, {OTHER}",
    ),
    "payload of no artifact": (
        lambda d: key_layer(KEY, d, payload_of(d, type="atomic")),
        Result.NONE_MATCHES,
        "no signature of an artifact",
    ),
    "logged after the certificate had expired": (
        lambda d: SIGSTORE.layer(d, logged_at=EXPIRED),
        Result.NONE_MATCHES,
        "not valid at the time",
    ),
    "no time": (
        lambda d: without("dev.sigstore.cosign/bundle", SIGSTORE.layer(d)),
        Result.NONE_MATCHES,
        "no log tells the time",
    ),
    "time moved": (
        lambda d: moved(SIGSTORE.layer(d)),
        Result.NONE_MATCHES,
        "has not promised to show it",
    ),
    "promise of another log": (
        lambda d: SIGSTORE.layer(d, log=OTHERS.log),
        Result.ROOT_UNKNOWN,
        "does not know its log",
    ),
    "duplicated keys": (
        lambda d: key_layer(KEY, d, twice(d)),
        Result.NONE_MATCHES,
        "has a key twice",
    ),
    "duplicated keys, keyless": (
        lambda d: SIGSTORE.layer(d, twice(d)),
        Result.NONE_MATCHES,
        "has a key twice",
    ),
    "duplicated keys in the promise": (
        lambda d: promised_twice(SIGSTORE.layer(d)),
        Result.NONE_MATCHES,
        "has a key twice",
    ),
    "an SBOM attestation only": (
        lambda d: key_layer(KEY, d, statement_of(d, predicate_type=SBOM)),
        Result.NONE_MATCHES,
        "no signature of an artifact",
    ),
    "an SBOM attestation only, keyless": (
        lambda d: SIGSTORE.layer(d, statement_of(d, predicate_type=SBOM)),
        Result.NONE_MATCHES,
        "no signature of an artifact",
    ),
    "base64 with blanks": (
        lambda d: with_blanks(key_layer(KEY, d)),
        Result.NONE_MATCHES,
        "its signature is not base64",
    ),
    "base64 with blanks, keyless": (
        lambda d: with_blanks(SIGSTORE.layer(d)),
        Result.NONE_MATCHES,
        "about another signature",
    ),
    "certificate in no log of certificates": (
        lambda d: SIGSTORE.layer(d, signer={"certificate_log": Log()}),
        Result.ROOT_UNKNOWN,
        "does not know its log of certificates",
    ),
    "all of another root": (OTHERS.layer, Result.ROOT_UNKNOWN, "does not know"),
    "by another key than the certificate's": (
        lambda d: SIGSTORE.layer(d, signed=b"other"),
        Result.NONE_MATCHES,
        "not by the key of its certificate",
    ),
}
BUNDLES = {
    "unsigned": (None, Result.NO_SIGNATURE, "has no signature"),
    "right key": (lambda d: key_bundle(KEY, d), Result.VERIFIED, "is signed by key "),
    "wrong key": (lambda d: key_bundle(OTHER_KEY, d), Result.NONE_MATCHES, "by none of the keys"),
    "right identity": (SIGSTORE.bundle, Result.VERIFIED, SUBJECT),
    "right identity, by a timestamp": (
        SIGSTORE.second_bundle,
        Result.VERIFIED,
        SUBJECT,
    ),
    "wrong identity": (
        lambda d: SIGSTORE.bundle(d, signer={"subject": "https://github.com/evil/rules"}),
        Result.NONE_MATCHES,
        f"it is by https://github.com/evil/rules (issuer {ISSUER})",
    ),
    "other issuer": (
        lambda d: SIGSTORE.second_bundle(d, signer={"issuer": "https://accounts.evil"}),
        Result.NONE_MATCHES,
        "(issuer https://accounts.evil)",
    ),
    "tampered payload": (
        lambda d: tampered_bundle(key_bundle(KEY, d)),
        Result.NONE_MATCHES,
        "by none of the keys",
    ),
    "tampered payload, keyless": (
        lambda d: tampered_bundle(SIGSTORE.bundle(d)),
        Result.NONE_MATCHES,
        "it is not valid: DSSE: invalid signature",
    ),
    "payload of another digest": (
        lambda _: key_bundle(KEY, OTHER),
        Result.NONE_MATCHES,
        f"for another artifact, {OTHER}",
    ),
    "payload of another digest, keyless": (
        lambda _: SIGSTORE.bundle(OTHER),
        Result.NONE_MATCHES,
        f"for another artifact, {OTHER}",
    ),
    "two subjects": (
        lambda d: key_bundle(KEY, d, statement_of(d, OTHER)),
        Result.NONE_MATCHES,
        "not about exactly one artifact",
    ),
    "logged after the certificate had expired": (
        lambda d: SIGSTORE.bundle(d, logged_at=EXPIRED),
        Result.NONE_MATCHES,
        "it is not valid",
    ),
    "stamped after the certificate had expired": (
        lambda d: SIGSTORE.second_bundle(d, stamped_at=EXPIRED),
        Result.NONE_MATCHES,
        "it is not valid",
    ),
    "no time": (
        lambda d: SIGSTORE.second_bundle(d, timestamps=None),
        Result.NONE_MATCHES,
        "must contain an inclusion promise or signed timestamp",
    ),
    "stamped by another authority": (
        lambda d: SIGSTORE.second_bundle(d, timestamps=OTHERS.timestamps),
        Result.NONE_MATCHES,
        "not enough sources of verified time",
    ),
    "time moved": (
        lambda d: moved_bundle(SIGSTORE.bundle(d)),
        Result.NONE_MATCHES,
        "invalid inclusion promise",
    ),
    "entry of another log": (
        lambda d: SIGSTORE.bundle(d, log=OTHERS.log),
        Result.ROOT_UNKNOWN,
        "does not know its log",
    ),
    "no proof": (
        lambda d: edited(SIGSTORE.bundle(d), inclusionProof=None),
        Result.NONE_MATCHES,
        "it is not valid",
    ),
    "duplicated keys": (
        lambda d: key_bundle(KEY, d, twice_stated(d)),
        Result.NONE_MATCHES,
        "has a key twice",
    ),
    "duplicated keys, keyless": (
        lambda d: SIGSTORE.bundle(d, twice_stated(d)),
        Result.NONE_MATCHES,
        "has a key twice",
    ),
    "duplicated keys of the bundle": (
        lambda d: enveloped_twice(key_bundle(KEY, d), key_bundle(OTHER_KEY, OTHER)),
        Result.NONE_MATCHES,
        "has a key twice",
    ),
    "two signatures of one envelope": (
        lambda d: signed_twice(key_bundle(OTHER_KEY, d), key_bundle(KEY, d)),
        Result.NONE_MATCHES,
        "not exactly one signature",
    ),
    "base64 with blanks": (
        lambda d: with_blanks_in_bundle(key_bundle(KEY, d)),
        Result.NONE_MATCHES,
        "its signature is not base64",
    ),
    "base64 with blanks, keyless": (
        lambda d: with_blanks_in_bundle(SIGSTORE.bundle(d)),
        Result.NONE_MATCHES,
        "its signature is not base64",
    ),
    "an SBOM attestation only": (
        lambda d: key_bundle(KEY, d, statement_of(d, predicate_type=SBOM)),
        Result.NONE_MATCHES,
        f"an attestation of type {SBOM}, and no signature",
    ),
    "an SBOM attestation only, keyless": (
        lambda d: SIGSTORE.bundle(d, statement_of(d, predicate_type=SBOM)),
        Result.NONE_MATCHES,
        "and no signature",
    ),
    "certificate in no log of certificates": (
        lambda d: SIGSTORE.bundle(d, signer={"certificate_log": Log()}),
        Result.ROOT_UNKNOWN,
        "does not know its log of certificates",
    ),
    "all of another root": (OTHERS.bundle, Result.ROOT_UNKNOWN, "does not know"),
    "no JSON": (lambda _: b"{" * 100_000, Result.NONE_MATCHES, "its bundle is no JSON"),
}


def published(digest, verdict):
    """The modes in which nodes get the digest, and those in which it is called verified."""
    found = {mode: permitted(Standing(mode, digest, "p", verdict), "", None) for mode in Mode}
    return (
        {mode for mode in Mode if found[mode].digest == digest},
        {mode for mode in Mode if found[mode].verified},
    )


def check(place, result, text):
    """What is found, and what of it follows in each mode."""
    verdict = place.verdict()
    assert (verdict.result, text in verdict.message) == (result, True), verdict.message
    is_good = result is Result.VERIFIED
    installed = set(Mode) if is_good else {Mode.OFF, Mode.WARN}
    called_so = {Mode.WARN, Mode.ENFORCE} if is_good else set()
    assert published(place.digest, verdict) == (installed, called_so)


@pytest.mark.parametrize(("make", "result", "text"), LEGACY.values(), ids=LEGACY)
def test_a_signature_of_cosign_v2(place, make, result, text):
    place.layers(*([make(place.digest)] if make is not None else []))
    check(place, result, text)


@pytest.mark.parametrize(("make", "result", "text"), BUNDLES.values(), ids=BUNDLES)
def test_a_bundle_of_cosign_v3(place, make, result, text):
    place.bundles(*([make(place.digest)] if make is not None else []))
    check(place, result, text)


def test_one_signature_that_fits_is_enough_in_either_form(place):
    bad = key_layer(OTHER_KEY, place.digest), SIGSTORE.layer(place.digest, log=OTHERS.log)
    place.layers(*bad, SIGSTORE.layer(place.digest))
    place.bundles(key_bundle(OTHER_KEY, place.digest), b"{}")
    assert place.verdict().result is Result.VERIFIED


def test_of_many_signatures_the_first_are_looked_at(place):
    bad = [key_layer(OTHER_KEY, place.digest, payload_of(place.digest)) for _ in range(32)]
    place.layers(*bad, key_layer(KEY, place.digest))
    verdict = place.verdict()
    assert verdict.result is Result.NONE_MATCHES
    assert "there are 33 signatures, and 32 are looked at" in verdict.message
    place.layers(*bad[1:], key_layer(KEY, place.digest))
    assert place.verdict().result is Result.VERIFIED


def test_a_signature_of_another_artifact_under_this_tag_is_refused(place, registry):
    other = Place(registry)
    place.layers(key_layer(KEY, OTHER), SIGSTORE.layer(OTHER))
    place.bundles(key_bundle(KEY, OTHER), subject=OTHER)
    verdict = place.verdict()
    assert verdict.result is Result.NONE_MATCHES
    assert "its manifest refers to another artifact" in verdict.message
    assert other.verdict().result is Result.NO_SIGNATURE


@pytest.mark.parametrize("form", ["layers", "bundles"])
@pytest.mark.parametrize(
    ("changes", "is_accepted"),
    [
        ({}, True),
        ({"subject": "", "subject_expression": r"https://github\.com/acme/.*"}, True),
        ({"issuer": "", "issuer_expression": r"https://token\..*\.com"}, True),
        ({"subject": "", "subject_expression": r"https://github\.com/acme/rule"}, False),
        ({"subject": "", "subject_expression": r"github\.com/acme/.*"}, False),
        ({"subject": "", "subject_expression": ".*", "issuer": "https://other"}, False),
        ({"subject": ""}, False),
        ({"issuer": ""}, False),
    ],
)
def test_both_parts_of_an_identity_are_matched_whole(place, form, changes, is_accepted):
    fields = {"issuer": ISSUER, "subject": SUBJECT, **changes}
    policy = Policy(identities=(Identity(**fields),), trusted_root=SIGSTORE.trusted_root())
    make = SIGSTORE.layer if form == "layers" else SIGSTORE.bundle
    getattr(place, form)(make(place.digest))
    result = Result.VERIFIED if is_accepted else Result.NONE_MATCHES
    assert place.verdict(policy).result is result


def test_a_name_that_only_begins_as_the_official_one_is_another(place):
    evil = "https://github.com/falcosecurity/rules-evil/.github/workflows/a.yaml@refs/heads/main"
    wanted = Identity(issuer=ISSUER, subject_expression="https://github.com/falcosecurity/rules")
    place.bundles(SIGSTORE.bundle(place.digest, signer={"subject": evil}))
    policy = Policy(identities=(wanted,), trusted_root=SIGSTORE.trusted_root())
    assert place.verdict(policy).result is Result.NONE_MATCHES


@pytest.mark.parametrize("form", ["layers", "bundles"])
def test_a_name_of_somebody_elses_choice_stays_on_one_line(place, form):
    evil = f"https://evil\nVerified{'x' * 5000}"
    make = SIGSTORE.layer if form == "layers" else SIGSTORE.bundle
    getattr(place, form)(make(place.digest, signer={"subject": evil}))
    verdict = place.verdict()
    assert verdict.result is Result.NONE_MATCHES
    assert r"it is by https://evil\nVerified" in verdict.message
    assert verdict.message.isprintable()
    assert len(verdict.message) < 600


def test_an_expression_that_takes_for_ever_is_stopped(place):
    wanted = Identity(issuer=ISSUER, subject_expression="(h|ht|t|[a-z])*(.|..)*([a-z/]*)*!")
    place.layers(SIGSTORE.layer(place.digest, signer={"subject": f"https://{'a' * 200}"}))
    verdict = place.verdict(Policy(identities=(wanted,), trusted_root=SIGSTORE.trusted_root()))
    assert verdict.result is Result.NONE_MATCHES
    assert "expressions of the policy take too long" in verdict.message


PERIOD = {"end": "2022-12-31T23:59:59.999Z"}


@pytest.mark.parametrize("form", ["layers", "bundles"])
@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"certificateAuthorities": [SIGSTORE.authority.trusted(**PERIOD)]},
            "no authority for the time of the signature",
        ),
        ({"tlogs": [SIGSTORE.log.trusted(**PERIOD)]}, "log"),
        ({"ctlogs": [SIGSTORE.certificate_log.trusted(**PERIOD)]}, "log of certificates"),
    ],
)
def test_who_was_not_to_be_trusted_at_the_time_vouches_for_nothing(place, form, changes, text):
    make = SIGSTORE.layer if form == "layers" else SIGSTORE.bundle
    getattr(place, form)(make(place.digest))
    root = SIGSTORE.trusted_root(**changes)
    verdict = place.verdict(Policy(identities=(WHO,), trusted_root=root))
    assert verdict.result is Result.NONE_MATCHES
    assert text in verdict.message


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"timestampAuthorities": [SIGSTORE.timestamps.trusted(**PERIOD)]},
            "not enough sources of verified time",
        ),
        (
            {"tlogs": [SIGSTORE.log.trusted(), SIGSTORE.second_log.trusted(**PERIOD)]},
            "log was not to be trusted",
        ),
    ],
)
def test_what_a_timestamp_vouches_for_has_the_periods_of_the_trusted_root(place, changes, text):
    place.bundles(SIGSTORE.second_bundle(place.digest))
    root = SIGSTORE.trusted_root(**changes)
    verdict = place.verdict(Policy(identities=(WHO,), trusted_root=root))
    assert verdict.result is Result.NONE_MATCHES
    assert text in verdict.message


@pytest.mark.parametrize(
    "root",
    ["", "{}", "[", SIGSTORE.trusted_root(ctlogs=[]), SIGSTORE.trusted_root(mediaType="other")],
    ids=["empty", "nothing", "no JSON", "no log", "other"],
)
def test_a_root_that_cannot_be_used_is_told(place, root, tmp_path):
    place.layers(SIGSTORE.layer(place.digest))
    file = tmp_path / "root.json"
    file.write_text(root)
    verdict = place.verdict(Policy(identities=(WHO,), root_file=str(file)))
    assert verdict.result is Result.ROOT_UNKNOWN
    assert "The trusted root cannot be used" in verdict.message


def test_the_root_of_the_sigstore_package_is_the_default(place):
    place.layers(SIGSTORE.layer(place.digest))
    verdict = place.verdict(Policy(identities=(WHO,), root_file=TrustedRootFile().path))
    assert verdict.result is Result.ROOT_UNKNOWN
    assert "the trusted root does not know its" in verdict.message


@pytest.mark.parametrize(
    ("policy", "make"),
    [
        (Policy((pem(KEY),)), SIGSTORE.layer),
        (Policy((pem(KEY),)), SIGSTORE.bundle),
        (Policy((), (WHO,), SIGSTORE.trusted_root()), lambda d: key_layer(KEY, d)),
        (Policy((), (WHO,), SIGSTORE.trusted_root()), lambda d: key_bundle(KEY, d)),
    ],
)
def test_a_key_is_no_identity_and_an_identity_no_key(place, policy, make):
    signature = make(place.digest)
    (place.layers if isinstance(signature, tuple) else place.bundles)(signature)
    assert place.verdict(policy).result is Result.NONE_MATCHES
