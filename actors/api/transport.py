"""HTTP to the API server: credentials, TLS, connections, timeouts. Bytes in, bytes out.

kubernetes-asyncio gives the configuration and the connection pool; requests go through the pool
itself, because its own client would encode a body twice and knows no default timeout.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

import yarl

from actors.api import lean_import
from actors.api.configuration import TokenFile
from actors.api.errors import Garbled, Unavailable, error_from, excerpt

with lean_import.without_certificates():
    import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping

# Connecting takes milliseconds; an API server that does not even accept is not there.
_CONNECT = 10.0
# The API server itself gives up on a request after 60 s.
_REQUEST = aiohttp.ClientTimeout(total=65.0, sock_connect=_CONNECT)

# Requests beyond wait for a connection, which is kinder to the API server than as many at once.
_CONNECTIONS = 100
ANY_NUMBER = 0


class ApiObserver(Protocol):
    """Is told of every request that ended, for metrics."""

    def api_request(self, verb: str, resource: str, code: str) -> None:
        """Count a request; `code` is the HTTP status, or `error` where none came."""
        ...


class Transport:
    """One connection pool with one identity.

    Watches use a pool of their own, so that they never starve writes of connections; it has to
    have as many as there are watches, or the last ones wait for ever.
    """

    def __init__(
        self, configuration: Any, observer: ApiObserver, connections: int = _CONNECTIONS
    ) -> None:
        """`connections`: no more at a time, unless it is ANY_NUMBER."""
        configuration.connection_pool_maxsize = connections
        rest = lean_import.rest_class()(configuration)
        self._configuration = configuration
        # A session of its own over the same connections: the package's one looks into the
        # environment and a netrc file on each request, each time in a thread, and a netrc entry
        # would replace the token.
        self._session = aiohttp.ClientSession(
            connector=rest.pool_manager.connector, cookie_jar=aiohttp.DummyCookieJar()
        )
        rest.pool_manager.detach()
        self._options: dict[str, Any] = {
            name: value
            for name, value in (
                ("proxy", rest.proxy),
                ("proxy_headers", rest.proxy_headers),
                ("server_hostname", rest.server_hostname),
            )
            if value
        }
        self._observer = observer

    async def request(
        self,
        method: str,
        path: str,
        *,
        verb: str,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """Return the body of a 2xx response; raise an ApiError for anything else.

        `verb` is the Kubernetes verb (get, list, patch, create, delete), for metrics.
        """
        code = "error"
        async with self._passage(verb):
            try:
                async with self._session.request(
                    method,
                    self._url(path, query),
                    data=body,
                    headers=await self._headers(headers),
                    timeout=_REQUEST,
                    allow_redirects=False,
                    **self._options,
                ) as response:
                    with _aborting(response):
                        content = await response.read()
                    code = str(response.status)
                    return self._checked(response, content)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise _unreachable(error) from error
            finally:
                self._observer.api_request(verb, _resource_of(path), code)

    async def stream(
        self,
        path: str,
        query: Mapping[str, str],
        silence: float,
        accept: str = "application/json",
    ) -> AsyncGenerator[bytes, None]:
        """Yield the chunks of a watch as they come, first an empty one, until the server ends it.

        The empty one says that the server has taken the request, which it does at once.

        Raises an ApiError if it is refused, breaks, or stays silent for `silence` seconds.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=silence)
        code = "error"
        try:
            async with self._session.get(
                self._url(path, query),
                headers=await self._headers({"Accept": accept}),
                timeout=timeout,
                allow_redirects=False,
                **self._options,
            ) as response:
                code = str(response.status)
                self._observer.api_request("watch", _resource_of(path), code)
                with _aborting(response):
                    if not _is_json(response):
                        self._checked(response, await response.read())
                    yield b""
                    async for chunk in response.content.iter_any():
                        yield chunk
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if code == "error":
                self._observer.api_request("watch", _resource_of(path), code)
            raise _unreachable(error) from error

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    def _passage(self, verb: str) -> AbstractAsyncContextManager[None]:  # noqa: ARG002 - a hook
        """What a request of this verb is made in; raises Unavailable if it may not be made."""
        return nullcontext()

    def _checked(self, response: aiohttp.ClientResponse, content: bytes) -> bytes:
        if _is_json(response):
            return content
        if 200 <= response.status < 300:
            # Says 200 OK and is no API server: a captive portal, a login page.
            raise Garbled(response.status, "NotJson", excerpt(content))
        if response.status == 401 and isinstance(
            self._configuration.refresh_api_key_hook, TokenFile
        ):
            self._configuration.refresh_api_key_hook.expire()
        raise error_from(response.status, content, response.headers.get("Retry-After"))

    def _url(self, path: str, query: Mapping[str, str] | None) -> yarl.URL:
        return yarl.URL(f"{self._configuration.host}{path}", encoded=True).with_query(query)

    async def _headers(self, extra: Mapping[str, str] | None) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": "falco-operator"}
        auth = await self._configuration.auth_settings()
        # A token file may be empty at first: then there is a setting without a value.
        if "BearerToken" in auth and (token := auth["BearerToken"]["value"]):
            headers["Authorization"] = token
        return {**headers, **(extra or {})}


@contextmanager
def _aborting(response: aiohttp.ClientResponse) -> Iterator[None]:
    """Cut the connection if the response is not read to its end.

    aiohttp would say goodbye by TLS, and for 30 s wait for an answer of a peer that may be gone.
    """
    connection = response.connection
    try:
        yield
    finally:
        if connection is not None and not response.content.at_eof() and connection.transport:
            connection.transport.abort()


def _is_json(response: aiohttp.ClientResponse) -> bool:
    return 200 <= response.status < 300 and response.content_type == "application/json"


def _unreachable(error: BaseException) -> Unavailable:
    # The class is named, since many of these errors have an empty text.
    return Unavailable(0, type(error).__name__, str(error) or "no answer")


def _resource_of(path: str) -> str:
    """`clusterroles` or `falcos/status` of a URL path; `other` for what is no resource."""
    parts = path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if parts and parts[0] == "namespaces" and len(parts) > 2:
        parts = parts[2:]
    if not parts:
        return "other"
    return "/".join([parts[0], *parts[2:3]])
