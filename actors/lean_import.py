"""Loads the few modules of kubernetes-asyncio that are used, without its generated client.

`import kubernetes_asyncio` runs 1,259 modules and takes 72 MB. Its configuration, its in-cluster
and kubeconfig loaders and its connection pool need a dozen of them, so the packages on the way are
put into `sys.modules` empty. The version is pinned in pyproject.toml, and a test holds what loads.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

_ROOT = "kubernetes_asyncio"


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
    # The loaders import these two names from the package; only Configuration is ever used.
    client.Configuration = configuration_class()  # type: ignore[attr-defined]
    client.ApiClient = object  # type: ignore[attr-defined]


def _empty_package(name: str, path: str) -> ModuleType:
    package = ModuleType(name)
    package.__path__ = [path]
    sys.modules[name] = package
    return package
