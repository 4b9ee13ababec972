"""The base configuration of Falco: the content of `/etc/falco/falco.yaml`."""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

FILE = "falco.yaml"
WEB_PORT = 8765

_VERSION = re.compile(r"v?(\d+)\.(\d+)", re.ASCII)


class _Section(NamedTuple):
    text: str
    before: tuple[int, int] | None = None
    since: tuple[int, int] = (0, 0)

    def is_for(self, release: tuple[int, int] | None) -> bool:
        """Whether the release knows the keys; an unknown one is taken for the newest."""
        if release is None:
            return self.before is None
        return self.since <= release and (self.before is None or release < self.before)


_ENGINE_KINDS = {"DaemonSet": "modern_ebpf", "Deployment": "nodriver"}
_CONTAINER_ENGINES = {"DaemonSet": "true", "Deployment": "false"}

# A fragment in config.d replaces these maps as a whole, and appends to these lists. What Falco's
# code would decide otherwise than the falco.yaml that it is shipped with is here, too: without
# `append_output` alerts name no container and no pod, without `actions` drops of events are silent.
_SECTIONS = (
    _Section("""\
config_files:
  - /etc/falco/config.d
rules_files:
  - /etc/falco/rules.d
watch_config_files: true
plugins: []
load_plugins: []
engine:
  kind: {engine}
"""),
    # Falco 0.38 is told by arguments; from 0.41 on the container plugin finds the engines.
    _Section(
        """\
container_engines:
  docker:
    enabled: {container_engines}
  cri:
    enabled: {container_engines}
    sockets:
      - /run/containerd/containerd.sock
      - /run/crio/crio.sock
      - /run/k3s/containerd/containerd.sock
      - /run/host-containerd/containerd.sock
  podman:
    enabled: false
  lxc:
    enabled: false
  libvirt_lxc:
    enabled: false
  bpm:
    enabled: false
""",
        since=(0, 39),
        before=(0, 41),
    ),
    _Section("""\
stdout_output:
  enabled: true
syslog_output:
  enabled: true
log_stderr: true
log_syslog: true
log_level: info
libs_logger:
  enabled: false
syscall_event_drops:
  actions:
    - log
    - alert
"""),
    _Section(
        """\
append_output:
  - suggested_output: true
""",
        since=(0, 40),
    ),
    # Otherwise a fragment that enables `grpc` would enable its output, too.
    _Section(
        """\
grpc_output:
  enabled: false
""",
        before=(0, 44),
    ),
    _Section("""\
webserver:
  enabled: true
  listen_port: {web_port}
  k8s_healthz_endpoint: /healthz
  prometheus_metrics_enabled: true
metrics:
  enabled: true
  interval: 1h
  output_rule: false
  rules_counters_enabled: true
  resource_utilization_enabled: true
  state_counters_enabled: true
  kernel_event_counters_enabled: true
"""),
    _Section("  kernel_event_counters_per_cpu_enabled: false\n", since=(0, 39)),
    _Section("  jemalloc_stats_enabled: false\n", since=(0, 40)),
    _Section("""\
  libbpf_stats_enabled: true
  convert_memory_to_mb: true
  include_empty_values: false
"""),
)


def base_config(workload: str, version: str, web_port: int = WEB_PORT) -> str:
    """The text of falco.yaml for a DaemonSet or Deployment of this Falco version.

    It has only keys that the version knows. A version without a number (`latest`, a digest) is
    taken for the newest.
    """
    number = _number(version)
    return "".join(
        section.text.format(
            engine=_ENGINE_KINDS[workload],
            container_engines=_CONTAINER_ENGINES[workload],
            web_port=web_port,
        )
        for section in _SECTIONS
        if section.is_for(number)
    )


def config_hash(config: str) -> str:
    """The hash of the configuration, as the pods carry it in an annotation."""
    return hashlib.sha256(config.encode()).hexdigest()


def _number(version: str) -> tuple[int, int] | None:
    match = _VERSION.match(version)
    return (int(match[1]), int(match[2])) if match else None
