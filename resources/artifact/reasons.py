"""Reasons of an artifact's conditions, Events and reports, which users may rely on."""

from resources.artifact.medium import Medium

COMPATIBLE_FALCOS = "Compatible"
FALCO_AWAY = "FalcoUnreachable"
INCOMPATIBLE = "Incompatible"
INSTALLED = "Programmed"
INVALID = "InvalidContent"
LOADED_BY_FALCO = "Loaded"
METRICS_OFF = "MetricsOff"
NAME_CONFLICT = "NameConflict"
NOT_ASKED = "FalcoNotAsked"
NOT_LOADED = "NotLoaded"
NOT_PROGRAMMED = "NotProgrammed"
NO_NODES = "NoNodes"
OCI_FAILED = "OCIArtifactStoreFailed"
PENDING = "Pending"
REFERENCE_FAILED = "ReferenceResolutionFailed"
RESOLVED = "ReferenceResolved"
TOO_OLD = "FalcoTooOld"
VERSIONS_UNKNOWN = "FalcoVersionUnknown"
WEB_SERVER_OFF = "WebServerOff"

STORE_FAILED = {
    ("Rulesfile", Medium.OCI): OCI_FAILED,
    ("Rulesfile", Medium.CONFIG_MAP): "ConfigMapRulesStoreFailed",
    ("Rulesfile", Medium.INLINE): "InlineRulesStoreFailed",
    ("Plugin", Medium.OCI): OCI_FAILED,
    ("Plugin", Medium.INLINE): "InlinePluginConfigStoreFailed",
    ("Config", Medium.CONFIG_MAP): "ConfigMapConfigStoreFailed",
    ("Config", Medium.INLINE): "InlineConfigStoreFailed",
}
"""The reason when the content of a source cannot be stored, by kind and medium."""
