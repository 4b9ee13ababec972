"""The address of the API server and the credentials for it, from a kubeconfig or a pod."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from actors.api import lean_import
from actors.runtime.proxy import proxy_of

if TYPE_CHECKING:
    from collections.abc import Iterator

# Seconds between two reads of a projected token, as in client-go; the kubelet renews the token long
# before it expires.
_TOKEN_PERIOD = 60.0


class BadConfiguration(Exception):  # noqa: N818 - it says what is wrong
    """There is no usable configuration; the message names the file and what is wrong with it."""


SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet mounts the ServiceAccount of a pod."""


async def configuration_of(kubeconfig: str) -> Any:
    """Configuration from these colon-separated kubeconfigs; from the pod if there are none.

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
    return (await read_kubeconfig(paths)).configuration


class Kubeconfig(NamedTuple):
    """What a context says: how to reach the API server, and the namespace; empty if it has none."""

    configuration: Any
    namespace: str


async def read_kubeconfig(paths: str, context: str = "") -> Kubeconfig:
    """Read a context of these colon-separated kubeconfigs, by default the current one.

    Raises BadConfiguration.
    """
    configuration = lean_import.configuration_class()()
    load = lean_import.kubeconfig_loader()
    with _named(f"kubeconfig {paths}"):
        loader = await load(
            config_file=paths,
            context=context or None,
            client_configuration=configuration,
            persist_config=False,
        )
    user = loader._user  # noqa: SLF001 - the loader has no public name for it
    # The loader reads a token file once; a token beside it wins, as in kubectl.
    if user is not None and "tokenFile" in user and "token" not in user:
        path = Path(user.path or "").parent / str(user["tokenFile"])
        configuration.refresh_api_key_hook = TokenFile(path)
        configuration.api_key.setdefault("BearerToken", "")
    named = (loader.current_context or {}).get("context") or {}
    return Kubeconfig(_through_proxy(configuration), str(named.get("namespace") or ""))


class TokenFile:
    """Sets the bearer token of a configuration from a file, which is read once a minute at most."""

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
        """Have the next request read the file again: the API server did not accept the token."""
        self._read_at = float("-inf")


def _through_proxy(configuration: Any) -> Any:
    """Add the proxy of the environment, unless the configuration has one already."""
    configuration.proxy = configuration.proxy or proxy_of(configuration.host, os.environ)
    return configuration


@contextmanager
def _named(what: str) -> Iterator[None]:
    """Turn any error inside into BadConfiguration, which names its source."""
    try:
        yield
    except Exception as error:
        # A loader raises ConfigException, and for a malformed file also KeyError, TypeError, etc.
        raise BadConfiguration(f"{what}: {error or type(error).__name__}") from error
