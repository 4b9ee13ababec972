"""The part of the composition root that follows the table of registries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.api.configuration import BadConfiguration
from actors.registry.table_file import TableFile, TableFollower
from resources.registry.table import handed_on
from supervisors.tree.registered_child import RegisteredChild

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.runtime.context import Runtime
    from resources.registry.table import RegistryTable
    from supervisors.process.metrics import Metrics


class Registries:
    """The table of `--registry-config`; raises BadConfiguration if it is bad from the start."""

    def __init__(
        self, runtime: Runtime, metrics: Metrics, path: str, changed: Callable[[], None]
    ) -> None:
        """`changed` is called when there is another table."""
        self.file = TableFile(path, _read)
        if self.file.problem:
            raise BadConfiguration(f"--registry-config: {self.file.problem}")
        self.follower = RegisteredChild(
            "registries", lambda: TableFollower(runtime, self.file, changed)
        )
        what = "1 if the file of --registry-config is bad, so that the table before it counts."
        metrics.show_number("registry_config_bad", what, lambda: int(bool(self.file.problem)))

    def handed_on(self) -> RegistryTable | None:
        """The table for sidecars; None without one."""
        return handed_on(self.file.table) if self.file.path else None

    @property
    def remark(self) -> str:
        """What is wrong with the file, empty if nothing is."""
        return f"a bad --registry-config: {self.file.problem}" if self.file.problem else ""


def _read(data: bytes) -> RegistryTable:
    """As `read_table`, whose reader of YAML takes 0.7 MB: an operator without a table has none."""
    from resources.registry.table_reader import read_table  # noqa: PLC0415

    return read_table(data)
