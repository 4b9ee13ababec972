"""A Kubernetes Event before it is sent, and the bounds of its note."""

from __future__ import annotations

from typing import NamedTuple

NOTE_BYTES = 1024  # the API server refuses a longer note


class EventDraft(NamedTuple):
    """An Event before it has a time, a reporter and an object."""

    reason: str
    type: str
    action: str
    note: str


def bounded(text: str) -> str:
    """The text, shortened to what an Event's note takes."""
    data = text.encode()
    if len(data) <= NOTE_BYTES:
        return text
    return data[: NOTE_BYTES - len("…".encode())].decode(errors="ignore") + "…"
