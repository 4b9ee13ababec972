"""Publishes artifacts to a registry, in the layout of falcoctl.

The same content always gives the same digest.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import ssl
import tarfile
from base64 import b64encode
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
TITLE = "org.opencontainers.image.title"
SECONDS = 30.0

Document = dict[str, Any]


class PublishError(RuntimeError):
    """The registry refused a request; the message has its answer."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A registry: the root URL of its API, credentials if needed, the CA of its certificate."""

    url: str
    username: str = ""
    password: str = ""
    ca: Path | None = None


def publish_rules(
    target: Repository,
    repository: str,
    tags: Iterable[str],
    yaml_text: str,
    config: Mapping[str, Any] | None = None,
) -> str:
    """Publish a rules artifact under these tags, and return its digest.

    `config` is the artifact's config: its name, version, requirements and dependencies.

    Raises:
        PublishError: the registry refused a request.
    """
    name = repository.rpartition("/")[2]
    layer = archive({f"{name}.yaml": yaml_text.encode()})
    manifest = push_artifact(target, repository, "rulesfile", layer, config or {})
    return push_manifest(target, repository, tags, manifest)["digest"]  # type: ignore[no-any-return]


def publish_plugin(
    target: Repository,
    repository: str,
    tags: Iterable[str],
    libraries: Mapping[str, bytes],
    config: Mapping[str, Any] | None = None,
) -> str:
    """Publish an index with a library for each platform under these tags; return its digest.

    A platform is written as `linux/amd64`.
    """
    name = (config or {}).get("name") or repository.rpartition("/")[2]
    entries = []
    for platform, library in libraries.items():
        layer = archive({f"lib{name}.so": library})
        manifest = push_artifact(target, repository, "plugin", layer, config or {})
        entry = push_manifest(target, repository, (), manifest)
        system, _, architecture = platform.partition("/")
        entry["platform"] = {"os": system, "architecture": architecture}
        entry["artifactType"] = manifest["config"]["mediaType"]
        entries.append(entry)
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    return push_manifest(target, repository, tags, index)["digest"]  # type: ignore[no-any-return]


def archive(files: Mapping[str, bytes]) -> bytes:
    """A gzipped tar archive of these files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), compresslevel=6, mtime=0)


def push_artifact(
    target: Repository, repository: str, word: str, layer: bytes, config: Mapping[str, Any]
) -> Document:
    """Push the blobs of an artifact; return its manifest, which is not pushed yet.

    `word` is the word for the kind of artifact in the media types.
    """
    prefix = f"application/vnd.cncf.falco.{word}"
    packed = push_blob(target, repository, f"{prefix}.layer.v1+tar.gz", layer)
    packed["annotations"] = {TITLE: f"{repository.rpartition('/')[2]}.tar.gz"}
    says = push_blob(target, repository, f"{prefix}.config.v1+json", json.dumps(config).encode())
    return {"schemaVersion": 2, "mediaType": MANIFEST, "config": says, "layers": [packed]}


def push_blob(target: Repository, repository: str, media_type: str, data: bytes) -> Document:
    """Push a blob, and return its descriptor."""
    blob = _descriptor(media_type, data)
    location = _send(target, "POST", f"/v2/{repository}/blobs/uploads/", b"", media_type, 202)
    place = urlsplit(location)
    query = f"{place.query}&" if place.query else ""
    path = f"{place.path}?{query}digest={blob['digest']}"
    _send(target, "PUT", path, data, "application/octet-stream", 201)
    return blob


def push_manifest(
    target: Repository, repository: str, tags: Iterable[str], document: Document
) -> Document:
    """Push a manifest or index under these tags, and return its descriptor."""
    data, media_type = json.dumps(document).encode(), document["mediaType"]
    root = _descriptor(media_type, data)
    for name in (root["digest"], *tags):
        _send(target, "PUT", f"/v2/{repository}/manifests/{name}", data, media_type, 201)
    return root


def _descriptor(media_type: str, data: bytes) -> Document:
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    return {"mediaType": media_type, "digest": digest, "size": len(data)}


def _send(
    target: Repository, method: str, path: str, body: bytes, media_type: str, expected: int
) -> str:
    """Send a request; return the header Location of the answer."""
    headers = {"Content-Type": media_type}
    if target.username:
        pair = b64encode(f"{target.username}:{target.password}".encode()).decode()
        headers["Authorization"] = f"Basic {pair}"
    with closing(_connection(target, urlsplit(target.url))) as connection:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != expected:
            raise PublishError(f"{method} {path}: {answer.status} {text[:200]!r}")
        return answer.headers.get("Location", "")


def _connection(target: Repository, url: SplitResult) -> HTTPConnection:
    if url.scheme == "http":
        return HTTPConnection(url.netloc, timeout=SECONDS)
    trusted = ssl.create_default_context(cafile=target.ca)
    return HTTPSConnection(url.netloc, timeout=SECONDS, context=trusted)
