"""Addresses: which of them a registry may have, and which of them belong to a private network.

Sources: IANA's special-purpose address registries (RFC 6890); RFC 6052 and 8215 for NAT64; the
documentation of the clouds for the addresses of their metadata services.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_REFUSED = tuple(
    (ip_network(network), kind)
    for network, kind in (
        ("0.0.0.0/8", "unspecified"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),  # most clouds have their metadata here
        ("100.100.100.200/32", "metadata"),
        ("168.63.129.16/32", "metadata"),
        ("192.0.0.192/32", "metadata"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "broadcast or reserved"),
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("fe80::/10", "link-local"),
        ("fd00:ec2::/32", "metadata"),
        ("fd20:ce::254/128", "metadata"),
        ("fd00:42::42/128", "metadata"),
        ("ff00::/8", "multicast"),
    )
)
# Networks whose addresses end with the IPv4 address that is really reached: NAT64, SIIT (RFC 7915),
# and the deprecated form `::192.0.2.1`.
_ENDING_WITH_IPV4 = tuple(
    map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96", "::/96"))
)
_LAST_32_BITS = (1 << 32) - 1


def refused_kind(address: str) -> str | None:
    """The kind of an address that no registry may have, such as loopback; None for any other."""
    parsed = ip_address(address.partition("%")[0])
    every = (parsed, _reached(parsed))
    return next((kind for network, kind in _REFUSED if any(a in network for a in every)), None)


def is_public(address: str) -> bool:
    """Whether the address is one of the Internet, which means the same to everybody."""
    parsed = _reached(ip_address(address.partition("%")[0]))
    return parsed.is_global and not parsed.is_multicast


def is_permitted(host: str, port: int, local_registries: frozenset[str]) -> bool:
    """Whether the administrator permits this host, as URLs name it, to have any address.

    An entry without a port permits every port.
    """
    name = host.lower().strip("[]").rstrip(".")
    name = f"[{name}]" if ":" in name else name
    return not local_registries.isdisjoint({name, f"{name}:{port}"})


def _reached(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that is reached by an IPv6 address which only carries it."""
    if isinstance(address, IPv4Address) or int(address) <= 1:  # the latter: `::` and `::1`
        return address
    if any(address in network for network in _ENDING_WITH_IPV4):
        return IPv4Address(int(address) & _LAST_32_BITS)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)
