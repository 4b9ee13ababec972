"""The requests that the operator makes of the API server: kinds and names in, JSON out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from actors.api.body import json_body
from actors.api.errors import decoded
from actors.api.holds import Holds
from actors.runtime.clock import SystemClock
from resources.kubernetes.kinds import collection_path, object_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.api.transport import Transport
    from actors.runtime.clock import Clock
    from resources.kubernetes.reference import ObjectRef

# The type has to be sent, else the API server takes an apply for a JSON patch; JSON is YAML.
_APPLY = {"Content-Type": "application/apply-patch+yaml"}
_JSON_PATCH = {"Content-Type": "application/json-patch+json"}
_MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}
_STRATEGIC = {"Content-Type": "application/strategic-merge-patch+json"}
_JSON = {"Content-Type": "application/json"}

_MACHINE = SystemClock()


class Representation(NamedTuple):
    """The part of an object that is asked for: the Accept headers for lists and for objects."""

    of_lists: str
    of_objects: str


FULL = Representation("application/json", "application/json")
# The API server sends nothing but the metadata, so the content of a Secret never leaves it.
METADATA = Representation(
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
)
# What `kubectl get` prints: of each object some columns and, with `includeObject=None`, no more.
TABLE = Representation(
    "application/json;as=Table;g=meta.k8s.io;v=v1",
    "application/json;as=Table;g=meta.k8s.io;v=v1",
)


class _Version(msgspec.Struct):
    major: str
    minor: str


_version = msgspec.json.Decoder(_Version)


class Client:
    """Makes requests about objects, named by kind, and returns bodies as bytes.

    Every method raises ApiError; HeldBack if this request is to be made later (`actors.api.holds`).
    Lists are not held back: whoever lists waits by itself.
    """

    def __init__(self, transport: Transport, clock: Clock = _MACHINE) -> None:
        """`clock` tells when a request that the API server put off is due."""
        self._transport = transport
        self._holds = Holds(clock)

    async def get(self, ref: ObjectRef, representation: Representation = FULL) -> bytes:
        """Return one object as the API server has it now."""
        accept = {"Accept": representation.of_objects}
        return await self._request("GET", object_path(ref), verb="get", headers=accept)

    async def list_page(
        self,
        kind: str,
        namespace: str,
        query: Mapping[str, str],
        representation: Representation = FULL,
    ) -> bytes:
        """Return one page of a list; a query without a resourceVersion is a quorum read."""
        path, accept = collection_path(kind, namespace), {"Accept": representation.of_lists}
        return await self._transport.request("GET", path, verb="list", query=query, headers=accept)

    async def apply(
        self, ref: ObjectRef, body: Mapping[str, Any], manager: str, subresource: str = ""
    ) -> bytes:
        """Server-side apply with force.

        With `metadata.uid` in the body it never creates; with `metadata.resourceVersion` "1" it
        never touches what exists (see `actors.write.applier`).
        """
        path = f"{object_path(ref)}/{subresource}" if subresource else object_path(ref)
        return await self._patch(path, body, _APPLY, {"fieldManager": manager, "force": "true"})

    async def json_patch(
        self, ref: ObjectRef, operations: list[dict[str, Any]], manager: str
    ) -> bytes:
        """JSON patch (RFC 6902); a failed `test` raises Refused with code 422."""
        return await self._patch(
            object_path(ref), operations, _JSON_PATCH, {"fieldManager": manager}
        )

    async def merge_metadata(
        self, ref: ObjectRef, metadata: Mapping[str, Any], manager: str
    ) -> bytes:
        """Strategic merge patch of the metadata alone; the answer is metadata alone as well."""
        headers = {**_STRATEGIC, "Accept": METADATA.of_objects}
        body = {"metadata": metadata}
        return await self._patch(object_path(ref), body, headers, {"fieldManager": manager})

    async def delete(self, ref: ObjectRef, uid: str, resource_version: str | None = None) -> bool:
        """Delete this incarnation only, its dependents in the background.

        True if it is gone; False if finalizers still hold it. Raises Conflict if the name belongs
        to another incarnation by now, or if the object has not this resourceVersion any more.
        """
        preconditions = {"uid": uid}
        if resource_version is not None:
            preconditions["resourceVersion"] = resource_version
        options = {"preconditions": preconditions, "propagationPolicy": "Background"}
        answer = await self._request(
            "DELETE",
            object_path(ref),
            verb="delete",
            body=json_body(options),
            headers=_JSON,
        )
        # The API server answers with a Status if the object is gone, else with the object itself.
        return bool(msgspec.json.decode(answer).get("kind") == "Status")

    async def create_event(self, namespace: str, body: Mapping[str, Any]) -> None:
        """Create an events.k8s.io/v1 Event."""
        await self._request(
            "POST",
            collection_path("Event", namespace),
            verb="create",
            body=json_body(body),
            headers=_JSON,
        )

    async def patch_event(self, ref: ObjectRef, body: Mapping[str, Any]) -> None:
        """Merge-patch an Event, to continue its series."""
        await self._patch(object_path(ref), body, _MERGE_PATCH)

    async def server_version(self) -> tuple[int, int]:
        """Major and minor version of the API server; 0 for a part that is not a number."""
        raw = await self._transport.request("GET", "/version", verb="get")
        version = decoded(_version, raw)
        return _leading_number(version.major), _leading_number(version.minor)

    async def _patch(
        self,
        path: str,
        body: object,
        headers: Mapping[str, str],
        query: Mapping[str, str] | None = None,
    ) -> bytes:
        return await self._request(
            "PATCH", path, verb="patch", query=query, body=json_body(body), headers=headers
        )

    async def _request(self, method: str, path: str, **options: Any) -> bytes:
        with self._holds.kept(method, path):
            return await self._transport.request(method, path, **options)


def _leading_number(text: str) -> int:
    """29 for "29+", as some distributions write it."""
    digits = re.match("[0-9]+", text)
    return int(digits[0]) if digits else 0
