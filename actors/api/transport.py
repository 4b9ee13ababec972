"""HTTP to the API server: credentials, TLS, connections, timeouts. Bytes in, bytes out.

kubernetes-asyncio gives the configuration and the connection pool; requests go through the pool
itself, because its own client would encode a body twice and knows no default timeout.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

import yarl

from actors.api import lean_import
from actors.api.configuration import TokenFile
from actors.api.errors import Garbled, Lost, Silent, Unavailable, error_from, excerpt
from actors.api.sending import CheckedRequest, Sending, sending_now
from actors.api.target import Target
from actors.runtime.activity import Asking

with lean_import.without_certificates():
    import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Mapping

# Seconds. Connecting takes milliseconds; an API server that does not accept by then is not running.
_CONNECT = 10.0
REQUEST_TIMEOUT = 65.0
"""Seconds: the API server itself gives up on a request after 60."""

# Requests that run at once; the others wait for a connection, which spares the API server.
_CONNECTIONS = 100
ANY_NUMBER = 0
"""Connections without a limit, as aiohttp writes it."""


class ApiObserver(Protocol):
    """Counts every request that has ended, for metrics."""

    def api_request(self, verb: str, resource: str, code: str) -> None:
        """Count a request; `code` is the HTTP status, or `error` if there was no answer."""
        ...


class Transport:
    """One connection pool with one identity.

    Watches use a pool of their own, so that they never take the connections of writes. That pool
    needs a connection for each watch, else the last watches wait for ever.
    """

    def __init__(
        self,
        configuration: Any,
        observer: ApiObserver,
        connections: int = _CONNECTIONS,
        timeout: float = REQUEST_TIMEOUT,
    ) -> None:
        """`connections`: how many there may be at a time, or ANY_NUMBER; `timeout` in seconds."""
        configuration.connection_pool_maxsize = connections
        rest = lean_import.rest_class()(configuration)
        self._configuration = configuration
        # Another session over the same connections: that of the package reads the environment and
        # a netrc file in a thread for each request, and an entry there would replace the token.
        self._session = aiohttp.ClientSession(
            connector=rest.pool_manager.connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            request_class=CheckedRequest,
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
        self._timeout = aiohttp.ClientTimeout(total=timeout, sock_connect=_CONNECT)

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
        target = Target.of(path)
        with Asking(f"{method} {path}", f"{verb} {target.resource} {target.name}") as asking:
            return await self._exchange(
                asking, target.resource, method, path, verb, query, body, headers
            )

    async def _exchange(
        self,
        asking: Asking,
        resource: str,
        method: str,
        path: str,
        verb: str,
        query: Mapping[str, str] | None,
        body: bytes | None,
        headers: Mapping[str, str] | None,
    ) -> bytes:
        async with self._passage(verb) as check:
            sending = Sending(check)
            token = sending_now.set(sending)
            try:
                async with self._session.request(
                    method,
                    self._url(path, query),
                    data=body,
                    headers=await self._headers({**(headers or {}), **_audit_id(asking)}),
                    timeout=self._timeout,
                    allow_redirects=False,
                    **self._options,
                ) as response:
                    with _aborting(response):
                        content = await response.read()
                    asking.code = str(response.status)
                    return self._checked(response, content)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                sending.cut_off()
                raise _unreachable(error, Lost if sending.begun else Unavailable) from error
            except asyncio.CancelledError:
                sending.cut_off()
                raise
            finally:
                sending_now.reset(token)
                sending.ended()
                self._observer.api_request(verb, resource, asking.code)

    async def stream(
        self,
        path: str,
        query: Mapping[str, str],
        silence: float,
        accept: str = "application/json",
    ) -> AsyncGenerator[bytes, None]:
        """Yield the chunks of a watch as they come, until the server ends it.

        The first chunk is empty, and is yielded once the server has accepted the request.

        Raises an ApiError if the watch is refused or breaks, Silent after `silence` seconds without
        a byte.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=silence)
        resource = Target.of(path).resource
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
                self._observer.api_request("watch", resource, code)
                with _aborting(response):
                    if not _is_json(response):
                        self._checked(response, await response.read())
                    yield b""
                    async for chunk in response.content.iter_any():
                        yield chunk
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if code == "error":
                self._observer.api_request("watch", resource, code)
            elif isinstance(error, aiohttp.SocketTimeoutError):
                raise Silent(0, type(error).__name__, str(error)) from error
            raise _unreachable(error, Unavailable) from error

    async def websocket(
        self, path: str, query: Mapping[str, str], protocol: str
    ) -> aiohttp.ClientWebSocketResponse:
        """Open a WebSocket of this protocol; raises an ApiError if it is refused."""
        try:
            socket: aiohttp.ClientWebSocketResponse = await self._session.ws_connect(
                self._url(path, query),
                protocols=(protocol,),
                headers=await self._headers({"Accept": "*/*"}),  # the kubelet wants no other
                max_msg_size=0,
                **self._options,
            )
        except aiohttp.WSServerHandshakeError as error:
            raise error_from(error.status, b"", None) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(error, Unavailable) from error
        return socket

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    def _passage(
        self,
        verb: str,  # noqa: ARG002 - a hook
    ) -> AbstractAsyncContextManager[Callable[[], None]]:
        """The context of a request of this verb; raises Unavailable if it may not be made.

        It gives a check that raises the same if the request may not be sent at that moment.
        """
        return nullcontext(_always)

    def _checked(self, response: aiohttp.ClientResponse, content: bytes) -> bytes:
        if _is_json(response):
            return content
        if 200 <= response.status < 300:
            # 200 OK, but not from an API server: a captive portal, a login page.
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
        # While the token file is still empty, the setting has no value.
        if "BearerToken" in auth and (token := auth["BearerToken"]["value"]):
            headers["Authorization"] = token
        return {**headers, **(extra or {})}


def _always() -> None:
    """The check of a request that may be sent at any moment."""


@contextmanager
def _aborting(response: aiohttp.ClientResponse) -> Iterator[None]:
    """Cut the connection if the response is not read to its end.

    aiohttp would end TLS properly, and wait up to 30 s for an answer of a peer that may be gone.
    """
    connection = response.connection
    try:
        yield
    finally:
        if connection is not None and not response.content.at_eof() and connection.transport:
            connection.transport.abort()


def _is_json(response: aiohttp.ClientResponse) -> bool:
    return 200 <= response.status < 300 and response.content_type == "application/json"


def _unreachable(error: BaseException, kind: type[Unavailable]) -> Unavailable:
    # The reason is the name of the class, for many of these errors have an empty text.
    return kind(0, type(error).__name__, str(error) or "no answer")


def _audit_id(asking: Asking) -> dict[str, str]:
    """The header by which the API server's audit log names this request as the trace does."""
    return {"Audit-ID": asking.number} if asking.number else {}
