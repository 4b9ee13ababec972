"""What the sidecar tells of its node on the page of its actors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sidecar.node.artifact import NodeArtifactActor
from supervisors.debug.facts import Facts, Section, section_of

if TYPE_CHECKING:
    from sidecar.node.gate import Gate
    from sidecar.node.metrics import NodeMetrics
    from sidecar.node.state import NodeState
    from supervisors.tree.dynamic import DynamicSupervisor
    from supervisors.tree.registered_child import RegisteredChild


def sections(
    state: NodeState,
    metrics: NodeMetrics,
    gate: RegisteredChild[Gate],
    artifacts: RegisteredChild[DynamicSupervisor],
    router: RegisteredChild[Any],
) -> list[Section]:
    """The gate, the batches of files, Falco, the checks, and the fetches of each artifact."""
    return [
        Section("gate", lambda: _gate(state, gate)),
        Section("batches", lambda: _batches(state)),
        Section("Falco", lambda: _falco(state)),
        Section("checks", lambda: {"judge": state.judge or None, **metrics.checks()}),
        section_of("router", router, "waits for", "missing"),
        Section("fetches", lambda: _fetches(artifacts)),
    ]


def _gate(state: NodeState, gate: RegisteredChild[Gate]) -> Facts:
    started = gate.started
    return {
        "open": state.gate_opened,
        "waits for": started.waits_for if started is not None else "not started",
    }


def _batches(state: NodeState) -> Facts:
    return {
        "installed sources": len(state.installed),
        "batches": state.batches,
        "renewals": state.renewals,
        "next batch waits for Falco": state.is_held,
        "sources that Falco refused": state.refusals,
        "sources held back": [str(slot) for slot in state.refused],
        "way back": state.way_back.way if state.way_back is not None else None,
    }


def _falco(state: NodeState) -> Facts:
    view, versions = state.falco, state.versions
    return {
        "version": versions.falco,
        "engine": versions.engine,
        "plugin API": versions.plugin_api,
        "answers": view.answer is not None,
        "trouble": view.trouble.message if view.trouble is not None else None,
        "loaded sources": None if state.loaded is None else len(state.loaded),
        "late": view.is_late,
    }


def _fetches(artifacts: RegisteredChild[DynamicSupervisor]) -> list[Facts]:
    members = artifacts.started.members() if artifacts.started is not None else ()
    return [
        {"artifact": member.name, "medium": medium, **fetch}
        for member in members
        if isinstance(member.actor, NodeArtifactActor)
        for medium, fetch in member.actor.fetches.items()
    ]
