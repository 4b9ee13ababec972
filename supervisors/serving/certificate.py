"""A server certificate from files that are renewed while the process runs, as by cert-manager."""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)


class Certificate:
    """A TLS context with tls.crt and tls.key of a directory; TLS 1.2 or newer.

    Raises:
        OSError: the files cannot be read or do not fit each other; the message names them.
    """

    def __init__(self, directory: Path) -> None:
        self._files = (directory / "tls.crt", directory / "tls.key")
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._loaded = self._versions()
        self._load()

    def refresh(self) -> None:
        """Load the files again if they changed; if that fails, log it and keep the certificate.

        Open connections keep the certificate with which they began.
        """
        try:
            versions = self._versions()
            if versions == self._loaded:
                return
            self._loaded = versions
            self._load()
        except OSError as error:
            _log.warning("the TLS certificate in use is kept: %s", error)
        else:
            _log.info("loaded the TLS certificate %s again", self._files[0])

    def _versions(self) -> tuple[tuple[int, int], ...]:
        """Inode and modification time of each file, with symbolic links followed."""
        states = [path.stat() for path in self._files]
        return tuple((state.st_ino, state.st_mtime_ns) for state in states)

    def _load(self) -> None:
        # First into a spare context: a load that fails half way leaves the new certificate with the
        # old key.
        for context in (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self.context):
            try:
                # Without a password OpenSSL would ask the terminal for one.
                context.load_cert_chain(*self._files, password="")
            except OSError as error:
                certificate, key = self._files
                raise OSError(f"cannot load {certificate} and {key}: {error}") from error
