"""HTTP to the API server: credentials, TLS, connections, timeouts. Bytes in, bytes out.

kubernetes-asyncio gives the configuration and the connection pool; requests go through the pool
itself, because its own client would encode a body twice and knows no default timeout.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

import yarl

from actors.api import lean_import
from actors.api.configuration import TokenFile
from actors.api.errors import Garbled, Lost, Silent, Unavailable, error_from, excerpt
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


class _Sending:
    """One request on its way, and the connection that it was given.

    `check` raises Unavailable if the request may not be sent at this moment.
    """

    def __init__(self, check: Callable[[], None]) -> None:
        self.check = check
        self._connection: Any = None
        self._transport: asyncio.Transport | None = None

    @property
    def begun(self) -> bool:
        """Whether the request was given a connection, so that the API server may have it."""
        return self._transport is not None

    def connected(self, connection: Any) -> None:
        """Check, once more, whether the request may be sent over this connection."""
        self.check()
        self._connection, self._transport = connection, connection.transport

    def cut_off(self) -> None:
        """Drop the connection, and what of the request has not left this process.

        aiohttp closes it, and asyncio would first send what is buffered. A connection that has
        been given back for the next request is left alone.
        """
        transport = self._transport
        if transport is not None and (
            transport.is_closing() or self._connection.transport is transport
        ):
            transport.abort()

    def ended(self) -> None:
        """Let go of the connection: uvloop's keeps the context that opened it, and thus this.

        A closed connection in such a circle stays until the garbage collector looks at all objects,
        which it does not in an idle process: 60 KiB each, 6 MiB after a burst.
        """
        self._connection = self._transport = None


_sending: ContextVar[_Sending | None] = ContextVar("sending", default=None)


class _Request(aiohttp.ClientRequest):
    """Checks again whether it may be sent, once it has a connection and before each byte.

    A connection may take seconds to make, and the process may be frozen meanwhile.
    """

    async def send(self, conn: Any) -> aiohttp.ClientResponse:
        if (sending := _sending.get()) is not None:
            sending.connected(conn)
        return await super().send(conn)

    async def write_bytes(self, writer: Any, conn: Any, content_length: int | None = None) -> None:
        """Write the headers, which have waited for it, and the body; in a task of its own."""
        if (sending := _sending.get()) is not None:
            try:
                sending.check()
            except Unavailable:
                sending.cut_off()  # whoever waits for the response sees a lost connection
                return
        await super().write_bytes(writer, conn, content_length)


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
            request_class=_Request,
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
        target = f"{verb} {_resource_of(path)} {_object_of(path)}"
        with Asking(f"{method} {path}", target) as asking:
            return await self._exchange(asking, method, path, verb, query, body, headers)

    async def _exchange(
        self,
        asking: Asking,
        method: str,
        path: str,
        verb: str,
        query: Mapping[str, str] | None,
        body: bytes | None,
        headers: Mapping[str, str] | None,
    ) -> bytes:
        async with self._passage(verb) as check:
            sending = _Sending(check)
            token = _sending.set(sending)
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
                _sending.reset(token)
                sending.ended()
                self._observer.api_request(verb, _resource_of(path), asking.code)

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


def _resource_of(path: str) -> str:
    """The resource of a URL path, such as `falcos/status`; `other` if there is none."""
    _, parts = _split(path)
    return "/".join([parts[0], *parts[2:3]]) if parts else "other"


def _object_of(path: str) -> str:
    """The object of a URL path, such as `namespace/name` or `name`; `-` if there is none."""
    namespace, parts = _split(path)
    return "/".join([*namespace, *parts[1:2]]) or "-"


def _split(path: str) -> tuple[list[str], list[str]]:
    """The namespace of a URL path, if it has one, and resource, name and subresource."""
    parts = path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if parts and parts[0] == "namespaces" and len(parts) > 2:
        return parts[1:2], parts[2:]
    return [], parts
