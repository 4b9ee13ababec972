"""Whether CustomResourceDefinitions are completely served, a moment after they are Established.

Listing works first, then discovery, and last the OpenAPI document, which `kubectl explain` needs.
"""

from __future__ import annotations

from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from deploy.local.client import AdminClient, RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def served(client: AdminClient, name: str) -> bool:
    """Whether the CRD is Established and its objects can be listed, discovered and explained."""
    try:
        crd = client.call("GET", f"{CRDS}/{name}")
        return _established(crd) and all(
            _version_served(client, crd["spec"], version["name"])
            for version in crd["spec"]["versions"]
            if version["served"]
        )
    except (RefusedError, OSError, HTTPException):
        return False


def _established(crd: Mapping[str, Any]) -> bool:
    conditions = crd.get("status", {}).get("conditions") or []  # null before the first condition
    return any(
        condition["type"] == "Established" and condition["status"] == "True"
        for condition in conditions
    )


def _version_served(client: AdminClient, spec: Mapping[str, Any], version: str) -> bool:
    group_version = f"apis/{spec['group']}/{version}"
    plural = spec["names"]["plural"]
    client.call("GET", f"/{group_version}/{plural}?limit=1")
    resources = client.call("GET", f"/{group_version}")["resources"] or []
    documents = client.call("GET", "/openapi/v3")["paths"]
    if group_version not in documents or all(resource["name"] != plural for resource in resources):
        return False
    # The index may still name the previous document, whose URL is redirected: `call` then refuses.
    document = client.call("GET", documents[group_version]["serverRelativeURL"])
    return f"/{group_version}/{plural}" in document["paths"]
