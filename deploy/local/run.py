"""`make run`: the operator with the quickstart on a real cluster, until Ctrl-C."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, NoReturn, TextIO
from urllib.parse import quote

import yaml

from deploy.local import sites
from deploy.local.advice import advice, advice_on_real_node
from deploy.local.client import RefusedError
from deploy.local.node.site import real_site
from deploy.local.programs import program
from deploy.local.quickstart import NAMESPACE
from deploy.local.sidecars import Sidecars
from deploy.local.table import is_well, render
from deploy.local.target import Identity
from deploy.local.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from deploy.local.control_plane import ControlPlane
    from deploy.local.process import Process
    from deploy.local.sites import Site

OPERATOR = "falco-operator"
RESOURCES = ("falcos,rulesfiles,plugins,configs", "--all-namespaces")
PODS = ("pods", "--all-namespaces", "--selector=app.kubernetes.io/managed-by=falco-operator")
FALCO_PODS = f"/api/v1/pods?labelSelector={quote('instance.falcosecurity.dev/owner-kind=Falco')}"
SHOW_SECONDS = 0.5
TURN_SECONDS = 1.0

Duty = Callable[[], list[str]]


@dataclass(frozen=True, slots=True)
class Upkeep:
    """The processes that must run, and the duties to repeat; a duty returns news for the user."""

    processes: tuple[Process, ...]
    duties: tuple[Duty, ...]

    def turn(self) -> list[str]:
        """Do every duty once and return their news; raises ProcessError if a process has ended."""
        for process in self.processes:
            if not process.running:
                raise process.failure("ended")
        return [news for duty in self.duties for news in duty()]


def run(directory: Path, nodes: int, kubeconfig: str) -> NoReturn:
    """Run until Ctrl-C, on the cluster of the kubeconfig or, if it is empty, on a local one."""
    place = sites.given(directory, kubeconfig) if kubeconfig else sites.local(directory, nodes)
    with place as site, ExitStack() as running:
        _say("Installing CRDs and the operator's rights")
        site.target.install()
        tokens = Tokens(site.target)
        operator = running.enter_context(_operator(directory.absolute(), tokens, site.flags))
        duties: list[Duty] = [tokens.renew]
        folders = directory / "nodes"
        if site.plane is not None:
            duties.append(running.enter_context(_sidecars(site.plane, folders, tokens)))
        upkeep = Upkeep((*site.processes, operator), tuple(duties))
        running.enter_context(_applied(site))
        show_until_well(site, upkeep, sys.stdout)
        _say(advice(site, operator, folders))
        while True:
            for news in upkeep.turn():
                _say(news)
            time.sleep(TURN_SECONDS)


def run_on_real_node(directory: Path) -> NoReturn:
    """Run until Ctrl-C, in an enclosure: the operator is a pod of a node as Falco is."""
    with real_site(directory) as site:
        _say("Installing deploy/install.yaml")
        site.target.install_with_operator()
        upkeep = Upkeep(site.processes, ())
        with _applied(site):
            show_until_well(site, upkeep, sys.stdout)
            _say(advice_on_real_node(site))
            while True:
                upkeep.turn()
                time.sleep(TURN_SECONDS)


def show_until_well(site: Site, upkeep: Upkeep, stream: TextIO) -> None:
    """Print the table whenever it changes, until every resource of the manifest is well."""
    ours = {_key(document) for document in yaml.safe_load_all(site.manifest.read_text())}
    shown = ""
    while True:
        for news in upkeep.turn():
            _say(news)
            shown = ""
        resources = site.target.get(*RESOURCES)
        table = render(resources, site.target.get(*PODS))
        if stream.isatty():  # a wrapped line would count as two lines to move up
            columns = shutil.get_terminal_size().columns
            table = "\n".join(line[:columns] for line in table.splitlines())
        if table != shown:
            # Move to the first line of the table, and clear all from there.
            lines = shown.count("\n") + 2 if shown else 0
            back = f"\x1b[{lines}F\x1b[J" if lines and stream.isatty() else ""
            print(f"{back}{table}\n", file=stream, flush=True)
            shown = table
        if ours <= {_key(resource) for resource in resources if is_well(resource)}:
            return
        time.sleep(SHOW_SECONDS)


@contextmanager
def _operator(directory: Path, tokens: Tokens, flags: Sequence[str]) -> Iterator[Process]:
    identity = Identity(OPERATOR, OPERATOR, directory / "operator.kubeconfig")
    tokens.issue(identity)
    process = program(OPERATOR, directory / "operator", identity.kubeconfig, flags)
    try:
        process.start()
        _say(f"The operator runs (log: {process.log})")
        yield process
    finally:
        process.stop()


@contextmanager
def _sidecars(plane: ControlPlane, folders: Path, tokens: Tokens) -> Iterator[Duty]:
    """The duty to run the sidecars of the nodes whose kubelets kwok plays."""
    sidecars = Sidecars(folders.absolute(), tokens)

    def follow() -> list[str]:
        try:
            pods = plane.client.call("GET", FALCO_PODS)["items"]
        except (RefusedError, OSError, HTTPException):  # `turn` reports a lost API server
            return []
        return sidecars.follow(pods)

    try:
        yield follow
    finally:
        sidecars.stop()


@contextmanager
def _applied(site: Site) -> Iterator[None]:
    """Apply the manifest; in a given cluster, delete at the end the objects that it created."""
    before = _there(site)
    try:
        site.target.run("apply", "--server-side", f"--filename={site.manifest}")
        _say(f"Applied {site.manifest}\n")
        yield
    finally:
        made = _there(site) - before if site.plane is None else set()
        if made:
            _say(f"Deleting what {site.manifest} has made; CRDs and rights stay")
            site.target.run("delete", f"--namespace={NAMESPACE}", "--wait", *sorted(made))


def _there(site: Site) -> set[str]:
    """The objects of the manifest that exist in the cluster, as `kind/name`."""
    asked = (f"--filename={site.manifest}", "--ignore-not-found", "--output=name")
    return set(site.target.run("get", *asked).split())


def _key(resource: dict[str, Any]) -> tuple[str, str, str]:
    metadata = resource["metadata"]
    return resource["kind"], metadata["namespace"], metadata["name"]


def _say(text: str) -> None:
    print(text, flush=True)
