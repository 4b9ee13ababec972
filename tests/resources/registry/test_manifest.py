"""Manifests are taken for what their content says, and only if they are of the right kind."""

import json

import pytest

from resources.registry.manifest import (
    ArtifactConfig,
    Descriptor,
    Index,
    InvalidManifest,
    Manifest,
    Platform,
    blobs_of,
    config_of,
    for_platform,
    root_of,
)
from resources.registry.request import Dependency, Requirement
from resources.registry.tag_or_digest import is_digest, is_tag_or_digest

PREFIX = "application/vnd.cncf.falco."
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DIGEST = f"sha256:{'a' * 64}"


def descriptor(media_type, size=10, digest=DIGEST):
    return Descriptor(media_type, digest, size)


def artifact(config="rulesfile", layer="rulesfile", **changes):
    blob = {"size": 10, **changes}
    return Manifest(
        descriptor(f"{PREFIX}{config}.config.v1+json"),
        (descriptor(f"{PREFIX}{layer}.layer.v1+tar.gz", **blob),),
    )


def entry(system, architecture, size=10):
    return Descriptor(MANIFEST, DIGEST, size, Platform(system, architecture))


def document(**fields):
    return json.dumps(fields).encode()


@pytest.mark.parametrize("media_type", ["", MANIFEST, None])
def test_a_manifest_is_told_by_its_content(media_type):
    typed = {} if media_type is None else {"mediaType": media_type}
    config = {"mediaType": "x", "digest": DIGEST, "size": 5, "annotations": {"a": "b"}}
    result = root_of(document(schemaVersion=2, config=config, layers=[config], **typed))
    assert result == Manifest(descriptor("x", 5), (descriptor("x", 5),))


def test_an_index_is_told_by_its_content():
    platform = {"os": "linux", "architecture": "amd64", "variant": "v1"}
    inner = {"mediaType": MANIFEST, "digest": DIGEST, "size": 10, "platform": platform}
    assert root_of(document(mediaType=INDEX, manifests=[inner])) == Index(
        (entry("linux", "amd64"),)
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"<html>", "the manifest is not valid: JSON is malformed"),
        (b"", "the manifest is not valid"),
        (b"[]", "the manifest is not valid"),
        (b"[" * 200_000, "the manifest is not valid"),
        (b'{"a":' * 40_000, "the manifest is nested too deeply"),
        (b'{"mediaType": "\xff"}', "the manifest is not valid"),
        (b"{}", "neither an image manifest nor an image index"),
        (document(layers=[], manifests=[]), "neither an image manifest nor an image index"),
        (document(config={}, manifests=[]), "neither an image manifest nor an image index"),
        (document(mediaType="text/html", layers=[]), "the manifest is of media type text/html"),
        (document(mediaType=INDEX, layers=[]), "not what its media type says"),
        (document(mediaType=MANIFEST, manifests=[]), "not what its media type says"),
        (document(layers=[]), "the manifest has no config"),
        (document(layers=[{"size": "5"}]), "the manifest is not valid: Expected `int`, got `str`"),
    ],
)
def test_anything_else_is_refused(text, message):
    with pytest.raises(InvalidManifest) as error:
        root_of(text)
    assert message in str(error.value)


def test_the_first_entry_of_our_platform_is_taken():
    index = Index((entry("linux", "arm64"), entry("linux", "amd64", 1), entry("linux", "amd64", 2)))
    assert for_platform(index, Platform("linux", "amd64")).size == 1


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ((), "the index has nothing for linux/amd64, only for: -"),
        ((entry("linux", "arm64"), entry("windows", "amd64")), "for: linux/arm64, windows/amd64"),
        ((Descriptor(MANIFEST, DIGEST, 1),), "only for: no platform"),
        (tuple(entry("linux", f"cpu{number}") for number in range(12)), "linux/cpu9 and 2 more"),
        ((entry("\x1b[31m", "x"),), r"'\x1b[31m/x'"),
        ((entry("linux", "amd64", 1 << 30),), "the manifest has 1073741824 bytes, allowed are"),
        ((entry("linux", "amd64", -1),), "does not say how large the manifest is"),
    ],
)
def test_an_index_that_does_not_serve_us_says_why(entries, message):
    with pytest.raises(InvalidManifest) as error:
        for_platform(Index(entries), Platform("linux", "amd64"))
    assert message in str(error.value)


@pytest.mark.parametrize(("kind", "word"), [("Rulesfile", "rulesfile"), ("Plugin", "plugin")])
def test_an_artifact_of_the_right_kind_has_two_blobs(kind, word):
    config, layer = blobs_of(artifact(word, word), kind, max_layer_bytes=10)
    assert config.media_type == f"{PREFIX}{word}.config.v1+json"
    assert layer.media_type == f"{PREFIX}{word}.layer.v1+tar.gz"


@pytest.mark.parametrize(
    ("manifest", "kind", "message"),
    [
        (artifact("plugin"), "Rulesfile", "it is a plugin, but a Rulesfile needs a rules artifact"),
        (artifact("rulesfile"), "Plugin", "it is a rules artifact, but a Plugin needs a plugin"),
        (artifact("asset"), "Plugin", "it is an asset, but a Plugin needs a plugin"),
        (
            Manifest(descriptor("application/vnd.oci.image.config.v1+json"), ()),
            "Plugin",
            "its config is of media type application/vnd.oci.image.config.v1+json, but a Plugin",
        ),
        (Manifest(descriptor(""), ()), "Plugin", "its config is of media type '', but a Plugin"),
        (artifact(layer="plugin"), "Rulesfile", "the layer is of media type application/vnd.cncf"),
        (artifact(size=11), "Rulesfile", "the layer has 11 bytes, allowed are 10"),
        (artifact(size=-1), "Rulesfile", "the manifest does not say how large the layer is"),
        (artifact(digest="md5:x"), "Rulesfile", "the digest of the layer is md5:x, not sha256"),
        (Manifest(artifact().config, ()), "Rulesfile", "the manifest has 0 layers, expected one"),
        (Manifest(artifact().config, artifact().layers * 2), "Rulesfile", "2 layers, expected one"),
    ],
)
def test_another_artifact_is_refused(manifest, kind, message):
    with pytest.raises(InvalidManifest) as error:
        blobs_of(manifest, kind, max_layer_bytes=10)
    assert message in str(error.value)


def test_a_config_is_read_as_far_as_it_goes():
    says = {
        "name": "falco-rules",
        "version": "1.2.3",
        "unknown": [1, 2],
        "requirements": [
            {"name": "engine_version_semver", "version": 31},
            {"name": "plugin_api_version", "version": "3.0.0"},
        ],
        "dependencies": [
            {"name": "json", "version": "0.7.0"},
            {"name": "k8saudit", "version": "0.7.0", "alternatives": [{"name": "eks"}]},
        ],
    }
    assert config_of(document(**says)) == ArtifactConfig(
        "falco-rules",
        "1.2.3",
        (Requirement("engine_version_semver", "31"), Requirement("plugin_api_version", "3.0.0")),
        (Dependency("json", "0.7.0"), Dependency("k8saudit", "0.7.0", (Requirement("eks", ""),))),
    )


@pytest.mark.parametrize(
    "text", [b"{}", b'{"name": null, "requirements": null, "dependencies": null}']
)
def test_a_config_may_say_nothing(text):
    assert config_of(text) == ArtifactConfig()


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b'{"name": 5}', document(name="x" * 1000), b'{"requirements": [{}]}'],
)
def test_a_config_of_another_form_is_refused(text):
    with pytest.raises(InvalidManifest, match="the config is not valid"):
        config_of(text)


@pytest.mark.parametrize(
    ("text", "digest", "reference"),
    [
        (DIGEST, True, True),
        (DIGEST.upper(), False, False),
        (f"sha256:{'a' * 63}", False, False),
        (f"{DIGEST}\n", False, False),
        ("latest", False, True),
        ("1.2.3-rc_1", False, True),
        ("x" * 128, False, True),
        ("x" * 129, False, False),
        (".hidden", False, False),
        ("a/b", False, False),
        ("", False, False),
        ("a\n", False, False),
    ],
)
def test_tags_and_digests_are_told_apart(text, digest, reference):
    assert (is_digest(text), is_tag_or_digest(text)) == (digest, reference)
