"""What a resource demands, with the operator's defaults."""

import pytest

from resources.kubernetes.invalid_spec import InvalidSpec
from resources.kubernetes.meta import LocalReference
from resources.signatures.demand import DefaultModes, KeySource, demand_of
from resources.signatures.fields import KeylessIdentity, TrustedRootRef, Verify, VerifyKey
from resources.signatures.policy import Identity, Mode
from tests.signing import new_key, pem

OFFICIAL = ("ghcr.io", "falcosecurity/rules/falco-rules")
OTHER = ("registry.example.com", "acme/rules")
ENFORCED = DefaultModes(Mode.ENFORCE, Mode.WARN)
KEYS = (VerifyKey(secret_ref=LocalReference(name="keys")),)
ME = KeylessIdentity(issuer="https://issuer", subject_reg_exp="me.*")


@pytest.mark.parametrize(
    ("place", "verify", "defaults", "mode"),
    [
        (OFFICIAL, None, DefaultModes(), Mode.WARN),
        (OTHER, None, DefaultModes(), Mode.OFF),
        (OFFICIAL, None, ENFORCED, Mode.ENFORCE),
        (OTHER, None, ENFORCED, Mode.WARN),
        (OFFICIAL, Verify(mode="Off"), ENFORCED, Mode.OFF),
        (OTHER, Verify(mode="Enforce"), DefaultModes(), Mode.ENFORCE),
        (OTHER, Verify(keys=KEYS), DefaultModes(), Mode.OFF),
        (OTHER, Verify(mode="Strict"), ENFORCED, Mode.WARN),
    ],
)
def test_a_mode_of_the_resource_wins_over_the_operators(place, verify, defaults, mode):
    registry, repository = place
    assert demand_of(verify, registry, repository, defaults).mode is mode


def test_official_artifacts_have_their_identities_unless_told_others():
    (official,) = demand_of(None, *OFFICIAL, DefaultModes()).identities
    assert "falcosecurity" in official.subject_expression
    assert demand_of(Verify(mode="Enforce"), *OFFICIAL, DefaultModes()).identities == (official,)
    mine = demand_of(Verify(keyless=(ME,)), *OFFICIAL, DefaultModes()).identities
    assert mine == (Identity(issuer="https://issuer", subject_expression="me.*"),)
    assert demand_of(Verify(keys=KEYS), *OFFICIAL, DefaultModes()).identities == ()
    assert demand_of(None, *OTHER, DefaultModes()).identities == ()


def test_keys_and_roots_come_from_three_places():
    text = pem(new_key())
    ours, root = LocalReference(name="ours"), LocalReference(name="root")
    keys = (*KEYS, VerifyKey(config_map_ref=ours), VerifyKey(inline=text))
    verify = Verify(keys=keys, trusted_root=TrustedRootRef(config_map_ref=root))
    demand = demand_of(verify, *OTHER, DefaultModes())
    assert demand.keys == (
        KeySource("Secret", "keys"),
        KeySource("ConfigMap", "ours"),
        KeySource(text=text),
    )
    assert demand.trusted_root == "root"


@pytest.mark.parametrize(
    ("verify", "field"),
    [
        (Verify(keys=(*KEYS, VerifyKey(inline="none"))), r"keys\[1\]\.inline"),
        (
            Verify(keyless=(KeylessIdentity(issuer="i", subject_reg_exp="("),)),
            r"keyless\[0\]\.subjectRegExp",
        ),
        (
            Verify(keyless=(KeylessIdentity(issuer_reg_exp="a**", subject="s"),)),
            r"keyless\[0\]\.issuerRegExp",
        ),
    ],
)
def test_what_cannot_be_used_is_named(verify, field):
    with pytest.raises(InvalidSpec, match=f"spec.ociArtifact.verify.{field}"):
        demand_of(verify, *OTHER, DefaultModes())
