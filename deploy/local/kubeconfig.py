"""Kubeconfigs: by certificate, and by a token file that can change."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.local.certificates import KeyPair

NAME = "falco-operator-local"


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where the API server is and which CA its certificate must come from."""

    url: str
    ca: Path


def with_certificate(cluster: Cluster, user: str, identity: KeyPair) -> str:
    """A self-contained kubeconfig: certificate and key are inside."""
    credentials = {
        "client-certificate-data": _data(identity.certificate),
        "client-key-data": _data(identity.key),
    }
    return _kubeconfig(cluster, user, credentials, "default")


def with_token_file(cluster: Cluster, user: str, namespace: str, token_file: Path) -> str:
    """A kubeconfig whose clients read the token again and again from the file."""
    return _kubeconfig(cluster, user, {"tokenFile": str(token_file)}, namespace)


def _data(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _kubeconfig(cluster: Cluster, user: str, credentials: dict[str, str], namespace: str) -> str:
    server = {"server": cluster.url, "certificate-authority-data": _data(cluster.ca)}
    context = {"cluster": NAME, "user": user, "namespace": namespace}
    content: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NAME, "cluster": server}],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": NAME, "context": context}],
        "current-context": NAME,
    }
    return yaml.safe_dump(content, sort_keys=False)
