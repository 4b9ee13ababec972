"""HTTPS requests to the control plane's own servers, whose certificates are verified."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from http.client import HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.local.certificates import KeyPair

TIMEOUT_SECONDS = 30


class RefusedError(RuntimeError):
    """The API server refused a request; `status` is the HTTP status."""

    def __init__(self, method: str, path: str, status: int, body: bytes) -> None:
        super().__init__(f"{method} {path}: {status} {body.decode(errors='replace')}")
        self.status = status


@dataclass(frozen=True, slots=True)
class AdminAnswer:
    """An answer with any HTTP status."""

    status: int
    body: bytes


class AdminClient:
    """Sends blocking requests to a server on 127.0.0.1, with certificates of both sides."""

    def __init__(self, port: int, ca: Path, identity: KeyPair) -> None:
        self._port = port
        self._tls = ssl.create_default_context(cafile=str(ca))
        self._tls.load_cert_chain(identity.certificate, identity.key)

    def request(self, method: str, path: str, body: object = None, **headers: str) -> AdminAnswer:
        """The answer to a request with a JSON body; raises OSError or HTTPException for none."""
        data = None if body is None else json.dumps(body).encode()
        connection = HTTPSConnection(
            "127.0.0.1", self._port, timeout=TIMEOUT_SECONDS, context=self._tls
        )
        try:
            connection.request(method, path, data, {"Content-Type": "application/json", **headers})
            response = connection.getresponse()
            return AdminAnswer(response.status, response.read())
        finally:
            connection.close()

    def call(self, method: str, path: str, body: object = None) -> Any:
        """The decoded answer of a request; raises RefusedError if its status is no success."""
        answer = self.request(method, path, body)
        if not 200 <= answer.status < 300:
            raise RefusedError(method, path, answer.status, answer.body)
        return json.loads(answer.body)

    def succeeds(self, path: str) -> bool:
        """Whether a GET is answered with success right now."""
        try:
            return self.request("GET", path).status == 200
        except (OSError, HTTPException):
            return False
