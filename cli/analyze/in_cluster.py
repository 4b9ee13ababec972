"""The resources of a cluster beside those of files, which come first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from actors.api.errors import ApiError
from cli.analyze.contents import Contents
from cli.cluster.connection import connected
from cli.cluster.options import DEFAULT_NAMESPACE
from cli.cluster.snapshot import UNKNOWN, Unread, read_one, snapshot, why_not
from cli.output.without_aliases import WithoutAliases
from resources.kubernetes.kinds import RESOURCES
from resources.kubernetes.reference import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.cluster.connection import Connection
    from cli.cluster.options import Access
    from cli.cluster.snapshot import Object


# What `kubectl get -o yaml` shows, so that lines of findings are lines of it, but for the status.
_HIDDEN = ("managedFields",)


async def contents_of(
    access: Access, files: Iterable[tuple[str, bytes]]
) -> tuple[Contents, list[Unread]]:
    """The files over the cluster, and what could not be read of it.

    Raises Failure if the API server cannot be reached.
    """
    async with connected(access) as connection:
        contents = Contents(connection.namespace or DEFAULT_NAMESPACE)
        for file, text in files:
            contents.add(file, text)
        seen = await snapshot(connection, RESOURCES, connection.namespace)
        unread = [one for one in seen.unread if one.why != UNKNOWN]
        for kind in RESOURCES:
            for one in seen.of(kind):
                _add(contents, kind, one)
        unread += await _add_config_maps(connection, contents)
    return contents, unread


def _add(contents: Contents, kind: str, one: Object) -> None:
    metadata = {key: value for key, value in one["metadata"].items() if key not in _HIDDEN}
    name = f"{kind}/{metadata['namespace']}/{metadata['name']}"
    if contents.has(name):
        return
    shown = {**one, "metadata": metadata}
    shown.pop("status", None)
    text = yaml.dump(shown, Dumper=WithoutAliases, sort_keys=True, width=1 << 30)
    contents.add(f"cluster/{name}", text.encode())


async def _add_config_maps(connection: Connection, contents: Contents) -> list[Unread]:
    """The ConfigMaps that artifacts name and no file has, with the keys that are used."""
    unread = []
    for (namespace, name), keys in _by_config_map(contents).items():
        ref = ObjectRef("ConfigMap", namespace, name)
        try:
            found = await read_one(connection, ref)
        except ApiError as error:
            unread.append(Unread("ConfigMap", namespace, why_not(connection, error)))
            continue
        if found is not None:
            data = {key: value for key, value in (found.get("data") or {}).items() if key in keys}
            _add(contents, "ConfigMap", {**found, "data": data})
    return list(dict.fromkeys(unread))


def _by_config_map(contents: Contents) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for namespace, name, key in contents.lacking_config_maps():
        found.setdefault((namespace, name), set()).add(key)
    return found
