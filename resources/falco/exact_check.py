"""How the program of a pod's Falco comes to its sidecar, which asks it in dry runs.

Either way the sidecar needs no right: an init container of Falco's image copies the program and its
libraries into an emptyDir, or the image itself is a volume. Nothing of it keeps a pod from
starting, as long as the image has a shell, or the kubelet mounts images: the init container has the
image, pull policy, rights and resources with which other containers of the pod start.
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

LIBRARIES = "libraries"
"""The file below it with the paths of all libraries in the image, where it is a copy."""
# Fields of the container `falco` by which it may have libraries that its image has not.
OWN_FILES = ("volumeMounts", "command", "args", "lifecycle")

_OFFICIAL = "falcosecurity/falco"
_COPY_MOUNT = "/falco-image"
_SIZE_LIMIT = "256Mi"
# A pod whose volume exceeds its limit is evicted, so more than this is not copied.
_MOST_KIB = 240 << 10
_MOST_SECONDS = 60
# Whatever fails, or takes too long, the pod starts; the sidecar finds out whether the program runs.
_COPY = 'timeout -s KILL {seconds} /bin/sh -c "$0"; exit 0'
# A dynamic linker that sees the variable prints the libraries of a program and does not run it; a
# program without one prints its version. The program comes last, so that it has its libraries.
_SCRIPT = f"""\
linked=$(LD_TRACE_LOADED_OBJECTS=1 /usr/bin/falco --version </dev/null |
tr -s ' \\t' '\\n' | grep ^/)
files="$linked /usr/lib/libstdc++.so.6 /usr/lib/libgcc_s.so.1"
size=$(du -Lck $files /usr/bin/falco | tail -n 1 | cut -f 1)
[ "$size" -le {_MOST_KIB} ] || exit
mkdir -p {_COPY_MOUNT}/usr/bin {_COPY_MOUNT}/usr/lib
find / -xdev -name '*.so*' ! -type d >{_COPY_MOUNT}/{LIBRARIES}
for file in $files
do cp -L "$file" {_COPY_MOUNT}/usr/lib/
done
cp -L /usr/bin/falco {_COPY_MOUNT}/usr/bin/
"""


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
    # Behind a digest alone there may be a distroless image, whose init container would not start.
    is_known = image.tag is not None or image.digest is None
    is_official = f"/{image.name}".endswith(f"/{_OFFICIAL}") and "distroless" not in image.version
    return ExactCheck.COPY if is_official and is_known else ExactCheck.OFF


def copy_container(
    image: str,
    pull_policy: str,
    seconds: int,
    resources: dict[str, Any],
    security: dict[str, Any],
) -> dict[str, Any]:
    """The init container that copies the program; it succeeds within these seconds, or a minute."""
    return {
        "name": VOLUME,
        "image": image,
        **({"imagePullPolicy": pull_policy} if pull_policy else {}),
        "command": [
            *("/bin/sh", "-c"),
            _COPY.format(seconds=max(1, min(seconds, _MOST_SECONDS))),
            _SCRIPT,
        ],
        "resources": resources,
        "securityContext": security,
        "volumeMounts": [{"name": VOLUME, "mountPath": _COPY_MOUNT}],
    }


def volume(way: ExactCheck, image: str, pull_policy: str) -> dict[str, Any]:
    """The volume with the program."""
    if way is ExactCheck.IMAGE_VOLUME:
        policy = {"pullPolicy": pull_policy} if pull_policy else {}
        return {"name": VOLUME, "image": {"reference": image, **policy}}
    return {"name": VOLUME, "emptyDir": {"sizeLimit": _SIZE_LIMIT}}
