"""The artifact operator's composition root.

For now it answers its probes and nothing else, so that Falco pods start; artifacts come next.
"""

from __future__ import annotations

import argparse
import math
import random
import sys

import uvloop

from actors.backoff import Backoff
from actors.clock import SystemClock
from actors.runtime import Runtime
from supervisors import logs
from supervisors.child import ChildSpec
from supervisors.intensity import Intensity
from supervisors.process import supervise
from supervisors.servers import HealthServer
from supervisors.settings import VERSION, Address, address
from supervisors.supervisor import Supervisor


def root(health: Address | None) -> Supervisor:
    """Make the supervision tree of the sidecar."""
    runtime = Runtime(SystemClock(), random.Random())  # noqa: S311 - for jitter
    specs = (
        [ChildSpec("health", lambda: HealthServer.start(runtime, health, {}, {}))] if health else []
    )
    return Supervisor(
        runtime,
        "artifact-operator",
        specs,
        intensity=Intensity(max_restarts=5, window_seconds=60.0),
        backoff=Backoff(base=0.1, cap=30.0),
    )


def seconds(text: str) -> float:
    """Parse a number of seconds, with or without its unit, for argparse."""
    try:
        value = float(text.removesuffix("s"))
    except ValueError:
        value = -1.0
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds, such as 60s")
    return value


async def run(health: Address | None) -> int:
    """Run until a signal comes; return the exit code."""
    return await supervise(root(health))


def main() -> None:
    """Entry point of `artifact-operator`."""
    parser = argparse.ArgumentParser(
        prog="artifact-operator",
        description="Runs beside Falco and turns artifacts into files that Falco loads.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--health-probe-bind-address",
        default=":8081",
        type=address,
        metavar="ADDRESS",
        help="where /healthz and /readyz can be read (default %(default)s; 0 = nowhere)",
    )
    parser.add_argument(
        "--gate-deadline",
        default="60s",
        type=seconds,
        metavar="SECONDS",
        help="how long the start of Falco waits for its artifacts, as in 60s (default %(default)s)",
    )
    logs.add_flags(parser)
    parser.add_argument("--version", action="version", version=f"artifact-operator {VERSION}")
    flags = parser.parse_args()
    logs.configure(flags.log_level, flags.log_format)
    sys.exit(uvloop.run(run(flags.health_probe_bind_address)))
