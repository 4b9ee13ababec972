"""Reasons of an artifact's conditions, Events and reports, which users may rely on."""

from resources.artifact.medium import Medium

INSTALLED = "Programmed"
INVALID = "InvalidContent"
NAME_CONFLICT = "NameConflict"
NO_NODES = "NoNodes"
OCI_FAILED = "OCIArtifactStoreFailed"
PENDING = "Pending"
REFERENCE_FAILED = "ReferenceResolutionFailed"
RESOLVED = "ReferenceResolved"

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
