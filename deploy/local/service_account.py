"""Kubeconfigs of a ServiceAccount, with tokens that the API server has issued for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from deploy.local.certificates import write_private
from deploy.local.kubeconfig import Cluster, with_token_file

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.local.client import AdminClient

PREFIX = "system:serviceaccount"
TOKEN_SECONDS = 24 * 3600


class BoundPod(NamedTuple):
    """The pod that a token is bound to, as the kubelet binds those that it mounts."""

    name: str
    uid: str


def write_kubeconfig(
    client: AdminClient,
    cluster: Cluster,
    namespace: str,
    name: str,
    path: Path,
    pod: BoundPod | None = None,
) -> Path:
    """Write a kubeconfig to the path and a new token to `<path>.token`, both with mode 0600.

    Raises:
        RefusedError: the ServiceAccount or the pod does not exist (status 404).
    """
    path = path.absolute()
    user = f"{PREFIX}:{namespace}:{name}"
    token = _token_file(path)
    write_private(token, _request_token(client, namespace, name, pod))
    return write_private(path, with_token_file(cluster, user, namespace, token))


def rotate_token(client: AdminClient, path: Path) -> str:
    """Write a new token to the kubeconfig's token file and return it; the old one stays valid."""
    user = yaml.safe_load(path.read_text())["users"][0]["name"]
    namespace, name = user.removeprefix(f"{PREFIX}:").split(":")
    token = _request_token(client, namespace, name)
    write_private(_token_file(path.absolute()), token)
    return token


def _token_file(kubeconfig: Path) -> Path:
    return kubeconfig.with_name(f"{kubeconfig.name}.token")


def _request_token(
    client: AdminClient, namespace: str, name: str, pod: BoundPod | None = None
) -> str:
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    spec: dict[str, Any] = {"expirationSeconds": TOKEN_SECONDS}
    if pod is not None:
        spec["boundObjectRef"] = {"apiVersion": "v1", "kind": "Pod", **pod._asdict()}
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": spec,
    }
    token: str = client.call("POST", path, request)["status"]["token"]
    return token
