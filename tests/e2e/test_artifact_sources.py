"""Artifacts from everywhere that users keep them, and what comes of them on a node."""

import json
import platform
import time
from base64 import b64encode
from contextlib import ExitStack
from functools import partial

import pytest
import yaml

from deploy.local.publisher import Repository, publish_plugin, publish_rules
from deploy.local.registry import Registry
from tests.api import manifest
from tests.e2e.file_history import FileHistory
from tests.e2e.one_node import one_node
from tests.eventually import eventually
from tests.registries import PASSWORD, REFRESH_TOKEN, USERNAME, TokenServer, basic_auth, tls

RULES = "- macro: opened\n  condition: evt.type = open\n"
RULE = {
    "rule": "Something happened",
    "desc": "It did",
    "condition": "evt.type = open",
    "output": "it happened",
    "priority": "WARNING",
}
ABOUT = {
    "name": "falco-rules",
    "version": "1.2.3",
    "requirements": [{"name": "engine_version_semver", "version": 31}],
}
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
FAILED, INVALID = "OCIArtifactStoreFailed", "InvalidContent"
ENTRIES = "zz-plugins.yaml"
PLUGINS, CONFIGS = "usr/share/falco/plugins", "etc/falco/config.d"


def library(text):
    """One for each platform, so that it shows which was taken."""
    return {f"linux/{name}": f"{text} for {name}".encode() for name in ("amd64", "arm64")}


def ours(text):
    """What the library for our platform holds."""
    return f"{text} for {MACHINES[platform.machine()]}"


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """The directory of registries that have been filled, and the digest of the rules."""
    directory = tmp_path_factory.mktemp("registry")
    with Registry(directory) as registry:
        target = Repository(registry.url)
        digest = publish_rules(target, "falco/rules", ["1.2.3", "latest"], RULES, ABOUT)
        about = {"name": "json", "version": "0.7.0"}
        publish_plugin(target, "falco/json", ["0.7.0", "latest"], library("json"), about)
    return directory, digest


@pytest.fixture(scope="module")
def registries(content, authority, keys, tmp_path_factory):
    """A registry of every kind by its name."""
    basic = basic_auth(tmp_path_factory.mktemp("basic"))
    with ExitStack() as stack:
        tokens = stack.enter_context(TokenServer(authority))
        safe_tokens = stack.enter_context(TokenServer(authority, keys))
        configurations = {
            "plain": {},
            "basic": basic,
            "token": tokens.config,
            "tls": tls(keys),
            "tls and basic": {**tls(keys), **basic},
            "tls and token": {**tls(keys), **safe_tokens.config},
        }
        yield {
            name: stack.enter_context(Registry(content[0], configuration))
            for name, configuration in configurations.items()
        }


@pytest.fixture(scope="module")
def shared(cluster, api, tmp_path_factory):
    with one_node(cluster, api, tmp_path_factory.mktemp("sources")) as made:
        yield made


@pytest.fixture
def fleet(shared, authority):
    """The only node, with credentials that artifacts can name, and without any artifact."""
    pair = {"username": USERNAME, "password": PASSWORD}
    shared.secret("pair", **pair)
    shared.config_map("ca", ca_crt=authority.certificate.read_text())
    yield shared
    shared.clear()


def oci(registry, repository="falco/rules", tag="latest", **fields):
    image = {"repository": repository, "tag": tag}
    return {"image": image, "registry": {"name": registry.address, **fields}}


PAIR = {"auth": {"secretRef": {"name": "pair"}}}
DOCKER = {"auth": {"secretRef": {"name": "docker"}}}
IDENTITY = {"auth": {"secretRef": {"name": "identity"}}}
PLAIN = {"plainHTTP": True}
CA = {"tls": {"caConfigMapRef": {"name": "ca"}}}
WAYS = {
    "plain HTTP": ("plain", PLAIN),
    "basic authentication": ("basic", {**PLAIN, **PAIR}),
    "basic authentication of Docker": ("basic", {**PLAIN, **DOCKER}),
    "a token": ("token", {**PLAIN, **PAIR}),
    "a token by way of Docker": ("token", {**PLAIN, **DOCKER}),
    "an identity token": ("token", {**PLAIN, **IDENTITY}),
    "a private CA and an identity token": ("tls and token", {**CA, **IDENTITY}),
    "a private CA": ("tls", CA),
    "no verification": ("tls", {"tls": {"insecureSkipVerify": True}}),
    "a private CA and basic authentication": ("tls and basic", {**CA, **PAIR}),
    "a private CA and a token": ("tls and token", {**CA, **PAIR}),
}


def docker_secret(fleet, registry):
    """As `kubectl create secret docker-registry` makes it, and as `docker login` may leave it."""
    auth = b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    no_password = b64encode(f"{USERNAME}:".encode()).decode()
    identity = {"auth": no_password, "identitytoken": REFRESH_TOKEN}
    for name, entry in (("docker", {"auth": auth}), ("identity", identity)):
        document = json.dumps({"auths": {registry.address: entry}})
        fleet.secret(name, **{".dockerconfigjson": document})


@pytest.mark.parametrize(("name", "fields"), WAYS.values(), ids=WAYS)
def test_rules_and_a_library_come_from_registries_of_every_kind(
    fleet, registries, content, name, fields
):
    registry = registries[name]
    docker_secret(fleet, registry)
    fleet.apply("Rulesfile", "rules", ociArtifact=oci(registry, **fields))
    fleet.apply("Plugin", "json", ociArtifact=oci(registry, "falco/json", **fields))
    fleet.programmed("Rulesfile", "rules")
    fleet.programmed("Plugin", "json")
    assert fleet.node.rules() == {"50-01-rules-oci.yaml": RULES}
    assert fleet.libraries() == {"json.so": ours("json")}
    assert fleet.status("Rulesfile", "rules")["resolved"]["ociDigest"] == content[1]
    assert fleet.modes() == {
        "etc/falco/rules.d/50-01-rules-oci.yaml": 0o644,
        f"{CONFIGS}/{ENTRIES}": 0o644,
        f"{PLUGINS}/json.so": 0o755,
    }


REFUSED = {
    "no CA": ("tls", {}, "certificate of https://"),
    "TLS where there is none": ("plain", {}, "does not speak TLS"),
    "no TLS where there is some": ("tls", PLAIN, "the registry answered 400"),
    "no credentials": ("basic", PLAIN, "asks for credentials, and there are none"),
    "no token": ("token", PLAIN, "denied (401)"),
}


@pytest.mark.parametrize("by", ["operator", "node"])
@pytest.mark.parametrize(("name", "fields", "message"), REFUSED.values(), ids=REFUSED)
def test_a_registry_that_is_not_talked_to_as_it_wants_is_told_and_works_once_it_is(
    fleet, registries, content, name, fields, message, by
):
    tag = content[1] if by == "node" else "latest"
    source = partial(oci, registries[name], tag=tag)
    fleet.apply("Rulesfile", "rules", ociArtifact=source(**fields))
    said = fleet.said("Rulesfile", "rules", "False", FAILED)
    assert message in said
    assert registries[name].address in said
    fleet.said("Rulesfile", "rules", "True", "ReferenceResolved", "ResolvedRefs")
    right: dict[str, dict] = {
        "plain": PLAIN,
        "tls": CA,
        "basic": {**PLAIN, **PAIR},
        "token": {**PLAIN, **PAIR},
    }
    fleet.apply("Rulesfile", "rules", ociArtifact=source(**right[name]))
    fleet.programmed("Rulesfile", "rules")


@pytest.mark.parametrize("by", ["operator", "node"])
@pytest.mark.parametrize("name", ["basic", "token"])
def test_a_wrong_password_is_told_and_the_right_one_is_found_without_anybody_s_help(
    fleet, registries, content, name, by
):
    fleet.secret("rotated", username=USERNAME, password="a wrong one")
    tag = content[1] if by == "node" else "latest"
    fields = {**PLAIN, "auth": {"secretRef": {"name": "rotated"}}}
    fleet.apply("Rulesfile", "rules", ociArtifact=oci(registries[name], tag=tag, **fields))
    message = fleet.said("Rulesfile", "rules", "False", FAILED)
    assert "the credentials were refused" in message
    assert "a wrong one" not in message
    before = fleet.status("Rulesfile", "rules").get("resolved", {}).get("revision")
    fleet.secret("rotated", username=USERNAME, password=PASSWORD)
    fleet.programmed("Rulesfile", "rules")
    assert fleet.status("Rulesfile", "rules")["resolved"]["revision"] != before
    assert fleet.node.rules() == {"50-01-rules-oci.yaml": RULES}


def test_a_password_that_turns_wrong_takes_nothing_away(fleet, registries):
    fleet.secret("rotated", username=USERNAME, password=PASSWORD)
    fields = {**PLAIN, "auth": {"secretRef": {"name": "rotated"}}}
    fleet.apply("Rulesfile", "rules", ociArtifact=oci(registries["basic"], **fields))
    fleet.programmed("Rulesfile", "rules")
    before, files = fleet.status("Rulesfile", "rules"), fleet.files()
    fleet.secret("rotated", username=USERNAME, password="a wrong one")

    def resolved_anew():
        return fleet.status("Rulesfile", "rules")["resolved"] != before["resolved"]

    eventually(resolved_anew)
    fleet.programmed("Rulesfile", "rules")
    assert fleet.files() == files


@pytest.mark.parametrize("kind", ["data", "binaryData"])
def test_rules_and_a_ca_come_from_either_map_of_a_config_map(fleet, registries, authority, kind):
    def of(text):
        return text if kind == "data" else b64encode(text.encode()).decode()

    own = "- list: shells\n  items: [bash]\n"
    ca = authority.certificate.read_text()
    for name, key, text in (("either", "rules.yaml", own), ("ca", "ca.crt", ca)):
        config_map = manifest("ConfigMap", fleet.namespace, name, **{kind: {key: of(text)}})
        fleet.api.take(config_map, "user")
    remote = oci(registries["tls"], **CA)
    fleet.apply("Rulesfile", "rules", ociArtifact=remote, configMapRef={"name": "either"})
    fleet.programmed("Rulesfile", "rules")
    expected = {"50-01-rules-oci.yaml": RULES, "50-02-rules-configmap.yaml": own}
    assert fleet.node.rules() == expected


# Several sources of one resource.


def test_three_sources_are_three_files_and_one_that_fails_holds_up_no_other(fleet, registries):
    fleet.config_map("source", rules_yaml="- list: shells\n  items: [bash]\n")
    spec = {"inlineRules": [RULE], "priority": 7}
    missing = {"configMapRef": {"name": "missing"}}
    absent = {"ociArtifact": oci(registries["plain"], tag="absent", **PLAIN)}
    fleet.apply("Rulesfile", "all", **spec, **missing, **absent)
    fleet.said("Rulesfile", "all", "False", "ReferenceResolutionFailed", "ResolvedRefs")
    eventually(lambda: [*fleet.node.rules()] == ["07-03-all-inline.yaml"])

    fleet.apply("Rulesfile", "all", **spec, configMapRef={"name": "source"}, **absent)
    fleet.said("Rulesfile", "all", "True", "ReferenceResolved", "ResolvedRefs")
    assert "absent" in fleet.said("Rulesfile", "all", "False", FAILED)
    eventually(
        lambda: sorted(fleet.node.rules()) == ["07-02-all-configmap.yaml", "07-03-all-inline.yaml"]
    )

    present = {"ociArtifact": oci(registries["plain"], **PLAIN)}
    fleet.apply("Rulesfile", "all", **spec, **missing, **present)
    message = fleet.said("Rulesfile", "all", "False", "ReferenceResolutionFailed")
    assert message == "ConfigMap missing does not exist"
    eventually(
        lambda: (
            sorted(fleet.node.rules())
            == ["07-01-all-oci.yaml", "07-02-all-configmap.yaml", "07-03-all-inline.yaml"]
        )
    )
    assert "bash" in fleet.node.rules()["07-02-all-configmap.yaml"]

    fleet.config_map("missing", rules_yaml="- list: shells\n  items: [zsh]\n")
    fleet.programmed("Rulesfile", "all")
    assert "zsh" in fleet.node.rules()["07-02-all-configmap.yaml"]
    assert fleet.node.rules()["07-01-all-oci.yaml"] == RULES


# Plugins.


def entries(fleet):
    """What Falco is told of plugins; nothing without a file."""
    text = fleet.node.configs().get(ENTRIES)
    return yaml.safe_load(text) if text is not None else None


def test_a_plugin_s_entry_holds_what_the_resource_says(fleet, registries):
    init = {"sssURL": "https://example.org", "nested": {"list": [1, "on", None], "env": "${HOME}"}}
    fleet.apply(
        "Plugin",
        "audit",
        ociArtifact=oci(registries["plain"], "falco/json", **PLAIN),
        config={"name": "k8saudit", "initConfig": init, "openParams": "http://:9765/k8s-audit"},
    )
    fleet.apply("Plugin", "mounted", config={"libraryPath": "/opt/libmounted.so"})
    fleet.programmed("Plugin", "audit")
    fleet.programmed("Plugin", "mounted")
    assert entries(fleet) == {
        "plugins": [
            {
                "name": "k8saudit",
                "library_path": "/usr/share/falco/plugins/audit.so",
                "init_config": init,
                "open_params": "http://:9765/k8s-audit",
            },
            {"name": "mounted", "library_path": "/opt/libmounted.so"},
        ],
        "load_plugins": ["k8saudit", "mounted"],
    }
    assert [*fleet.libraries()] == ["audit.so"]


def test_of_two_plugins_of_one_name_the_older_wins_and_the_other_takes_over(fleet, registries):
    source = {"ociArtifact": oci(registries["plain"], "falco/json", **PLAIN)}
    fleet.apply("Plugin", "zebra", **source, config={"name": "json"})
    fleet.programmed("Plugin", "zebra")
    born = fleet.api.get("Plugin", fleet.namespace, "zebra")["metadata"]["creationTimestamp"]
    eventually(lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) > born)
    fleet.apply("Plugin", "ant", **source, config={"name": "json"})
    assert "zebra" in fleet.said("Plugin", "ant", "False", "NameConflict")
    assert fleet.condition("Plugin", "zebra")[0] == "True"
    assert [*fleet.libraries()] == ["zebra.so"]
    assert [one["library_path"][-9:] for one in entries(fleet)["plugins"]] == ["/zebra.so"]
    fleet.delete("Plugin", "zebra")
    fleet.programmed("Plugin", "ant")
    eventually(lambda: [*fleet.libraries()] == ["ant.so"])
    assert [one["library_path"][-7:] for one in entries(fleet)["plugins"]] == ["/ant.so"]


def test_a_plugin_whose_library_is_not_there_has_no_entry(fleet):
    fleet.apply("Plugin", "nothing", config={"initConfig": {}})
    message = fleet.said("Plugin", "nothing", "False", INVALID)
    assert 'plugin "nothing": its library is not there' in message
    fleet.apply("Plugin", "outside", config={"libraryPath": "../../lib.so"})
    assert "leads out of" in fleet.said("Plugin", "outside", "False", INVALID)
    assert not fleet.files()
    mounted = fleet.node.root / "usr/share/falco/plugins/theirs.so"
    mounted.write_bytes(b"a user's own")
    try:
        fleet.apply("Plugin", "nothing", config={"libraryPath": "theirs.so"})
        fleet.programmed("Plugin", "nothing")
        assert entries(fleet)["load_plugins"] == ["nothing"]
    finally:
        fleet.discard("Plugin", "nothing")
        mounted.unlink()


def test_rules_wait_for_the_plugin_that_they_require(fleet, registries):
    target = Repository(registries["plain"].url)
    for version in ("0.3.9", "0.4.1"):
        about = {"name": "container", "version": version}
        publish_plugin(target, "falco/container", [version], library(version), about)

    def plugin(version):
        return {"ociArtifact": oci(registries["plain"], "falco/container", version, **PLAIN)}

    fleet.apply("Rulesfile", "rules", inlineRules=[RULE])
    fleet.programmed("Rulesfile", "rules")
    needed = {"required_plugin_versions": [{"name": "container", "version": "0.4.0"}]}
    fleet.apply("Rulesfile", "rules", inlineRules=[needed, {**RULE, "output": "with plugin"}])
    message = fleet.said("Rulesfile", "rules", "False", INVALID)
    assert "needs plugin container 0.4.0 or newer, which is not installed" in message

    fleet.apply("Plugin", "container", **plugin("0.3.9"))
    fleet.programmed("Plugin", "container")
    other = "needs plugin container 0.4.0 or newer, installed is 0.3.9"
    eventually(lambda: other in fleet.said("Rulesfile", "rules", "False", INVALID))
    assert "it happened" in fleet.node.rules()["50-03-rules-inline.yaml"]

    fleet.apply("Plugin", "container", **plugin("0.4.1"))
    fleet.programmed("Rulesfile", "rules")
    assert "with plugin" in fleet.node.rules()["50-03-rules-inline.yaml"]

    fleet.apply("Plugin", "container", **plugin("0.3.9"))
    message = fleet.said("Plugin", "container", "False", INVALID)
    assert "it would break 50-03-rules-inline.yaml" in message
    assert fleet.libraries() == {"container.so": ours("0.4.1")}
    assert fleet.condition("Rulesfile", "rules")[0] == "True"

    fleet.delete("Plugin", "container")
    message = fleet.said("Rulesfile", "rules", "False", INVALID)
    assert "needs plugin container 0.4.0 or newer, which is not installed" in message
    eventually(lambda: not fleet.files())
    fleet.apply("Plugin", "container", **plugin("0.4.1"))
    fleet.programmed("Rulesfile", "rules")
    assert "with plugin" in fleet.node.rules()["50-03-rules-inline.yaml"]


@pytest.mark.parametrize("version", ["0.99.0", 99])
def test_rules_that_need_a_newer_engine_are_refused_and_the_last_good_ones_stay(fleet, version):
    fleet.apply("Rulesfile", "rules", inlineRules=[RULE])
    fleet.programmed("Rulesfile", "rules")
    before = fleet.files()
    newer = {"required_engine_version": version}
    fleet.apply("Rulesfile", "rules", inlineRules=[newer, {**RULE, "output": "new"}])
    message = fleet.said("Rulesfile", "rules", "False", INVALID)
    assert "needs engine 0.99.0, this Falco has 0.62.0" in message
    assert fleet.files() == before
    fits = {"required_engine_version": "0.62.0"}
    fleet.apply("Rulesfile", "rules", inlineRules=[fits, {**RULE, "output": "new"}])
    fleet.programmed("Rulesfile", "rules")


def test_falco_hears_of_a_library_that_is_replaced_and_never_of_one_that_is_gone(fleet, registries):
    target = Repository(registries["plain"].url)
    for tag in ("1", "2"):
        publish_plugin(target, "falco/replaced", [tag], library(tag))

    def source(tag):
        return {"ociArtifact": oci(registries["plain"], "falco/replaced", tag, **PLAIN)}

    with FileHistory(fleet.node.root) as history:
        fleet.apply("Plugin", "stays", **source("1"))
        fleet.programmed("Plugin", "stays")
        fleet.apply("Plugin", "replaced", **source("1"))
        fleet.programmed("Plugin", "replaced")
        before, text = fleet.files(), fleet.node.configs()[ENTRIES]
        fleet.apply("Plugin", "replaced", **source("2"))
        fleet.programmed("Plugin", "replaced")
        after = fleet.files()
        assert fleet.libraries()["replaced.so"] == ours("2")
        assert fleet.node.configs()[ENTRIES] == text
        assert after[f"{CONFIGS}/{ENTRIES}"][0] != before[f"{CONFIGS}/{ENTRIES}"][0]
        assert after[f"{PLUGINS}/stays.so"] == before[f"{PLUGINS}/stays.so"]
        assert len(history.told) == 6  # else the kernel would make one of the next that is equal
        fleet.discard("Plugin", "replaced")
        eventually(lambda: [*fleet.libraries()] == ["stays.so"])
        fleet.delete("Plugin", "stays")
        eventually(lambda: not fleet.files())
        assert history.told == [
            ("came", f"{PLUGINS}/stays.so"),
            ("came", f"{CONFIGS}/{ENTRIES}"),
            ("came", f"{PLUGINS}/replaced.so"),
            ("came", f"{CONFIGS}/{ENTRIES}"),
            ("came", f"{PLUGINS}/replaced.so"),
            ("came", f"{CONFIGS}/{ENTRIES}"),
            ("came", f"{CONFIGS}/{ENTRIES}"),
            ("went", f"{PLUGINS}/replaced.so"),
            ("went", f"{CONFIGS}/{ENTRIES}"),
            ("went", f"{PLUGINS}/stays.so"),
        ]


def test_a_plugin_for_no_platform_of_ours_is_refused_with_those_that_there_are(fleet, registries):
    about = {"linux/s390x": b"far away", "windows/amd64": b"further"}
    publish_plugin(Repository(registries["plain"].url), "falco/away", ["latest"], about)
    source = {"ociArtifact": oci(registries["plain"], "falco/away", **PLAIN)}
    fleet.apply("Plugin", "away", **source)
    message = fleet.said("Plugin", "away", "False", FAILED)
    assert "linux/s390x" in message
    assert "windows/amd64" in message
    assert not fleet.files()
