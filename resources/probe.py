"""Probes, with the times that all our containers share."""

from __future__ import annotations

from typing import Any


def http_probe(path: str, port: int | str, *, delay: int, period: int) -> dict[str, Any]:
    """An HTTP probe; the first one after `delay` seconds, then one every `period` seconds."""
    return {
        "httpGet": {"path": path, "port": port},
        "initialDelaySeconds": delay,
        "timeoutSeconds": 5,
        "periodSeconds": period,
        "failureThreshold": 3,
    }
