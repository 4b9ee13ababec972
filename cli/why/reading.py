"""Reads the artifacts, what they name, and what the nodes say of them."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from actors.api.errors import ApiError
from cli.cluster.snapshot import Unread, read_one, snapshot, why_not
from cli.failure import Failure
from cli.observed.reading import observation_of, read_crowd
from cli.why.files import ConfigMapKey, config_maps_of, files_of
from resources.kubernetes.kinds import ARTIFACTS
from resources.kubernetes.reference import ObjectRef
from resources.text.keyed_text import NoText, config_map_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.cluster.connection import Connection
    from cli.observed.facts import Observation
    from cli.why.files import File


class Reading(NamedTuple):
    """The files, what was observed of the nodes, and what could not be read or has no file."""

    files: tuple[File, ...]
    observation: Observation
    unread: tuple[Unread, ...]
    without: tuple[str, ...]


async def read(connection: Connection, node: str) -> Reading:
    """Read what there is of a namespace, or of all.

    Raises Failure if the node does not exist.
    """
    taken, (crowd, uncounted) = await asyncio.gather(
        snapshot(connection, ARTIFACTS, connection.namespace), read_crowd(connection)
    )
    if node and crowd.nodes is not None and node not in crowd.nodes:
        raise Failure(f"there is no node {node}")
    objects = [one for kind in ARTIFACTS for one in taken.of(kind)]
    contents, untold = await _contents(connection, set(config_maps_of(objects)))
    files, without = files_of(objects, contents)
    observed = observation_of(taken, crowd, (), time.time())
    return Reading(tuple(files), observed, (*taken.unread, *uncounted, *untold), tuple(without))


async def _contents(
    connection: Connection, wanted: Iterable[ConfigMapKey]
) -> tuple[dict[ConfigMapKey, str], list[Unread]]:
    """The content of keys that are there, each ConfigMap read by its name."""
    found, unread = dict[ConfigMapKey, str](), list[Unread]()
    for key in sorted(wanted):
        try:
            one = await read_one(connection, ObjectRef("ConfigMap", key.namespace, key.name))
        except ApiError as error:
            why = f"{key.name}: {why_not(connection, error)}"
            unread.append(Unread("ConfigMap", key.namespace, why))
            continue
        with suppress(NoText):
            if one is not None:
                found[key] = config_map_text(one, key.key)
    return found, unread
