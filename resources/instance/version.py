"""The version that `.status` shows: what runs on all pods, or how it changes."""

from __future__ import annotations

from typing import Any

from resources.instance.image import parse_image
from resources.kubernetes.invalid_spec import InvalidSpec

_CHANGES = "→"
_AND = ", "
_MOST_BEFORE = 3


def shown_version(before: str | None, newest: str | None, *, complete: bool) -> str | None:
    """The newest version once it runs on all pods (`complete`), else the change to it.

    A change names the versions that pods may still have, as in `0.43.0 → 0.44.0`, or none at the
    beginning: `→ 0.44.0`. It continues the change that was shown `before`. A workload that once
    ran the newest version on all pods has no change while pods fail.
    """
    if newest is None or complete or before == newest:
        return newest
    left, _, right = (part.strip() for part in (before or "").rpartition(_CHANGES))
    versions = [*left.split(_AND), right]
    still = [version for version in dict.fromkeys(versions) if version not in ("", newest)]
    return f"{_AND.join(still[-_MOST_BEFORE:])} {_CHANGES} {newest}".strip()


def version_of(workload: dict[str, Any] | None, container: str) -> str | None:
    """The version of a container's image; None without workload, container or valid image."""
    if workload is None:
        return None
    for candidate in workload["spec"]["template"]["spec"]["containers"]:
        if candidate["name"] == container:
            return _version(candidate["image"])
    return None


def _version(reference: str) -> str | None:
    try:
        return parse_image(reference, "image").version
    except InvalidSpec:
        return None
