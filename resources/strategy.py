"""How pods of a workload are replaced."""

from __future__ import annotations

from typing import Any

_ROLLING = "RollingUpdate"

# What the API server would fill in. It has to be ours: a change to another type is refused unless
# the block goes with it, and an apply removes only what was applied (measured: not even by null).
_DEFAULTS: dict[str, dict[str, Any]] = {
    "DaemonSet": {"maxUnavailable": 1, "maxSurge": 0},
    "Deployment": {"maxUnavailable": "25%", "maxSurge": "25%"},
}


def update_strategy(workload: str, given: dict[str, Any] | None) -> dict[str, Any]:
    """What the user says, or RollingUpdate; other types come without the `rollingUpdate` block."""
    strategy = given or {}
    kind = strategy.get("type", _ROLLING)
    if kind != _ROLLING:
        return {"type": kind}
    return {
        "type": kind,
        "rollingUpdate": {**_DEFAULTS[workload], **strategy.get("rollingUpdate", {})},
    }
