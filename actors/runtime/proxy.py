"""The HTTP proxy for a URL, by the environment variables that Go programs read.

aiohttp would read them in a thread with every request, and knows no address ranges, by which
clusters are usually excepted. Source: golang.org/x/net/http/httpproxy, `Config`.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_PORTS = {"http": 80, "https": 443}


def proxy_of(url: str, environment: Mapping[str, str]) -> str | None:
    """Return the URL of the proxy for requests to this URL; None for a direct connection."""
    target = urlsplit(url)
    name = f"{target.scheme}_proxy"
    proxy = environment.get(name.upper()) or environment.get(name)
    if not proxy or _is_direct(target, environment):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_direct(target: SplitResult, environment: Mapping[str, str]) -> bool:
    host = (target.hostname or "").rstrip(".")
    if host == "localhost" or _is_in(host, "127.0.0.0/8") or _is_in(host, "::1"):
        return True
    port = target.port or _PORTS.get(target.scheme)
    exceptions = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    return any(
        _matches(exception.strip().lower(), host, port) for exception in exceptions.split(",")
    )


def _matches(exception: str, host: str, port: int | None) -> bool:
    """Whether this entry of NO_PROXY, which may end with a port, covers the host."""
    if exception == "*" or _is_in(host, exception):
        return True
    name, _, only = exception.rpartition(":")
    if name and only.isdecimal():
        return int(only) == port and _matches(name.strip("[]"), host, port)
    domain = exception.removeprefix("*")
    if not domain:
        return False
    return host == domain or host.endswith(domain if domain.startswith(".") else f".{domain}")


def _is_in(host: str, addresses: str) -> bool:
    """Whether the host is an address within these addresses, which may be a range."""
    try:
        return ip_address(host) in ip_network(addresses, strict=False)
    except ValueError:
        return False
