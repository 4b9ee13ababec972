"""The Go toolchain on this machine; if it is missing, an error tells what to install."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local.pins import GO_ENVIRONMENT, MINIMUM_GO

if TYPE_CHECKING:
    from collections.abc import Mapping

WANTED = ".".join(str(number) for number in MINIMUM_GO)
ADVICE = f"install Go {WANTED} or newer (https://go.dev/dl/) and put its bin folder on PATH"

# With a user's settings for cross-compilation, the binaries would not run on this machine.
CROSS_COMPILATION = ("GOOS", "GOARCH")


class ToolchainError(RuntimeError):
    """Go is missing or too old; the message tells what to install."""


@dataclass(frozen=True, slots=True)
class Go:
    """A usable Go command, with the version and platform of its binaries."""

    command: Path
    version: str
    platform: str


def environment() -> dict[str, str]:
    """The caller's environment (proxies, caches) with the pinned build flags, for this platform."""
    kept = {name: value for name, value in os.environ.items() if name not in CROSS_COMPILATION}
    return kept | GO_ENVIRONMENT


def find() -> Go:
    """The Go on PATH; raises ToolchainError if it is missing or older than MINIMUM_GO."""
    command = shutil.which("go")
    if command is None:
        raise ToolchainError(
            f"building the local control plane needs Go, and there is no `go` on PATH: {ADVICE}"
        )
    facts = _facts(command)
    version = facts["GOVERSION"]
    match = re.match(r"(?:devel )?go(\d+)\.(\d+)", version)
    if match is None or (int(match[1]), int(match[2])) < MINIMUM_GO:
        raise ToolchainError(
            f"building the local control plane needs Go {WANTED} or newer, "
            f"and {command} is {version}: {ADVICE}"
        )
    return Go(Path(command), version, f"{facts['GOOS']}/{facts['GOARCH']}")


def _facts(command: str) -> Mapping[str, str]:
    wanted = ["GOVERSION", "GOOS", "GOARCH"]
    run = subprocess.run(
        [command, "env", "-json", *wanted],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise ToolchainError(f"`{command} env` failed: {run.stderr.strip()}; {ADVICE}")
    facts: dict[str, str] = json.loads(run.stdout)
    return facts
