import json

import pytest

from resources.artifact.fields import Resolved
from resources.artifact.revision import pinned, revision
from resources.artifact.sources import ConfigMapSource, InlineSource, OciSource, decode, sources_of
from resources.kubernetes.invalid_spec import InvalidSpec
from tests.repositories import DIGEST, PATHS, WHOLE_REFERENCES


def artifact(kind, spec, status=None, generation=3):
    body = {"metadata": {"name": "x", "generation": generation}, "spec": spec}
    return decode(kind, json.dumps(body | ({"status": status} if status else {})).encode())


def oci(repository="rules/x", **fields):
    image = {"repository": repository} | fields.pop("image", {})
    return {"ociArtifact": {"image": image} | fields}


def test_a_place_in_a_registry_has_defaults():
    source = sources_of(artifact("Rulesfile", oci())).oci
    assert source == OciSource("ghcr.io", "rules/x", "latest")
    assert str(source) == "ghcr.io/rules/x:latest"


def test_everything_about_a_registry_is_taken():
    registry = {
        "name": "[::1]:5000",
        "auth": {"secretRef": {"name": "login"}},
        "tls": {"insecureSkipVerify": True, "caConfigMapRef": {"name": "ca"}},
    }
    spec = oci(image={"tag": DIGEST}, registry=registry, pollInterval="1h30m")
    source = sources_of(artifact("Plugin", spec)).oci
    assert source == OciSource("[::1]:5000", "rules/x", DIGEST, False, True, "login", "ca", 5400.0)
    assert source.is_pinned
    assert str(source) == f"[::1]:5000/rules/x@{DIGEST}"


@pytest.mark.parametrize(
    ("repository", "name"),
    [
        ("Rules", "ghcr.io"),
        ("a//b", "ghcr.io"),
        ("../x", "ghcr.io"),
        ("x?y", "ghcr.io"),
        ("x\n", "ghcr.io"),
        ("x", "evil.example/path"),
        ("x", "user@host"),
        ("x", "host:port"),
    ],
)
def test_a_place_that_is_no_place_is_refused_by_field_and_value(repository, name):
    with pytest.raises(InvalidSpec, match=r"spec\.ociArtifact"):
        sources_of(artifact("Rulesfile", oci(repository, registry={"name": name})))


@pytest.mark.parametrize(("repository", "name", "form"), WHOLE_REFERENCES)
def test_a_whole_reference_as_repository_is_refused_with_the_right_form(repository, name, form):
    with pytest.raises(InvalidSpec) as refused:
        sources_of(artifact("Rulesfile", oci(repository, registry={"name": name})))
    assert refused.value.field == "spec.ociArtifact.image.repository"
    assert refused.value.allowed.endswith(f": {form}")


def test_it_is_said_what_is_too_much():
    for repository, part in (("ghcr.io/a", "start with the name of a registry"), ("a:5", "a tag")):
        with pytest.raises(InvalidSpec, match=part):
            sources_of(artifact("Rulesfile", oci(repository)))


@pytest.mark.parametrize(("repository", "name"), PATHS)
def test_a_path_is_taken_as_it_is(repository, name):
    source = sources_of(artifact("Rulesfile", oci(repository, registry={"name": name}))).oci
    assert str(source) == f"{name or 'ghcr.io'}/{repository}:latest"


def test_a_registry_is_named_without_a_scheme():
    spec = oci("h.io:8443/falco/rules", registry={"name": "https://h.io:8443"})
    with pytest.raises(InvalidSpec, match=r"registry\.name: .* without https://"):
        sources_of(artifact("Rulesfile", spec))


def test_a_rulesfile_may_combine_all_sources():
    spec = oci() | {"configMapRef": {"name": "rules"}, "inlineRules": [{"list": "l", "items": []}]}
    sources = sources_of(artifact("Rulesfile", spec))
    assert sources.config_map == ConfigMapSource("rules", "rules.yaml")
    assert sources.inline == InlineSource([{"list": "l", "items": []}], "inlineRules")
    assert sources.oci is not None


def test_a_config_has_its_own_keys():
    spec = {"config": {"json_output": True}, "configMapRef": {"name": "c"}}
    sources = sources_of(artifact("Config", spec))
    assert sources == (
        None,
        ConfigMapSource("c", "config.yaml"),
        InlineSource({"json_output": True}, "config"),
        None,
    )


@pytest.mark.parametrize(
    ("spec", "needed"),
    [
        ({"inlineRules": []}, False),
        (oci(image={"tag": DIGEST}), False),
        (oci(), True),
        (oci(image={"tag": DIGEST}, registry={"auth": {"secretRef": {"name": "s"}}}), True),
        ({"configMapRef": {"name": "c"}}, True),
    ],
)
def test_only_what_the_spec_does_not_say_has_to_be_resolved(spec, needed):
    assert sources_of(artifact("Rulesfile", spec)).needs_resolving is needed


def test_without_references_a_node_needs_nobody():
    pinned_by_user = artifact("Rulesfile", oci(image={"tag": DIGEST}))
    assert pinned(pinned_by_user, sources_of(pinned_by_user)) == (
        "3",
        Resolved(observed_generation=3, oci_digest=DIGEST),
    )


def test_a_node_installs_what_was_resolved_and_nothing_of_another_generation():
    status = {"resolved": {"observedGeneration": 3, "revision": "3-abc", "ociDigest": DIGEST}}
    known = artifact("Rulesfile", oci(), status)
    pinned_revision, resolved = pinned(known, sources_of(known))
    assert (pinned_revision, resolved.oci_digest) == ("3-abc", DIGEST)
    later = artifact("Rulesfile", oci(), status, generation=4)
    assert pinned(later, sources_of(later))[0] is None


def test_a_revision_changes_with_everything_that_is_installed():
    revisions = [
        revision(1),
        revision(2),
        revision(1, DIGEST),
        revision(1, "", DIGEST),
        revision(1, DIGEST, "5"),
        revision(2, DIGEST),
    ]
    assert len(set(revisions)) == len(revisions)
    assert revision(1, "", "") == revision(1)


@pytest.mark.parametrize(("value", "key"), [("- list: l\n  items: []\n", "inlineRules")])
def test_a_text_where_a_value_belongs_is_yaml_and_worth_a_warning(value, key):
    source = InlineSource(value, key)
    assert source.warning.startswith(f"spec.{key} is a text, and is read as YAML")
    assert not InlineSource([value], key).warning
