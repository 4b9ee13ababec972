"""The HTTP server for whoever wants to know what the actors do; it only reads."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from resources.kubernetes.reference import ObjectRef
from supervisors.debug.description import STEP, bounded, rendered
from supervisors.debug.entries import Selection, entries, selection
from supervisors.debug.page import PART, PROCESS, TABLE, tag_of
from supervisors.debug.timeline import Timeline, document
from supervisors.serving.connection import plain, reply
from supervisors.serving.exposure import ip_version
from supervisors.serving.http_server import HttpServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from aiohttp.web_request import BaseRequest
    from aiohttp.web_response import Response

    from actors.runtime.context import Runtime
    from supervisors.debug.page import Page
    from supervisors.serving.exposure import Address

VERSION = 1
"""Of the JSON: another one if what is there changes its meaning or goes."""

_ACTORS = "/debug/actors"
_TRACE = "/debug/trace"
_JSON = "application/json"
_MOST_ENTRIES = 1_000
_MOST_EVENTS = 50_000
_SOME_EVENTS = 500
# Seconds for which an ETag holds at most: watches and servers change without any message.
_SAME = 10.0
_HOST = re.compile(r"(?:\[(?P<six>[^\[\]]*)\]|(?P<name>[^:\[\]]*))(?::[0-9]*)?", re.ASCII)


class DebugServer(HttpServer):
    """Serves what the actors do, as JSON, indented with `?pretty`; read only.

    - `/debug/actors` is the supervision tree, `/debug/actors/Falco/namespace/name` the actor of
      that object. With any of `kind`, `namespace`, `name`, `state` and `since` it is a list of the
      actors that have all of these.
    - `/debug/trace` has the traces of all actors, or of these, as `supervisors.debug.timeline`
      says.
    - `/debug/` is the page, and what it reads besides (`Page`).

    The JSON of all actors has an ETag, which stays while no actor runs or handles a message, for
    `_SAME` at most. The Host header must be an IP address or localhost, so that no web page can
    read the dump by pointing its own host name to this address (DNS rebinding). What a browser asks
    for on behalf of a page of another origin is refused, but for a link that somebody follows: such
    a page cannot read the answers, but could have the dump made again and again.
    """

    kind = "DebugServer"

    def __init__(
        self,
        runtime: Runtime,
        address: Address,
        tree: Callable[[], dict[str, Any]],
        find: Callable[[ObjectRef], dict[str, Any] | None],
        page: Page,
        listen_again: float | None = None,
    ) -> None:
        super().__init__(runtime, address, listen_again=listen_again)
        self._tree = tree
        self._find = find
        self._page = page
        self._whole = asyncio.Lock()

    async def respond(self, request: BaseRequest) -> Response:
        """Describe all actors, one client at a time, or the actor of one object."""
        if refusal := _refusal(request.headers):
            return plain(HTTPStatus.FORBIDDEN, refusal)
        indent = 2 if "pretty" in request.query else 0
        path = request.path
        if path == PART or path.startswith(f"{_ACTORS}/"):
            return await self._one(request, indent)
        if path == PROCESS:
            content = self._page.process()
            return _unless_known(request, tag_of(content)) or _tagged(content, tag_of(content))
        if path not in {_ACTORS, _TRACE, TABLE}:
            return await self._page.file(path) or plain(HTTPStatus.NOT_FOUND)
        try:
            wanted = selection(request.query)
        except ValueError as error:
            return plain(HTTPStatus.BAD_REQUEST, str(error))
        tag = self._tag()
        if known := _unless_known(request, tag):
            return known
        if path == TABLE:
            after = request.query.get("after", "")
            return _tagged(await self._page.table(wanted, after), tag)
        async with self._whole:  # the whole has some megabytes
            if path == _TRACE:
                content = await self._timeline(wanted)
            elif wanted:
                content = await self._list(wanted, indent)
            else:
                content = await rendered(self._tree, indent=indent)
        return _tagged(content, tag)

    async def _one(self, request: BaseRequest, indent: int) -> Response:
        if request.path == PART:
            query = request.query
            entry = self._page.part(query.get("under", ""), query.get("name", ""))
        else:
            ref = _object_of(request.path.removeprefix(f"{_ACTORS}/"))
            entry = self._find(ref) if ref is not None else None
        if entry is None:
            return plain(HTTPStatus.NOT_FOUND, "no such actor")
        return reply(await rendered(entry, indent=indent), _JSON)

    async def _list(self, wanted: Selection, indent: int) -> bytes:
        found: list[msgspec.Raw] = []
        omitted = 0
        async for entry in self._entries(wanted):
            if len(found) < _MOST_ENTRIES:
                found.append(msgspec.Raw(msgspec.json.encode(bounded(entry), enc_hook=str)))
            else:
                omitted += 1
        content = msgspec.json.encode({"version": VERSION, "actors": found, "omitted": omitted})
        return msgspec.json.format(content, indent=indent) if indent else content

    async def _timeline(self, wanted: Selection) -> bytes:
        timeline, count, omitted = Timeline(), 0, 0
        pieces = []
        async for entry in self._entries(wanted):
            if count >= _MOST_EVENTS:
                omitted += 1
            elif events := list(timeline.events(entry)):
                count += len(events)
                pieces.append(msgspec.json.encode(events)[1:-1])
        counters = timeline.counters()
        while some := list(islice(counters, _SOME_EVENTS)):
            pieces.append(msgspec.json.encode(some)[1:-1])
            await asyncio.sleep(0)
        return document(pieces, omitted)

    async def _entries(self, wanted: Selection) -> AsyncIterator[dict[str, Any]]:
        """The actors that are wanted; the rest of the loop goes on meanwhile."""
        now = self.runtime.clock.now()
        for number, entry in enumerate(entries(self._tree, wanted), 1):
            if wanted.has(entry, now):
                yield entry
            if number % STEP == 0:
                await asyncio.sleep(0)

    def _tag(self) -> str | None:
        """The ETag of this moment; None while actors run or have mail."""
        if self.runtime.busy:
            return None
        period = int(self.runtime.clock.monotonic() / _SAME)
        numbers = self.runtime.numbers
        return f'W/"{numbers.process}-{numbers.last}.{period}"'


def _unless_known(request: BaseRequest, tag: str | None) -> Response | None:
    """The answer to a client that has the content with this ETag; None if it has not."""
    if tag is None or tag not in request.headers.get("If-None-Match", ""):
        return None
    return _tagged(b"", tag, HTTPStatus.NOT_MODIFIED)


def _tagged(content: bytes, tag: str | None, status: HTTPStatus = HTTPStatus.OK) -> Response:
    response = reply(content, _JSON, status)
    if tag is not None:
        response.headers["ETag"] = tag
    return response


def _refusal(headers: Mapping[str, str]) -> str:
    """Why nothing is told to who asks so; empty if it is."""
    if not _is_local(headers.get("Host", "")):
        return "the Host must be an IP address or localhost"
    return "a page of another origin asks for it" if _is_of_another_page(headers) else ""


def _is_of_another_page(headers: Mapping[str, str]) -> bool:
    """Whether a browser asks for a page of another origin; source: "Fetch Metadata" of the W3C."""
    if headers.get("Sec-Fetch-Site", "none") in {"none", "same-origin"}:
        return False
    return (headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest")) != (
        "navigate",
        "document",
    )


def _object_of(path: str) -> ObjectRef | None:
    """The object of `Kind/namespace/name` or `Kind/name`."""
    kind, *rest = path.split("/")
    match rest:
        case [name]:
            return ObjectRef(kind, "", name)
        case [namespace, name]:
            return ObjectRef(kind, namespace, name)
        case _:
            return None


def _is_local(host: str) -> bool:
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = match["six"] or match["name"] or ""
    return name.lower() == "localhost" or ip_version(name) is not None
