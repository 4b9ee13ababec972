"""`make run`: the operator with a Falco on a real cluster, shown until it is Available."""

from __future__ import annotations

import re
import shutil
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, TextIO

from deploy.local import build
from deploy.local.control_plane import ControlPlane
from deploy.local.process import Process, environment
from deploy.local.table import is_available, render
from deploy.local.target import TOKEN_SECONDS, Target, TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator

QUICKSTART = Path("examples/quickstart.yaml")
PODS = "--selector=app.kubernetes.io/managed-by=falco-operator"
POLL_SECONDS = 0.5
ADDRESSES = ("metrics", "health-probe", "debug")
LISTENS = re.compile(r"(\w+)Server listens on (\S+)")


def run(directory: Path, nodes: int, kubeconfig: str) -> int:
    """Run until Ctrl-C, on the cluster of the kubeconfig or, without one, on a local one."""
    with ExitStack() as running:
        target = running.enter_context(_cluster(directory, nodes, kubeconfig))
        _say("Installing CRDs and the operator's rights")
        target.install()
        identity = target.operator_kubeconfig(directory.absolute() / "operator.kubeconfig")
        operator = _operator(directory, identity)
        running.callback(operator.stop)
        operator.start()
        _say(f"The operator runs (log: {operator.log})")
        with _renewing(target, identity), _quickstart(target, keep=not kubeconfig):
            show_until_available(target, operator, sys.stdout)
            _explain(target, operator)
            while not operator.wait(POLL_SECONDS):
                pass
            raise operator.failure("ended")
    return 0


def show_until_available(target: Target, operator: Process, stream: TextIO) -> None:
    """Print the table whenever it changes, in place on a terminal, until our Falco is Available."""
    shown = ""
    while True:
        if not operator.running:
            raise operator.failure("ended")
        falcos = target.get("falcos", "--all-namespaces")
        table = render(falcos, target.get("pods", "--all-namespaces", PODS))
        if table != shown:
            # Back to the table's first line, and clear from there.
            lines = shown.count("\n") + 2 if shown else 0
            back = f"\x1b[{lines}F\x1b[J" if lines and stream.isatty() else ""
            print(f"{back}{table}\n", file=stream, flush=True)
            shown = table
        ours = target.get(f"--filename={QUICKSTART}")
        if ours and all(map(is_available, ours)):
            return
        time.sleep(POLL_SECONDS)


@contextmanager
def _cluster(directory: Path, nodes: int, kubeconfig: str) -> Iterator[Target]:
    if kubeconfig:
        kubectl = shutil.which("kubectl") or build.files("kubectl")["kubectl"]
        directory.mkdir(parents=True, exist_ok=True)
        target = Target(Path(kubectl), kubeconfig)
        _say(
            f"Using the cluster of {kubeconfig}: {target.run('config', 'current-context').strip()}"
        )
        yield target
        return
    _say("Starting a control plane (a first start builds it, which takes about 7 minutes)")
    with ControlPlane(directory, nodes=nodes) as plane:
        yield Target(build.files("kubectl")["kubectl"], str(plane.kubeconfig))


def _operator(directory: Path, identity: Path) -> Process:
    home = directory.absolute() / "operator"
    home.mkdir(exist_ok=True)
    log = home / "operator.log"
    log.unlink(missing_ok=True)
    ports = [f"--{name}-bind-address=127.0.0.1:0" for name in ADDRESSES]
    command = Path(sys.executable).with_name("falco-operator")
    return Process(
        "falco-operator",
        [command, *ports, f"--debug-dump-directory={home}"],
        log=log,
        environment={**environment(home), "KUBECONFIG": str(identity)},
        ready=lambda: all(name in _addresses(log) for name in ("Metrics", "Health", "Debug")),
    )


@contextmanager
def _quickstart(target: Target, *, keep: bool) -> Iterator[None]:
    """The quickstart is applied; in a cluster that stays, it goes before the operator does."""
    file = f"--filename={QUICKSTART}"
    keep = keep or bool(target.run("get", file, "--ignore-not-found", "--output=name"))
    target.run("apply", "--server-side", file)
    _say(f"Applied {QUICKSTART}\n")
    try:
        yield
    finally:
        if not keep:
            _say(f"Deleting what {QUICKSTART} made; CRDs and rights stay")
            target.run("delete", file, "--wait")


def _explain(target: Target, operator: Process) -> None:
    addresses = _addresses(operator.log)
    print(
        "The Falco is Available. In another terminal:\n\n"
        f"  export KUBECONFIG={target.kubeconfig}\n"
        f"  {target.kubectl} get falcosecurity -A\n"
        f"  {target.kubectl} explain falco.spec\n"
        f"  {target.kubectl} edit falco falco\n\n"
        f"Metrics:    http://{addresses['Metrics']}/metrics\n"
        f"Actors:     http://{addresses['Debug']}/debug/actors?pretty\n"
        f"Health:     http://{addresses['Health']}/readyz\n\n"
        "Ctrl-C ends everything.",
        flush=True,
    )


@contextmanager
def _renewing(target: Target, identity: Path) -> Iterator[None]:
    """The operator's token is fresh all the time."""
    ended = Event()

    def renew() -> None:
        while not ended.wait(TOKEN_SECONDS / 3):
            try:
                target.renew_token(identity)
            except TargetError as error:
                _say(f"The operator's token could not be renewed: {error}")

    thread = Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _addresses(log: Path) -> dict[str, str]:
    return dict(LISTENS.findall(log.read_text()))


def _say(text: str) -> None:
    print(text, flush=True)
