"""The operator's settings: flags and environment in, one frozen value out."""

from __future__ import annotations

import argparse
import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from resources.falco.desired import SIDECAR_IMAGE
from resources.instance import image
from resources.kubernetes.invalid_spec import InvalidSpec
from supervisors import logs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Held equal to pyproject.toml by a test; importlib.metadata would cost 0.8 MB to say the same.
VERSION = "0.1.0"

_PROGRAM = "falco-operator"
_ADDRESS = re.compile(r"(?P<host>[^:\[\]]*|\[[^\[\]]*\]):(?P<port>[0-9]{1,5})", re.ASCII)
# The characters of a label key; `*` stands for any of them.
_LABEL_GLOB = re.compile(r"[A-Za-z0-9./_*-]{1,317}", re.ASCII)
_TEMPORARY = "/tmp"  # noqa: S108 - the dump is created exclusively and moved into place
_BOOLEANS = {"true": True, "false": False}


class Address(NamedTuple):
    """Where to listen: an empty host is every interface, port 0 any free port."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Exposure:
    """What a process shows of itself, and where; an address of None is off."""

    metrics: Address | None
    metrics_certificates: Path | None
    """The directory of tls.crt and tls.key; None serves metrics over plain HTTP."""
    health: Address | None
    debug: Address | None
    dump_directory: Path


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the operator can be told from outside."""

    exposed: Exposure
    excluded_labels: tuple[str, ...]
    log_level: Literal["debug", "info", "warning", "error"]
    log_format: Literal["text", "json"]
    artifact_operator_image: str
    leader_elect: bool
    namespace: str
    """Where the Lease is; empty means that of the ServiceAccount."""
    pod_name: str
    """Who this is in Events and in the Lease; empty means the host's name."""
    kubeconfig: str
    """Colon-separated paths as in kubectl; empty means the pod's ServiceAccount."""


def parse(argv: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Read flags (without the program's name) and environment.

    Raises:
        SystemExit: 2 after a message on stderr that names flag, value and what is allowed; 0 after
            `--help` or `--version`.
    """
    parser = _parser()
    flags = parser.parse_args(argv)
    exposed = exposure(parser, flags, environ)
    try:
        sidecar = _image(environ.get("ARTIFACT_OPERATOR_IMAGE") or SIDECAR_IMAGE)
    except InvalidSpec as error:
        parser.error(f"environment variable {error}")
    return Settings(
        exposed=exposed,
        excluded_labels=tuple(dict.fromkeys(flags.excluded_labels)),
        log_level=flags.log_level,
        log_format=flags.log_format,
        artifact_operator_image=sidecar,
        leader_elect=flags.leader_elect,
        namespace=environ.get("POD_NAMESPACE", ""),
        pod_name=environ.get("POD_NAME", ""),
        kubeconfig=environ.get("KUBECONFIG", ""),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROGRAM,
        description="Runs Falco on Kubernetes: one supervised actor for every custom resource.",
        epilog="Environment: ARTIFACT_OPERATOR_IMAGE is the sidecar's image; KUBECONFIG is used "
        "instead of the pod's ServiceAccount; POD_NAME and POD_NAMESPACE say who this is.",
        allow_abbrev=False,
    )
    add_endpoint_flags(parser)
    parser.add_argument(
        "--excluded-labels",
        action="append",
        default=[],
        type=_label_glob,
        metavar="GLOB",
        help="label keys that are not copied to children, '*' matches anything; repeatable",
    )
    parser.add_argument(
        "--leader-elect",
        nargs="?",
        const=True,
        default=False,
        type=_boolean,
        metavar="true|false",
        help="work only while holding the Lease falco-operator; needed for several replicas",
    )
    logs.add_flags(parser)
    parser.add_argument("--version", action="version", version=f"{_PROGRAM} {VERSION}")
    return parser


def add_endpoint_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of everything that a process shows of itself."""
    for flag, default, what in (
        ("--metrics-bind-address", ":8080", "Prometheus metrics"),
        ("--health-probe-bind-address", ":8081", "/healthz and /readyz"),
        ("--debug-bind-address", "127.0.0.1:8082", "the dump of all actors"),
    ):
        parser.add_argument(
            flag,
            default=default,
            type=address,
            metavar="ADDRESS",
            help=f"where {what} can be read (default {default}; 0 = nowhere; port 0 = a free one)",
        )
    parser.add_argument(
        "--metrics-secure",
        nargs="?",
        const=True,
        default=False,
        type=_boolean,
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
    """What the flags of `add_endpoint_flags` amount to; ends the process if they are at odds."""
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
    """Parse an address to listen on, for argparse; None for `0`, which is off."""
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
    """Whether one can listen there: names other than localhost belong to somebody else."""
    if bracketed:
        return _is_ip(host, 6)
    return host in {"", "localhost"} or _is_ip(host, 4)


def _is_ip(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False


def _boolean(text: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return _BOOLEANS[text.lower()]


def _label_glob(text: str) -> str:
    if not _LABEL_GLOB.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} matches no label key: allowed are letters, digits, '.', '/', '_', '-', "
            "and '*' for any characters"
        )
    return text


def _image(reference: str) -> str:
    """Raises InvalidSpec."""
    return str(image.parse(reference, "ARTIFACT_OPERATOR_IMAGE"))
