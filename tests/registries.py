"""Registries that want to know who asks, as users have them, and a token server for them.

`deploy.local.Registry` takes what these return as its configuration. Content is published before a
registry is closed to strangers: start one without configuration, then another in its directory.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from base64 import b64decode, b64encode, urlsafe_b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from socketserver import ThreadingTCPServer

    from deploy.local.certificates import Authority, KeyPair
    from deploy.local.registry import Registry

LOCAL = ("127.0.0.1", "127.0.0.2", "localhost")
"""The hosts of the registries of the tests, which an operator reaches only if it is told to."""
USERNAME, PASSWORD = "falco", "correct horse"
REFRESH_TOKEN = "battery+staple/="
_HTPASSWD = f"{USERNAME}:$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2\n"
_SERVICE, _ISSUER = "registry of the tests", "token server of the tests"


def basic_auth(directory: Path):
    """A registry that wants USERNAME and PASSWORD."""
    file = directory / "htpasswd"
    file.write_text(_HTPASSWD)
    return {"auth": {"htpasswd": {"realm": "registry", "path": str(file)}}}


def tls(keys: KeyPair):
    """A registry with this certificate."""
    files = {"certificate": str(keys.certificate), "key": str(keys.key)}
    return {"http": {"tls": files}}


class Asked(NamedTuple):
    """A token that was asked for; `authorization` is the header, empty for none.

    `form` is what was sent by POST, without its scope.
    """

    authorization: str
    scope: str
    form: Mapping[str, str] = MappingProxyType({})


def pull_through(upstream: Registry):
    """A registry that fetches what it lacks of another one, and keeps it."""
    return {"proxy": {"remoteurl": upstream.url}}


class Serving:
    """Serves `_server` between `with` and its end, in threads that end with the process."""

    _server: ThreadingHTTPServer | ThreadingTCPServer

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


class TokenServer(Serving):
    """Gives tokens for a registry: to USERNAME and PASSWORD, or to anybody if it is `open`.

    Takes REFRESH_TOKEN by POST as well, as the OAuth2 form of the protocol has it.

    Serves between `with` and its end, by https if it has got `keys`.
    """

    def __init__(self, authority: Authority, keys: KeyPair | None = None, *, is_open: bool = False):
        signing = authority.server("tokens", ["tokens.invalid"])
        self._key = _private_key(signing)
        self._roots = authority.certificate
        certificate = x509.load_pem_x509_certificate(signing.certificate.read_bytes())
        self._chain = [b64encode(certificate.public_bytes(Encoding.DER)).decode()]
        self._is_open = is_open
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._answer))
        if keys is not None:
            self._server.socket = wrapped(self._server.socket, keys)
        self._scheme = "http" if keys is None else "https"

    @property
    def realm(self) -> str:
        """Where it serves."""
        return f"{self._scheme}://127.0.0.1:{self.port}/token"

    @property
    def config(self):
        """A registry that sends its clients here."""
        options = {
            "realm": self.realm,
            "service": _SERVICE,
            "issuer": _ISSUER,
            "rootcertbundle": str(self._roots),
        }
        return {"auth": {"token": options}}

    def _answer(self, request: BaseHTTPRequestHandler):
        """Status and body."""
        authorization = request.headers.get("Authorization", "")
        if request.command == "POST":
            return self._refreshed(request, authorization)
        query = parse_qs(urlsplit(request.path).query)
        scope = query.get("scope", [""])[0]
        self.asked.append(Asked(authorization, scope))
        if not (self._is_open or _password(authorization) == f"{USERNAME}:{PASSWORD}"):
            return 401, b"{}"
        return 200, json.dumps({"token": self._token(scope)}).encode()

    def _refreshed(self, request: BaseHTTPRequestHandler, authorization: str):
        body = request.rfile.read(int(request.headers["Content-Length"])).decode()
        form = {name: value for name, (value,) in parse_qs(body, strict_parsing=True).items()}
        scope = form.pop("scope", "")
        self.asked.append(Asked(authorization, scope, form))
        if form.get("refresh_token") != REFRESH_TOKEN:
            return 401, b"{}"
        return 200, json.dumps({"access_token": self._token(scope), "expires_in": 300}).encode()

    def _token(self, scope: str) -> str:
        """A signed token (RFC 7519) that allows what was asked."""
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        now = int(time.time())
        claims = {
            "iss": _ISSUER,
            "sub": USERNAME,
            "aud": _SERVICE,
            "exp": now + 300,
            "nbf": now - 10,
            "iat": now,
            "jti": uuid4().hex,
            "access": [{"type": kind, "name": name, "actions": actions.split(",")}],
        }
        header = {"typ": "JWT", "alg": "ES256", "x5c": self._chain}
        signed = f"{_part(json.dumps(header).encode())}.{_part(json.dumps(claims).encode())}"
        r, s = utils.decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(SHA256())))
        return f"{signed}.{_part(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def wrapped(socket, keys: KeyPair):
    """A listening socket that speaks TLS; handshakes are for the threads that handle requests."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys.certificate, keys.key)
    return context.wrap_socket(socket, server_side=True, do_handshake_on_connect=False)


def _handler(answer):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = answer(self)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            self.do_GET()

        def log_message(self, *_):
            """Be quiet."""

    return Handler


def _private_key(keys: KeyPair) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(keys.key.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _password(authorization: str) -> str:
    return b64decode(authorization.removeprefix("Basic ")).decode()


def _part(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
