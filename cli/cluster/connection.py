"""A connection to the API server as the user of a kubeconfig."""

from __future__ import annotations

import logging
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from actors.api.client import Client
from actors.api.configuration import (
    SERVICE_ACCOUNT,
    BadConfiguration,
    Kubeconfig,
    in_cluster_configuration,
    read_kubeconfig,
)
from actors.api.transport import REQUEST_TIMEOUT, Transport
from cli.cluster.options import DEFAULT_NAMESPACE
from cli.failure import Failure
from resources.kubernetes.names import OF_NAMESPACE, is_namespace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cli.cluster.options import Access


@dataclass(frozen=True, slots=True)
class Connection:
    """One identity at one API server; `namespace` is empty for all."""

    client: Client
    transport: Transport
    configuration: Any
    namespace: str

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return str(self.configuration.host)


@asynccontextmanager
async def connected(access: Access) -> AsyncIterator[Connection]:
    """Connect as the user of the kubeconfig; in a pod without one as its ServiceAccount.

    Raises Failure if there is no usable configuration. No request is made.
    """
    try:
        kubeconfig = await _kubeconfig(access)
    except BadConfiguration as error:
        raise Failure(str(error)) from error
    namespace = access.namespace or kubeconfig.namespace or DEFAULT_NAMESPACE
    if not is_namespace(namespace):
        why = f"the context's namespace {namespace!r} is none: {OF_NAMESPACE}"
        raise Failure(why)
    configuration = kubeconfig.configuration
    _require_url("server of the kubeconfig", configuration.host)
    if configuration.proxy:
        _require_url("proxy of the kubeconfig or the environment", configuration.proxy)
    try:
        transport = Transport(
            configuration, _Uncounted(), timeout=access.request_timeout or REQUEST_TIMEOUT
        )
    except OSError as error:
        why = f"the certificates of the kubeconfig cannot be used: {error}"
        raise Failure(why) from error
    try:
        yield Connection(
            Client(transport), transport, configuration, "" if access.all_namespaces else namespace
        )
    finally:
        await transport.close()


def _require_url(what: str, text: str) -> None:
    try:
        parts = urlsplit(text)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number, or too large
        is_url = False
    if not is_url:
        raise Failure(f"the {what} {text!r} is no URL with http or https")


async def _kubeconfig(access: Access) -> Kubeconfig:
    """As kubectl: the flag, KUBECONFIG, the home directory, the pod."""
    paths = access.kubeconfig or os.environ.get("KUBECONFIG", "")
    if not paths:
        home = Path.home() / ".kube" / "config"
        token = SERVICE_ACCOUNT / "namespace"
        if not home.exists() and token.exists():
            return Kubeconfig(in_cluster_configuration(SERVICE_ACCOUNT), token.read_text().strip())
        paths = str(home)
    if not any(map(os.path.exists, filter(None, paths.split(os.pathsep)))):
        raise Failure(f"there is no kubeconfig: {paths} does not exist")
    # What it logs is in the error that it raises, too.
    logging.getLogger("kubernetes_asyncio").addHandler(logging.NullHandler())
    return await read_kubeconfig(paths, access.context)


class _Uncounted:
    """Counts no requests: nobody asks a command for its metrics."""

    def api_request(self, verb: str, resource: str, code: str) -> None:
        """Do nothing."""
