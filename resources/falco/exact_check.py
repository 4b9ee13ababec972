"""How the program of a pod's Falco comes to its sidecar, which asks it in dry runs.

Either way the sidecar needs no right: an init container of Falco's image copies the program and its
libraries into an emptyDir, or the image itself is a volume. Nothing of it keeps a pod from
starting, as long as the image has a shell, or the kubelet mounts images.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from resources.kubernetes.invalid_spec import InvalidSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resources.instance.image import Image

ANNOTATION = "falcosecurity.dev/exact-check"
VOLUME = "falco-program"
MOUNT = "/opt/falco-image"
"""Where the sidecar mounts it, laid out as the image."""

_OFFICIAL = "falcosecurity/falco"
_COPY_MOUNT = "/falco-image"
_SIZE_LIMIT = "256Mi"
# Whatever fails, the pod starts; the sidecar finds out whether the program runs. A dynamic linker
# that sees the variable prints the libraries of a program and does not run it.
_COPY = f"""\
mkdir -p {_COPY_MOUNT}/usr/bin {_COPY_MOUNT}/usr/lib
cp /usr/bin/falco {_COPY_MOUNT}/usr/bin/
linked=$(LD_TRACE_LOADED_OBJECTS=1 /usr/bin/falco </dev/null | tr -s ' \\t' '\\n' | grep ^/)
for library in $linked /usr/lib/libstdc++.so.6 /usr/lib/libgcc_s.so.1
do cp -L "$library" {_COPY_MOUNT}/usr/lib/
done
exit 0
"""
_RESOURCES = {
    "requests": {"cpu": "10m", "memory": "16Mi"},
    "limits": {"memory": "64Mi"},
}


class ExactCheck(StrEnum):
    """The setting of the operator, which an annotation of a Falco overrides."""

    AUTO = "auto"
    COPY = "copy"
    IMAGE_VOLUME = "image-volume"
    OFF = "off"


def way_of(setting: ExactCheck, annotations: Mapping[str, str] | None, image: Image) -> ExactCheck:
    """How this Falco's program comes to its sidecar; never AUTO.

    Raises:
        InvalidSpec: the annotation has another value.
    """
    given = (annotations or {}).get(ANNOTATION)
    try:
        way = ExactCheck(given) if given is not None else setting
    except ValueError:
        field = f"metadata.annotations[{ANNOTATION}]"
        raise InvalidSpec(field, given or "", ", ".join(ExactCheck)) from None
    if way is not ExactCheck.AUTO:
        return way
    is_official = f"/{image.name}".endswith(f"/{_OFFICIAL}") and "distroless" not in image.version
    return ExactCheck.COPY if is_official else ExactCheck.OFF


def copy_container(image: str, security: dict[str, Any]) -> dict[str, Any]:
    """The init container that copies the program; it always succeeds."""
    return {
        "name": VOLUME,
        "image": image,
        "command": ["/bin/sh", "-c", _COPY],
        "resources": _RESOURCES,
        "securityContext": security,
        "volumeMounts": [{"name": VOLUME, "mountPath": _COPY_MOUNT}],
    }


def volume(way: ExactCheck, image: str) -> dict[str, Any]:
    """The volume with the program."""
    if way is ExactCheck.IMAGE_VOLUME:
        return {"name": VOLUME, "image": {"reference": image}}
    return {"name": VOLUME, "emptyDir": {"sizeLimit": _SIZE_LIMIT}}
