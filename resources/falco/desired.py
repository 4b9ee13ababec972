"""The children of a Falco, as they should be."""

from dataclasses import dataclass, replace
from typing import Any

from resources.artifact.fields import Validation
from resources.configuration import base as falco_config
from resources.falco import pod as falco_pod
from resources.falco.exact_check import OWN_FILES, ExactCheck, way_of
from resources.falco.pod_settings import PodSettings
from resources.falco.ports import Ports, ports_of
from resources.falco.rights import FALCO_CLUSTER_RULES, Readable, falco_rules
from resources.falco.spec import Falco
from resources.instance.children import Child, Parent, parent_of
from resources.instance.image import Image
from resources.instance.rbac import cluster_rights, namespaced_rights
from resources.instance.workload import MainWorkload, enforced, pod_labels, service, workload
from resources.kubernetes.overlay import Template, normalized
from resources.registry.credentials import DEFAULT_POLICY, RegistryPolicy
from resources.registry.pull_window import MOST_SECONDS
from resources.registry.table import TABLE_KEY, RegistryTable, table_text
from resources.signatures.demand import DEFAULT_MODES, DefaultModes

SIDECAR_IMAGE = "docker.io/falcosecurity/artifact-operator:latest"


@dataclass(frozen=True, slots=True)
class FalcoSettings:
    """The operator's settings that hold for every Falco; `gate_deadline` is in seconds."""

    sidecar_image: str = SIDECAR_IMAGE
    excluded_labels: tuple[str, ...] = ()
    gate_deadline: int = 60
    registry_policy: RegistryPolicy = DEFAULT_POLICY
    exact_check: ExactCheck = ExactCheck.AUTO
    default_validation: Validation = Validation.ENFORCE
    signature_modes: DefaultModes = DEFAULT_MODES
    pull_window: float = MOST_SECONDS
    registries: RegistryTable | None = None
    """The table of registries for sidecars; None without --registry-config."""


def main_workload(falco: Falco) -> MainWorkload:
    """The DaemonSet or Deployment that the spec asks for, and in it the container `falco`."""
    return MainWorkload(_workload_kind(falco), falco_pod.MAIN.name)


def resolved_version(falco: Falco) -> str:
    """The version to run: that of the image in the template, else of the spec, else the default.

    Raises:
        InvalidSpec: the image or the version is not valid.
    """
    return _image(falco).version


def desired(
    falco: Falco,
    settings: FalcoSettings,
    readable: Readable = Readable(),  # noqa: B008 - a value
) -> tuple[Child, ...]:
    """The desired children, lower waves first; equal input gives equal bodies.

    Raises:
        InvalidSpec: the spec cannot be carried out.
    """
    parent = parent_of("Falco", falco.metadata, settings.excluded_labels)
    web = _ports(falco, parent).web
    config = falco_config.base_config(_workload_kind(falco), resolved_version(falco), web)
    children = (
        parent.child("ServiceAccount"),
        *namespaced_rights(parent, falco_rules(*readable)),
        *cluster_rights(parent, FALCO_CLUSTER_RULES),
        service(parent, Ports().of_falco()),
        parent.child("ConfigMap", data={falco_config.FILE: config, **_registries(settings)}),
        _workload(falco, parent, config, settings),
    )
    return tuple(sorted(children, key=lambda child: child.wave))


def _registries(settings: FalcoSettings) -> dict[str, str]:
    """The table in the ConfigMap, whose change reaches running pods: no hash of it is in them."""
    return {TABLE_KEY: table_text(settings.registries)} if settings.registries is not None else {}


def _workload_kind(falco: Falco) -> str:
    return falco.spec.type or "DaemonSet"


def _image(falco: Falco) -> Image:
    spec = falco.spec
    return falco_pod.MAIN.image_to_run(spec.pod_template_spec, spec.version, "spec.version")


def _ports(falco: Falco, parent: Parent) -> Ports:
    template = falco.spec.pod_template_spec or {}
    return ports_of(parent.owner.ref, template, falco_pod.MAIN.name, falco_pod.SIDECAR)


def _workload(falco: Falco, parent: Parent, config: str, settings: FalcoSettings) -> Child:
    """The DaemonSet or Deployment; without `replicas` in the spec, an autoscaler may set them."""
    kind, spec = _workload_kind(falco), falco.spec
    is_deployment = kind == "Deployment"
    child = workload(
        parent,
        kind,
        _templates(falco, parent, config, settings),
        "ConfigMap",
        "ServiceAccount",
        strategy=spec.strategy if is_deployment else spec.update_strategy,
        replicas=spec.replicas if is_deployment else None,
    )
    return replace(child, warnings=falco_pod.warnings(child.body["spec"]["template"]))


def _given(falco: Falco, field: str) -> Any:
    return falco_pod.MAIN.given(falco.spec.pod_template_spec, field)


def _templates(
    falco: Falco, parent: Parent, config: str, settings: FalcoSettings
) -> tuple[Template, ...]:
    """The layers of the pod template: the defaults, the user's template, the enforced layer."""
    image = _image(falco)
    pod = PodSettings(
        workload=_workload_kind(falco),
        name=falco.metadata.name,
        image=str(image),
        version=image.version,
        config_hash=falco_config.config_hash(config),
        labels=pod_labels(parent),
        sidecar_image=settings.sidecar_image,
        gate_deadline=settings.gate_deadline,
        ports=_ports(falco, parent),
        registry_policy=settings.registry_policy,
        default_validation=settings.default_validation,
        signature_modes=settings.signature_modes,
        pull_window=settings.pull_window,
        has_registries=settings.registries is not None,
        exact_check=way_of(settings.exact_check, falco.metadata.annotations, image),
        pull_policy=_given(falco, "imagePullPolicy") or "",
        has_own_files=any(_given(falco, field) for field in OWN_FILES),
    )
    # Enforced, since a template copied from a running pod has the hash of an old configuration.
    annotations = {falco_pod.CONFIG_HASH: pod.config_hash}
    return (
        falco_pod.pod_template(pod),
        normalized(falco.spec.pod_template_spec or {}),
        enforced(parent, falco_pod.MAIN.name, image, annotations),
    )
