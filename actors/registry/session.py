"""The client of one repository, in the child process, with oras as the transport.

oras 0.2.43 verifies no digest, knows no timeout, sends credentials to any server that asks, and
waits two minutes after a wrong password. So `Session` overrides `do_request`, by which oras makes
every request.
"""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import oras.container  # type: ignore[import-untyped]
import oras.provider  # type: ignore[import-untyped]
import requests
from urllib3.exceptions import HTTPError

from actors.registry.adapter import Adapter
from actors.registry.connection import check_literal, peer_of
from actors.registry.failure import (
    ExchangeError,
    TooLarge,
    from_exception,
    from_other_host,
    from_status,
)
from actors.registry.token import authorization
from actors.runtime.proxy import proxy_of
from resources.registry.address import is_public
from resources.registry.host import (
    Origin,
    api_host,
    api_repository,
    may_see_credentials,
    origin_of,
)
from resources.registry.limits import MAX_DOCUMENT_BYTES
from resources.registry.manifest import ACCEPT
from resources.registry.tag_or_digest import is_digest, is_tag_or_digest
from resources.text.messages import shown_unquoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from actors.registry.token import Form
    from resources.registry.request import Endpoint

_CONNECT_SECONDS = 10.0
_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NO_HEAD = frozenset({400, 405, 501})
_CHUNK = 64 * 1024
# A part of the blob, and that an empty one has none.
_IN_RANGES = frozenset({206, 416})
_HEADERS = {"User-Agent": "falco-operator", "Accept-Encoding": "identity"}
_REPOSITORY = re.compile(r"[a-z0-9._/-]+", re.ASCII)


class Session(oras.provider.Registry):  # type: ignore[misc]
    """Makes requests to one endpoint; every method raises ExchangeError only.

    `received` counts the bytes of all bodies.
    """

    def __init__(self, endpoint: Endpoint, idle_seconds: float) -> None:
        host = api_host(endpoint.registry)
        super().__init__(host, insecure=endpoint.plain_http, tls_verify=not endpoint.skip_verify)
        origin = origin_of(f"{self.prefix}://{host}/")
        if origin is None or not _REPOSITORY.fullmatch(endpoint.repository):
            raise ExchangeError("this is no valid name of a repository")
        self.received = 0
        self._endpoint = endpoint
        self._origin: Origin = origin
        self._container = _container(host, api_repository(endpoint.registry, endpoint.repository))
        self._authorization: str | None = None
        self._timeout = (min(_CONNECT_SECONDS, idle_seconds), idle_seconds)
        self.session.trust_env = False  # no .netrc; `_send` chooses the proxy
        self._proxies: Mapping[str, str] = (
            endpoint.proxy.environment if endpoint.proxy is not None else os.environ
        )
        self.session.headers.update(_HEADERS)
        self._local_registries = frozenset(endpoint.local_registries)
        # Whether the registry has answered from a public address, as all do behind a proxy.
        self._is_public = False
        adapter = Adapter(endpoint.ca, endpoint.skip_verify, self._local_registries)
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, adapter)

    def close(self) -> None:
        """Close every connection."""
        self.session.close()

    def digest_of(self, reference: str) -> str:
        """The digest that a tag names now, by a HEAD if possible: a GET counts as a pull."""
        if not is_tag_or_digest(reference):
            raise ExchangeError(f"{shown_unquoted(reference)} is no valid tag or digest")
        response = self.do_request(self._manifest_url(reference), "HEAD", headers=_accepting())
        self._keep_private(response, to_strangers=False)
        self._discard(response)
        if response.status_code not in _NO_HEAD:
            self._check(response, f"manifest {reference}")
            digest = response.headers.get("Docker-Content-Digest", "")
            if is_digest(digest):
                return digest
        document = self.manifest(reference)
        return f"sha256:{hashlib.sha256(document).hexdigest()}"

    def manifest(self, reference: str) -> bytes:
        """The manifest that the reference names; its digest is not verified yet."""
        what = f"manifest {reference}"
        response = self.do_request(self._manifest_url(reference), headers=_accepting())
        self._keep_private(response, to_strangers=False)
        self._check(response, what)
        return self._whole(response, what)

    def referrers(self, digest: str) -> bytes:
        """The index of the manifests that refer to this one, where there is that API."""
        what = f"referrers of {digest}"
        repository, _, _ = self._manifest_url(digest).rpartition("/manifests/")
        url = f"{repository}/referrers/{digest}"
        response = self.do_request(url, headers=_accepting())
        self._keep_private(response, to_strangers=False)
        self._check(response, what)
        return self._whole(response, what)

    def blob(self, digest: str) -> Iterator[bytes]:
        """The blob in chunks; its digest is not verified yet."""
        response: requests.Response = self.get_blob(self._container, digest, stream=True)
        self._check(response, f"blob {digest}")
        return self._chunks(response)

    def missing_blob(self, digest: str) -> Iterator[bytes]:
        """The blob in chunks if the registry has to fetch it first, else its first byte at most.

        What is there is sent in ranges (RFC 9110), and what is passed on is not.
        """
        repository, _, _ = self._manifest_url(digest).rpartition("/manifests/")
        url = f"{repository}/blobs/{digest}"
        response = self.do_request(url, headers={"Range": "bytes=0-0"})
        if response.status_code not in _IN_RANGES:
            self._check(response, f"blob {digest}")
        return self._chunks(response)

    def do_request(
        self,
        url: str,
        method: str = "GET",
        data: Any = None,  # noqa: ARG002 - oras passes it when it pushes
        headers: dict[str, str] | None = None,
        json: Any = None,  # noqa: ARG002
        stream: bool = True,  # noqa: ARG002 - every answer is streamed
    ) -> requests.Response:
        """The registry's answer, whatever its status; authenticates if the registry asks for it."""
        response = self._exchange(url, method, headers or {}, self._authorization)
        if response.status_code != 401 or origin_of(response.url) != self._origin:
            return response
        self._discard(response)
        header = response.headers.get("WWW-Authenticate", "")
        credentials = self._endpoint.credentials
        self._authorization = authorization(header, credentials, self._origin, self._token_answer)
        return self._exchange(url, method, headers or {}, self._authorization)

    def _token_answer(
        self, url: str, credentials: str | None, form: Form | None
    ) -> tuple[int, str | None, bytes]:
        accepting = {"Accept": "application/json"}
        if form is None:
            response = self._exchange(url, "GET", accepting, credentials)
        else:
            response = self._send(url, "POST", accepting, form)
            if response.status_code in _REDIRECTS:  # its target would get the refresh token
                self._discard(response)
                raise ExchangeError("the token server redirects a request with a refresh token")
        origin = origin_of(response.url)
        is_own = origin is not None and may_see_credentials(origin, self._origin)
        self._keep_private(response, to_strangers=not is_own)
        body = self._whole(response, "the token server's answer")
        return response.status_code, response.headers.get("Retry-After"), body

    def _keep_private(self, response: requests.Response, *, to_strangers: bool) -> None:
        """Refuse an answer from a private network that would become known outside of it.

        A registry gets to know its tokens, and those who read a status the digest of a manifest. So
        an answer from a private address is used only if the registry has a private address, too,
        and if what is used goes to no stranger (`to_strangers`).
        """
        peer = peer_of(response)
        if peer is not None and not is_public(peer) and (to_strangers or self._is_public):
            response.close()
            raise ExchangeError(
                f"{origin_of(response.url)} has the private address {peer}: what it answers is not "
                "for this registry"
            )

    def _exchange(
        self, url: str, method: str, headers: dict[str, str], credentials: str | None
    ) -> requests.Response:
        """Send a request and follow redirects; the credentials are not sent to another origin."""
        first = origin_of(url)
        for _ in range(_MOST_REDIRECTS + 1):
            authorization_header = {"Authorization": credentials} if credentials else {}
            response = self._send(url, method, {**headers, **authorization_header})
            location = response.headers.get("Location")
            if response.status_code not in _REDIRECTS or not location:
                return response
            self._discard(response)
            url = self._redirected(url, location)
            if origin_of(url) != first:
                credentials = None
        raise ExchangeError(f"the registry redirects more than {_MOST_REDIRECTS} times")

    def _redirected(self, url: str, location: str) -> str:
        target = urljoin(url, location)
        origin = origin_of(target)
        if origin is None:
            raise ExchangeError("the registry redirects to an address that is not valid")
        if origin.scheme != "https" and self._origin.scheme == "https":
            raise ExchangeError(f"the registry redirects to {origin}, which is without TLS")
        return target

    def _send(
        self, url: str, method: str, headers: dict[str, str], form: Form | None = None
    ) -> requests.Response:
        """Send one request; return its answer with the body still unread.

        `requests.Session.send` is not used: it reads the whole body of a redirect, however long
        that is, even if it is not to follow.
        """
        request = self.session.prepare_request(requests.Request(method, url, headers, data=form))
        proxy, origin = proxy_of(url, self._proxies), origin_of(url)
        proxies = {url.partition(":")[0].lower(): proxy} if proxy else {}
        if proxy and origin is not None:
            check_literal(origin.host, origin.port, self._local_registries)
        try:
            adapter: requests.adapters.BaseAdapter = self.session.get_adapter(url)
            response = adapter.send(request, stream=True, timeout=self._timeout, proxies=proxies)
        except (requests.RequestException, HTTPError, UnicodeError) as error:
            raise from_exception(error, str(origin)) from None
        peer = peer_of(response)
        is_public_peer = bool(proxy) or (peer is not None and is_public(peer))
        self._is_public = self._is_public or (origin == self._origin and is_public_peer)
        return response

    def _check(self, response: requests.Response, what: str) -> None:
        """Raise the error of an answer that is not 200."""
        if response.status_code == 200:
            return
        self._discard(response)
        code, origin = response.status_code, origin_of(response.url)
        retry_after = response.headers.get("Retry-After")
        if origin != self._origin:
            # Of 403 and 404 a signed URL that has expired: the registry will send a new one.
            raise from_other_host(code, retry_after, f"{origin} answered {code} for {what}")
        authenticated = self._endpoint.credentials is not None
        raise from_status(code, retry_after, what, authenticated=authenticated)

    def _whole(self, response: requests.Response, what: str) -> bytes:
        """The whole body, which has to fit a bound, in memory."""
        body = bytearray()
        for chunk in self._chunks(response):
            body += chunk
            if len(body) > MAX_DOCUMENT_BYTES:
                response.close()
                raise TooLarge(f"{what} has more than {MAX_DOCUMENT_BYTES} bytes")
        return bytes(body)

    def _chunks(self, response: requests.Response) -> Iterator[bytes]:
        """The body in chunks as they arrive, without waiting until a chunk is full."""
        try:
            while chunk := response.raw.read1(_CHUNK, decode_content=False):
                self.received += len(chunk)
                yield chunk
        except HTTPError as error:
            raise from_exception(error, str(origin_of(response.url))) from None
        finally:
            response.close()

    def _discard(self, response: requests.Response) -> None:
        """Close an answer; a short body is read first, so that the connection can be used again."""
        try:
            if response.raw.read1(_CHUNK, decode_content=False):
                response.raw.read1(1, decode_content=False)
        except HTTPError:
            pass
        finally:
            response.close()

    def _manifest_url(self, reference: str) -> str:
        return f"{self.prefix}://{self._container.manifest_url(reference)}"


def _container(host: str, repository: str) -> oras.container.Container:
    """The repository as oras needs it; its own parser takes a first part with a dot for a host."""
    container = oras.container.Container("repository", registry=host)
    container.namespace, _, container.repository = repository.rpartition("/")
    return container


def _accepting() -> dict[str, str]:
    return {"Accept": ACCEPT}
