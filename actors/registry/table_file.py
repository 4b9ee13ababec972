"""The file of the table of registries, followed while the process runs."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import DecodeError

from actors.runtime.task_actor import TaskActor
from resources.registry.limits import MAX_TABLE_BYTES
from resources.registry.route import route_of
from resources.registry.table import NO_TABLE, table_digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.runtime.context import Runtime
    from resources.registry.table import RegistryTable

_log = logging.getLogger(__name__)
# Seconds between two looks; the kubelet takes up to a minute to show a changed ConfigMap.
_LOOK = 5.0


class TableFile:
    """The table in a file, the last good one while the file is bad; without a path an empty one.

    `problem` says what is wrong with the file as it is now. `is_known` is False as long as there
    has been no good one.
    """

    def __init__(self, path: str, read: Callable[[bytes], RegistryTable]) -> None:
        self.path = path
        self.table = NO_TABLE
        self.digest = ""
        self.problem = ""
        self.is_known = not path
        self._read = read
        self._seen: tuple[int, int, int] | None = None
        self.look()

    def look(self) -> bool:
        """Look at the file; return whether there is another table."""
        if not self.path:
            return False
        try:
            status = Path(self.path).stat()
            seen = status.st_mtime_ns, status.st_ino, status.st_size
            if seen == self._seen:
                return False
            with Path(self.path).open("rb") as file:
                data = file.read(MAX_TABLE_BYTES + 1)
            self._seen = seen
            table = self._read(data)
            _check_authorities(table)
        except OSError as error:
            self._seen, self.problem = None, f"{self.path}: {error.strerror}"
            return False
        except (ValueError, DecodeError, RecursionError) as error:
            self.problem = f"{self.path}: {error}"
            return False
        before, self.table = (self.is_known, self.digest), table
        self.problem, self.is_known, self.digest = "", True, table_digest(table)
        return before != (True, self.digest)

    def route(self, registry: str, repository: str, *, plain_http: bool) -> str:
        """A name of the way to a repository, as `route_of` says."""
        return route_of(self.table, registry, repository, plain_http=plain_http)


class TableFollower(TaskActor):
    """Looks at the file of the table, and tells when there is another table."""

    kind = "RegistryTable"

    def __init__(self, runtime: Runtime, file: TableFile, changed: Callable[[], None]) -> None:
        super().__init__(runtime)
        self._file = file
        self._changed = changed

    async def run(self) -> None:
        """Look, and look again."""
        while self._file.path:
            before = self._file.problem
            if self._file.look():
                _log.info("the table of registries has changed (%s)", self._file.digest or "empty")
                self._changed()
            self._log_problem(before)
            await self.runtime.clock.sleep(_LOOK)
        await self.loop.create_future()

    def _log_problem(self, before: str) -> None:
        problem = self._file.problem
        if problem and problem != before:
            kept = "the one before is kept" if self._file.is_known else "nothing is pulled"
            _log.warning("the table of registries is bad, %s: %s", kept, problem)
        elif before and not problem:
            _log.info("the table of registries is good again")

    def describe(self) -> dict[str, Any]:
        """Add the state of the table, for the actor dump."""
        file = self._file
        return {**super().describe(), "digest": file.digest, "problem": file.problem or None}


def _check_authorities(table: RegistryTable) -> None:
    """Raise ValueError unless OpenSSL takes the authorities of each host."""
    for name, host in table.hosts.items():
        if not host.ca:
            continue
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=host.ca)
        except (ssl.SSLError, ValueError):
            allowed = "certificates in PEM that OpenSSL reads"
            raise ValueError(f"hosts.{name}.tls.ca is not valid; allowed is {allowed}") from None
