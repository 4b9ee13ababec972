"""The kinds that commands read: those of the operator, and what may stand in its way."""

from __future__ import annotations

from resources.kubernetes.kinds import KINDS, Kind

_ADMISSION = "admissionregistration.k8s.io"

READ: dict[str, Kind] = KINDS | {
    "CustomResourceDefinition": Kind(
        "apiextensions.k8s.io", "v1", "customresourcedefinitions", False
    ),
    "EndpointSlice": Kind("discovery.k8s.io", "v1", "endpointslices", True),
    "LimitRange": Kind("", "v1", "limitranges", True),
    "MutatingWebhookConfiguration": Kind(_ADMISSION, "v1", "mutatingwebhookconfigurations", False),
    "ResourceQuota": Kind("", "v1", "resourcequotas", True),
    "ValidatingAdmissionPolicy": Kind(_ADMISSION, "v1", "validatingadmissionpolicies", False),
    "ValidatingAdmissionPolicyBinding": Kind(
        _ADMISSION, "v1", "validatingadmissionpolicybindings", False
    ),
    "ValidatingWebhookConfiguration": Kind(
        _ADMISSION, "v1", "validatingwebhookconfigurations", False
    ),
}
NEVER_LISTED = frozenset({"Secret"})
"""Kinds of which only the names are asked for, one by one."""
