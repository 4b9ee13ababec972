"""The content of kubeconfigs that authenticate by certificate or by a token file."""

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
    """The URL of an API server, and the CA that its certificate must be from."""

    url: str
    ca: Path


def with_certificate(cluster: Cluster, user: str, identity: KeyPair) -> str:
    """A self-contained kubeconfig, with certificate and key in it."""
    credentials = {
        "client-certificate-data": _data(identity.certificate),
        "client-key-data": _data(identity.key),
    }
    return _kubeconfig(cluster, user, credentials, "default")


def with_token_file(cluster: Cluster, user: str, namespace: str, token_file: Path) -> str:
    """A kubeconfig whose clients read the token from a file, again when it changes."""
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
