"""Where the API server is, and who we are to it."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors.api import lean_import
from actors.runtime.proxy import proxy_of

if TYPE_CHECKING:
    from collections.abc import Iterator

# As often as client-go reads a projected token again; the kubelet renews it long before it ends.
_TOKEN_PERIOD = 60.0


class BadConfiguration(Exception):  # noqa: N818 - it says what is wrong
    """There is no usable configuration; the message says where and what is missing."""


SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet mounts a pod's own."""


async def configuration_of(kubeconfig: str) -> Any:
    """Configuration of these kubeconfigs, colon-separated, or without any that of the pod.

    Raises BadConfiguration.
    """
    if kubeconfig:
        return await kubeconfig_configuration(kubeconfig)
    return in_cluster_configuration(SERVICE_ACCOUNT)


def in_cluster_configuration(service_account: Path) -> Any:
    """Configuration of a pod, from the directory where its ServiceAccount is mounted.

    Raises BadConfiguration.
    """
    configuration = lean_import.configuration_class()()
    token = service_account / "token"
    loader = lean_import.in_cluster_loader()
    with _named(f"in-cluster configuration, {service_account}"):
        loader(
            token_filename=str(token), cert_filename=str(service_account / "ca.crt")
        ).load_and_set(configuration)
    configuration.refresh_api_key_hook = TokenFile(token)
    return _through_proxy(configuration)


async def kubeconfig_configuration(paths: str) -> Any:
    """Configuration of the current context of a kubeconfig, or of several, colon-separated.

    Raises BadConfiguration.
    """
    configuration = lean_import.configuration_class()()
    load = lean_import.kubeconfig_loader()
    with _named(f"kubeconfig {paths}"):
        loader = await load(
            config_file=paths, client_configuration=configuration, persist_config=False
        )
    user = loader._user  # noqa: SLF001 - the loader offers no other way to learn of it
    # The loader reads a token file once; a token beside it wins, as in kubectl.
    if user is not None and "tokenFile" in user and "token" not in user:
        path = Path(user.path or "").parent / str(user["tokenFile"])
        configuration.refresh_api_key_hook = TokenFile(path)
        configuration.api_key.setdefault("BearerToken", "")
    return _through_proxy(configuration)


class TokenFile:
    """Keeps the bearer token of a configuration as fresh as its file, read at most each minute."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at = float("-inf")

    def __call__(self, configuration: Any) -> None:
        """Set the token; an unreadable or empty file leaves the one in use."""
        if time.monotonic() - self._read_at < _TOKEN_PERIOD:
            return
        self._read_at = time.monotonic()
        try:
            token = self._path.read_text().strip()
        except OSError:
            return
        if token:
            configuration.api_key["BearerToken"] = f"Bearer {token}"

    def expire(self) -> None:
        """Read the file again for the next request: the token in use was not accepted."""
        self._read_at = float("-inf")


def _through_proxy(configuration: Any) -> Any:
    """Set the environment's proxy, unless there is one already."""
    configuration.proxy = configuration.proxy or proxy_of(configuration.host, os.environ)
    return configuration


@contextmanager
def _named(what: str) -> Iterator[None]:
    """Say of any error in here where it comes from."""
    try:
        yield
    except Exception as error:
        # The loaders raise their own ConfigException, and whatever a malformed file leads them to.
        raise BadConfiguration(f"{what}: {error or type(error).__name__}") from error
