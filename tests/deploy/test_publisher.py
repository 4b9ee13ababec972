"""What is published looks as if falcoctl had done it."""

import gzip
import io
import json
import tarfile
from http.client import HTTPConnection

import pytest

from deploy.local import Registry
from deploy.local.publisher import PublishError, Repository, publish_plugin, publish_rules
from tests.registries import PASSWORD, USERNAME, basic_auth

PREFIX = "application/vnd.cncf.falco"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with Registry(tmp_path_factory.mktemp("registry")) as started:
        yield started


def get(registry, path):
    connection = HTTPConnection(registry.address)
    connection.request("GET", f"/v2/{path}", headers={"Accept": f"{MANIFEST}, {INDEX}"})
    body = connection.getresponse().read()
    connection.close()
    return body


def files_of(registry, repository, manifest):
    (layer,) = manifest["layers"]
    packed = gzip.decompress(get(registry, f"{repository}/blobs/{layer['digest']}"))
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        opened = {entry.name: tar.extractfile(entry) for entry in tar}
        return {name: file.read() if file else None for name, file in opened.items()}


def test_rules_are_a_manifest_with_one_layer(registry):
    digest = publish_rules(
        Repository(registry.url), "a/rules", ["1", "latest"], "[]", {"name": "r"}
    )
    by_digest = get(registry, f"a/rules/manifests/{digest}")
    assert by_digest == get(registry, "a/rules/manifests/1")
    assert by_digest == get(registry, "a/rules/manifests/latest")
    manifest = json.loads(by_digest)
    assert (manifest["schemaVersion"], manifest["mediaType"]) == (2, MANIFEST)
    assert manifest["config"]["mediaType"] == f"{PREFIX}.rulesfile.config.v1+json"
    (layer,) = manifest["layers"]
    assert layer["mediaType"] == f"{PREFIX}.rulesfile.layer.v1+tar.gz"
    assert layer["annotations"] == {"org.opencontainers.image.title": "rules.tar.gz"}
    assert files_of(registry, "a/rules", manifest) == {"rules.yaml": b"[]"}
    config = get(registry, f"a/rules/blobs/{manifest['config']['digest']}")
    assert json.loads(config) == {"name": "r"}


def test_a_plugin_is_an_index_with_a_manifest_for_each_platform(registry):
    libraries = {"linux/amd64": b"one", "linux/arm64": b"two"}
    digest = publish_plugin(Repository(registry.url), "a/plugin/json", ["0.7.0"], libraries)
    index = json.loads(get(registry, "a/plugin/json/manifests/0.7.0"))
    assert index["mediaType"] == INDEX
    assert json.loads(get(registry, f"a/plugin/json/manifests/{digest}")) == index
    for entry, platform in zip(index["manifests"], libraries, strict=True):
        assert "/".join(entry["platform"].values()) == platform
        assert entry["artifactType"] == f"{PREFIX}.plugin.config.v1+json"
        manifest = json.loads(get(registry, f"a/plugin/json/manifests/{entry['digest']}"))
        assert files_of(registry, "a/plugin/json", manifest) == {"libjson.so": libraries[platform]}


def test_the_same_content_has_the_same_digest(registry):
    target = Repository(registry.url)
    first, again, other = (
        publish_rules(target, f"a/{name}/rules", ["1"], text)
        for name, text in (("first", "[]"), ("again", "[]"), ("other", "[1]"))
    )
    assert first == again != other


def test_a_tag_can_be_moved(registry):
    target = Repository(registry.url)
    publish_rules(target, "moving/rules", ["latest"], "[]")
    publish_rules(target, "moving/rules", ["latest"], "[1]")
    manifest = json.loads(get(registry, "moving/rules/manifests/latest"))
    assert files_of(registry, "moving/rules", manifest) == {"rules.yaml": b"[1]"}


def test_credentials_are_shown_where_they_are_wanted(tmp_path):
    with Registry(tmp_path / "registry", basic_auth(tmp_path)) as registry:
        publish_rules(Repository(registry.url, USERNAME, PASSWORD), "rules", [], "[]")
        with pytest.raises(PublishError, match="401"):
            publish_rules(Repository(registry.url, USERNAME, "wrong"), "rules", [], "[]")
