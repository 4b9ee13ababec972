"""`python -m deploy.local.node COMMAND …`: run a command where it can start a real node.

What the node needs is installed and built first. On a machine that cannot have a node this says
what is missing, and succeeds. Only what this project's own images and the command do wrong fails.
"""

from __future__ import annotations

import os
import sys

from deploy.local import build
from deploy.local.node import enclosure, images, needs
from deploy.local.node.real_node import BINARIES
from deploy.local.process import ProcessError
from deploy.local.toolchain import ToolchainError


def main(command: list[str]) -> int:
    """Run the command and return its exit code; errors that a user can fix have no traceback."""
    if missing := needs.missing():
        return _skipped(", ".join(missing))
    try:
        build.files(*build.every_name(), *BINARIES)
        found = images.foreign()
    except (build.BuildError, images.ImageError, ProcessError, ToolchainError) as error:
        return _skipped(f"what could not be made here: {error}")
    try:
        archives = [found.pause, *images.own(found.base)]
    except images.ImageError as error:
        print(error, file=sys.stderr)
        return 1
    return enclosure.run(command, {images.VARIABLE: os.pathsep.join(map(str, archives))})


def _skipped(why: str) -> int:
    print(f"SKIPPED: a real node needs {why}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
