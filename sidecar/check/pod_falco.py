"""The Falco of the pod, which is asked whether it takes what is to be installed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from resources.check.check_request import FalcoProgram
from resources.configuration.base import FILE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOT_GIVEN = "the sidecar has no Falco to ask (--exact-check)"
_PROGRAM = "usr/bin/falco"
_BASE = f"etc/falco/{FILE}"
# Variables of Falco's container that have the name of the node.
_NODE_VARIABLES = ("FALCO_HOSTNAME", "FALCO_K8S_NODE_NAME")


class PodFalco(NamedTuple):
    """Where the program of the pod's Falco is; `image` is laid out as its image, None for none."""

    image: Path | None
    volume_root: Path
    node: str
    seconds: Callable[[], float]
    """How long dry runs of one check may take in all."""
    is_whole: bool = False
    """Whether Falco has no libraries beside those of its image and its volumes."""

    def program(self) -> FalcoProgram | str:
        """The program and what it needs, or why it cannot be asked."""
        if self.image is None:
            return NOT_GIVEN
        base = self.volume_root / _BASE
        for path in (self.image / _PROGRAM, base):
            if not path.is_file():
                return f"{path} is not there"
        return FalcoProgram(
            image=str(self.image),
            root=str(self.volume_root),
            base=str(base),
            variables=dict.fromkeys(_NODE_VARIABLES, self.node),
            seconds=self.seconds(),
            is_whole=self.is_whole,
        )

    def identity(self) -> tuple[int | str, ...]:
        """Another one for another program or base configuration.

        Raises:
            OSError: one of them is not there.
        """
        if self.image is None:
            return ()
        program = (self.image / _PROGRAM).stat()
        base = hashlib.sha256((self.volume_root / _BASE).read_bytes()).hexdigest()
        times = (program.st_mtime_ns, program.st_ctime_ns)
        return (program.st_ino, program.st_size, *times, base, self.is_whole)
