"""Signatures in a registry that lies, fails, or has the API for referrers."""

import json

import pytest

from actors.signature.verification import answer
from resources.registry.request import Hold
from resources.signatures.policy import Policy, Result
from resources.signatures.request import Verification
from tests.actors.registry.hostile_registry import (
    REPOSITORY,
    HostileRegistry,
    blob_path,
    chunked_for_ever,
    descriptor,
    digest_of,
    index,
    manifest,
    manifest_path,
)
from tests.signing import BUNDLE, SIMPLE_SIGNING, key_bundle, key_layer, new_key, pem

KEY, OTHER_KEY = new_key(), new_key()
EMPTY = "application/vnd.oci.empty.v1+json"
DIGEST = digest_of(b"the artifact")
REFERRERS = f"/v2/{REPOSITORY}/referrers/{DIGEST}"
TAG = manifest_path(DIGEST.replace(":", "-"))
SIGNATURES = f"{DIGEST.replace(':', '-')}.sig"


@pytest.fixture
def registry():
    with HostileRegistry() as started:
        yield started


@pytest.fixture
def verdict(registry):
    """The answer of a verification that wants KEY."""
    request = Verification(registry.endpoint(), DIGEST, Policy((pem(KEY),)), idle_seconds=5.0)
    return lambda: answer(request)


def referrer(registry, key=KEY, subject=DIGEST, media_type=BUNDLE, digest=DIGEST, size=None):
    """The descriptor of a manifest with a bundle, which may lie about its size."""
    data = json.dumps(key_bundle(key, digest)).encode()
    registry.blob(data)
    document = {"schemaVersion": 2, "config": descriptor(EMPTY, b"{}")}
    bundle = descriptor(media_type, data) | ({"size": size} if size is not None else {})
    document |= {"layers": [bundle], "subject": {"digest": subject}}
    text = json.dumps(document).encode()
    registry.manifest(text)
    return descriptor("application/vnd.oci.image.manifest.v1+json", text)


def layer(registry, key=KEY, **changes):
    """The descriptor of a signature of cosign v2."""
    payload, annotations = key_layer(key, DIGEST)
    registry.blob(payload)
    return {**descriptor(SIMPLE_SIGNING, payload), "annotations": annotations, **changes}


def signed(registry, *layers):
    registry.manifest(manifest(descriptor(EMPTY, b"{}"), *layers), SIGNATURES)


@pytest.mark.parametrize("path", [REFERRERS, TAG])
def test_bundles_are_found_by_the_api_for_referrers_and_by_its_tag(registry, verdict, path):
    registry.serve(path, index(referrer(registry)))
    assert verdict().result is Result.VERIFIED


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 501])
def test_a_registry_without_the_api_may_say_so_as_it_likes(registry, verdict, status):
    registry.serve(REFERRERS, b"no", status)
    registry.serve(TAG, index(referrer(registry)))
    assert verdict().result is Result.VERIFIED


@pytest.mark.parametrize("artifact_type", [EMPTY, "", "application/spdx+json"])
def test_what_the_index_says_of_a_manifest_does_not_matter(registry, verdict, artifact_type):
    registry.serve(TAG, index({**referrer(registry), "artifactType": artifact_type}))
    assert verdict().result is Result.VERIFIED


def test_an_index_that_calls_something_else_a_signature_lies(registry, verdict):
    other = referrer(registry, media_type="application/spdx+json")
    registry.serve(REFERRERS, index({**other, "artifactType": BUNDLE}))
    assert verdict().result is Result.NO_SIGNATURE


def test_an_index_that_names_what_refers_to_another_artifact_lies(registry, verdict):
    registry.serve(REFERRERS, index(referrer(registry, subject=digest_of(b"other"))))
    answered = verdict()
    assert answered.result is Result.NONE_MATCHES
    assert "its manifest refers to another artifact" in answered.message


def test_a_manifest_of_another_digest_is_none(registry, verdict):
    entry = referrer(registry, OTHER_KEY)
    good = referrer(registry)
    registry.redirect(manifest_path(entry["digest"]), manifest_path(good["digest"]))
    registry.serve(REFERRERS, index(entry))
    assert "its manifest has another digest" in verdict().message


@pytest.mark.parametrize("document", [b"[" * 100_000, b"{}", b"nothing", b'{"manifests":[1]}'])
def test_an_index_that_cannot_be_read_hides_no_other_signature(registry, verdict, document):
    registry.serve(REFERRERS, document)
    signed(registry, layer(registry))
    assert verdict().result is Result.VERIFIED


@pytest.mark.parametrize("path", [REFERRERS, TAG])
@pytest.mark.parametrize(("body", "status"), [(b" " * 300_000, 200), (b"", 503)])
def test_an_index_that_cannot_be_had_hides_no_other_signature(
    registry, verdict, path, body, status
):
    registry.serve(path, body, status)
    assert verdict().result is Result.REGISTRY_FAILED
    signed(registry, layer(registry))
    assert verdict().result is Result.VERIFIED


def test_a_tag_of_referrers_that_is_refused_hides_no_other_signature(registry, verdict):
    registry.serve(TAG, b"", 400)
    signed(registry, layer(registry))
    assert verdict().result is Result.VERIFIED


def test_of_many_referrers_the_first_are_looked_at(registry, verdict):
    bad = [referrer(registry, OTHER_KEY) for _ in range(32)]
    registry.serve(REFERRERS, index(*bad, referrer(registry)))
    answered = verdict()
    assert answered.result is Result.NONE_MATCHES
    assert "there are 33 referrers, and 32 are looked at" in answered.message


def test_of_a_manifest_with_several_bundles_the_first_is_looked_at(registry, verdict):
    blobs = [json.dumps(key_bundle(key, DIGEST)).encode() for key in (OTHER_KEY, KEY)]
    layers = [descriptor(BUNDLE, blob) for blob in blobs]
    for blob in blobs:
        registry.blob(blob)
    document = {"schemaVersion": 2, "config": descriptor(EMPTY, b"{}"), "layers": layers}
    text = json.dumps({**document, "subject": {"digest": DIGEST}}).encode()
    registry.manifest(text)
    entry = descriptor("application/vnd.oci.image.manifest.v1+json", text)
    registry.serve(REFERRERS, index(entry))
    answered = verdict()
    assert answered.result is Result.NONE_MATCHES
    assert "its manifest has 2 bundles, and the first is looked at" in answered.message
    assert blob_path(layers[1]["digest"]) not in {seen.path for seen in registry.seen}


@pytest.mark.parametrize("size", [1 << 30, 256 * 1024 + 1, -1])
def test_a_bundle_that_is_too_large_is_not_fetched(registry, verdict, size):
    entry = referrer(registry, size=size)
    registry.serve(REFERRERS, index(entry))
    answered = verdict()
    assert answered.result is Result.NONE_MATCHES
    assert f"it has {size} bytes, allowed are 262144" in answered.message
    assert not any("/blobs/" in seen.path for seen in registry.seen)
    registry.serve(REFERRERS, index(entry, referrer(registry)))
    assert verdict().result is Result.VERIFIED


@pytest.mark.parametrize("size", [1 << 30, 65537, -1])
def test_a_signature_that_is_too_large_is_not_fetched(registry, verdict, size):
    huge = layer(registry, size=size)
    signed(registry, huge)
    assert f"it has {size} bytes, allowed are 65536" in verdict().message
    assert blob_path(huge["digest"]) not in {seen.path for seen in registry.seen}
    signed(registry, huge, layer(registry, OTHER_KEY), layer(registry))
    assert verdict().result is Result.VERIFIED


def test_a_signature_without_end_is_cut_off(registry, verdict):
    endless = layer(registry)
    registry.act(blob_path(endless["digest"]), chunked_for_ever)
    signed(registry, endless)
    answered = verdict()
    assert answered.result is Result.NONE_MATCHES
    assert "is larger than the" in answered.message


def test_a_blob_of_another_digest_is_no_signature(registry, verdict):
    lying = layer(registry)
    registry.serve(blob_path(lying["digest"]), b"x" * lying["size"])
    signed(registry, lying)
    assert "has another digest" in verdict().message


@pytest.mark.parametrize("path", [REFERRERS, TAG, manifest_path(SIGNATURES)])
def test_a_registry_that_fails_is_no_missing_signature(registry, verdict, path):
    registry.serve(path, b"", 503)
    assert verdict().result is Result.REGISTRY_FAILED


def test_a_registry_that_wants_to_be_left_alone_says_for_how_long(registry, verdict):
    registry.serve(manifest_path(SIGNATURES), b"", 429, Retry_After="70")
    answered = verdict()
    assert answered.result is Result.REGISTRY_FAILED
    assert answered.holds == (Hold(registry.endpoint().url, 70.0),)


def test_one_signature_that_cannot_be_had_hides_no_other(registry, verdict):
    lost, bad = layer(registry, OTHER_KEY), layer(registry, OTHER_KEY)
    registry.serve(blob_path(lost["digest"]), b"", 503)
    signed(registry, lost, bad)
    assert verdict().result is Result.REGISTRY_FAILED
    signed(registry, lost, layer(registry))
    registry.serve(REFERRERS, index(referrer(registry)))
    assert verdict().result is Result.VERIFIED


def test_nothing_but_the_registry_is_asked(registry, verdict, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    signed(registry, layer(registry))
    assert verdict().result is Result.VERIFIED
    assert all(seen.path.startswith(f"/v2/{REPOSITORY}/") for seen in registry.seen)
