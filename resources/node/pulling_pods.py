"""How many pods have yet to pull what an artifact is now, by its status."""

from __future__ import annotations

import msgspec
from msgspec.json import Decoder

from resources.artifact.fields import Nodes


class _Meta(msgspec.Struct, frozen=True):
    generation: int | None = None


class _Status(msgspec.Struct, frozen=True, rename="camel"):
    observed_generation: int | None = None
    nodes: Nodes | None = None


class _Counted(msgspec.Struct, frozen=True):
    metadata: _Meta = _Meta()
    status: _Status = _Status()


_counted = Decoder(_Counted)


def covered_pods(raw: bytes) -> int | None:
    """How many pods the artifact is for, by its status; None if that does not count them yet."""
    nodes = _decoded(raw).status.nodes
    return nodes.desired if nodes is not None else None


def pulling_pods(raw: bytes) -> int | None:
    """How many pods have yet to install what the artifact is now, as far as its status knows.

    A status about an older generation knows only for how many pods the artifact is.
    """
    artifact = _decoded(raw)
    nodes = artifact.status.nodes
    if nodes is None or nodes.desired is None:
        return None
    if artifact.status.observed_generation != artifact.metadata.generation:
        return nodes.desired
    return max(nodes.desired - (nodes.programmed or 0), 0)


def _decoded(raw: bytes) -> _Counted:
    """What is counted; nothing if the status has types of another CRD."""
    try:
        return _counted.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return _Counted()
