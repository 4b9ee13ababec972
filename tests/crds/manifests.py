"""Manifests of our kinds, and ways to hand them to a control plane."""

import json
from uuid import uuid4

from crds.generate import DEFINITIONS

API_VERSIONS = {
    definition.kind: f"{definition.group}/{definition.version}" for definition in DEFINITIONS
}

APPLY = ("apply", "--server-side")
CREATE = ("create",)


def manifest(kind, name="example", **fields):
    document = {"apiVersion": API_VERSIONS[kind], "kind": kind, "metadata": {"name": name}}
    return document | fields


def new_namespace(control_plane):
    name = f"crd-tests-{uuid4().hex[:8]}"
    control_plane.kubectl("create", "namespace", name)
    return name


def put_into(control_plane, namespace, document, *arguments):
    command = (*APPLY, "-n", namespace, "-o", "json", *arguments, "-f", "-")
    return json.loads(control_plane.kubectl(*command, input=json.dumps(document)).stdout)
