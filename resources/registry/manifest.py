"""Manifests of artifacts as falcoctl publishes them: which blobs they have, within which bounds.

Sources: OCI image-spec 1.1, "Image Manifest" and "Image Index"; falcoctl's media types.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec

from resources.registry.limits import MAX_DOCUMENT_BYTES
from resources.registry.request import Dependency, Requirement
from resources.registry.tag_or_digest import is_digest
from resources.text.messages import shown_unquoted

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
_DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
ACCEPT = f"{MANIFEST}, {INDEX}, {_DOCKER_MANIFEST}, {_DOCKER_INDEX}"

_PREFIX = "application/vnd.cncf.falco."
_CONFIG_TYPE, _LAYER_TYPE = ".config.v1+json", ".layer.v1+tar.gz"
# The word in the media types for each kind of resource, and what messages call such an artifact.
_WORDS = {"Rulesfile": "rulesfile", "Plugin": "plugin"}
_NAMES = {"rulesfile": "a rules artifact", "plugin": "a plugin", "asset": "an asset"}

_MOST_SHOWN = 10

T = TypeVar("T")
_Short = Annotated[str, msgspec.Meta(max_length=256)]


class InvalidManifest(ValueError):  # noqa: N818 - it describes the artifact, not a failure of ours
    """An artifact that does not fit the kind of resource that asks for it."""


class Platform(msgspec.Struct, frozen=True):
    """The platform of an entry of an index."""

    os: str = ""
    architecture: str = ""

    def __str__(self) -> str:
        return f"{self.os}/{self.architecture}"


class Descriptor(msgspec.Struct, frozen=True, rename="camel"):
    """The descriptor of a document or blob: its media type, digest and size in bytes."""

    media_type: str = ""
    digest: str = ""
    size: int = -1
    platform: Platform | None = None


class _Root(msgspec.Struct, frozen=True, rename="camel"):
    """A manifest or an index; which of both shows in its fields."""

    media_type: str = ""
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] | None = None
    manifests: tuple[Descriptor, ...] | None = None


class Manifest(msgspec.Struct, frozen=True):
    """The config and the layers of an artifact."""

    config: Descriptor
    layers: tuple[Descriptor, ...]


class Index(msgspec.Struct, frozen=True):
    """The manifests of one artifact for several platforms."""

    manifests: tuple[Descriptor, ...]


class _Named(msgspec.Struct, frozen=True):
    """A requirement as the config holds it; some engine versions are plain numbers."""

    name: _Short
    version: _Short | int = ""


class _Dependency(_Named, frozen=True):
    alternatives: tuple[_Named, ...] | None = None


class _Config(msgspec.Struct, frozen=True):
    name: _Short | None = None
    version: _Short | None = None
    requirements: tuple[_Named, ...] | None = None
    dependencies: tuple[_Dependency, ...] | None = None


class ArtifactConfig(msgspec.Struct, frozen=True):
    """What an artifact's config states; a field is empty if the config does not have it."""

    name: str = ""
    version: str = ""
    requirements: tuple[Requirement, ...] = ()
    dependencies: tuple[Dependency, ...] = ()


def root_of(document: bytes) -> Manifest | Index:
    """The manifest or index in a document whose digest has been verified.

    The Content-Type of the answer is ignored, since the digest does not cover it.

    Raises:
        InvalidManifest: the document is neither, or could be read as both.
    """
    root = _decoded(document, _Root, "manifest")
    if root.media_type not in {"", MANIFEST, INDEX, _DOCKER_MANIFEST, _DOCKER_INDEX}:
        raise InvalidManifest(f"the manifest is of media type {shown_unquoted(root.media_type)}")
    is_index = root.manifests is not None
    if is_index == (root.layers is not None or root.config is not None):
        raise InvalidManifest("the manifest is neither an image manifest nor an image index")
    if root.media_type and is_index != (root.media_type in {INDEX, _DOCKER_INDEX}):
        raise InvalidManifest(f"the manifest is not what its media type says: {root.media_type}")
    if root.manifests is not None:
        return Index(root.manifests)
    if root.config is None:
        raise InvalidManifest("the manifest has no config")
    return Manifest(root.config, root.layers or ())


def for_platform(index: Index, wanted: Platform) -> Descriptor:
    """The first entry of the index for this platform.

    Raises:
        InvalidManifest: there is none; the message names the platforms that there are.
    """
    for entry in index.manifests:
        if entry.platform == wanted:
            return _checked(entry, "manifest", MAX_DOCUMENT_BYTES)
    platforms = [str(entry.platform or "no platform") for entry in index.manifests]
    names = ", ".join(shown_unquoted(name) for name in platforms[:_MOST_SHOWN])
    others = len(platforms) - _MOST_SHOWN
    rest = f" and {others} more" if others > 0 else ""
    raise InvalidManifest(f"the index has nothing for {wanted}, only for: {names or '-'}{rest}")


def blobs_of(manifest: Manifest, kind: str, max_layer_bytes: int) -> tuple[Descriptor, Descriptor]:
    """The config and the one layer of an artifact for a resource of this kind.

    Here the size of a layer is bounded, by its descriptor; `actors.registry.archive` bounds the
    bytes that it unpacks to.

    Raises:
        InvalidManifest: it is another kind of artifact, or a blob exceeds its bound in bytes.
    """
    word = _WORDS[kind]
    if manifest.config.media_type != f"{_PREFIX}{word}{_CONFIG_TYPE}":
        raise InvalidManifest(_other_kind(manifest.config.media_type, kind))
    if len(manifest.layers) != 1:
        raise InvalidManifest(f"the manifest has {len(manifest.layers)} layers, expected one")
    layer = manifest.layers[0]
    wanted = f"{_PREFIX}{word}{_LAYER_TYPE}"
    if layer.media_type != wanted:
        raise InvalidManifest(
            f"the layer is of media type {shown_unquoted(layer.media_type)}, expected {wanted}"
        )
    config = _checked(manifest.config, "config", MAX_DOCUMENT_BYTES)
    return config, _checked(layer, "layer", max_layer_bytes)


def config_of(document: bytes) -> ArtifactConfig:
    """What an artifact's config states; its digest has been verified.

    Raises:
        InvalidManifest: the document is no JSON of that form.
    """
    config = _decoded(document, _Config, "config")
    return ArtifactConfig(
        config.name or "",
        config.version or "",
        _requirements(config.requirements),
        tuple(
            Dependency(each.name, str(each.version), _requirements(each.alternatives))
            for each in config.dependencies or ()
        ),
    )


def _requirements(named: tuple[_Named, ...] | None) -> tuple[Requirement, ...]:
    return tuple(Requirement(each.name, str(each.version)) for each in named or ())


def _other_kind(media_type: str, kind: str) -> str:
    """The message for an artifact of another kind."""
    wanted = _NAMES[_WORDS[kind]]
    word = media_type.removeprefix(_PREFIX).removesuffix(_CONFIG_TYPE)
    if word in _NAMES and media_type == f"{_PREFIX}{word}{_CONFIG_TYPE}":
        return f"it is {_NAMES[word]}, but a {kind} needs {wanted}"
    return f"its config is of media type {shown_unquoted(media_type)}, but a {kind} needs {wanted}"


def _checked(descriptor: Descriptor, what: str, max_bytes: int) -> Descriptor:
    if not is_digest(descriptor.digest):
        digest = shown_unquoted(descriptor.digest)
        raise InvalidManifest(f"the digest of the {what} is {digest}, not sha256")
    if descriptor.size < 0:
        raise InvalidManifest(f"the manifest does not say how large the {what} is")
    if descriptor.size > max_bytes:
        raise InvalidManifest(f"the {what} has {descriptor.size} bytes, allowed are {max_bytes}")
    return descriptor


def _decoded(document: bytes, form: type[T], what: str) -> T:
    try:
        return msgspec.json.decode(document, type=form)
    except RecursionError:
        raise InvalidManifest(f"the {what} is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidManifest(f"the {what} is not valid: {error}") from None
