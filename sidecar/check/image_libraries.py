"""Whether Falco's container can have a library that a dry run here lacks."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from resources.falco.exact_check import LIBRARIES
from sidecar.volume.disk import read_bounded

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 4 << 20
# Where Falco's container has files that are not of its image, or that the list cannot show.
_UNSEEN = ("/dev/", "/etc/falco/", "/host/", "/proc/", "/root/", "/sys/")


def is_nowhere(library: str, image: Path) -> bool:
    """Whether it is known that the image has no library of this name; `library` may be a path.

    Of a copied image there is a list of its libraries. By names only, as paths may lead over links.
    """
    name = PurePosixPath(library).name
    if ".so" not in name or library.startswith(_UNSEEN):
        return False
    try:
        listed = read_bounded(image / LIBRARIES, _MOST_BYTES).decode(errors="replace").split("\n")
    except FileNotFoundError:
        return (image / "etc").is_dir() and not any(image.rglob(name))
    except OSError:
        return False
    names = {path.rpartition("/")[2] for path in listed if path}
    return bool(names) and name not in names
