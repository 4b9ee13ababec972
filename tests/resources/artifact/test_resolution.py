"""What an artifact refers to, and the revision that comes of it."""

import hashlib
import json
import re
from base64 import b64encode
from typing import Any

import msgspec
import pytest

from resources.artifact.fields import Resolved
from resources.artifact.references import (
    Missing,
    Present,
    ReferencedObject,
    ReferenceState,
    Role,
    Unknown,
    Unresolved,
    content_of,
    digest_of,
    missing_text,
    referenced_objects,
    trusted_objects,
)
from resources.artifact.resolution import ResolutionFailure, TagAnswer, resolve
from resources.artifact.revision import pinned, revision
from resources.artifact.sources import (
    ConfigMapSource,
    InlineSource,
    OciSource,
    Sources,
    decode,
    sources_of,
)
from resources.kubernetes.reference import ObjectRef
from resources.registry.credentials import RegistryPolicy
from resources.registry.request import Problem
from resources.registry.table import NO_TABLE
from resources.signatures.demand import Demand, KeySource
from resources.signatures.policy import Mode, Result
from resources.signatures.request import Verdict
from resources.signatures.standing import Standing, Verified
from tests.signing import new_key, pem

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
TAG = OciSource("ghcr.io", "falco/rules", "latest")
PINNED = TAG._replace(reference=A)
WITH_SECRET = TAG._replace(secret="token")
WITH_CA = TAG._replace(ca_config_map="ca")
CONTENT = ConfigMapSource("rules", "rules.yaml")
INLINE = InlineSource([])
PENDING = ResolutionFailure("Unknown", "Pending", "Looking up ghcr.io/falco/rules:latest")
GONE = Missing("Secret token does not exist")
NO_REGISTRY = TagAnswer(problem=Problem("ghcr.io did not answer", transient=True))
FAILED = ResolutionFailure("False", "OCIArtifactStoreFailed", "ghcr.io did not answer")
REFERENCE_FAILED = ResolutionFailure("False", "ReferenceResolutionFailed", GONE.text)


def published(*hashed, digest=None, config_map=None, secret=None, generation=3, **digests):
    return Resolved(
        observed_generation=generation,
        revision=revision(generation, *hashed),
        oci_digest=digest,
        config_map_resource_version=config_map,
        secret_resource_version=secret,
        **digests,
    )


ON_TAG = published(A, "", "", "", digest=A)
RESOLUTIONS: dict[str, tuple[Any, ...]] = {
    "inline": (None, Sources(inline=INLINE), {}, TagAnswer(), published(), None),
    "nothing at all": (None, Sources(), {}, TagAnswer(), published(), None),
    "a digest": (None, Sources(PINNED), {}, TagAnswer(A), published(digest=A), None),
    "a digest that a cache fetches": (
        None,
        Sources(PINNED),
        {},
        TagAnswer(),
        None,
        PENDING._replace(message=f"Looking up ghcr.io/falco/rules@{A}"),
    ),
    "a tag that is known": (None, Sources(TAG), {}, TagAnswer(A), ON_TAG, None),
    "a tag that is looked up": (None, Sources(TAG), {}, TagAnswer(), None, PENDING),
    "a tag that nobody knows": (None, Sources(TAG), {}, NO_REGISTRY, None, FAILED),
    "a tag that this generation knew": (ON_TAG, Sources(TAG), {}, NO_REGISTRY, ON_TAG, None),
    "a tag after a restart": (ON_TAG, Sources(TAG), {}, TagAnswer(), ON_TAG, None),
    "a tag that has moved": (
        ON_TAG,
        Sources(TAG),
        {},
        TagAnswer(B),
        published(B, "", "", "", digest=B),
        None,
    ),
    "a tag that an earlier generation knew": (
        published(A, "", "", "", digest=A, generation=2),
        Sources(TAG),
        {},
        NO_REGISTRY,
        None,
        FAILED,
    ),
    "a tag whose digest stays while the registry fails": (
        ON_TAG,
        Sources(TAG),
        {},
        TagAnswer(A, Problem("down", transient=True)),
        ON_TAG,
        None,
    ),
    "a ConfigMap": (
        None,
        Sources(config_map=CONTENT),
        {Role.CONTENT: Present("7")},
        TagAnswer(),
        published("", "7", "", "", config_map="7"),
        None,
    ),
    "a ConfigMap that has gone": (
        published("", "7", "", "", config_map="7"),
        Sources(config_map=CONTENT),
        {Role.CONTENT: GONE},
        TagAnswer(),
        published("", "7", "", "", config_map="7"),
        None,
    ),
    "a ConfigMap that was never there": (
        None,
        Sources(config_map=CONTENT),
        {Role.CONTENT: GONE},
        TagAnswer(),
        None,
        REFERENCE_FAILED,
    ),
    "a ConfigMap that is not there beside what is": (
        None,
        Sources(PINNED, CONTENT, INLINE),
        {Role.CONTENT: GONE},
        TagAnswer(A),
        published(digest=A),
        REFERENCE_FAILED,
    ),
    "a Secret": (
        None,
        Sources(WITH_SECRET),
        {Role.SECRET: Present("5")},
        TagAnswer(A),
        published(A, "", "5", "", digest=A, secret="5"),
        None,
    ),
    "a Secret that was never there": (
        None,
        Sources(WITH_SECRET),
        {Role.SECRET: GONE},
        TagAnswer(A),
        None,
        REFERENCE_FAILED,
    ),
    "a Secret that has gone": (
        published(A, "", "5", "", digest=A, secret="5"),
        Sources(WITH_SECRET),
        {Role.SECRET: GONE},
        TagAnswer(),
        published(A, "", "5", "", digest=A, secret="5"),
        None,
    ),
    "a Secret beside a digest": (
        None,
        Sources(PINNED._replace(secret="token")),
        {Role.SECRET: Present("5")},
        TagAnswer(A),
        published("", "", "5", "", digest=A, secret="5"),
        None,
    ),
    "a CA": (
        None,
        Sources(WITH_CA),
        {Role.CA: Present("4")},
        TagAnswer(A),
        published(A, "", "", "4", digest=A, config_map="4"),
        None,
    ),
    "a CA beside a ConfigMap": (
        None,
        Sources(WITH_CA, CONTENT),
        {Role.CA: Present("4"), Role.CONTENT: Present("7")},
        TagAnswer(A),
        published(A, "7", "", "4", digest=A, config_map="7"),
        None,
    ),
    "a tag that nobody knows beside inline": (
        None,
        Sources(TAG, inline=INLINE),
        {},
        NO_REGISTRY,
        published(),
        FAILED,
    ),
}


# The same objects, of which hashes are published: the revision does not depend on their versions.
WITH_ALL = TAG._replace(secret="token", ca_config_map="ca")
ALL = published(
    A,
    C,
    "h",
    B,
    digest=A,
    config_map="7",
    secret="5",
    config_map_digest=C,
    secret_digest="h",
    ca_digest=B,
)
PRESENT = {Role.CONTENT: Present("7", C), Role.SECRET: Present("5", "h"), Role.CA: Present("4", B)}
# As an earlier operator has published them.
EARLIER = published(A, "7", "5", "4", digest=A, config_map="7", secret="5")
HASHES = {"config_map_digest": C, "secret_digest": "h", "ca_digest": B}


def rehashed(*parts, **fields):
    return msgspec.structs.replace(ALL, revision=revision(3, A, *parts), **fields)


REVISIONS: dict[str, tuple[Any, ...]] = {
    "the first": (None, {}, ALL),
    "the same": (ALL, {}, ALL),
    "other versions of the same": (
        ALL,
        {Role.SECRET: Present("6", "h"), Role.CA: Present("6", B)},
        msgspec.structs.replace(ALL, secret_resource_version="6"),
    ),
    "other content": (
        ALL,
        {Role.CONTENT: Present("8", B)},
        rehashed(B, "h", B, config_map_resource_version="8", config_map_digest=B),
    ),
    "another Secret": (
        ALL,
        {Role.SECRET: Present("6", "i")},
        rehashed(C, "i", B, secret_resource_version="6", secret_digest="i"),
    ),
    "another CA": (ALL, {Role.CA: Present("6", A)}, rehashed(C, "h", A, ca_digest=A)),
    "objects that are gone": (ALL, dict.fromkeys(Role, GONE), ALL),
    "what an earlier operator has published": (
        EARLIER,
        {Role.CONTENT: Present("7"), Role.SECRET: Present("5")},
        msgspec.structs.replace(EARLIER, ca_digest=B),
    ),
    "the hashes of that": (EARLIER, {}, msgspec.structs.replace(EARLIER, **HASHES)),
    "the next version of that": (
        EARLIER,
        {Role.CONTENT: Present("8", C)},
        msgspec.structs.replace(ALL, config_map_resource_version="8"),
    ),
}


@pytest.mark.parametrize(("before", "changed", "resolved"), REVISIONS.values(), ids=REVISIONS)
def test_a_revision_stays_as_long_as_the_content_does(before, changed, resolved):
    sources, states = Sources(WITH_ALL, CONTENT), {**PRESENT, **changed}
    for published_last in (before, resolved):
        assert resolve(3, published_last, sources, states, TagAnswer(A)).resolved == resolved


def test_the_hash_of_a_secret_takes_its_uid_and_that_of_a_config_map_is_plain():
    secret = ReferencedObject(Role.SECRET, ObjectRef("Secret", "ns", "token"))
    content = ReferencedObject(Role.CONTENT, ObjectRef("ConfigMap", "ns", "rules"), "rules.yaml")
    hashes = {digest_of(secret, b"x", uid) for uid in ("uid", "uid", "another")}
    assert len(hashes) == 2
    assert all(hashed.startswith("hmac-sha256:") for hashed in hashes)
    plain = hashlib.sha256(b"x").hexdigest()
    assert all(plain not in hashed for hashed in hashes)
    assert (
        digest_of(content, b"x", "uid") == digest_of(content, b"x", "another") == f"sha256:{plain}"
    )


@pytest.mark.parametrize(
    ("before", "sources", "states", "answer", "resolved", "trouble"),
    RESOLUTIONS.values(),
    ids=RESOLUTIONS,
)
def test_references_lead_to(before, sources, states, answer, resolved, trouble):
    found = resolve(3, before, sources, states, answer)
    assert (found.resolved, found.trouble) == (resolved, trouble)
    assert not found.waits


def test_what_was_resolved_stays_the_same_however_often_it_is_looked_at():
    for before, sources, states, answer, resolved, _ in RESOLUTIONS.values():
        again = resolve(3, resolved or before, sources, states, answer)
        assert again.resolved == resolved


UNKNOWN = Unknown()
WAITS = {
    "a Secret": (None, Sources(WITH_SECRET), {Role.SECRET: UNKNOWN}, True),
    "a CA": (None, Sources(WITH_CA), {Role.CA: UNKNOWN}, True),
    "a ConfigMap": (None, Sources(config_map=CONTENT), {Role.CONTENT: UNKNOWN}, True),
    "a ConfigMap that was there": (
        published("", "7", "", "", config_map="7"),
        Sources(config_map=CONTENT),
        {Role.CONTENT: UNKNOWN},
        False,
    ),
    "a Secret that was there": (
        published(A, "", "5", "", digest=A, secret="5"),
        Sources(WITH_SECRET),
        {Role.SECRET: UNKNOWN},
        False,
    ),
}


@pytest.mark.parametrize(("before", "sources", "states", "waits"), WAITS.values(), ids=WAITS)
def test_what_is_not_known_yet_is_waited_for_unless_nodes_have_something_to_go_by(
    before, sources, states, waits
):
    found = resolve(3, before, sources, states, TagAnswer())
    assert found.waits == waits
    assert found.missing is None
    assert found.resolved == before


def test_what_is_missing_is_named_even_if_something_else_is_not_known_yet():
    states: dict[Role, ReferenceState] = {Role.SECRET: GONE, Role.CONTENT: UNKNOWN}
    found = resolve(3, None, Sources(WITH_SECRET, CONTENT), states, TagAnswer())
    assert found.missing == (GONE.text,)


def test_nodes_and_operator_name_alike_what_needs_no_resolving():
    image = {"repository": "r", "tag": A}
    specs: list[dict] = [{"inlineRules": []}, {"ociArtifact": {"image": image}}]
    for spec in specs:
        raw = {"metadata": {"name": "a", "generation": 3}, "spec": spec}
        artifact = decode("Rulesfile", json.dumps(raw).encode())
        sources = sources_of(artifact)
        mine = resolve(3, None, sources, {}, TagAnswer(A)).resolved
        name, theirs = pinned(artifact, sources)
        assert mine is not None
        assert (mine.revision, mine.oci_digest) == (name, theirs.oci_digest)


# The objects.

POLICY = RegistryPolicy()
POLICY = RegistryPolicy()
SECRET = ReferencedObject(Role.SECRET, ObjectRef("Secret", "ns", "token"))
RULES = ReferencedObject(Role.CONTENT, ObjectRef("ConfigMap", "ns", "rules"), "rules.yaml")
CA = ReferencedObject(Role.CA, ObjectRef("ConfigMap", "ns", "ca"), "ca.crt")


def test_every_object_is_a_target_with_the_key_that_is_looked_for():
    oci = TAG._replace(secret="token", ca_config_map="ca")
    assert referenced_objects("ns", Sources(oci, CONTENT, INLINE)) == (SECRET, CA, RULES)
    assert referenced_objects("ns", Sources(inline=INLINE)) == ()


def test_what_is_not_there_is_named_and_so_is_a_name_that_nothing_can_have():
    assert missing_text(SECRET) == "Secret token does not exist"
    impossible = SECRET._replace(ref=SECRET.ref._replace(name="../x"))
    assert missing_text(impossible) == "no Secret can have the name '../x'"


def encoded(**data):
    return {"data": {key: b64encode(value.encode()).decode() for key, value in data.items()}}


CONTENTS = [
    (RULES, {}, "ConfigMap rules has no key rules.yaml; it has: none"),
    (
        RULES,
        {"data": {"rules.yml": "hidden"}, "binaryData": {"logo": "aGlkZGVu"}},
        "ConfigMap rules has no key rules.yaml; it has: logo, rules.yml",
    ),
    (
        CA,
        {"binaryData": {"ca.crt": "/w=="}},
        "ConfigMap ca has no UTF-8 text under key ca.crt of binaryData",
    ),
    (
        CA,
        {"data": {f"key-{number:02}": "hidden" for number in range(12)}},
        (
            f"ConfigMap ca has no key ca.crt; it has: {', '.join(f'key-0{n}' for n in range(10))}"
            " and 2 more"
        ),
    ),
    (
        SECRET,
        encoded(username="me", passwd="hidden"),
        "Secret token: key password is missing; it has: passwd, username",
    ),
    (
        SECRET,
        {"data": {"config.json": "aGlkZGVu"}},
        (
            "Secret token: key username is missing; expected are username and password, token, or "
            ".dockerconfigjson; it has: config.json"
        ),
    ),
]


@pytest.mark.parametrize(("target", "document", "message"), CONTENTS)
def test_an_object_without_what_is_looked_for_is_named_with_the_key(target, document, message):
    with pytest.raises(Unresolved) as error:
        content_of(target, document, WITH_SECRET, POLICY, NO_TABLE)
    assert str(error.value) == message


@pytest.mark.parametrize("target", [RULES, CA])
def test_text_in_binary_data_counts_as_in_data(target):
    binary = {"binaryData": {target.key: b64encode("ä: 1\n".encode()).decode()}}
    plain = {"data": {target.key: "ä: 1\n"}}
    found = [content_of(target, document, None, POLICY, NO_TABLE) for document in (binary, plain)]
    assert found == ["ä: 1\n".encode()] * 2


def test_content_is_all_that_matters_and_nothing_else():
    for other in ("1", "2"):
        document = {"data": {"rules.yaml": "x", "other": other}}
        assert content_of(RULES, document, None, POLICY, NO_TABLE) == b"x"
    one, other = encoded(username="me", password="a"), encoded(password="a", username="me")
    assert content_of(SECRET, one, TAG, POLICY, NO_TABLE) == content_of(
        SECRET, other, TAG, POLICY, NO_TABLE
    )
    changed = encoded(username="me", password="b")
    assert content_of(SECRET, one, TAG, POLICY, NO_TABLE) != content_of(
        SECRET, changed, TAG, POLICY, NO_TABLE
    )


def enforced(result, digest=B, mode=Mode.ENFORCE):
    """The standing of a digest that has this verdict."""
    verdict = Verdict(result, "why", "me" if result is Result.VERIFIED else "") if result else None
    return Standing(mode, digest, "p", verdict)


VERIFIED = Verified(digest=A, policy="p", by="me")
SIGNED = msgspec.structs.replace(published(A, "", "", "", "verified", digest=A), verified=VERIFIED)
REFUSED = [Result.NO_SIGNATURE, Result.NONE_MATCHES, Result.ROOT_UNKNOWN]


@pytest.mark.parametrize("result", [*REFUSED, Result.REGISTRY_FAILED, None])
def test_enforced_a_tag_that_moves_to_what_is_not_verified_changes_nothing(result):
    found = resolve(3, SIGNED, Sources(TAG), {}, TagAnswer(B), enforced(result))
    assert (found.resolved, found.trouble) == (SIGNED, None)


def test_enforced_what_is_verified_is_published_with_a_revision_that_says_so():
    found = resolve(3, None, Sources(TAG), {}, TagAnswer(A), enforced(Result.VERIFIED, A))
    assert found.resolved == SIGNED
    assert SIGNED.revision != ON_TAG.revision
    moved = resolve(3, SIGNED, Sources(TAG), {}, TagAnswer(B), enforced(Result.VERIFIED))
    assert moved.resolved is not None
    assert (moved.resolved.oci_digest, moved.resolved.verified) == (
        B,
        Verified(digest=B, policy="p", by="me"),
    )


@pytest.mark.parametrize("result", REFUSED)
def test_enforced_from_now_on_what_was_published_unverified_is_withdrawn(result):
    found = resolve(3, ON_TAG, Sources(TAG), {}, TagAnswer(A), enforced(result, A))
    assert found.trouble == ResolutionFailure("False", "SignatureRefused", "why")
    assert found.resolved == Resolved(observed_generation=3, revision="3")
    again = resolve(3, found.resolved, Sources(TAG), {}, TagAnswer(A), enforced(result, A))
    assert again.resolved is None


@pytest.mark.parametrize(
    ("result", "trouble"),
    [
        (None, ("Unknown", "Pending", f"Looking for signatures of {B}")),
        (Result.REGISTRY_FAILED, ("False", "OCIArtifactStoreFailed", "why")),
    ],
)
def test_enforced_as_long_as_nothing_is_known_nothing_is_withdrawn(result, trouble):
    found = resolve(3, ON_TAG, Sources(TAG), {}, TagAnswer(B), enforced(result))
    assert (found.resolved, found.trouble) == (None, ResolutionFailure(*trouble))


@pytest.mark.parametrize("result", [*Result, None])
def test_warned_a_verdict_changes_no_revision(result):
    standing = enforced(result, A, Mode.WARN)
    found = resolve(3, ON_TAG, Sources(TAG), {}, TagAnswer(A), standing).resolved
    assert found is not None
    assert found.revision == ON_TAG.revision
    assert found.verified == (VERIFIED if result is Result.VERIFIED else None)


def test_enforced_a_node_installs_only_the_digest_that_is_verified():
    sources = Sources(TAG, signatures=Demand(Mode.ENFORCE))
    for resolved, digest in (
        (SIGNED, A),
        (ON_TAG, None),
        (msgspec.structs.replace(SIGNED, oci_digest=B), None),
    ):
        artifact = decode(
            "Rulesfile",
            msgspec.json.encode({"metadata": {"generation": 3}, "status": {"resolved": resolved}}),
        )
        assert pinned(artifact, sources)[1].oci_digest == digest
        by_digest = Sources(PINNED, signatures=Demand(Mode.ENFORCE))
        assert pinned(artifact, by_digest)[1].oci_digest == digest
        anything = Sources(TAG, signatures=Demand(Mode.WARN))
        assert pinned(artifact, anything)[1].oci_digest == resolved.oci_digest


KEYS = ReferencedObject(Role.KEYS, ObjectRef("Secret", "ns", "keys"))


def test_of_a_secret_with_keys_only_the_public_ones_matter():
    one, two = pem(new_key()), pem(new_key())
    data = {"a.pub": one, "b.pub": two, "cosign.key": "private"}
    document = {"data": {key: b64encode(text.encode()).decode() for key, text in data.items()}}
    assert content_of(KEYS, document, None, RegistryPolicy(), NO_TABLE).decode() == f"{one}\n{two}"


def test_keys_of_a_config_map_may_be_in_binary_data():
    one, two = pem(new_key()), pem(new_key())
    keys = KEYS._replace(ref=ObjectRef("ConfigMap", "ns", "keys"))
    binary = {"b.pub": b64encode(two.encode()).decode()}
    document = {"data": {"a.pub": one}, "binaryData": binary}
    assert content_of(keys, document, None, RegistryPolicy(), NO_TABLE).decode() == f"{one}\n{two}"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({}, "has no key that ends with .pub; it has: none"),
        ({"cosign.key": "AAAA"}, "has no key that ends with .pub; it has: cosign.key"),
        ({"a.pub": b64encode(b"none").decode()}, "key a.pub holds no PUBLIC KEY in PEM"),
        ({"a.pub": b64encode(b"\xff").decode()}, "key a.pub holds no PUBLIC KEY in PEM"),
    ],
)
def test_a_secret_without_public_keys_says_what_it_has(data, why):
    with pytest.raises(Unresolved, match=f"^Secret keys:? {re.escape(why)}$"):
        content_of(KEYS, {"data": data}, None, RegistryPolicy(), NO_TABLE)


def test_keys_and_roots_are_looked_for_only_where_signatures_matter():
    keys = (KeySource("Secret", "keys"), KeySource("Secret", "keys"), KeySource(text="pem"))
    demand = Demand(Mode.WARN, keys, (), "root")
    root = ReferencedObject(Role.ROOT, ObjectRef("ConfigMap", "ns", "root"), "trusted_root.json")
    assert trusted_objects("ns", Sources(TAG, signatures=demand)) == (KEYS, root)
    off = Sources(TAG, signatures=demand._replace(mode=Mode.OFF))
    assert trusted_objects("ns", off) == ()
    assert trusted_objects("ns", Sources()) == ()
