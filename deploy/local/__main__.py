"""`python -m deploy.local run | up | build | kubectl …`, from the root of the repository."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

from deploy.local import build
from deploy.local.control_plane import ControlPlane
from deploy.local.layout import DirectoryInUseError, Layout
from deploy.local.node import enclosure
from deploy.local.node.__main__ import main as run_where_nodes_can
from deploy.local.process import Process, ProcessError
from deploy.local.publisher import PublishError
from deploy.local.registry import Registry
from deploy.local.run import run, run_on_real_node
from deploy.local.target import TargetError
from deploy.local.toolchain import ToolchainError

DIRECTORY = Path(".local")
ERRORS = (
    build.BuildError,
    DirectoryInUseError,
    ProcessError,
    PublishError,
    TargetError,
    ToolchainError,
)


def main(arguments: list[str]) -> int:
    """Run a command and return its exit code; errors that a user can fix have no traceback."""
    # A closed terminal, or a `kill`, stops everything in order, as Ctrl-C does. SIGINT is set too,
    # since a shell ignores it for processes in the background.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        if arguments[:1] == ["kubectl"]:  # argparse must not read kubectl's options
            kubectl(arguments[1:])
        options = parser().parse_args(arguments)
        code: int = options.do(options)
    except ERRORS as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # the regular end of every command but `build`
        return 130 if arguments[:1] == ["build"] else 0
    return code


def parser() -> argparse.ArgumentParser:
    """The parser of all arguments except those of kubectl."""
    whole = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    commands = whole.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="build what is not in the cache yet")
    building.set_defaults(do=build_all)
    commands.add_parser("kubectl", help=f"kubectl, with {DIRECTORY}/kubeconfig")
    running = commands.add_parser("run", help="run the operator and a Falco until Ctrl-C")
    running.add_argument(
        "--kubeconfig",
        default=os.environ.get("KUBECONFIG", ""),
        help="use this cluster instead of a local one (default: $KUBECONFIG)",
    )
    running.add_argument(
        "--real-node",
        action="store_true",
        help="run the pods, as root, on a real node in namespaces of its own",
    )
    running.set_defaults(do=run_quickstart)
    plane = commands.add_parser("up", help="run a control plane until Ctrl-C")
    plane.add_argument("--registry", action="store_true", help="run an OCI registry as well")
    plane.set_defaults(do=up)
    for command in (running, plane):
        command.add_argument("--directory", type=Path, default=DIRECTORY, help="default: .local")
        command.add_argument("--nodes", type=int, default=3, help="default: 3")
    return whole


def run_quickstart(options: argparse.Namespace) -> int:
    """Run the operator and a Falco until Ctrl-C."""
    if not options.real_node:
        run(options.directory, options.nodes, options.kubeconfig)
    if enclosure.is_inside():
        run_on_real_node(options.directory)
    again = ["run", "--real-node", f"--directory={options.directory}"]
    return run_where_nodes_can([sys.executable, "-m", "deploy.local", *again])


def build_all(_options: argparse.Namespace) -> int:
    """Build every file that is not in the cache, and print the path of each."""
    for name, path in build.files(*build.every_name()).items():
        print(f"{name}: {path}")
    return 0


def kubectl(arguments: list[str]) -> NoReturn:
    """Replace this process by kubectl, as administrator of the control plane in `.local`."""
    layout = Layout(DIRECTORY.absolute())
    if not layout.kubeconfig.exists():
        raise ProcessError(f"no control plane in {DIRECTORY}: start one by `up`")
    binary = build.files("kubectl")["kubectl"]
    # The user's own cache may hold the answers of another control plane on the same port.
    cache = {"KUBECACHEDIR": str(layout.home / "cache")}
    environment = {**os.environ, **cache, "KUBECONFIG": str(layout.kubeconfig)}
    os.execve(binary, [str(binary), *arguments], environment)


def up(options: argparse.Namespace) -> int:
    """Run a control plane until Ctrl-C, or raise ProcessError when one of its processes ends."""
    with ExitStack() as running:
        plane = running.enter_context(ControlPlane(options.directory, nodes=options.nodes))
        processes = list(plane.processes)
        if options.registry:
            registry = running.enter_context(Registry(options.directory / "registry"))
            processes.append(registry.process)
            print(f"Registry:    {registry.url}")
        print(f"API server:  {plane.url}")
        print(f"Audit log:   {plane.audit_log}")
        print("\nUse it, in another terminal, by")
        print(f"  export KUBECONFIG={plane.kubeconfig}")
        print(f"  {build.files('kubectl')['kubectl']} get nodes")
        print("\nCtrl-C stops it and removes nothing; the next start begins with an empty cluster.")
        raise first_to_end(processes).failure("ended")


def first_to_end(processes: list[Process]) -> Process:
    """Wait until a process ends, and return it."""
    while True:
        for process in processes:
            if not process.running:
                return process
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
