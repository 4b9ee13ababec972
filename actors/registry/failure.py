"""Errors of requests to a registry, with messages for a user that hold no secret.

    ExchangeError           this request failed
    ├── Absent              what was asked for is not in the registry
    ├── TooLarge            the answer exceeds a bound
    └── RegistryDown        every request to this registry would: no connection, or asked to wait

Messages never quote libraries or servers: their texts can hold the password of a proxy, a signed
URL, or an echo of the credentials that were sent.
"""

from __future__ import annotations

import os
import random
import socket
import ssl
import time
from typing import TYPE_CHECKING, TypeVar

from actors.runtime.backoff import retry_after_seconds
from resources.registry.limits import LONGEST_RETRY_AFTER
from resources.registry.request import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from resources.registry.request import Endpoint

T = TypeVar("T")

_OVERLOADED = 429
_TIMEOUT = 408
# Seconds, if a registry that has had too many requests does not say how long to wait.
_OVERLOADED_WAIT = 10.0
# Tries of one request, in one child process.
_TRIES = 3
# Seconds before the first retry, half of them random; doubled for each further one.
_PAUSE = 0.2
# Seconds; a registry that asks for a longer wait is left to the next child process.
_LONGEST_WAIT = 2.0


class ExchangeError(Exception):
    """A request failed; the message does not name the registry. The fields are as in `Problem`."""

    def __init__(
        self,
        what: str,
        *,
        transient: bool = False,
        retry_after: float | None = None,
        hangs: bool = False,
    ) -> None:
        super().__init__(what)
        self.hangs = hangs
        self.transient = transient
        self.retry_after = retry_after


class Absent(ExchangeError):  # noqa: N818 - it describes the registry
    """The registry does not have it."""


class TooLarge(ExchangeError):  # noqa: N818 - it describes the answer
    """The answer has more bytes than are taken."""


class RegistryDown(ExchangeError):  # noqa: N818 - it describes the registry
    """Other requests to this registry would fail now, too."""


def problem_of(endpoint: Endpoint, error: ExchangeError) -> Problem:
    """The problem that names the repository as well."""
    return Problem(f"{endpoint}: {error}", error.transient, error.retry_after, hangs=error.hangs)


def from_status(
    code: int, retry_after: str | None, what: str, *, authenticated: bool
) -> ExchangeError:
    """The error for an answer with this status to a request for `what`.

    `authenticated`: the request carried credentials.
    """
    wait = retry_after_seconds(retry_after, LONGEST_RETRY_AFTER)
    if code == _OVERLOADED:
        return RegistryDown(
            "too many requests (429)", transient=True, retry_after=wait or _OVERLOADED_WAIT
        )
    if code == _TIMEOUT or code >= 500:
        text = f"the registry answered {code} for {what}"
        return ExchangeError(text, transient=True, retry_after=wait)
    if code == 404:
        return Absent(f"there is no {what} (404)")
    if code in {401, 403}:
        text = (
            "the credentials were refused"
            if authenticated
            else "it needs credentials, or does not exist"
        )
        return ExchangeError(f"access to {what} was denied ({code}): {text}")
    return ExchangeError(f"the registry answered {code} for {what}")


def from_other_host(code: int, retry_after: str | None, text: str) -> ExchangeError:
    """The error for an answer of a host to which the registry has redirected.

    Whatever it is, the registry may redirect elsewhere the next time.
    """
    wait = retry_after_seconds(retry_after, LONGEST_RETRY_AFTER)
    if code == _OVERLOADED:
        return RegistryDown(text, transient=True, retry_after=wait or _OVERLOADED_WAIT)
    return ExchangeError(text, transient=True, retry_after=wait)


def from_exception(error: BaseException, host: str) -> ExchangeError:
    """The error for a failed connection to this host, by the error at its root."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ExchangeError(f"the certificate of {host} is not valid: {cause.verify_message}")
        if isinstance(cause, ssl.SSLError) and cause.reason == "WRONG_VERSION_NUMBER":
            return ExchangeError(f"{host} does not speak TLS")
    hangs = any(_is_timeout(cause) for cause in causes)
    return RegistryDown(f"{host} {_what_happened(causes)}", transient=True, hangs=hangs)


def _is_timeout(cause: BaseException) -> bool:
    """Whether nobody answered: the server, or the DNS, which says so by EAI_AGAIN."""
    if isinstance(cause, socket.gaierror):
        return cause.errno == socket.EAI_AGAIN
    return isinstance(cause, TimeoutError) or "Timeout" in type(cause).__name__


def _what_happened(causes: list[BaseException]) -> str:
    for cause in causes:
        if isinstance(cause, socket.gaierror):
            return "has a name that cannot be resolved"
        if _is_timeout(cause):
            return "does not answer in time"
        if "ProxyError" in type(cause).__name__:
            return "cannot be reached through the proxy"
        if isinstance(cause, OSError) and cause.errno:
            return f"cannot be reached: {os.strerror(cause.errno)}"
    return "broke off the connection"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all its causes; requests and urllib3 pass them as arguments of exceptions."""
    waiting, seen = [error], set[int]()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        parts = [*current.args, getattr(current, "reason", None)]
        parts += [current.__cause__, current.__context__]
        waiting += [part for part in parts if isinstance(part, BaseException)]


def persistently(operation: Callable[[], T]) -> T:
    """Return the result of an operation, which is repeated while it fails transiently.

    A registry that hangs is left to the next child process, too, since others wait for this one.
    """
    for tries in range(1, _TRIES):
        try:
            return operation()
        except ExchangeError as error:
            wait = error.retry_after or _PAUSE * 2**tries * random.uniform(0.5, 1)  # noqa: S311
            if not error.transient or error.hangs or wait > _LONGEST_WAIT:
                raise
        time.sleep(wait)
    return operation()
