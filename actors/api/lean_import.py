"""Imports the few modules of kubernetes-asyncio and aiohttp that are used, and no others.

`import kubernetes_asyncio` runs 1,259 modules and takes 72 MB. Its configuration, its in-cluster
and kubeconfig loaders and its connection pool need a dozen of them, so the packages on the way are
put into `sys.modules` empty. The version is pinned in pyproject.toml, and a test lists the modules.

Two more imports would take two megabytes each, unused. The configuration needs urllib3 for one
function of basic authentication, which API servers do not support any more. aiohttp loads the
certificates of the machine for connections without a TLS context; all connections here have one.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = "kubernetes_asyncio"
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")  # of OpenSSL


def configuration_class() -> Any:
    """`kubernetes_asyncio.client.Configuration`."""
    _prepare()
    return importlib.import_module(f"{_ROOT}.client.configuration").Configuration


def rest_class() -> Any:
    """`kubernetes_asyncio.client.rest.RESTClientObject`: TLS, proxy and connection pool."""
    _prepare()
    return importlib.import_module(f"{_ROOT}.client.rest").RESTClientObject


def in_cluster_loader() -> Any:
    """`InClusterConfigLoader`: the pod's ServiceAccount."""
    _prepare()
    return importlib.import_module(f"{_ROOT}.config.incluster_config").InClusterConfigLoader


def kubeconfig_loader() -> Any:
    """The coroutine function `load_kube_config`; brings PyYAML with it."""
    _prepare()
    return importlib.import_module(f"{_ROOT}.config.kube_config").load_kube_config


@contextmanager
def without_certificates() -> Iterator[None]:
    """Hide the certificates of the machine from modules that are imported inside."""
    before = {name: os.environ.get(name) for name in _CERTIFICATES}
    os.environ.update(dict.fromkeys(_CERTIFICATES, os.devnull))
    try:
        yield
    finally:
        for name, value in before.items():
            del os.environ[name]
            if value is not None:
                os.environ[name] = value


def _prepare() -> None:
    if _ROOT in sys.modules:
        return
    spec = importlib.util.find_spec(_ROOT)
    if spec is None or not spec.submodule_search_locations:
        msg = "kubernetes-asyncio is not installed"
        raise ImportError(msg)
    root = spec.submodule_search_locations[0]
    _empty_package(_ROOT, root)
    client = _empty_package(f"{_ROOT}.client", f"{root}/client")
    _empty_package(f"{_ROOT}.config", f"{root}/config")
    with _left_out("urllib3"):
        importlib.import_module(f"{_ROOT}.client.configuration")
    # The loaders import these two names from the package, and use only Configuration.
    client.Configuration = configuration_class()  # type: ignore[attr-defined]
    client.ApiClient = object  # type: ignore[attr-defined]


def _empty_package(name: str, path: str) -> ModuleType:
    package = ModuleType(name)
    package.__path__ = [path]
    sys.modules[name] = package
    return package


@contextmanager
def _left_out(name: str) -> Iterator[None]:
    """Have imports inside get an empty module of this name, unless it is loaded already."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = ModuleType(name)
    try:
        yield
    finally:
        del sys.modules[name]
