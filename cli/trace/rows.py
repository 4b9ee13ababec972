"""The table of actors."""

from __future__ import annotations

from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Any

from cli.output.style import Style, styled
from cli.trace.words import span

if TYPE_CHECKING:
    from collections.abc import Mapping

PARKED = "parked"
COLUMNS = ("ACTOR", "STATE", "MAIL", "LAST", "OUTCOME", "RUN", "LONGEST", "REQUESTS", "NEXT LOOK")
_STYLES = {PARKED: Style.BAD, "busy": Style.DOUBTFUL}
_LONGEST_TEXT = 40


def row(entry: Mapping[str, Any], now: datetime) -> tuple[str, ...]:
    """An actor: how it is, what waits, what it did last, how long it takes, when it looks again."""
    actor = entry.get("actor") or {}
    trace = actor.get("trace") or []
    state = str(actor.get("state") or "restarting")
    mail = actor.get("mail") or {}
    waiting = mail.get("control", 0) + bool(mail.get("reconcile"))
    runs = [message["run"] for message in trace]
    due = actor.get("due")
    return (
        str(entry.get("object") or entry.get("name", "")),
        styled(state, _STYLES[state]) if state in _STYLES else state,
        str(waiting) if waiting else "-",
        _ago(trace[-1], now) if trace else "-",
        _short(str(entry.get("error") or (trace[-1]["outcome"] if trace else "-"))),
        span(median(runs)) if runs else "-",
        span(max(runs)) if runs else "-",
        str(sum(message["calls"] for message in trace)),
        f"in {span(max(due, 0.0))}" if due is not None else "-",
    )


def _ago(message: Mapping[str, Any], now: datetime) -> str:
    ended = datetime.fromisoformat(message["at"]) + timedelta(seconds=message["run"])
    return f"{span(max(0.0, (now - ended).total_seconds()))} ago"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"
