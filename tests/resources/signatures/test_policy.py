"""Identities, and which artifacts are the Falco project's own."""

import pytest

from resources.signatures.official import official_identities
from resources.signatures.policy import Identity, Signer, expression_problem, policy_digest

GITHUB = "https://token.actions.githubusercontent.com"
RULES = "https://github.com/falcosecurity/rules/.github/workflows/release.yaml"
PLUGINS = "https://github.com/falcosecurity/plugins/.github/workflows/"
PLUGINS += "reusable-publish-oci-artifacts.yaml"


@pytest.mark.parametrize(
    ("registry", "repository", "subject", "accepted"),
    [
        ("ghcr.io", "falcosecurity/rules/falco-rules", f"{RULES}@refs/heads/main", True),
        (
            "GHCR.io",
            "falcosecurity/rules/falco-rules",
            f"{RULES}@refs/tags/falco-rules-5.1.0",
            True,
        ),
        ("ghcr.io", "falcosecurity/rules/falco-rules", f"{RULES}@refs/pull/7/merge", False),
        ("ghcr.io", "falcosecurity/rules/falco-rules", f"{PLUGINS}@refs/heads/main", False),
        ("ghcr.io", "falcosecurity/plugins/plugin/container", f"{PLUGINS}@refs/heads/main", True),
        ("ghcr.io", "falcosecurity/rules/falco-rules", f"evil{RULES}@refs/heads/main", False),
        (
            "ghcr.io",
            "falcosecurity/rules/falco-rules",
            f"{RULES.replace('rules', 'rules-evil')}@refs/heads/main",
            False,
        ),
        (
            "ghcr.io",
            "falcosecurity/rules/falco-rules",
            f"{RULES.replace('github.com', 'githubxcom')}@refs/heads/main",
            False,
        ),
    ],
)
def test_official_artifacts_are_signed_by_their_own_workflows(
    registry, repository, subject, accepted
):
    (identity,) = official_identities(registry, repository)
    assert identity.accepts(Signer(GITHUB, subject)) is accepted
    assert not identity.accepts(Signer("https://accounts.google.com", subject))


@pytest.mark.parametrize(
    ("registry", "repository"),
    [
        ("ghcr.io", "falcosecurity/rules"),
        ("ghcr.io", "falcosecurity/rules-evil/falco-rules"),
        ("ghcr.io", "acme/falcosecurity/rules/falco-rules"),
        ("ghcr.io.evil", "falcosecurity/rules/falco-rules"),
        ("registry.example.com", "falcosecurity/rules/falco-rules"),
    ],
)
def test_no_other_artifact_is_official(registry, repository):
    assert official_identities(registry, repository) == ()


def test_a_key_and_an_identity_without_names_accept_nobody():
    assert not Identity(issuer=GITHUB).accepts(Signer(GITHUB, "anybody"))
    assert not Identity(subject_expression=".*").accepts(Signer(GITHUB, "anybody"))
    assert not Identity(issuer_expression=".*", subject_expression=".*").accepts(Signer())
    everybody = Identity(issuer_expression=".*", subject_expression=".*")
    assert not everybody.accepts(Signer(GITHUB, "a" * 1025))
    assert not everybody.accepts(Signer(GITHUB, "two\nlines"))


@pytest.mark.parametrize("expression", ["(", "a" * 513, "(" * 400 + ")" * 400, "a**", "[z-a]"])
def test_what_is_no_expression_is_told(expression):
    assert expression_problem(expression)


@pytest.mark.parametrize(
    "expression",
    ["(?i)[é-\uffff]", r"(?i)[a-\uffff]", r"(?i)[a-\U0001ffff]", r"\\\u0041", r"\N{BULLET}"],
)
def test_no_expression_compiles_all_of_unicode(expression):
    assert "ASCII" in expression_problem(expression)


@pytest.mark.parametrize("expression", ["(?i)[^a-z]+", r"a\\uN", r"\w+\.U", r"[!-\xff]"])
def test_what_names_need_is_an_expression(expression):
    assert not expression_problem(expression)


def test_the_policy_digest_a_policy_is_that_of_all_its_parts():
    one = (Identity(GITHUB, "", "me"),)
    digests = {
        policy_digest((), (), ""),
        policy_digest(one, (), ""),
        policy_digest((), ("a",), ""),
        policy_digest((), ("a", "b"), ""),
        policy_digest((), (), "a"),
        policy_digest((Identity(GITHUB, subject_expression="me"),), (), ""),
    }
    assert len(digests) == 6
    assert policy_digest(one, ("a",), "b") == policy_digest(one, ("a",), "b")
