"""Signed artifacts, from the resource to the node: who may be installed, and what is told."""

import pytest

from deploy.local.publisher import Repository, publish_rules
from deploy.local.registry import Registry
from tests.e2e.fleet import from_registry
from tests.e2e.one_node import one_node
from tests.eventually import eventually
from tests.signed import store_bundles, store_layers
from tests.signing import ISSUER, SUBJECT, Sigstore, key_bundle, key_layer, new_key, pem

SIGSTORE = Sigstore()
KEY, NEXT_KEY = new_key(), new_key()
VERIFIED, FAILED, UNKNOWN = "Verified", "False", "Unknown"
REFUSED = "SignatureRefused"
IDENTITY = [{"issuer": ISSUER, "subjectRegExp": r"https://github\.com/acme/.*"}]
# Of a repeated look-up of a tag, and of a signature that has not been there.
SLOW = 90


def rules(name):
    return f"- macro: {name}\n  condition: evt.type = open\n"


@pytest.fixture(scope="module")
def shared(cluster, api, tmp_path_factory):
    with one_node(cluster, api, tmp_path_factory.mktemp("signatures")) as made:
        yield made


@pytest.fixture
def fleet(shared):
    yield shared
    shared.clear()


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with Registry(tmp_path_factory.mktemp("registry")) as started:
        yield started


@pytest.fixture
def published(registry):
    """Publishes rules under the tag latest of a repository of the test's own."""

    def publish(name, repository="acme/rules"):
        return publish_rules(Repository(registry.url), repository, ["latest"], rules(name))

    return publish


def apply(fleet, registry, repository, name="signed", poll="10m", **verify):
    source = from_registry(registry, repository=repository, pollInterval=poll, verify=verify)
    fleet.apply("Rulesfile", name, **source)


def installed(fleet, name="signed"):
    """The rules of this artifact on the node."""
    return [text for path, text in fleet.node.rules().items() if f"-{name}-" in path]


def verified_digest(fleet, name="signed"):
    resolved = fleet.status("Rulesfile", name).get("resolved", {})
    return resolved.get("verified", {}).get("digest")


def test_a_rotated_key_and_a_moved_tag_leave_what_was_verified(fleet, registry, published):
    repository = "acme/moving"
    first, target = published("first", repository), Repository(registry.url)
    store_layers(target, repository, first, key_layer(KEY, first))
    fleet.secret("keys", **{"cosign.pub": pem(KEY), "cosign.key": "private"})
    keys = [{"secretRef": {"name": "keys"}}]
    apply(fleet, registry, repository, poll="30s", mode="Enforce", keys=keys)
    assert first in fleet.said("Rulesfile", "signed", "True", VERIFIED, VERIFIED)
    eventually(lambda: installed(fleet) == [rules("first")])
    assert verified_digest(fleet) == first
    # The sidecar has no right to read what holds a private key.
    role = fleet.api.get("Role", fleet.namespace, "falco")
    assert not [rule for rule in role["rules"] if "keys" in rule.get("resourceNames", [])]

    fleet.secret("keys", **{"cosign.pub": pem(NEXT_KEY)})
    text = fleet.said("Rulesfile", "signed", FAILED, "NoneMatches", VERIFIED)
    assert "it is by none of the keys" in text
    assert f"nodes keep {first}, which was verified before" in text
    assert installed(fleet) == [rules("first")]
    store_bundles(target, repository, first, key_bundle(NEXT_KEY, first))
    fleet.said("Rulesfile", "signed", "True", VERIFIED, VERIFIED, within=SLOW)

    second = published("second", repository)
    text = fleet.said("Rulesfile", "signed", FAILED, "NoSignature", VERIFIED, within=SLOW)
    assert text.startswith(f"{second} has no signature; nodes keep {first}")
    assert installed(fleet) == [rules("first")]
    assert fleet.condition("Rulesfile", "signed")[:2] == ("True", "Programmed")
    eventually(lambda: [reason for reason, _ in fleet.events("signed")].count(REFUSED) == 2)
    store_bundles(target, repository, second, key_bundle(NEXT_KEY, second))
    fleet.said("Rulesfile", "signed", "True", VERIFIED, VERIFIED, within=SLOW)
    eventually(lambda: installed(fleet) == [rules("second")])
    found = fleet.operator.samples()["signature_verifications_total"]
    assert found["Verified",] >= 3
    assert found["NoSignature",] >= 1


def test_what_is_not_signed_is_installed_unless_that_is_enforced(fleet, registry, published):
    published("unsigned", "acme/unsigned")
    keys = [{"inline": pem(KEY)}]
    apply(fleet, registry, "acme/unsigned", "enforced", mode="Enforce", keys=keys)
    apply(fleet, registry, "acme/unsigned", "warned", mode="Warn", keys=keys)
    apply(fleet, registry, "acme/unsigned", "off", mode="Off", keys=keys)
    apply(fleet, registry, "acme/unsigned", "absent", keys=keys)
    text = fleet.said("Rulesfile", "enforced", FAILED, "NoSignature", VERIFIED)
    assert text.endswith("has no signature; no node installs it from now on (mode Enforce)")
    text = fleet.said("Rulesfile", "warned", FAILED, "NoSignature", VERIFIED)
    assert text.endswith("has no signature; it is installed all the same (mode Warn)")
    for name in ("off", "absent"):
        fleet.said("Rulesfile", name, UNKNOWN, "Off", VERIFIED)
    for name in ("warned", "off", "absent"):
        fleet.programmed("Rulesfile", name)
        assert installed(fleet, name) == [rules("unsigned")]
    fleet.said("Rulesfile", "enforced", FAILED, REFUSED)
    assert not installed(fleet, "enforced")
    assert "ociDigest" not in fleet.status("Rulesfile", "enforced").get("resolved", {})
    fleet.told("enforced", REFUSED)


def test_a_pinned_digest_waits_for_the_operators_verdict(fleet, registry, published):
    digest = published("pinned", "acme/pinned")
    keys = [{"inline": pem(KEY)}]
    source = from_registry(
        registry, digest, "acme/pinned", verify={"mode": "Enforce", "keys": keys}
    )
    fleet.apply("Rulesfile", "signed", **source)
    fleet.said("Rulesfile", "signed", FAILED, "NoSignature", VERIFIED)
    assert not installed(fleet)
    store_layers(Repository(registry.url), "acme/pinned", digest, key_layer(KEY, digest))
    fleet.said("Rulesfile", "signed", "True", VERIFIED, VERIFIED, within=SLOW)
    eventually(lambda: installed(fleet) == [rules("pinned")])


@pytest.mark.parametrize("form", ["layer", "bundle", "second_bundle"])
def test_an_identity_is_verified_by_a_root_of_ones_own(fleet, registry, published, form):
    repository = f"acme/keyless-{form.replace('_', '-')}"
    digest = published(form, repository)
    target, signature = Repository(registry.url), getattr(SIGSTORE, form)(digest)
    store = store_layers if form == "layer" else store_bundles
    store(target, repository, digest, signature)
    root = {"trustedRoot": {"configMapRef": {"name": "root"}}}
    fleet._put("ConfigMap", "root", data={"trusted_root.json": Sigstore().trusted_root()})
    apply(fleet, registry, repository, mode="Enforce", keyless=IDENTITY, **root)
    fleet.said("Rulesfile", "signed", FAILED, "RootUnknown", VERIFIED)
    assert not installed(fleet)
    fleet._put("ConfigMap", "root", data={"trusted_root.json": SIGSTORE.trusted_root()})
    text = fleet.said("Rulesfile", "signed", "True", VERIFIED, VERIFIED)
    assert text == f"{digest} is signed by {SUBJECT} (issuer {ISSUER})"
    eventually(lambda: installed(fleet) == [rules(form)])
    protected = fleet.api.get("ConfigMap", fleet.namespace, "root")["metadata"]["finalizers"]
    assert protected == ["artifact.falcosecurity.dev/configmap-in-use"]


def test_what_a_policy_names_is_missed(fleet, registry, published):
    published("unsigned", "acme/missed")
    fleet.secret("keys", **{"cosign.key": "private"})
    keys = [{"secretRef": {"name": "keys"}}]
    apply(fleet, registry, "acme/missed", mode="Enforce", keys=keys)
    text = fleet.said("Rulesfile", "signed", FAILED, "ReferenceResolutionFailed", "ResolvedRefs")
    assert text == "Secret keys has no key that ends with .pub; it has: cosign.key"
    fleet.said("Rulesfile", "signed", UNKNOWN, "ReferenceResolutionFailed", VERIFIED)
    assert not installed(fleet)
