"""The operator's settings, parsed from flags and environment."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.runtime.turns import MOST
from resources.artifact.fields import Validation
from resources.falco.desired import SIDECAR_IMAGE
from resources.falco.exact_check import ExactCheck
from resources.instance.image import parse_image
from resources.kubernetes.invalid_spec import InvalidSpec
from supervisors.process.settings import (
    ProcessSettings,
    add_choice,
    add_pull_window,
    add_registry_policy,
    add_signature_modes,
    base_parser,
    process_settings,
    registry_policy_of,
    signature_modes_of,
)
from supervisors.serving.exposure import boolean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from resources.registry.credentials import RegistryPolicy
    from resources.signatures.demand import DefaultModes

_MOST_COUNT = 10_000
# The characters of a label key; `*` stands for any of them.
_LABEL_GLOB = re.compile(r"[A-Za-z0-9./_*-]{1,317}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of the operator."""

    process: ProcessSettings
    excluded_labels: tuple[str, ...]
    artifact_operator_image: str
    leader_elect: bool
    registry_policy: RegistryPolicy
    default_validation: Validation
    """What happens to what the check refuses, where an artifact does not say so."""
    signature_modes: DefaultModes
    trusted_root: str
    """The path of the trusted root; empty means that of the sigstore package."""
    registry_config: str
    """The path of the table of registries; empty for none."""
    pull_window: float
    """Seconds over which sidecars spread their pulls at most."""
    exact_check: ExactCheck
    """How the program of Falco comes to the sidecars, unless a Falco says otherwise."""
    most_reconciles: int
    """Reconciles that run at once."""
    namespace: str
    """The namespace of the Lease, and of the Secrets that the table of registries names.

    Empty means that of the ServiceAccount.
    """
    pod_name: str
    """The name of this process in Events and in the Lease; empty means the host's name."""


def parse(argv: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Read flags (without the program's name) and environment.

    Raises:
        SystemExit: 2 after a message on stderr that names flag, value and what is allowed; 0 after
            `--help` or `--version`.
    """
    parser = _parser()
    flags = parser.parse_args(argv)
    process = process_settings(parser, flags, environ)
    try:
        sidecar = _image(environ.get("ARTIFACT_OPERATOR_IMAGE") or SIDECAR_IMAGE)
    except InvalidSpec as error:
        parser.error(f"environment variable {error}")
    return Settings(
        process=process,
        excluded_labels=tuple(dict.fromkeys(flags.excluded_labels)),
        artifact_operator_image=sidecar,
        leader_elect=flags.leader_elect,
        registry_policy=registry_policy_of(flags),
        default_validation=Validation(flags.default_validation),
        signature_modes=signature_modes_of(flags),
        trusted_root=flags.trusted_root,
        registry_config=flags.registry_config,
        pull_window=flags.pull_window,
        exact_check=ExactCheck(flags.exact_check),
        most_reconciles=flags.max_concurrent_reconciles,
        namespace=environ.get("POD_NAMESPACE", ""),
        pod_name=environ.get("POD_NAME", ""),
    )


def _parser() -> argparse.ArgumentParser:
    parser = base_parser(
        "falco-operator",
        "Runs Falco on Kubernetes: one supervised actor for every custom resource.",
        "Environment: ARTIFACT_OPERATOR_IMAGE is the sidecar's image; KUBECONFIG is used "
        "instead of the pod's ServiceAccount; POD_NAME and POD_NAMESPACE say who this is.",
    )
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
        type=boolean,
        metavar="true|false",
        help="work only while holding the Lease falco-operator; needed for several replicas",
    )
    add_registry_policy(parser)
    add_signature_modes(parser)
    parser.add_argument(
        "--trusted-root",
        default="",
        metavar="FILE",
        help="a trusted_root.json by which keyless signatures are verified where a resource names "
        "none, followed when it changes (default: the one that the sigstore package ships)",
    )
    parser.add_argument(
        "--registry-config",
        default="",
        metavar="FILE",
        help="a YAML table of registries: mirrors by prefix, and for each host its authorities, "
        "plain HTTP and credentials; a proxy; followed when it changes (default: none)",
    )
    add_pull_window(parser, "; a change of it rolls the pods of every Falco")
    add_choice(
        parser,
        "--default-validation",
        Validation.ENFORCE,
        "for artifacts without spec.validation, whether what the check refuses is not "
        "installed (Enforce), or is installed all the same and told (Warn); a change of it rolls "
        "the pods of every Falco",
    )
    add_choice(
        parser,
        "--exact-check",
        ExactCheck.AUTO,
        "how sidecars get the program of their Falco, to ask it in dry runs what it takes: an "
        "init container copies it (copy), its image is a volume (image-volume), not at all (off), "
        "or a copy from official images and else not at all (auto); the annotation "
        "falcosecurity.dev/exact-check of a Falco overrides it",
    )
    parser.add_argument(
        "--max-concurrent-reconciles",
        default=MOST,
        type=_count,
        metavar="N",
        help="reconciles that run at once, of all kinds together; more of them are not faster but "
        "hold up probes (default %(default)s)",
    )
    return parser


def _label_glob(text: str) -> str:
    if not _LABEL_GLOB.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} matches no label key: allowed are letters, digits, '.', '/', '_', '-', "
            "and '*' for any characters"
        )
    return text


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST_COUNT):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {_MOST_COUNT}")
    return int(text)


def _image(reference: str) -> str:
    """Validate an image reference; raises InvalidSpec."""
    return str(parse_image(reference, "ARTIFACT_OPERATOR_IMAGE"))
