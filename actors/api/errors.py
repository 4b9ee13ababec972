"""Errors of requests to the API server, one class for each way to go on.

    ApiError
    ├── NotFound              look again: the object is not there
    ├── Conflict              look again: the object changed, exists already or was recreated
    ├── Gone                  410: a resourceVersion or a continue token is too old, list again
    ├── Refused               400, 403, 422: the same request will be refused again
    │   ├── NamespaceTerminating   nothing can be created there any more, only cleaned up
    │   └── Forbidden         403 for lack of rights, or of what an API server loads when it starts
    │       └── Unmapped      403: the API server does not know the kind of an owner yet
    └── Unavailable           everything else, transport errors too: try again later
        ├── Lost              the request may have been carried out: no answer, or one with 5xx
        │   └── Garbled       the answer is not one of an API server: a proxy's page, say
        ├── Unready           Forbidden, but not for long: the API server may just have started
        ├── Silent            a watch has brought nothing for too long, not even a bookmark
        └── HeldBack          the request was not made: the API server asked to make it later

What an actor does after each: `actors.write.retry`. A 409 to the claim of a child's name means that
the name is taken, and `actors.write.applier` looks who has it.

Sources: Kubernetes API conventions, "Response Status Kind"; behaviour measured on 1.36.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from msgspec import DecodeError, Struct
from msgspec.json import Decoder
from msgspec.structs import replace

from actors.runtime.backoff import retry_after_seconds

if TYPE_CHECKING:
    from msgspec import Raw

T = TypeVar("T")


class Cause(Struct, frozen=True):
    """One entry of `status.details.causes`."""

    reason: str | None = None
    message: str | None = None
    field: str | None = None


class _Details(Struct, frozen=True):
    causes: tuple[Cause, ...] | None = None
    retryAfterSeconds: float | None = None  # noqa: N815 - the name on the wire


class Status(Struct, frozen=True):
    """A `v1.Status`, with the fields in use."""

    code: int = 0
    reason: str = ""
    message: str = ""
    details: _Details | None = None


class ApiError(Exception):
    """The API server did not do what was asked."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        causes: tuple[Cause, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{reason or code}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.causes = causes
        self.retry_after = retry_after


class NotFound(ApiError):  # noqa: N818 - the API's own word, as are those below
    """404: the object, its namespace or its kind is not there."""


class Conflict(ApiError):  # noqa: N818
    """The object is not in the state that the request assumed."""


class Gone(ApiError):  # noqa: N818
    """410: the resourceVersion or the continue token is older than what the API server keeps."""


class Refused(ApiError):  # noqa: N818
    """The request is invalid, forbidden, over quota or denied by admission."""


class NamespaceTerminating(Refused):
    """403: the namespace is being deleted."""


class Forbidden(Refused):
    """403: a right is missing, or the API server has not loaded roles, mappings or caches yet."""


class Unmapped(Forbidden):
    """403 of OwnerReferencesPermissionEnforcement for an owner whose CRD has just been applied.

    Each API server looks for new kinds every 30 s.
    """


class Unavailable(ApiError):  # noqa: N818
    """Transient: overload, timeouts, expired credentials, a server or a connection that failed."""


class Unready(Unavailable):
    """Forbidden as long as that has not lasted; `retry_after` is when to try again."""


class Lost(Unavailable):
    """The request was sent, and no answer tells whether it was carried out."""


class Garbled(Lost):
    """The answer reports success, but no API server sends such a body."""


class Silent(Unavailable):
    """Nothing came on a watch for so long that even a bookmark is overdue."""


class HeldBack(Unavailable):
    """The request was not made; `retry_after` seconds are left of what the API server asked for."""


_REFUSED = frozenset({400, 403, 405, 406, 413, 415, 422})
# The API server answers 500 to an apply whose body does not fit the type, though the body is wrong.
_TYPED_PATCH = "failed to create typed patch object"
# Seconds. The API server asks for a few; a proxy in between may ask for hours.
_LONGEST_RETRY_AFTER = 300.0
# What a 403 says that the same request may not get once the API server has started: its roles, REST
# mappings and caches come a moment after it answers. Quota and admission webhooks say otherwise.
_RIGHTS = re.compile(
    r'User "[^"]*" cannot |attempting to grant RBAC permissions'
    r"|you can't set finalizers on|not yet ready to handle request"
)
_UNMAPPED = "cannot find RESTMapping"
# Whoever answers for admission may quote anything in its text.
_ADMISSION = re.compile(r'admission webhook "|[^:]* is forbidden: ValidatingAdmissionPolicy ')
_decoder = Decoder(Status)


def error_from(code: int, body: bytes, retry_after: str | None = None) -> ApiError:
    """Translate a response that is not 2xx; a body that is no Status is quoted by its start."""
    try:
        status = _decoder.decode(body)
    except DecodeError:
        status = Status()
    if not status.message:
        status = replace(status, message=excerpt(body))
    return error_from_status(code, status, retry_after_seconds(retry_after, _LONGEST_RETRY_AFTER))


def decoded(decoder: Decoder[T], data: bytes | Raw) -> T:
    """Decode a body of the API server; raises Garbled if it does not have the expected type."""
    try:
        return decoder.decode(data)
    except (DecodeError, RecursionError) as error:
        raise Garbled(0, "Garbled", str(error)) from error


def excerpt(body: bytes) -> str:
    """The first 200 bytes of an unexpected body, for a message."""
    return body[:200].decode("utf-8", "replace")


def error_from_status(code: int, status: Status, retry_after: float | None = None) -> ApiError:
    """Translate a `v1.Status`, of a response or of an ERROR event of a watch."""
    details = status.details or _Details()
    causes = details.causes or ()
    wait = retry_after or details.retryAfterSeconds
    kind = _kind_of(code, status, causes)
    return kind(
        code, status.reason, status.message, causes, wait and min(wait, _LONGEST_RETRY_AFTER)
    )


def _kind_of(code: int, status: Status, causes: tuple[Cause, ...]) -> type[ApiError]:
    if code == 404:
        return NotFound
    if code == 409 or (code == 422 and _recreated(causes)):
        return Conflict
    if code == 410:
        return Gone
    if code == 403 and any(cause.reason == "NamespaceTerminating" for cause in causes):
        return NamespaceTerminating
    if code == 403 and not _ADMISSION.match(status.message):
        if _UNMAPPED in status.message:
            return Unmapped
        if _RIGHTS.search(status.message):
            return Forbidden
    if code in _REFUSED or (code == 500 and status.message.startswith(_TYPED_PATCH)):
        return Refused
    return Lost if code >= 500 else Unavailable


def _recreated(causes: tuple[Cause, ...]) -> bool:
    """Whether an apply named the uid of an earlier incarnation (422, "field is immutable")."""
    return any(cause.field == "metadata.uid" for cause in causes)
