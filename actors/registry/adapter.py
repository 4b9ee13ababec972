"""The connections of one endpoint: where they may lead, and which authorities they trust."""

from __future__ import annotations

import os
import ssl
import threading
from functools import lru_cache
from typing import Any

import certifi
from requests.adapters import HTTPAdapter

from actors.registry.connection import pools, proxy_pools
from actors.registry.failure import ExchangeError


class Adapter(HTTPAdapter):
    """Connections that trust the authorities of the system and that of the endpoint.

    They lead only to addresses that a registry may have, or to a proxy.

    requests itself would add its bundle of public authorities, and takes authorities from files
    only.
    """

    def __init__(self, ca: str, skip_verify: bool, local_registries: frozenset[str]) -> None:
        self._trust = (ca, skip_verify)
        self._own_context: ssl.SSLContext | None = None
        self._local_registries = local_registries
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make connections that check their addresses."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = pools(  # type: ignore[assignment]
            self._local_registries
        )

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Make connections to a proxy."""
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = proxy_pools()
        return manager

    def build_connection_pool_key_attributes(
        self, request: Any, verify: Any, cert: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Give the pool our context only, and none of the TLS settings of requests."""
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] != "https":
            return host, {}
        if self._own_context is None:  # connections are used again only with the same one
            with _one_at_a_time:
                self._own_context = _context(*self._trust)
        return host, {"ssl_context": self._own_context}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Do nothing: the context holds every TLS setting."""


# Threads that need the same context at once would each make it.
_one_at_a_time = threading.Lock()


# Contexts are shared, as they hold no credentials; only four, as each holds a megabyte of public
# authorities.
@lru_cache(maxsize=4)
def _context(ca: str, skip_verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if not _has_authorities(context):
        context.load_verify_locations(certifi.where())
    if ca:
        try:
            context.load_verify_locations(cadata=ca)
        except (ssl.SSLError, ValueError):
            raise ExchangeError(
                "the CA given for the registry holds no valid certificate"
            ) from None
    return context


def _has_authorities(context: ssl.SSLContext) -> bool:
    """Whether the system has authorities; those in a directory are not in the context yet."""
    paths = ssl.get_default_verify_paths()
    return bool(
        context.cert_store_stats()["x509_ca"]
        or os.environ.get("SSL_CERT_DIR")
        or (paths.capath and any(os.scandir(paths.capath)))
    )
