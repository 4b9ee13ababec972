"""The quickstart names public artifacts; the local one is the same, from the local registry."""

from __future__ import annotations

import re

import yaml

from deploy.local import samples
from deploy.local.quickstart import NAMESPACE, SOURCE, localized

ADDRESS = "127.0.0.1:20001"
TEXT = SOURCE.read_text()
DOCUMENTS = list(yaml.safe_load_all(TEXT))


def artifacts(documents):
    return [
        found["spec"]["ociArtifact"]
        for found in documents
        if "ociArtifact" in found.get("spec", {})
    ]


def test_it_has_one_of_everything_in_one_namespace():
    kinds = [document["kind"] for document in DOCUMENTS]
    assert sorted(kinds) == ["Config", "Falco", "Plugin", "Rulesfile", "Rulesfile"]
    assert {document["metadata"]["namespace"] for document in DOCUMENTS} == {NAMESPACE}


def test_it_names_the_repositories_that_the_local_registry_has_too():
    images = [artifact["image"] for artifact in artifacts(DOCUMENTS)]
    assert sorted(image["repository"] for image in images) == [samples.PLUGIN, samples.RULES]
    assert {image["tag"] for image in images} <= set(samples.TAGS)


def test_the_local_one_differs_in_the_registry_alone():
    local = list(yaml.safe_load_all(localized(TEXT, ADDRESS)))
    for artifact in artifacts(local):
        assert artifact.pop("registry") == {"name": ADDRESS, "plainHTTP": True}
    assert local == DOCUMENTS


def test_the_local_one_keeps_every_comment():
    comments = re.compile(r"^ *#.*$", re.MULTILINE)
    assert set(comments.findall(TEXT)) < set(comments.findall(localized(TEXT, ADDRESS)))


def test_the_sample_rules_need_the_plugin_that_is_published_beside_them():
    required = [
        item for item in yaml.safe_load(samples.RULES_TEXT) if "required_plugin_versions" in item
    ]
    assert required == [{"required_plugin_versions": [{"name": "container", "version": "0.4.0"}]}]
    assert samples.TAGS[0] == "0.4.0"


def test_the_sample_library_is_marked_for_its_platform():
    machines = {name: samples.library(name)[18:20] for name in ("linux/amd64", "linux/arm64")}
    assert machines == {"linux/amd64": b"\x3e\0", "linux/arm64": b"\xb7\0"}
    assert samples.library("linux/amd64").startswith(b"\x7fELF")
