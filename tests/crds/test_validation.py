"""What the API server accepts of users, and what it refuses."""

import pytest

from tests.crds.manifests import APPLY, CREATE, manifest
from tests.repositories import PATHS, WHOLE_REFERENCES

BOTH = pytest.mark.parametrize("verb", [APPLY, CREATE], ids=["apply", "create"])


def template(**pod_spec):
    return {"podTemplateSpec": {"spec": pod_spec}}


def container(**fields):
    return template(containers=[{"name": "falco", **fields}])


def oci(**fields):
    return {"ociArtifact": {"image": {"repository": "falcosecurity/rules/falco-rules"}, **fields}}


ACCEPTED = {
    "an empty Falco": ("Falco", {}),
    "a template with only a node selector": ("Falco", template(nodeSelector={"disk": "ssd"})),
    "a version that is no tag": ("Falco", {"version": "not a tag!"}),
    "replicas on a DaemonSet": ("Falco", {"type": "DaemonSet", "replicas": 2}),
    "a template with labels and annotations": (
        "Falco",
        {"podTemplateSpec": {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}}},
    ),
    "template metadata that has no effect": (
        "Falco",
        {"podTemplateSpec": {"metadata": {"name": "falco", "namespace": "falco"}}},
    ),
    "quantities as integers": ("Falco", container(resources={"limits": {"cpu": 1}})),
    "quantities as strings": (
        "Falco",
        container(resources={"requests": {"cpu": "100m", "memory": "1.5Gi"}}),
    ),
    "ports as integers": ("Falco", container(livenessProbe={"httpGet": {"port": 8765}})),
    "ports by name": ("Falco", container(livenessProbe={"httpGet": {"port": "web"}})),
    "one port of two protocols": (
        "Falco",
        container(ports=[{"containerPort": 53}, {"containerPort": 53, "protocol": "UDP"}]),
    ),
    "strategies of both workloads": (
        "Falco",
        {
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "10%"}},
            "updateStrategy": {"rollingUpdate": {"maxUnavailable": 3}},
        },
    ),
    "a Component": ("Component", {"component": {"type": "falcosidekick-ui", "version": "2.2.0"}}),
    "rules as a list": ("Rulesfile", {"inlineRules": [{"macro": "m", "condition": "x"}]}),
    "rules as text": ("Rulesfile", {"inlineRules": "- macro: m"}),
    "keys and identities of all forms": (
        "Plugin",
        oci(
            verify={
                "mode": "Enforce",
                "keys": [
                    {"secretRef": {"name": "k"}},
                    {"configMapRef": {"name": "k"}},
                    {"inline": "-----BEGIN PUBLIC KEY-----"},
                ],
                "keyless": [
                    {"issuer": "https://issuer", "subjectRegExp": "me.*"},
                    {"issuerRegExp": "https://.*", "subject": "me"},
                ],
                "trustedRoot": {"configMapRef": {"name": "root"}},
            }
        ),
    ),
    "a mode of signatures alone": ("Rulesfile", oci(verify={"mode": "Off"})),
    "several sources at once": (
        "Rulesfile",
        {"inlineRules": [], "configMapRef": {"name": "rules"}} | oci(),
    ),
    "the highest priority": ("Rulesfile", {"priority": 99}),
    "rules that are installed whatever the check says": ("Rulesfile", {"validation": "Warn"}),
    "a plugin that the check may refuse": ("Plugin", {"validation": "Enforce"}),
    "configuration of any shape": ("Config", {"config": {"a": {"b": [1, "x", {"c": 1.5}]}}}),
    "a plugin with nested configuration": (
        "Plugin",
        {"config": {"name": "json", "initConfig": {"a": [{"b": 1}]}, "openParams": "x"}},
    ),
    "a digest": ("Plugin", oci(image={"repository": "r", "tag": f"sha256:{'a' * 64}"})),
    "a private registry": (
        "Plugin",
        oci(
            registry={
                "name": "registry:5000",
                "auth": {"secretRef": {"name": "login"}},
                "tls": {"caConfigMapRef": {"name": "ca"}},
            }
        ),
    ),
    "plain HTTP": ("Plugin", oci(registry={"name": "registry:5000", "plainHTTP": True})),
    "the shortest interval": ("Plugin", oci(pollInterval="30s")),
    "an interval of hours and minutes": ("Plugin", oci(pollInterval="1h30m")),
    "a selector": (
        "Config",
        {
            "selector": {
                "matchLabels": {"a": "b"},
                "matchExpressions": [
                    {"key": "a", "operator": "Exists"},
                    {"key": "b", "operator": "NotIn", "values": ["c"]},
                ],
            }
        },
    ),
}


@BOTH
@pytest.mark.parametrize(("kind", "spec"), ACCEPTED.values(), ids=ACCEPTED)
def test_it_is_accepted(attempt, verb, kind, spec):
    answer = attempt(manifest(kind, spec=spec), verb)
    assert (answer.returncode, answer.stderr) == (0, "")


REFUSED = {
    "an unknown workload": ("Falco", {"type": "StatefulSet"}, "spec.type"),
    "no replicas": ("Falco", {"replicas": 0}, "spec.replicas"),
    "a misspelt field of the spec": ("Falco", {"versoin": "1"}, "versoin"),
    "a misspelt field of the pod": (
        "Falco",
        template(nodeSelectr={"a": "b"}),
        "spec.podTemplateSpec.spec.nodeSelectr",
    ),
    "a misspelt field of a container": ("Falco", container(img="falco"), "img"),
    "a misspelt field of a strategy": ("Falco", {"strategy": {"typ": "x"}}, "spec.strategy.typ"),
    "a strategy of the other workload": (
        "Falco",
        {"strategy": {"type": "OnDelete"}},
        "spec.strategy.type",
    ),
    "a policy that does not exist": (
        "Falco",
        container(imagePullPolicy="Sometimes"),
        "imagePullPolicy",
    ),
    "a quantity that is none": (
        "Falco",
        container(resources={"limits": {"memory": "1GB"}}),
        "resources.limits.memory",
    ),
    "a container port by name": (
        "Falco",
        container(ports=[{"containerPort": "web"}]),
        "containerPort",
    ),
    "a container without a name": ("Falco", template(containers=[{"image": "x"}]), "name"),
    "an unknown component": ("Component", {"component": {"type": "x"}}, "spec.component.type"),
    "a component without a type": ("Component", {"component": {}}, "spec.component.type"),
    "an unknown mode of validation": ("Config", {"validation": "Off"}, "spec.validation"),
    "no component": ("Component", {}, "spec.component"),
    "a priority too high": ("Rulesfile", {"priority": 100}, "spec.priority"),
    "a priority too low": ("Config", {"priority": -1}, "spec.priority"),
    "an artifact without a repository": (
        "Rulesfile",
        {"ociArtifact": {"image": {"tag": "1"}}},
        "spec.ociArtifact.image.repository",
    ),
    "a tag that is none": (
        "Rulesfile",
        oci(image={"repository": "r", "tag": "not a tag!"}),
        "spec.ociArtifact.image.tag",
    ),
    "plain HTTP with TLS": (
        "Plugin",
        oci(registry={"plainHTTP": True, "tls": {"insecureSkipVerify": True}}),
        "plainHTTP and tls exclude each other",
    ),
    "no key among keys": (
        "Rulesfile",
        oci(verify={"keys": [{}]}),
        "exactly one of secretRef, configMapRef, inline must be set",
    ),
    "a key twice": (
        "Rulesfile",
        oci(verify={"keys": [{"secretRef": {"name": "k"}, "inline": "k"}]}),
        "exactly one of secretRef, configMapRef, inline must be set",
    ),
    "an issuer without a subject": (
        "Plugin",
        oci(verify={"keyless": [{"issuer": "https://issuer"}]}),
        "exactly one of subject, subjectRegExp must be set",
    ),
    "a subject without an issuer": (
        "Rulesfile",
        oci(verify={"keyless": [{"subject": "me"}]}),
        "exactly one of issuer, issuerRegExp must be set",
    ),
    "an issuer in both ways": (
        "Rulesfile",
        oci(verify={"keyless": [{"issuer": "i", "issuerRegExp": "i", "subject": "s"}]}),
        "exactly one of issuer, issuerRegExp must be set",
    ),
    "an expression too long": (
        "Rulesfile",
        oci(verify={"keyless": [{"issuer": "i", "subjectRegExp": "a" * 513}]}),
        "subjectRegExp",
    ),
    "an unknown mode of signatures": ("Plugin", oci(verify={"mode": "off"}), "verify.mode"),
    "too short an interval": (
        "Rulesfile",
        oci(pollInterval="10s"),
        "pollInterval must be at least 30s",
    ),
    "an interval that is none": ("Rulesfile", oci(pollInterval="often"), "pollInterval"),
    "In without values": (
        "Config",
        {"selector": {"matchExpressions": [{"key": "a", "operator": "In"}]}},
        "values are needed for In and NotIn",
    ),
    "a ConfigMap without a name": ("Config", {"configMapRef": {}}, "spec.configMapRef.name"),
}


@BOTH
@pytest.mark.parametrize(("kind", "spec", "word"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused_and_the_field_named(attempt, verb, kind, spec, word):
    answer = attempt(manifest(kind, spec=spec), verb)
    assert answer.returncode != 0
    assert word in answer.stderr


def at(repository, name):
    """An artifact of this repository; None leaves the registry out."""
    registry = {} if name is None else {"registry": {"name": name}}
    return oci(image={"repository": repository}, **registry)


@pytest.mark.parametrize("kind", ["Rulesfile", "Plugin"])
@pytest.mark.parametrize(("repository", "name", "form"), WHOLE_REFERENCES)
def test_a_whole_reference_as_repository_is_refused_with_the_right_form(
    attempt, kind, repository, name, form
):
    answer = attempt(manifest(kind, spec=at(repository, name)))
    assert answer.returncode != 0
    assert "spec.ociArtifact.image.repository: " in answer.stderr
    assert answer.stderr.strip().endswith(f"must be the path alone; write {form}")


def test_what_the_operator_takes_for_a_path_is_accepted(attempt):
    manifests = [
        manifest("Plugin", f"p{number}", spec=at(*path)) for number, path in enumerate(PATHS)
    ]
    answer = attempt({"apiVersion": "v1", "kind": "List", "items": manifests})
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize(
    ("items", "where"),
    [
        ({"containers": [{"name": "falco"}] * 2}, "containers"),
        ({"volumes": [{"name": "v", "emptyDir": {}}] * 2}, "volumes"),
        ({"imagePullSecrets": [{"name": "s"}] * 2}, "imagePullSecrets"),
        (
            {"containers": [{"name": "falco", "env": [{"name": "A", "value": "1"}] * 2}]},
            "env",
        ),
        (
            {
                "containers": [
                    {
                        "name": "a",
                        "ports": [{"containerPort": 1}, {"containerPort": 1, "protocol": "TCP"}],
                    }
                ]
            },
            "ports",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_lists_have_the_keys_that_they_have_in_a_pod(attempt, items, where):
    answer = attempt(manifest("Falco", spec=template(**items)), CREATE)
    assert "Duplicate value" in answer.stderr
    assert where in answer.stderr


NAMES = {
    "of 64 characters": ("a" * 64, "must have at most 63 characters"),
    "with a dot": ("a.b", "must not contain a dot"),
    "that starts with a digit": ("1a", "must start with a letter"),
}
SPECS = {"Falco": {}, "Component": {"component": {"type": "metacollector"}}}


@BOTH
@pytest.mark.parametrize("kind", SPECS)
@pytest.mark.parametrize(("name", "demand"), NAMES.values(), ids=NAMES)
def test_a_name_that_no_service_can_have_is_refused(attempt, verb, kind, name, demand):
    answer = attempt(manifest(kind, name, spec=SPECS[kind]), verb)
    assert answer.returncode != 0
    assert f"metadata.name: Invalid value: {demand}" in answer.stderr


@pytest.mark.parametrize("kind", SPECS)
def test_a_name_of_63_characters_is_accepted(attempt, kind):
    assert attempt(manifest(kind, f"a{'0' * 61}z", spec=SPECS[kind])).returncode == 0


def test_names_of_artifacts_may_hold_dots(attempt):
    assert attempt(manifest("Rulesfile", "1.rules", spec={})).returncode == 0
