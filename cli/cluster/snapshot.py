"""The objects of a cluster at one moment, as far as the user may see them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from actors.api.client import FULL
from actors.api.errors import ApiError, Forbidden, NotFound, decoded
from actors.watch.paging import Page
from cli.cluster.kinds import NEVER_LISTED, READ
from cli.failure import Failure
from cli.output.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from actors.api.client import Representation
    from cli.cluster.connection import Connection
    from resources.kubernetes.reference import ObjectRef

# As kubectl reads: 5,000 nodes in ten requests.
_PAGE = "500"
_decoder = msgspec.json.Decoder(Page)
_object = msgspec.json.Decoder(dict[str, Any])
T = TypeVar("T")

Object = dict[str, Any]

UNKNOWN = "the API server does not know it"
"""Why a kind could not be read that no CRD, or no version of the API server, defines."""


class Unread(NamedTuple):
    """A kind that could not be read in a namespace (empty for all), and why, as a sentence."""

    kind: str
    namespace: str
    why: str

    def __str__(self) -> str:
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{READ[self.kind].plural}{where} could not be read: {printable(self.why)}"


class Snapshot:
    """What was read: each kind as a list by namespace and name."""

    def __init__(self, objects: Mapping[str, Iterable[Object]], unread: Iterable[Unread]) -> None:
        self._objects = {kind: sorted(found, key=_key) for kind, found in objects.items()}
        self._by_name = {
            (kind, *_key(one)): one for kind, found in self._objects.items() for one in found
        }
        self.unread = list(unread)

    @property
    def kinds(self) -> list[str]:
        """All that was asked for, whether it could be read or not."""
        return list(self._objects)

    def of(self, kind: str) -> list[Object]:
        """All objects of a kind, by namespace and name."""
        return self._objects.get(kind, [])

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """One object; the namespace is empty for a cluster-scoped kind."""
        return self._by_name.get((kind, namespace, name))

    def could_read(self, kind: str) -> bool:
        """Whether what is missing of this kind is not there, rather than not to be seen."""
        return kind in self._objects and all(one.kind != kind for one in self.unread)


async def snapshot(
    connection: Connection,
    kinds: Iterable[str],
    namespace: str,
    selectors: Mapping[str, str] | None = None,
) -> Snapshot:
    """Read these kinds in a namespace, or in all; cluster-scoped ones whole.

    `selectors` has label selectors by kind. What the user may not read is in `unread`; raises
    Failure if the API server cannot be reached, or does not know the user.
    """
    assert not NEVER_LISTED & set(kinds), "a list of Secrets would bring their content"
    readings = [
        _read(connection, kind, namespace if READ[kind].namespaced else "", selectors or {})
        for kind in dict.fromkeys(kinds)
    ]
    objects, unread = defaultdict[str, list[Object]](list), []
    for kind, found, failed in await asyncio.gather(*readings):
        objects[kind].extend(found)
        if failed is not None:
            unread.append(failed)
    return Snapshot(objects, unread)


async def collected(
    connection: Connection,
    kind: str,
    namespace: str,
    take: Callable[[bytes], T],
    selector: str = "",
) -> tuple[list[T], Unread | None]:
    """What `take` makes of each object of a kind, and why some are missing.

    Of thousands of objects only that is kept. The JSON of an object does not say what it is.
    """
    found: list[T] = []
    query = {"limit": _PAGE} | ({"labelSelector": selector} if selector else {})
    try:
        while True:
            raw = await connection.transport.request(
                "GET", READ[kind].path(namespace), verb="list", query=query
            )
            page = decoded(_decoder, raw)
            found += map(take, page.items or ())
            if not page.metadata.continue_:
                return found, None
            query["continue"] = page.metadata.continue_
    except ApiError as error:
        return found, Unread(kind, namespace, why_not(connection, error))


async def _read(
    connection: Connection, kind: str, namespace: str, selectors: Mapping[str, str]
) -> tuple[str, list[Object], Unread | None]:
    def take(raw: bytes) -> Object:
        # The items of a list lack what says what they are.
        one: Object = {"apiVersion": READ[kind].api_version, "kind": kind}
        one |= msgspec.json.decode(raw)
        return one

    found, failed = await collected(connection, kind, namespace, take, selectors.get(kind, ""))
    return kind, found, failed


async def read_one(
    connection: Connection, ref: ObjectRef, representation: Representation = FULL
) -> Object | None:
    """One object by name; None if it is not there. Raises ApiError, also for what is no object.

    The Client would say of a right that is missing that it may come: it has no user who waits.
    """
    path = f"{READ[ref.kind].path(ref.namespace)}/{ref.name}"
    accept = {"Accept": representation.of_objects}
    try:
        raw = await connection.transport.request("GET", path, verb="get", headers=accept)
    except NotFound:
        return None
    return decoded(_object, raw)


def why_not(connection: Connection, error: ApiError) -> str:
    """Why something could not be read, as a sentence; raises Failure if nothing can be."""
    if isinstance(error, Forbidden):
        return "you may not"
    if isinstance(error, NotFound):
        return UNKNOWN
    if error.code == 401:
        raise Failure(f"{connection.server} does not know you: {error.message}") from error
    if error.code == 0:
        raise Failure(f"{connection.server} cannot be reached: {error.message}") from error
    return error.message


def _key(one: Object) -> tuple[str, str]:
    metadata = one["metadata"]
    return metadata.get("namespace", ""), metadata["name"]
