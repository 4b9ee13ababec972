"""What the default pod of a Falco depends on, and the flags of its sidecar that follow."""

from __future__ import annotations

from typing import NamedTuple

from resources.artifact.fields import Validation
from resources.falco import exact_check
from resources.falco.exact_check import ExactCheck
from resources.falco.ports import Ports
from resources.registry.credentials import DEFAULT_POLICY, RegistryPolicy
from resources.registry.pull_window import MOST_SECONDS
from resources.registry.table import TABLE_KEY
from resources.signatures.demand import DEFAULT_MODES, DefaultModes
from resources.signatures.policy import Mode

REGISTRIES_FILE = f"/etc/artifact-operator/registries/{TABLE_KEY}"
"""Where the sidecar reads the table of registries, which the kubelet keeps up to date."""


class PodSettings(NamedTuple):
    """All that the default pod template depends on; `gate_deadline` is in seconds.

    `exact_check` is not AUTO. `pull_policy` is that of the container `falco`, empty for none.
    `has_own_files`: the user's template may give that container files beside those of its image.
    `has_registries`: the Falco's ConfigMap has a table of registries, which the sidecar follows.
    """

    workload: str
    name: str
    image: str
    version: str
    config_hash: str
    labels: dict[str, str]
    sidecar_image: str
    gate_deadline: int
    ports: Ports = Ports()
    registry_policy: RegistryPolicy = DEFAULT_POLICY
    signature_modes: DefaultModes = DEFAULT_MODES
    pull_window: float = MOST_SECONDS
    exact_check: ExactCheck = ExactCheck.OFF
    default_validation: Validation = Validation.ENFORCE
    pull_policy: str = ""
    has_own_files: bool = False
    has_registries: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether the sidecar gets the program of Falco."""
        return self.exact_check is not ExactCheck.OFF


def sidecar_flags(settings: PodSettings) -> list[str]:
    """The arguments of the program artifact-operator."""
    return [
        f"--gate-deadline={settings.gate_deadline}s",
        f"--falco-name={settings.name}",
        f"--falco-version={settings.version}",
        *settings.ports.sidecar_flags(),
        *(_image_flags(settings) if settings.is_exact else []),
        *_policy_flags(settings.registry_policy),
        *_validation_flags(settings.default_validation),
        *_signature_flags(settings.signature_modes),
        *_window_flags(settings.pull_window),
        *([f"--registry-config={REGISTRIES_FILE}"] if settings.has_registries else []),
    ]


def _image_flags(settings: PodSettings) -> list[str]:
    whole = [] if settings.has_own_files else ["--only-image-libraries"]
    return [f"--falco-image={exact_check.MOUNT}", *whole]


def _policy_flags(policy: RegistryPolicy) -> list[str]:
    required = ["--require-registry-annotation"] if policy.annotation_required else []
    return [*required, *(f"--allow-local-registry={host}" for host in policy.local_registries)]


def _validation_flags(mode: Validation) -> list[str]:
    """None for the sidecar's own default, so that an upgrade rolls no pods."""
    return [f"--default-validation={mode}"] if mode is not Validation.ENFORCE else []


def _signature_flags(modes: DefaultModes) -> list[str]:
    """The modes by which a sidecar installs nothing that is not verified; others are all the same.

    So an operator that only warns leaves the pods as they are.
    """
    by_flag = {"--verify-official": modes.official, "--verify-others": modes.others}
    return [f"{flag}={mode}" for flag, mode in by_flag.items() if mode is Mode.ENFORCE]


def _window_flags(seconds: float) -> list[str]:
    """None for the sidecar's own default, so that an upgrade rolls no pods."""
    return [f"--pull-window={seconds:g}s"] if seconds != MOST_SECONDS else []
