"""The operator and the sidecar as processes on this machine."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local.process import Process, environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ADDRESSES = ("metrics", "health-probe", "debug")
_LISTENS = re.compile(r"(\w+)Server listens on (\S+)")
# Variables that both need to reach an external registry, and the sidecar's image in a real cluster.
_FROM_USER = (
    "ARTIFACT_OPERATOR_IMAGE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
)


def program(
    name: str,
    home: Path,
    kubeconfig: Path,
    arguments: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
) -> Process:
    """The process of a console script of this environment, with its log and dumps in `home`.

    It listens on free ports of 127.0.0.1, whatever addresses the arguments name.
    """
    home.mkdir(parents=True, exist_ok=True)
    log = home / f"{name}.log"
    log.unlink(missing_ok=True)
    ports = [f"--{address}-bind-address=127.0.0.1:0" for address in _ADDRESSES]
    options = [*arguments, *ports, f"--debug-dump-directory={home}"]
    return Process(
        name,
        [Path(sys.executable).with_name(name), *options],
        log=log,
        environment={
            **environment(home),
            **_from_user(os.environ),
            "KUBECONFIG": str(kubeconfig),
            **(variables or {}),
        },
        ready=lambda: all(server in addresses(log) for server in ("Metrics", "Health", "Debug")),
    )


def addresses(log: Path) -> dict[str, str]:
    """Host and port of each server (Metrics, Health, Debug) that the log reports as started."""
    return dict(_LISTENS.findall(log.read_text()))


def _from_user(variables: Mapping[str, str]) -> dict[str, str]:
    names = (*_FROM_USER, *map(str.lower, _FROM_USER))
    kept = {name: variables[name] for name in names if name in variables}
    # Servers on this machine are reached without a proxy.
    for name in ("NO_PROXY", "no_proxy"):
        kept[name] = ",".join(filter(None, (kept.get(name), "127.0.0.1")))
    return kept
