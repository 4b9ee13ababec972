"""Where the endpoints of a process listen, and the flags that say so."""

from __future__ import annotations

import argparse
import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_ADDRESS = re.compile(r"(?P<host>[^:\[\]]*|\[[^\[\]]*\]):(?P<port>[0-9]{1,5})", re.ASCII)
_TEMPORARY = "/tmp"  # noqa: S108 - the dump is created exclusively and moved into place
_BOOLEANS = {"true": True, "false": False}


class Address(NamedTuple):
    """An address to listen on; an empty host is every interface, port 0 any free port."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Exposure:
    """The addresses of the endpoints; an endpoint whose address is None is off."""

    metrics: Address | None
    metrics_certificates: Path | None
    """The directory of tls.crt and tls.key; None serves metrics over plain HTTP."""
    health: Address | None
    debug: Address | None
    dump_directory: Path
    listen_again: float | None = None
    """Seconds until an address that is in use is tried again; None: it ends the process."""


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of all endpoints."""
    for flag, default, page in (
        ("--metrics-bind-address", ":8080", "Prometheus metrics"),
        ("--health-probe-bind-address", ":8081", "/healthz and /readyz"),
        ("--debug-bind-address", "127.0.0.1:8082", "the dump of all actors"),
    ):
        parser.add_argument(
            flag,
            default=default,
            type=address,
            metavar="ADDRESS",
            help=f"where {page} can be read (default {default}; 0 = nowhere; port 0 = a free one)",
        )
    parser.add_argument(
        "--metrics-secure",
        nargs="?",
        const=True,
        default=False,
        type=boolean,
        metavar="true|false",
        help="serve metrics over TLS, with the certificate of --metrics-cert-path",
    )
    parser.add_argument(
        "--metrics-cert-path",
        type=Path,
        metavar="DIRECTORY",
        help="directory of tls.crt and tls.key",
    )
    parser.add_argument(
        "--debug-dump-directory",
        type=Path,
        metavar="DIRECTORY",
        help="where SIGUSR1 writes the dump of all actors (default: TMPDIR, else /tmp)",
    )


def exposure(
    parser: argparse.ArgumentParser, flags: argparse.Namespace, environ: Mapping[str, str]
) -> Exposure:
    """The endpoints of parsed flags; exits with a message if flags contradict each other."""
    if flags.metrics_secure != (flags.metrics_cert_path is not None):
        parser.error("--metrics-secure and --metrics-cert-path need each other")
    return Exposure(
        metrics=flags.metrics_bind_address,
        metrics_certificates=flags.metrics_cert_path,
        health=flags.health_probe_bind_address,
        debug=flags.debug_bind_address,
        dump_directory=flags.debug_dump_directory or Path(environ.get("TMPDIR") or _TEMPORARY),
    )


def address(text: str) -> Address | None:
    """Parse an address to listen on, for argparse; None for `0`, which turns an endpoint off."""
    if text == "0":
        return None
    match = _ADDRESS.fullmatch(text)
    host = match["host"].strip("[]") if match else ""
    bracketed = text.startswith("[")
    if match is None or int(match["port"]) > 65535 or not _is_host(host, bracketed=bracketed):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no address to listen on: allowed are :8080 (every interface), "
            "127.0.0.1:8080, localhost:8080, [::1]:8080, and 0 for off"
        )
    return Address(host, int(match["port"]))


def _is_host(host: str, *, bracketed: bool) -> bool:
    """Whether a process can listen on this host; of names, only localhost is its own."""
    if bracketed:
        return ip_version(host) == 6
    return host in {"", "localhost"} or ip_version(host) == 4


def ip_version(text: str) -> int | None:
    """The version of an IP address, 4 or 6; None if the text is no IP address."""
    try:
        return ipaddress.ip_address(text).version
    except ValueError:
        return None


def boolean(text: str) -> bool:
    """Parse `true` or `false`, in either case, for argparse."""
    if text.lower() not in _BOOLEANS:
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return _BOOLEANS[text.lower()]
