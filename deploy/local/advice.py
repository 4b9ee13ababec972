"""The text in which `make run` suggests what to look at and to try."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from deploy.local.node.enclosure import VARIABLE
from deploy.local.programs import addresses
from deploy.local.sidecars import CONTAINER

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.local.process import Process
    from deploy.local.sites import Site


def advice(site: Site, operator: Process, nodes: Path) -> str:
    """The text to print once the quickstart is Available and Programmed."""
    parts = [_cluster(site)]
    if site.plane is not None:
        parts.append(_files(site, nodes))
    parts.append(_servers(operator))
    return "\n".join(parts)


def advice_on_real_node(site: Site) -> str:
    """The same for a real node, whose network only programs in its namespaces reach."""
    maker = os.environ[VARIABLE]
    kubectl = (
        f"nsenter --net --target=$(pgrep --parent {maker}) "
        f"{site.target.kubectl} --kubeconfig={site.target.kubeconfig}"
    )
    return f"""\
All of it is there. In another terminal, as root:

  alias kubectl="{kubectl}"
  kubectl get falcosecurity,pods -A
  kubectl exec daemonset/falco -c falco -- ls /etc/falco/rules.d
  kubectl edit rulesfile custom-rules
  kubectl logs daemonset/falco -c falco

Ctrl-C ends everything."""


def _cluster(site: Site) -> str:
    return f"""\
All of it is there. In another terminal, in the same directory:

  export KUBECONFIG={site.target.kubeconfig}
  alias kubectl={site.target.kubectl}
  kubectl get falcosecurity -A
  kubectl explain rulesfile.spec
  kubectl edit falco falco
"""


def _files(site: Site, nodes: Path) -> str:
    falco = f"{nodes}/*/*/etc/falco"
    return f"""\
Each pod has its sidecar here, a process that writes what Falco would load:

  ls {falco}/*.d {nodes}/*/*/usr/share/falco/plugins
  kubectl edit rulesfile custom-rules    # every node has the change in a moment:
  cat {falco}/rules.d/*custom-rules*
  kubectl apply --server-side -f {site.manifest}    # edit that file as you like

Sidecars:   {nodes}/*/*/{CONTAINER}/{CONTAINER}.log
"""


def _servers(operator: Process) -> str:
    at = addresses(operator.log)
    return f"""\
Metrics:    http://{at["Metrics"]}/metrics
Actors:     http://{at["Debug"]}/debug/actors?pretty
Health:     http://{at["Health"]}/readyz

Ctrl-C ends everything."""
