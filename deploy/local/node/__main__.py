"""`python -m deploy.local.node COMMAND …`: run a command where it can start a real node.

What the node needs is installed and built first. On a machine that cannot have a node this says
what is missing, and succeeds.
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
        print(f"SKIPPED: a real node needs {', '.join(missing)}", file=sys.stderr)
        return 0
    try:
        build.files(*build.every_name(), *BINARIES)
        archives = images.archives()
    except (build.BuildError, images.ImageError, ProcessError, ToolchainError) as error:
        print(error, file=sys.stderr)
        return 1
    return enclosure.run(command, {images.VARIABLE: os.pathsep.join(map(str, archives))})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
