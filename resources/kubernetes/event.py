"""The content of a Kubernetes Event, and the bound of its note."""

from __future__ import annotations

from typing import NamedTuple

NOTE_BYTES = 1024  # the API server refuses a longer note


class EventDraft(NamedTuple):
    """The content of an Event; time, reporter and object are added when it is sent."""

    reason: str
    type: str
    action: str
    note: str


def bounded(text: str) -> str:
    """The text, cut to NOTE_BYTES bytes of UTF-8 and then ended by an ellipsis.

    What UTF-8 cannot hold is escaped: messages of exceptions may quote any bytes.
    """
    data = text.encode(errors="backslashreplace")
    if len(data) <= NOTE_BYTES:
        return data.decode()
    return data[: NOTE_BYTES - len("…".encode())].decode(errors="ignore") + "…"
