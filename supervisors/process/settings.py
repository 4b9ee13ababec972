"""The flags and the environment that every process of this project has."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from actors.runtime.context import TRACE_ROOM
from resources.registry.credentials import REGISTRY_ANNOTATION, RegistryPolicy
from resources.registry.host import origin_of
from resources.registry.pull_window import MOST_SECONDS, SECONDS_A_POD
from resources.signatures.demand import DEFAULT_MODES, DefaultModes
from resources.signatures.policy import Mode
from supervisors.process import ignored_flags
from supervisors.serving import exposure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from enum import StrEnum

# Held equal to pyproject.toml by a test; importlib.metadata would cost 0.8 MB to say the same.
VERSION = "0.1.0"
_MOST_TRACE = 1 << 20


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """What a process shows of itself, how it logs, and which API server it talks to."""

    exposed: exposure.Exposure
    log_level: Literal["debug", "info", "warning", "error"]
    log_format: Literal["text", "json"]
    trace_room: int
    """Bytes, about, that the trace of one actor may take."""
    kubeconfig: str
    """Colon-separated paths as in kubectl; empty means the pod's ServiceAccount."""
    ignored_flags: tuple[str, ...]
    """The flags of the Go operator that were given and have no effect."""


def base_parser(program: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """A parser with the flags of every process; a program adds its own."""
    flags = argparse.ArgumentParser(
        prog=program, description=description, epilog=epilog, allow_abbrev=False
    )
    exposure.add_flags(flags)
    ignored_flags.add_flags(flags)
    flags.add_argument(
        "--log-level",
        default="info",
        choices=("debug", "info", "warning", "error"),
        help="the least severe messages to log (default %(default)s)",
    )
    flags.add_argument(
        "--log-format",
        default="text",
        choices=("text", "json"),
        help="one line of text or one JSON object for each message (default %(default)s)",
    )
    flags.add_argument(
        "--trace-size",
        default=TRACE_ROOM,
        type=_trace_size,
        metavar="BYTES",
        help="about how much the trace of one actor may take; its last 16 reconciles stay in any "
        "case (default %(default)s)",
    )
    flags.add_argument("--version", action="version", version=f"{program} {VERSION}")
    return flags


def add_registry_policy(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say which Secrets are sent to a registry, and where registries may be."""
    parser.add_argument(
        "--require-registry-annotation",
        nargs="?",
        const=True,
        default=False,
        type=exposure.boolean,
        metavar="true|false",
        help=f"send user names and passwords only to the registry that {REGISTRY_ANNOTATION} of "
        "their Secret names",
    )
    parser.add_argument(
        "--allow-local-registry",
        action="append",
        default=[],
        type=_host,
        metavar="HOST[:PORT]",
        help="a registry, or a host that one names, which may have a loopback, link-local or "
        "metadata address; repeatable",
    )


def add_choice(parser: argparse.ArgumentParser, flag: str, default: StrEnum, what: str) -> None:
    """Add a flag that takes the values of an enumeration; its help is `what` and the default."""
    parser.add_argument(
        flag,
        default=default.value,
        choices=[choice.value for choice in type(default)],
        help=f"{what} (default %(default)s)",
    )


def add_signature_modes(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say how strict an artifact is whose resource does not say so."""
    for flag, default, whose in (
        (
            "--verify-official",
            DEFAULT_MODES.official,
            "the Falco project's own artifacts on ghcr.io",
        ),
        ("--verify-others", DEFAULT_MODES.others, "all other artifacts"),
    ):
        add_choice(
            parser,
            flag,
            default,
            f"what follows if {whose} are not signed as is demanded, where their resource has "
            "no spec.ociArtifact.verify.mode",
        )


def add_pull_window(parser: argparse.ArgumentParser, more: str = "") -> None:
    """Add the flag by which pulls of the same content are spread."""
    parser.add_argument(
        "--pull-window",
        default=MOST_SECONDS,
        type=seconds,
        metavar="SECONDS",
        help="over how long the pods that need the same of a registry begin to pull it at most; it "
        f"is {SECONDS_A_POD} s for each of them, and 0 for one alone; 0 is off{more} "
        "(default %(default)s)",
    )


def seconds(text: str) -> float:
    """Parse a number of seconds, with or without the unit `s`, for argparse."""
    try:
        value = float(text.removesuffix("s"))
    except ValueError:
        value = -1.0
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds, such as 60s")
    return value


def signature_modes_of(flags: argparse.Namespace) -> DefaultModes:
    """The modes that these parsed flags give."""
    return DefaultModes(Mode(flags.verify_official), Mode(flags.verify_others))


def registry_policy_of(flags: argparse.Namespace) -> RegistryPolicy:
    """The policy that these parsed flags give."""
    local = tuple(dict.fromkeys(flags.allow_local_registry))
    return RegistryPolicy(flags.require_registry_annotation, local)


def _trace_size(text: str) -> int:
    """Parse the size of a trace, for argparse."""
    if not (text.isascii() and text.isdigit() and int(text) <= _MOST_TRACE):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of bytes from 0 to {_MOST_TRACE}")
    return int(text)


def _host(text: str) -> str:
    """Parse a host with or without a port, as URLs name it, for argparse."""
    if set("/?@") & set(text) or origin_of(f"https://{text}/") is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no host: allowed are localhost, registry.local:5000, 127.0.0.1, [::1]:80"
        )
    return text.lower()


def process_settings(
    parser: argparse.ArgumentParser, flags: argparse.Namespace, environ: Mapping[str, str]
) -> ProcessSettings:
    """The settings that these parsed flags and this environment give.

    Raises:
        SystemExit: 2 after a message on stderr if flags contradict each other.
    """
    return ProcessSettings(
        exposed=exposure.exposure(parser, flags, environ),
        log_level=flags.log_level,
        log_format=flags.log_format,
        trace_room=flags.trace_size,
        kubeconfig=environ.get("KUBECONFIG", ""),
        ignored_flags=flags.ignored_flags,
    )
