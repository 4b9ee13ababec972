"""The file of the trusted root: a digest of it, which changes when it does."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

_SHIPPED = Path("_store", "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev", "trusted_root.json")
_MOST = 1 << 20


class TrustedRootFile:
    """The trusted root of the operator: the file that it is given, else the sigstore package's.

    The package is found, and not imported.
    """

    def __init__(self, given: str = "") -> None:
        self.path = given or _shipped()
        self.digest = ""
        """That of the content; empty if it cannot be read."""
        self._seen: tuple[int, int, int] | None = None
        self.look()

    def look(self) -> bool:
        """Look at the file; return whether its content has changed."""
        before = self.digest
        try:
            status = Path(self.path).stat()
            seen = status.st_mtime_ns, status.st_ino, status.st_size
            if seen == self._seen:
                return False
            with Path(self.path).open("rb") as file:
                self.digest = f"sha256:{hashlib.sha256(file.read(_MOST)).hexdigest()}"
            self._seen = seen
        except OSError:
            self.digest, self._seen = "", None
        return self.digest != before


def _shipped() -> str:
    spec = find_spec("sigstore")
    folders = (spec.submodule_search_locations if spec is not None else None) or [""]
    return str(Path(folders[0]) / _SHIPPED)
