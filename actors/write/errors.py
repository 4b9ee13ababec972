"""Why a child was not written, where the API server did not refuse a request."""

from __future__ import annotations

from actors.api.errors import ApiError


class NameConflict(Exception):  # noqa: N818 - the condition's own word
    """A foreign object has the name of a child; it was not touched."""


class Leaving(Exception):  # noqa: N818
    """The object with the name of a child is, or was, ours and is to go before the next step."""


class Fight(Exception):  # noqa: N818
    """Another writer sets a field of a child again and again; it is left alone for a while."""


WriteError = ApiError | NameConflict | Leaving | Fight
"""Any reason why a child was not written."""


def message_of(error: WriteError) -> str:
    """What the user is told of it."""
    return error.message if isinstance(error, ApiError) else str(error)
