"""Image references, by the grammar of the OCI distribution specification."""

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
_VERSION = re.compile(rf"{TAG_PATTERN}|{_ANY_DIGEST}", re.ASCII)

_A_REFERENCE = "an image reference such as host:5000/path/name:tag or name@sha256:…"
_A_VERSION = (
    "an image tag (letters, digits, '_', '.' and '-', at most 128 characters, "
    "not starting with '.' or '-') or a digest such as sha256:…"
)


class Image(NamedTuple):
    """A parsed image reference; `name` is the registry host with port, if any, and the path."""

    name: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"

    @property
    def version(self) -> str:
        """What runs: the tag, the digest, or both; a name alone means `latest`."""
        return "@".join(filter(None, (self.tag, self.digest))) or "latest"


def parse_image(reference: str, field: str) -> Image:
    """Parse a reference.

    Raises:
        InvalidSpec: it is none; `field` names where it came from.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise InvalidSpec(field, reference, _A_REFERENCE)
    return Image(match["name"], match["tag"], match["digest"])


def with_version(image: Image, version: str, field: str) -> Image:
    """The same image in another version: a tag, or a digest, which stands without a tag.

    Raises:
        InvalidSpec: the version is neither; `field` names where it came from.
    """
    if not _VERSION.fullmatch(version):
        raise InvalidSpec(field, version, _A_VERSION)
    return Image(image.name, digest=version) if ":" in version else Image(image.name, tag=version)
