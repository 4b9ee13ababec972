"""The example that `make run` applies, and what it says of the registry."""

from __future__ import annotations

import re
from pathlib import Path

SOURCE = Path("examples/quickstart.yaml")
# All of it is in this namespace.
NAMESPACE = "default"

_ARTIFACT = re.compile(r"^( *)ociArtifact:\n", re.MULTILINE)
_HEADER = f"""\
# {SOURCE}, pulling from the registry of this run. Edit it and apply it again; the
# next `make run` writes it anew.
"""


def localized(manifest: str, registry: str) -> str:
    """The manifest, comments and all, with every artifact pulled from this host and port.

    It must not name any registry yet.
    """
    lines = ("ociArtifact:", "  registry:", f"    name: {registry}", "    plainHTTP: true")
    return _HEADER + _ARTIFACT.sub("".join(rf"\1{line}\n" for line in lines), manifest)
