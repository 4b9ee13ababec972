"""What is wrong with what a user asked for."""

from __future__ import annotations

_SHOWN = 80


class InvalidSpec(ValueError):  # noqa: N818 - it describes the resource, not a failure of ours
    """A spec that passed the API server and still cannot be carried out.

    The message names the field, shows the value (shortened and escaped: it is the user's text)
    and says what is allowed.
    """

    def __init__(self, field: str, value: object, allowed: str) -> None:
        super().__init__(f"{field}: {_shown(value)} is not valid; allowed is {allowed}")
        self.field = field
        self.value = value
        self.allowed = allowed


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
