"""The registry is a real one: it keeps blobs, and answers on loopback only."""

from __future__ import annotations

import hashlib
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil
import pytest

from deploy.local import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOB = b"an artifact"
DIGEST = f"sha256:{hashlib.sha256(BLOB).hexdigest()}"


@pytest.fixture
def registry(tmp_path) -> Iterator[Registry]:
    with Registry(tmp_path) as started:
        yield started


def send(registry: Registry, method: str, path: str, body: bytes = b"") -> tuple[int, str, bytes]:
    """Status, Location and body of the answer."""
    connection = HTTPConnection(registry.address)
    connection.request(method, path, body, {"Content-Type": "application/octet-stream"})
    answer = connection.getresponse()
    result = (answer.status, answer.headers.get("Location", ""), answer.read())
    connection.close()
    return result


def push(registry: Registry) -> None:
    status, location, _ = send(registry, "POST", "/v2/rules/blobs/uploads/")
    assert status == 202
    upload = urlsplit(location)
    path = f"{upload.path}?{upload.query}&digest={DIGEST}"
    assert send(registry, "PUT", path, BLOB)[0] == 201


def test_a_pushed_blob_is_pulled_again(registry):
    push(registry)
    assert send(registry, "GET", f"/v2/rules/blobs/{DIGEST}") == (200, "", BLOB)


def test_a_restarted_registry_has_its_content_and_its_address(registry):
    push(registry)
    address = registry.address
    registry.process.kill()
    registry.process.start()
    assert registry.address == address
    assert send(registry, "GET", f"/v2/rules/blobs/{DIGEST}")[0] == 200


def test_it_listens_on_loopback_only(registry):
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(registry.process.pid).net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]


def test_sections_of_the_configuration_can_be_replaced(tmp_path):
    config = {"auth": {"silly": {"realm": "somewhere", "service": "registry"}}}
    with Registry(tmp_path, config) as registry:
        assert send(registry, "GET", "/v2/")[0] == 401
