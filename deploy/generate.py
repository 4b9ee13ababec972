"""Writes all generated files: `python -m deploy.generate`, or `--check` to only compare them.

These are the CRDs, the RBAC rules in the chart, and `deploy/install.yaml`, which is the chart as
helm renders it. None is made from a generated file on disk, so one run is enough.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

import crds.generate
from actors.leader.election import LEASE
from crds.generate import HEADER
from deploy.local import ControlPlane, build
from deploy.local.process import environment
from resources.operator_role import lease_rules, operator_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


ROOT = Path(__file__).parents[1]
CHART = "deploy/chart/falco-operator"
INSTALL = "deploy/install.yaml"
OPERATOR = "falco-operator"
"""The name of the Helm release, of its namespace and of its objects."""

_GENERATED = ("crds/*.yaml", f"{CHART}/rules/*.yaml", INSTALL)
_NAMESPACE = f"""\
---
apiVersion: v1
kind: Namespace
metadata:
  name: {OPERATOR}
  labels:
    app.kubernetes.io/name: {OPERATOR}
    app.kubernetes.io/component: rbac
"""


class HelmError(RuntimeError):
    """Helm failed; the message is its error output."""


def files(definitions: Mapping[str, str]) -> dict[str, str]:
    """The content of every generated file, by path; `definitions` has the CRD files by name."""
    sources = {f"crds/{name}": content for name, content in definitions.items()} | _rules()
    return sources | {INSTALL: _install(sources)}


def stale(wanted: Mapping[str, str], root: Path = ROOT) -> list[str]:
    """The paths of the files that are missing, differ from `wanted`, or are no longer generated."""
    present = {
        str(path.relative_to(root)): path.read_text("utf-8")
        for pattern in _GENERATED
        for path in root.glob(pattern)
    }
    return sorted(path for path in {**wanted, **present} if wanted.get(path) != present.get(path))


def write(wanted: Mapping[str, str], paths: Iterable[str], root: Path = ROOT) -> None:
    """Write these files with the wanted content, and delete those that are not wanted."""
    for path in paths:
        if path in wanted:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(wanted[path], "utf-8")
        else:
            (root / path).unlink()


def helm(*arguments: str | Path) -> str:
    """The output of helm, run without the user's configuration of it.

    Raises:
        HelmError: helm failed.
    """
    command = [build.files("helm")["helm"], *arguments]
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            command,
            env=environment(Path(home)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise HelmError(done.stderr.strip() or done.stdout.strip())
    return done.stdout


def _rules() -> dict[str, str]:
    rules = {"cluster": operator_rules(), "leases": lease_rules(LEASE)}
    return {
        f"{CHART}/rules/{name}.yaml": HEADER + yaml.safe_dump(content, sort_keys=False)
        for name, content in rules.items()
    }


def _install(sources: Mapping[str, str]) -> str:
    """The namespace, and the chart with these files in it, rendered with its default values."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        chart = root / CHART
        generated = shutil.ignore_patterns("crds", "rules")
        shutil.copytree(ROOT / CHART, chart, ignore=generated)
        write(sources, sources, root)
        (chart / "crds").symlink_to(root / "crds")
        namespace = f"--namespace={OPERATOR}"
        return HEADER + _NAMESPACE + helm("template", OPERATOR, chart, namespace, "--include-crds")


def _crds() -> dict[str, str]:
    """The content of every CRD file, by name, from an API server that is started for it."""
    with (
        tempfile.TemporaryDirectory() as directory,
        ControlPlane(Path(directory), nodes=0, controllers=False, audit=False) as control_plane,
    ):
        return crds.generate.files(lambda path: control_plane.client.call("GET", path))


def main() -> int:
    """Write the files; with `--check`, fail if that would change one."""
    parser = argparse.ArgumentParser(prog="python -m deploy.generate", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if stale")
    check = parser.parse_args().check
    wanted = files(_crds())
    changes = stale(wanted)
    if not check:
        write(wanted, changes)
    for path in changes:
        sys.stdout.write(f"{path} {'is stale' if check else 'written'}\n")
    return 1 if check and changes else 0


if __name__ == "__main__":
    sys.exit(main())
