"""The manifest that `make run` applies, changed to pull from the local registry."""

from __future__ import annotations

import re
from pathlib import Path

SOURCE = Path("examples/quickstart.yaml")
# The namespace of all objects in the manifest.
NAMESPACE = "default"

_ARTIFACT = re.compile(r"^( *)ociArtifact:\n", re.MULTILINE)
_HEADER = f"""\
# {SOURCE}, pulling from the registry of this run. Edit it and apply it again; the
# next `make run` writes it anew.
"""


def localized(manifest: str, registry: str) -> str:
    """The manifest, with its comments, in which every artifact is pulled from `registry`.

    `registry` is host and port; the manifest must not name any registry yet.
    """
    lines = ("ociArtifact:", "  registry:", f"    name: {registry}", "    plainHTTP: true")
    return _HEADER + _ARTIFACT.sub("".join(rf"\1{line}\n" for line in lines), manifest)
