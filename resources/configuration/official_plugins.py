"""What is known of the plugins of github.com/falcosecurity/plugins, by the name of their entry.

Of other plugins nothing is known: they may define any field and any source of events.
"""

from __future__ import annotations

from typing import NamedTuple


class OfficialPlugin(NamedTuple):
    """A plugin: what its fields start with, its source of events, if it has one.

    `events`: types of events that it sends. `wants_map`: it has a schema for its `init_config`,
    whose root is a map.
    """

    fields: tuple[str, ...] = ()
    source: str = ""
    wants_map: bool = True
    events: tuple[str, ...] = ()


_LIFE = ("container", "container_removed")
_KRSI = (
    *("krsi_connect", "krsi_linkat", "krsi_mkdirat", "krsi_open", "krsi_renameat", "krsi_socket"),
    *("krsi_symlinkat", "krsi_unlinkat"),
)
_AUDIT = ("ka.", "jevt.", "json.")

OFFICIAL = {
    "anomalydetection": OfficialPlugin(("anomaly.",)),
    "cloudtrail": OfficialPlugin(("ct.", "s3.", "json.", "jevt."), "aws_cloudtrail"),
    "collector": OfficialPlugin((), "collector", wants_map=False),
    "container": OfficialPlugin(("container.", "k8s.", "proc.is_container_"), events=_LIFE),
    "dummy": OfficialPlugin(("dummy.",), "dummy"),
    "gcpaudit": OfficialPlugin(("gcp.", "json.", "jevt."), "gcp_auditlog"),
    "github": OfficialPlugin(("github.", "json.", "jevt."), "github"),
    "json": OfficialPlugin(("json.", "jevt.")),
    "k8saudit": OfficialPlugin(_AUDIT, "k8s_audit"),
    "k8saudit-aks": OfficialPlugin(_AUDIT, "k8s_audit"),
    "k8saudit-eks": OfficialPlugin(_AUDIT, "k8s_audit"),
    "k8saudit-gke": OfficialPlugin(_AUDIT, "k8s_audit"),
    "k8smeta": OfficialPlugin(("k8smeta.",), events=("k8s",)),
    "kafka": OfficialPlugin((), "kafka"),
    "krsi": OfficialPlugin(("krsi.",), wants_map=False, events=_KRSI),
    "okta": OfficialPlugin(("okta.",), "okta"),
}
