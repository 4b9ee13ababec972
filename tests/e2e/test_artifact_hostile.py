"""Whatever is fed to a node: a clear condition, nothing installed, and the node lives on."""

import json
from base64 import b64encode
from contextlib import contextmanager

import pytest

from resources.kubernetes.kinds import ARTIFACTS
from tests.actors.registry import hostile_archives as archives
from tests.actors.registry.hostile_registry import (
    MANIFEST,
    PREFIX,
    REPOSITORY,
    HostileRegistry,
    blob_path,
    chunked_for_ever,
    descriptor,
    digest_of,
    index,
    manifest,
    manifest_path,
    reply,
)
from tests.e2e.one_node import one_node
from tests.e2e.peak_memory import MEGABYTE, PeakMemory
from tests.eventually import eventually
from tests.sampled import sampled

ALLOWED = 64 * MEGABYTE
GOOD = archives.good()
RULE = [{"macro": "neighbour", "condition": "evt.type = open"}]
FAILED, INVALID = "OCIArtifactStoreFailed", "InvalidContent"


@pytest.fixture(scope="module")
def fleet(cluster, api, tmp_path_factory):
    """A node with a neighbour of what is to be attacked."""
    with one_node(cluster, api, tmp_path_factory.mktemp("hostile")) as made:
        made.apply("Rulesfile", "neighbour", inlineRules=RULE)
        made.programmed("Rulesfile", "neighbour")
        yield made


@pytest.fixture
def registry():
    with HostileRegistry() as started:
        yield started


def oci(registry, tag, **fields):
    address = {"name": f"127.0.0.1:{registry.port}", **fields}
    return {"image": {"repository": REPOSITORY, "tag": tag}, "registry": address}


def plain(registry, tag):
    return oci(registry, tag, plainHTTP=True)


@pytest.fixture
def good(fleet, registry):
    """A Rulesfile from the registry that is installed."""
    fleet.apply("Rulesfile", "target", ociArtifact=plain(registry, registry.artifact(GOOD)))
    fleet.programmed("Rulesfile", "target")
    assert archives.RULES.decode() == fleet.node.rules()["50-01-target-oci.yaml"]
    yield
    fleet.discard("Rulesfile", "target")


@contextmanager
def unharmed(fleet):
    """What is meant for the node meanwhile comes to nothing."""
    node, before = fleet.node, fleet.files()
    pid = node.pid
    with PeakMemory(pid) as memory:
        yield memory
    assert fleet.files() == before
    assert node.pid == pid
    assert node.answer("Health", "/healthz")[0] == 200
    assert node.answer("Health", "/readyz")[0] == 200
    for process in (node, fleet.operator):
        restarts = process.samples()["actor_restarts_total"]
        assert not any(restarts.values()), restarts
    assert fleet.condition("Rulesfile", "neighbour")[0] == "True"


# What makes a digest that leads to it, and what is said of it.

LAYERS = {
    "a gzip bomb": (archives.bomb(2**31), "has 2147483648 bytes, allowed are"),
    "a bomb of attributes": (archives.pax_bomb(), "a header of 2147483648 bytes"),
    "a million entries": (archives.million_entries(), "more than 100 entries"),
    "endless attributes": (archives.endless_pax(), "more than 100 entries"),
    "nothing in many parts": (archives.in_many_members(), "too many parts"),
    "a symbolic link": (archives.packed(archives.link("a", "/etc/passwd")), "a symbolic link: a"),
    "a hard link": (
        archives.packed(archives.entry("a", kind=b"1", linkname="/etc/passwd")),
        "a hard link: a",
    ),
    "a device": (archives.packed(archives.entry("a", kind=b"3")), "a device: a"),
    "a block device": (archives.packed(archives.entry("a", kind=b"4")), "a device: a"),
    "a pipe": (archives.packed(archives.entry("a", kind=b"6")), "a pipe: a"),
    "an absolute name": (archives.packed(archives.entry("/a", b"x")), "an absolute name: /a"),
    "a name that leads out": (archives.packed(archives.entry("../a", b"x")), "out of it: ../a"),
    "two files": (
        archives.packed(archives.entry("a", b"x"), archives.entry("b", b"x")),
        "more than one file: a and b",
    ),
    "no file": (archives.packed(), "holds no file"),
    "five megabytes": (archives.packed(archives.entry("a", b"#" * 5 * MEGABYTE)), "allowed are"),
    "no archive": (b"no archive", "no valid gzip data"),
}
MANIFEST_OF_GOOD = manifest(
    descriptor(f"{PREFIX}.config.v1+json", b"{}"), descriptor(f"{PREFIX}.layer.v1+tar.gz", GOOD)
)
OF_US = [{"os": "linux", "architecture": name} for name in ("amd64", "arm64")]


def shorter(registry):
    return registry.artifact(GOOD, size=len(GOOD) - 1)


def longer(registry):
    return registry.artifact(GOOD, size=len(GOOD) + 1)


def huge(registry):
    return registry.artifact(GOOD, size=2**40)


def endless_blob(registry):
    other = archives.packed(archives.entry("a", b"endless"))
    registry.act(blob_path(digest_of(other)), chunked_for_ever)
    digest = registry.artifact(other)
    registry.act(blob_path(digest_of(other)), chunked_for_ever)
    return digest


def endless_manifest(registry):
    digest = f"sha256:{'e' * 64}"
    registry.act(manifest_path(digest), chunked_for_ever)
    return digest


def other_manifest(registry):
    digest = registry.manifest(MANIFEST_OF_GOOD + b" ")
    registry.serve(manifest_path(digest), MANIFEST_OF_GOOD)
    return digest


def other_manifest_in_an_index(registry):
    inner = registry.manifest(MANIFEST_OF_GOOD + b"  ")
    entries = [{**descriptor(MANIFEST, MANIFEST_OF_GOOD + b"  "), "platform": one} for one in OF_US]
    registry.serve(manifest_path(inner), MANIFEST_OF_GOOD)
    return registry.manifest(index(*entries))


def other_blob(registry):
    layer = archives.packed(archives.entry("rules.yaml", archives.RULES + b"#"))
    digest = registry.artifact(layer)
    registry.serve(blob_path(digest_of(layer)), GOOD + b" " * (len(layer) - len(GOOD)))
    return digest


def of_type(word):
    def make(registry):
        config = descriptor(f"application/vnd.cncf.falco.{word}.config.v1+json", b"{}")
        layer = descriptor(f"application/vnd.cncf.falco.{word}.layer.v1+tar.gz", GOOD)
        return registry.manifest(manifest(config, layer))

    return make


def wrong_layer_type(registry):
    return registry.artifact(GOOD, mediaType="application/vnd.oci.image.layer.v1.tar+gzip")


def ten_megabytes(registry):
    return registry.manifest(b" " * (10 * MEGABYTE))


def deep_manifest(registry):
    return registry.manifest(b'{"a":' * 40_000)


def redirect_loop(registry):
    digest = f"sha256:{'1' * 64}"
    registry.redirect(manifest_path(digest), manifest_path(digest))
    return digest


def redirect_to_a_file(registry):
    digest = f"sha256:{'2' * 64}"
    registry.redirect(manifest_path(digest), "file:///etc/passwd")
    return digest


ANSWERS = {
    "a size that is too small": (shorter, "is larger than the"),
    "a size that is too large": (longer, "bytes, 1"),
    "a size beyond all bounds": (huge, "has 1099511627776 bytes, allowed are"),
    "an endless blob": (endless_blob, "is larger than the"),
    "an endless manifest": (endless_manifest, "has more than 262144 bytes"),
    "another manifest": (other_manifest, "has another digest"),
    "another manifest in an index": (other_manifest_in_an_index, "has another digest"),
    "another blob": (other_blob, "has another digest"),
    "an asset": (of_type("asset"), "it is an asset, but a Rulesfile needs a rules artifact"),
    "a plugin": (of_type("plugin"), "it is a plugin, but a Rulesfile needs a rules artifact"),
    "an image's layer": (wrong_layer_type, "media type"),
    "ten megabytes of manifest": (ten_megabytes, "has more than 262144 bytes"),
    "a deep manifest": (deep_manifest, "nested too deeply"),
    "a redirect loop": (redirect_loop, "redirects more than 5 times"),
    "a redirect to a file": (redirect_to_a_file, "redirects to an address that is not valid"),
}


@pytest.mark.usefixtures("good")
@pytest.mark.parametrize(
    ("layer", "message"),
    sampled(LAYERS, "a gzip bomb", "a million entries", "a symbolic link", "a name that leads out"),
)
def test_an_archive_that_nobody_should_unpack_is_refused(fleet, registry, layer, message):
    with unharmed(fleet) as memory:
        spec = plain(registry, registry.artifact(layer))
        fleet.apply("Rulesfile", "target", ociArtifact=spec)
        assert message in fleet.said("Rulesfile", "target", "False", FAILED)
        assert memory.children
        assert memory.bytes < ALLOWED


@pytest.mark.usefixtures("good")
@pytest.mark.parametrize(
    ("make", "message"),
    sampled(ANSWERS, "an endless blob", "another manifest in an index", "a redirect loop"),
)
def test_a_registry_that_lies_is_not_believed(fleet, registry, make, message):
    with unharmed(fleet) as memory:
        fleet.apply("Rulesfile", "target", ociArtifact=plain(registry, make(registry)))
        assert message in fleet.said("Rulesfile", "target", "False", FAILED)
        assert memory.bytes < ALLOWED


# Credentials.


@pytest.fixture
def safe(keys):
    """A registry with TLS."""
    with HostileRegistry(keys) as started:
        yield started


@pytest.fixture
def other(keys):
    """Another one, on another host as far as anybody can tell by its name."""
    with HostileRegistry(keys) as started:
        yield started


@pytest.fixture
def trusting(fleet, authority):
    """The spec of a Rulesfile whose registry is trusted, and knows us."""
    fleet.secret("known", username="falco", password="never told")
    fleet.config_map("trusted", ca_crt=authority.certificate.read_text())
    tls = {"caConfigMapRef": {"name": "trusted"}}
    auth = {"secretRef": {"name": "known"}}
    yield lambda registry, tag: {"ociArtifact": oci(registry, tag, auth=auth, tls=tls)}
    said = [fleet.api.list(kind, fleet.namespace) for kind in ("Rulesfile", "NodeReport", "Event")]
    fleet.discard("Rulesfile", "target")
    assert "never told" not in json.dumps(said)
    assert "never told" not in fleet.node.log.read_text()
    assert "never told" not in fleet.operator.log.read_text()


BASIC = f"Basic {b64encode(b'falco:never told').decode()}"


def elsewhere(server):
    return server.url.replace("127.0.0.1", "localhost")


def challenging(registry, challenge):
    """Everything of a good artifact is there for who shows credentials."""
    digest = registry.artifact(GOOD, "latest")

    def ask(request):
        if request.headers.get("Authorization") == BASIC:
            body = b"" if request.command == "HEAD" else MANIFEST_OF_GOOD
            reply(request, body, Docker_Content_Digest=digest)
        else:
            reply(request, b"", 401, WWW_Authenticate=challenge)

    for reference in ("latest", digest):
        registry.act(manifest_path(reference), ask)
    return digest


def authorizations(server):
    return {seen.authorization for seen in server.seen}


def test_another_host_gets_the_redirected_request_without_credentials(fleet, safe, other, trusting):
    digest = challenging(safe, 'Basic realm="registry"')
    safe.redirect(blob_path(digest_of(GOOD)), f"{elsewhere(other)}/storage?signed=yes")
    other.serve("/storage", GOOD)
    fleet.apply("Rulesfile", "target", **trusting(safe, "latest"))
    fleet.programmed("Rulesfile", "target")
    assert fleet.status("Rulesfile", "target")["resolved"]["ociDigest"] == digest
    assert archives.RULES.decode() == fleet.node.rules()["50-01-target-oci.yaml"]
    assert authorizations(safe) == {"", BASIC}
    assert authorizations(other) == {""}


@pytest.mark.parametrize("pinned", [False, True], ids=["operator", "node"])
def test_a_host_that_is_redirected_to_and_wants_credentials_gets_none(
    fleet, safe, other, trusting, pinned
):
    digest = challenging(safe, 'Basic realm="registry"')
    reference = digest if pinned else "latest"
    safe.redirect(manifest_path(reference), f"{elsewhere(other)}/there")
    other.serve("/there", b"", 401, WWW_Authenticate='Basic realm="there"')
    with unharmed(fleet):
        fleet.apply("Rulesfile", "target", **trusting(safe, reference))
        message = fleet.said("Rulesfile", "target", "False", FAILED)
        assert f"https://localhost:{other.port} answered 401" in message
    assert authorizations(other) == {""}


# The token server is on another host or without TLS; the operator or the node meets it first.
REALMS = {
    f"{realm}, asked by the {by}": (realm, by == "node")
    for realm in ("another host", "without TLS")
    for by in ("operator", "node")
}


@pytest.mark.parametrize(
    ("realm", "pinned"),
    sampled(REALMS, "another host, asked by the node", "without TLS, asked by the operator"),
)
def test_a_token_server_that_is_not_to_be_trusted_is_never_asked(
    fleet, registry, safe, other, trusting, realm, pinned
):
    asked, url = (other, elsewhere(other)) if realm == "another host" else (registry, registry.url)
    challenge = (
        f'Bearer realm="{url}/token",service="registry",scope="repository:{REPOSITORY}:pull"'
    )
    digest = challenging(safe, challenge)
    with unharmed(fleet):
        fleet.apply("Rulesfile", "target", **trusting(safe, digest if pinned else "latest"))
        message = fleet.said("Rulesfile", "target", "False", FAILED)
        assert f"the registry wants the credentials sent to {url}" in message
    assert not asked.seen
    assert authorizations(safe) == {""}


# Content.

ALIASES = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
CONTENTS = {
    "an alias bomb": (ALIASES.encode(), "aliases make it more than"),
    "ten thousand levels": (b"[" * 10_000 + b"]" * 10_000, "nested deeper than 100"),
    "ten thousand maps": (b"- " * 10_000, "nested deeper than 100"),
    "no UTF-8": (b"- macro: \xff\xfe\n", "line 1: it is not UTF-8 (byte 0xff)"),
    "nothing but zeros": (b"\0" * 3 * MEGABYTE, "line 1"),
    "values without end": (b"- a\n" * 700_000, "it has more than"),
    "a map": (b"macro: a\ncondition: b\n", "the file holds a map, not a list of rules"),
    "an object of Python": (b"!!python/object/apply:os.system [id]", "line 1"),
    "no YAML": (b"- macro: [", "line"),
}


@pytest.mark.usefixtures("good")
@pytest.mark.parametrize(
    ("content", "message"), sampled(CONTENTS, "an alias bomb", "ten thousand maps", "no YAML")
)
def test_content_that_costs_too_much_or_makes_no_sense_is_refused(
    fleet, registry, content, message
):
    with unharmed(fleet) as memory:
        layer = archives.packed(archives.entry("rules.yaml", content))
        spec = plain(registry, registry.artifact(layer))
        fleet.apply("Rulesfile", "target", ociArtifact=spec)
        assert message in fleet.said("Rulesfile", "target", "False", INVALID)
        assert memory.bytes < ALLOWED


@pytest.fixture
def discarded(fleet):
    """The name of what is gone when the test is over."""
    before = fleet.files()
    yield "inline"
    for kind in ARTIFACTS:
        fleet.delete(kind, "inline")
    eventually(lambda: fleet.files() == before)


INLINE = {
    "a scalar": ("just a text", "the file holds text, not a list of rules"),
    "a number": (5, "not a list of rules"),
    "a map": ({"macro": "a"}, "the file holds a map, not a list of rules"),
    "a list of texts": (["a"], "every item must be a map"),
    "many levels": (json.loads("[" * 150 + "]" * 150), "nested deeper than"),
    # First what takes the most memory: a node that has used it once has it the next time.
    "very many maps": ([{}] * 300_000, "has more than 100000 values"),
    "very many numbers": ([1] * 400_000, "has more than 100000 values"),
}


@pytest.mark.parametrize(("value", "message"), sampled(INLINE, "a map", "very many maps"))
def test_what_stands_in_the_resource_is_refused_if_falco_would_not_take_it(
    fleet, discarded, value, message
):
    fleet.apply("Rulesfile", discarded, inlineRules=[{**RULE[0], "macro": "mine"}])
    fleet.programmed("Rulesfile", discarded)
    with unharmed(fleet) as memory:
        fleet.apply("Rulesfile", discarded, inlineRules=value)
        assert message in fleet.said("Rulesfile", discarded, "False", INVALID)
        assert memory.bytes < ALLOWED


@pytest.mark.parametrize("name", ["many levels", "very many numbers"])
def test_the_configuration_of_a_plugin_is_refused_if_nobody_could_read_it(fleet, discarded, name):
    value, message = INLINE[name]
    mounted = {"libraryPath": "/opt/libmounted.so"}
    fleet.apply("Plugin", discarded, config={**mounted, "initConfig": {"good": "yes"}})
    fleet.programmed("Plugin", discarded)
    with unharmed(fleet) as memory:
        fleet.apply("Plugin", discarded, config={**mounted, "initConfig": value})
        assert message in fleet.said("Plugin", discarded, "False", INVALID)
        assert memory.bytes < ALLOWED


@pytest.mark.parametrize(("kind", "key"), [("Rulesfile", "rules_yaml"), ("Config", "config_yaml")])
def test_an_alias_bomb_in_a_configmap_is_refused(fleet, discarded, kind, key):
    fleet.config_map("bomb", **{key: ALIASES})
    with unharmed(fleet):
        fleet.apply(kind, discarded, configMapRef={"name": "bomb"})
        message = fleet.said(kind, discarded, "False", INVALID)
        assert "aliases make it more than" in message
