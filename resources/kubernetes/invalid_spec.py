"""InvalidSpec: a spec that the API server accepts and that cannot be carried out."""

from __future__ import annotations

_SHOWN = 80


class InvalidSpec(ValueError):  # noqa: N818 - it describes the resource, not a failure of ours
    """A spec that the API server has accepted and that cannot be carried out.

    The message names the field, shows its value (shortened and escaped, since a user wrote it) and
    says what is allowed.
    """

    def __init__(self, field: str, value: object, allowed: str) -> None:
        super().__init__(f"{field}: {_shown(value)} is not valid; allowed is {allowed}")
        self.field = field
        self.value = value
        self.allowed = allowed


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
