"""What the operator would write, and what is there instead, read with the user's rights."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from actors.api.errors import ApiError
from actors.instance.kinds import INSTANCE_KINDS
from cli.analyze.instances import NO_UID, children_of
from cli.cluster.operator_settings import settings_of, settings_of_sidecar
from cli.cluster.operators import SELECTOR
from cli.cluster.snapshot import read_one, snapshot, why_not
from cli.diff.comparison import Change, change_of
from cli.failure import Failure
from resources.artifact.references import references
from resources.falco.desired import FalcoSettings
from resources.falco.rights import Readable
from resources.instance.children import unwanted
from resources.instance.owner import Ownership, ownership
from resources.instance.reconcile_mode import ANNOTATION
from resources.kubernetes.invalid_spec import InvalidSpec
from resources.kubernetes.kinds import ARTIFACTS
from resources.kubernetes.reference import ObjectRef, Owner
from resources.registry.table import TABLE_KEY, table_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.analyze.contents import Contents, Resource
    from cli.cluster.connection import Connection
    from cli.cluster.snapshot import Object
    from resources.instance.children import Child
    from resources.registry.table import RegistryTable


_WORKLOADS = ("DaemonSet", "Deployment")


class Outcome(NamedTuple):
    """What would change, and what else is to be said of it."""

    changes: list[Change]
    notes: list[str]


async def read(connection: Connection, contents: Contents, sidecar_image: str) -> Outcome:
    """What the operator would change if these files were applied.

    Raises Failure if something could not be read, or a spec cannot be carried out.
    """
    changes, notes = [], []
    operators = await snapshot(connection, ["Deployment"], "", {"Deployment": SELECTOR})
    told = settings_of(operators.of("Deployment"))
    for resource in contents.instances:
        one = _Comparison(connection, resource, contents, told, sidecar_image)
        found = await one.outcome()
        changes += found.changes
        notes += found.notes
    return Outcome(changes, notes)


class _Comparison:
    """One Falco or Component of the files."""

    def __init__(
        self,
        connection: Connection,
        resource: Resource,
        contents: Contents,
        settings: FalcoSettings | None,
        sidecar_image: str,
    ) -> None:
        self._connection = connection
        self._resource = resource
        self._contents = contents
        self._settings = settings
        self._sidecar_image = sidecar_image
        self._ref = ObjectRef(resource.kind, resource.namespace, resource.name)
        self._manager = INSTANCE_KINDS[resource.kind].field_manager

    async def outcome(self) -> Outcome:
        owner = await self._get(self._ref)
        uid = owner["metadata"]["uid"] if owner is not None else NO_UID
        readable = await self._readable()
        try:
            children = await self._children(uid, readable)
        except (InvalidSpec, msgspec.DecodeError) as error:
            document = self._resource.document
            where = f"{document.file}:{document.line}: {self._resource}"
            raise Failure(f"{where}: {error}") from error
        refs = [child.ref for child in children]
        surplus = unwanted(self._ref, children) if owner is not None else ()
        live = dict(
            zip(
                [*refs, *surplus],
                await asyncio.gather(*(self._get(ref) for ref in (*refs, *surplus))),
                strict=True,
            )
        )
        notes = self._notes()
        changes = []
        for child in children:
            found, note = self._compared(child, live[child.ref], uid)
            changes += [found] if found is not None else []
            notes += [note] if note else []
        for ref in surplus:
            there = live[ref]
            if there is not None and self._whose(there, uid) is not Ownership.FOREIGN:
                changes.append(Change("/".join(filter(None, ref)), _plain(there), None))
        return Outcome(changes, notes)

    async def _children(self, uid: str, readable: Readable) -> tuple[Child, ...]:
        """The desired children; an operator that is not to be seen is known by its sidecars."""
        settings = self._settings
        if settings is None:
            children = children_of(self._resource, FalcoSettings(), uid)
            workloads = (child.ref for child in children if child.ref.kind in _WORKLOADS)
            live = await self._get(next(workloads))
            settings = (live and settings_of_sidecar(live)) or FalcoSettings()
        if self._sidecar_image:
            settings = replace(settings, sidecar_image=self._sidecar_image)
        if self._ref.kind == "Falco":
            settings = replace(settings, registries=await self._registries())
        return children_of(self._resource, settings, uid, readable)

    async def _registries(self) -> RegistryTable | None:
        """The table of registries that the operator has handed on to this Falco, if any."""
        live = await self._get(self._ref._replace(kind="ConfigMap"))
        text = ((live or {}).get("data") or {}).get(TABLE_KEY)
        with suppress(msgspec.DecodeError):
            return table_of(text.encode()) if text is not None else None
        return None

    async def _readable(self) -> Readable:
        """The names that the artifacts of the namespace have, those of the files over others."""
        namespace = self._resource.namespace
        seen = await snapshot(self._connection, ARTIFACTS, namespace)
        artifacts = {
            (kind, one["metadata"]["name"]): one for kind in ARTIFACTS for one in seen.of(kind)
        }
        for resource in self._contents.artifacts:
            if resource.namespace == namespace:
                value = resource.document.value
                metadata = {**value["metadata"], "namespace": namespace}
                artifacts[resource.kind, resource.name] = {**value, "metadata": metadata}
        return _named(artifacts.values())

    def _compared(self, child: Child, live: Object | None, uid: str) -> tuple[Change | None, str]:
        name = "/".join(filter(None, child.ref))
        if live is None:
            return Change(name, None, child.body), ""
        if self._whose(live, uid) is Ownership.FOREIGN:
            return None, f"{name} is somebody else's and would be left alone (NameConflict)"
        return change_of(name, child.body, live, self._manager), ""

    def _whose(self, live: Object, uid: str) -> Ownership:
        return ownership(Owner(self._ref, uid), live, self._manager)

    def _notes(self) -> list[str]:
        annotations = self._resource.document.value["metadata"].get("annotations")
        mode = annotations.get(ANNOTATION) if isinstance(annotations, dict) else None
        notes = [f"{self._resource}: {ANNOTATION} is {mode}: nothing is written"] if mode else []
        if self._settings is None:
            notes.append(
                "the operator's flags are not to be seen: what its sidecars have of them, and"
                " defaults, are assumed"
            )
        return notes

    async def _get(self, ref: ObjectRef) -> Object | None:
        try:
            return await read_one(self._connection, ref)
        except ApiError as error:
            why = why_not(self._connection, error)
            raise Failure(f"{'/'.join(filter(None, ref))} could not be read: {why}") from error


def _named(artifacts: Iterable[Object]) -> Readable:
    named = []
    for one in artifacts:
        with suppress(msgspec.DecodeError):
            named.append(references(msgspec.json.encode(one)).of_nodes)
    secrets, config_maps = (
        frozenset(ref.name for found in named for ref in found if ref.kind == kind)
        for kind in ("Secret", "ConfigMap")
    )
    return Readable(secrets, config_maps)


def _plain(live: Object) -> Object:
    """An object that would be deleted, without what only the API server has of it."""
    metadata = {
        key: live["metadata"][key] for key in ("name", "namespace") if key in live["metadata"]
    }
    kept = {key: value for key, value in live.items() if key not in ("metadata", "status")}
    return {**{key: kept.pop(key) for key in ("apiVersion", "kind")}, "metadata": metadata, **kept}
