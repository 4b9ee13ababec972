"""The Falco project's own artifacts, and the identities that sign them.

Source: the workflows of falcosecurity/rules and falcosecurity/plugins that publish to ghcr.io.
"""

from __future__ import annotations

from resources.signatures.policy import Identity

_REGISTRY = "ghcr.io"
_PROJECTS = ("rules", "plugins")
_ISSUER = "https://token.actions.githubusercontent.com"


def official_identities(registry: str, repository: str) -> tuple[Identity, ...]:
    """Who signs the artifacts of a repository of the Falco project; empty for any other.

    A workflow signs that runs for a branch or a tag, never one that runs for a pull request.
    """
    for project in _PROJECTS:
        if registry.lower() == _REGISTRY and repository.startswith(f"falcosecurity/{project}/"):
            source = rf"https://github\.com/falcosecurity/{project}"
            workflow = rf"{source}/\.github/workflows/[^/@]+@refs/(heads|tags)/.+"
            return (Identity(issuer=_ISSUER, subject_expression=workflow),)
    return ()
