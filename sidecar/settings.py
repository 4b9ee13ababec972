"""The artifact operator's settings, parsed from flags and environment."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from resources.artifact.fields import Validation
from resources.node.pace import DEADLINE_SECONDS, LEAST_SECONDS
from sidecar.node.report import Pod
from supervisors.process.settings import (
    ProcessSettings,
    add_choice,
    add_pull_window,
    add_registry_policy,
    add_signature_modes,
    base_parser,
    process_settings,
    registry_policy_of,
    seconds,
    signature_modes_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from resources.registry.credentials import RegistryPolicy
    from resources.signatures.demand import DefaultModes

AUTO, OFF = "auto", "off"
_MEBIBYTE = 1 << 20
# Seconds. In the host's network anybody may have a port; Falco gets its files all the same.
_LISTEN_AGAIN = 30.0
# Variable → field of Pod, as set in every Falco pod by the downward API.
_IDENTITY = {
    "POD_NAMESPACE": "namespace",
    "POD_NAME": "name",
    "POD_UID": "uid",
    "NODE_NAME": "node",
}


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """All settings of the artifact operator."""

    process: ProcessSettings
    pod: Pod
    volume_root: Path
    """The directory that holds Falco's directories at their usual paths."""
    gate_deadline: float
    """Seconds that the start of Falco waits for its artifacts at most."""
    quiet: float
    """Seconds that Falco is left alone with a batch of changes at least, before the next."""
    load_deadline: float
    """Seconds that Falco has to say that it has loaded a batch, after that."""
    validation: Validation
    """What happens to what the check refuses, where an artifact does not say so."""
    falco_name: str
    """The name of the Falco resource, for messages."""
    falco_version: str
    """The tag or digest of Falco's image: it tells the versions until Falco does so itself."""
    falco_web_server: str
    """AUTO, OFF, or the port of 127.0.0.1 at which Falco is asked what it has loaded."""
    falco_image: Path | None
    """A directory laid out as Falco's image, whose Falco is asked in dry runs; None to ask none."""
    only_image_libraries: bool
    """Whether that Falco finds libraries in its image and its volumes only."""
    registry_policy: RegistryPolicy
    signature_modes: DefaultModes
    pull_window: float
    """Seconds over which the pulls of all pods that need the same are spread at most."""
    registry_config: str
    """The path of the table of registries; empty for none."""
    most_rules_bytes: int
    most_plugin_bytes: int


def parse(argv: Sequence[str], environ: Mapping[str, str]) -> NodeSettings:
    """Read flags (without the program's name) and environment.

    Raises:
        SystemExit: 2 after a message on stderr that names flag, value and what is allowed; 0 after
            `--help` or `--version`.
    """
    parser = _parser()
    flags = parser.parse_args(argv)
    process = process_settings(parser, flags, environ)
    missing = [name for name in _IDENTITY if not environ.get(name)]
    if missing:
        parser.error(f"environment variables are not set: {', '.join(missing)}")
    return NodeSettings(
        process=replace(process, exposed=replace(process.exposed, listen_again=_LISTEN_AGAIN)),
        pod=Pod(**{field: environ[name] for name, field in _IDENTITY.items()}),
        volume_root=flags.volume_root,
        gate_deadline=flags.gate_deadline,
        quiet=flags.quiet_time,
        load_deadline=flags.load_deadline,
        validation=Validation(flags.default_validation),
        falco_name=flags.falco_name,
        falco_version=flags.falco_version,
        falco_web_server=flags.falco_web_server,
        falco_image=flags.falco_image,
        only_image_libraries=flags.only_image_libraries,
        registry_policy=registry_policy_of(flags),
        signature_modes=signature_modes_of(flags),
        pull_window=flags.pull_window,
        registry_config=flags.registry_config,
        most_rules_bytes=flags.max_rules_size * _MEBIBYTE,
        most_plugin_bytes=flags.max_plugin_size * _MEBIBYTE,
    )


def _parser() -> argparse.ArgumentParser:
    parser = base_parser(
        "artifact-operator",
        "Runs beside Falco and turns artifacts into files that Falco loads.",
        "Environment: POD_NAMESPACE, POD_NAME, POD_UID and NODE_NAME say whose artifacts "
        "these are; KUBECONFIG is used instead of the pod's ServiceAccount.",
    )
    parser.add_argument(
        "--volume-root",
        default=Path("/"),
        type=Path,
        metavar="DIRECTORY",
        help="where the volumes shared with Falco are mounted (default %(default)s)",
    )
    parser.add_argument(
        "--gate-deadline",
        default="60s",
        type=seconds,
        metavar="SECONDS",
        help="how long the start of Falco waits for its artifacts, as in 60s (default %(default)s)",
    )
    parser.add_argument(
        "--quiet-time",
        default=LEAST_SECONDS,
        type=seconds,
        metavar="SECONDS",
        help="how long Falco is left alone to load changes before the next ones, and a second more "
        "for each MB of rules that it compiles (default %(default)s)",
    )
    parser.add_argument(
        "--load-deadline",
        default=DEADLINE_SECONDS,
        type=_load_deadline,
        metavar="SECONDS",
        help="how long after that time Falco has to say that it has loaded changes, before they "
        "are reported as not loaded, and after half as long again taken back (default %(default)s)",
    )
    add_choice(
        parser,
        "--default-validation",
        Validation.ENFORCE,
        "whether what the check refuses is not installed (Enforce), or is installed all the "
        "same and told (Warn), for artifacts without spec.validation",
    )
    _add_falco(parser)
    add_registry_policy(parser)
    add_signature_modes(parser)
    add_pull_window(parser)
    parser.add_argument(
        "--registry-config",
        default="",
        metavar="FILE",
        help="the table of registries as the operator hands it on, followed when it changes; "
        "nothing is pulled before it is there (default: none)",
    )
    for name, default in (("rules", 4), ("plugin", 256)):
        parser.add_argument(
            f"--max-{name}-size",
            default=default,
            type=_mebibytes,
            metavar="MIB",
            help=f"how much a {name} artifact may take, packed or unpacked (default %(default)s)",
        )
    return parser


def _add_falco(parser: argparse.ArgumentParser) -> None:
    """Add what the pod's Falco is, and how it is asked."""
    parser.add_argument(
        "--falco-name",
        default="",
        metavar="NAME",
        help="the Falco that the pod belongs to, as messages name it",
    )
    parser.add_argument(
        "--falco-version",
        default="",
        metavar="VERSION",
        help="the tag or digest of the Falco that loads the files; until it says its versions "
        "itself, those of that release count, or none are checked",
    )
    parser.add_argument(
        "--falco-web-server",
        default=AUTO,
        type=_web_server,
        metavar="WHERE",
        help="where Falco is asked what it has loaded: auto (the port in its configuration), "
        "a port of 127.0.0.1, or off (default %(default)s)",
    )
    parser.add_argument(
        "--falco-image",
        default=None,
        type=Path,
        metavar="DIRECTORY",
        help="a directory laid out as the image of that Falco, which is then asked in dry runs "
        "whether it takes the files (default: Falco is not asked)",
    )
    parser.add_argument(
        "--only-image-libraries",
        action="store_true",
        help="that Falco finds libraries in its image and its volumes only, so that a plugin whose "
        "library is in neither is refused",
    )


def _load_deadline(text: str) -> float:
    value = seconds(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is less than a second, in which Falco loads")
    return value


def _web_server(text: str) -> str:
    is_port = text.isascii() and text.isdigit() and 1 <= int(text) <= 65535
    if text not in {AUTO, OFF} and not is_port:
        raise argparse.ArgumentTypeError(f"{text!r} is not auto, off, or a port from 1 to 65535")
    return text


def _mebibytes(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 4096):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of MiB from 1 to 4096")
    return int(text)
