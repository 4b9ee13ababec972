"""References to container images, by the grammar of the OCI distribution specification."""

from __future__ import annotations

import re
from typing import NamedTuple

from resources.kubernetes.invalid_spec import InvalidSpec
from resources.registry.tag_or_digest import TAG_PATTERN

_ANY_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[+._-][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*"
_REFERENCE = re.compile(
    rf"(?P<name>{_NAME})(?::(?P<tag>{TAG_PATTERN}))?(?:@(?P<digest>{_ANY_DIGEST}))?", re.ASCII
)
_VERSION = re.compile(
    rf"(?P<tag>{TAG_PATTERN})(?:@(?P<pin>{_ANY_DIGEST}))?|(?P<digest>{_ANY_DIGEST})", re.ASCII
)

_A_REFERENCE = "an image reference such as host:5000/path/name:tag or name@sha256:…"
_A_VERSION = (
    "an image tag (letters, digits, '_', '.' and '-', at most 128 characters, "
    "not starting with '.' or '-'), a digest such as sha256:…, or both as in 0.44.1@sha256:…"
)


class Image(NamedTuple):
    """A reference to an image; `name` is the registry's host and port, if given, and the path."""

    name: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"

    @property
    def version(self) -> str:
        """The version that runs: tag, digest, or both joined by `@`; `latest` without either."""
        return "@".join(filter(None, (self.tag, self.digest))) or "latest"


def parse_image(reference: str, field: str) -> Image:
    """The image that a reference in the spec's `field` names.

    Raises:
        InvalidSpec: the text is no image reference.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise InvalidSpec(field, reference, _A_REFERENCE)
    return Image(match["name"], match["tag"], match["digest"])


def pull_policy(reference: str) -> str:
    """The pull policy that the API server gives an image without one."""
    match = _REFERENCE.fullmatch(reference)
    is_latest = match is not None and (
        match["tag"] == "latest" or not (match["tag"] or match["digest"])
    )
    return "Always" if is_latest else "IfNotPresent"


def with_version(image: Image, version: str, field: str) -> Image:
    """The image with the version in the spec's `field`: a tag, a digest, or both joined by `@`.

    Raises:
        InvalidSpec: the version is none of them.
    """
    match = _VERSION.fullmatch(version)
    if match is None:
        raise InvalidSpec(field, version, _A_VERSION)
    return Image(image.name, match["tag"], match["pin"] or match["digest"])
