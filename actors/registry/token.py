"""The Authorization header that a registry asks for, and which token server may be asked.

Source: distribution spec, "Token Authentication Specification", and "Oauth2 Token Authentication"
for identity tokens.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode

import msgspec

from actors.registry.failure import ExchangeError, from_status
from resources.registry.challenge import chosen
from resources.registry.host import may_see_credentials, origin_of

if TYPE_CHECKING:
    from resources.registry.challenge import Challenge
    from resources.registry.host import Origin
    from resources.registry.request import Credentials

_SENDABLE = re.compile(r"[!-~]+")
_CLIENT = "falco-operator"

Form = Mapping[str, str]


class AskTokenServer(Protocol):
    """Makes a GET, with this Authorization header if there is one, or a POST of a form."""

    def __call__(
        self, url: str, credentials: str | None, form: Form | None
    ) -> tuple[int, str | None, bytes]:
        """Return status, Retry-After header and body of the answer."""
        ...


class _Answer(msgspec.Struct, frozen=True):
    token: str | None = None
    access_token: str | None = None


def authorization(
    header: str, credentials: Credentials | None, registry: Origin, ask: AskTokenServer
) -> str:
    """Answer a WWW-Authenticate header of the registry.

    Raises:
        ExchangeError: it cannot be answered, or only by sending credentials to another domain.
    """
    challenge = chosen(header)
    if challenge is None:
        raise ExchangeError("the registry asks for an authentication that is not supported")
    if challenge.scheme == "basic":
        if credentials is None:
            raise ExchangeError("the registry asks for credentials, and there are none")
        if credentials.identity_token:
            raise ExchangeError("the registry asks for a password, and there is an identitytoken")
        return _basic(credentials)
    if credentials is not None and credentials.identity_token:
        _check_realm(challenge, credentials, registry)
        answer = ask(challenge.realm, None, _form(challenge, credentials.identity_token))
    elif credentials is not None and not credentials.username:
        return _bearer(credentials.password)
    else:
        _check_realm(challenge, credentials, registry)
        answer = ask(_url(challenge), _basic(credentials) if credentials else None, None)
    return _bearer(_token(*answer, authenticated=credentials is not None))


def _check_realm(challenge: Challenge, credentials: Credentials | None, registry: Origin) -> None:
    """Raise ExchangeError if the token server must not be asked."""
    realm = origin_of(challenge.realm)
    if realm is None:
        raise ExchangeError("the registry names a token server that has no valid address")
    if credentials is not None and not may_see_credentials(realm, registry):
        rule = "credentials are sent by https only, to the registry's own host or domain"
        raise ExchangeError(f"the registry wants the credentials sent to {realm}; {rule}")
    if realm.scheme != "https" and registry.scheme == "https":
        raise ExchangeError(f"the registry names a token server without TLS: {realm}")


def _asked(challenge: Challenge) -> dict[str, str]:
    asked = {"service": challenge.service, "scope": challenge.scope}
    return {name: value for name, value in asked.items() if value}


def _url(challenge: Challenge) -> str:
    query = urlencode(_asked(challenge))
    separator = "&" if "?" in challenge.realm else "?"
    return f"{challenge.realm}{separator}{query}" if query else challenge.realm


def _form(challenge: Challenge, refresh_token: str) -> Form:
    grant = {"grant_type": "refresh_token", "client_id": _CLIENT, "refresh_token": refresh_token}
    return grant | _asked(challenge)


def _token(status: int, retry_after: str | None, body: bytes, *, authenticated: bool) -> str:
    if status != 200:
        raise from_status(status, retry_after, "a token", authenticated=authenticated)
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ExchangeError("the token server's answer is no token") from None
    token = answer.token or answer.access_token
    if not token:
        raise ExchangeError("the token server's answer is no token")
    return token


def _basic(credentials: Credentials) -> str:
    pair = f"{credentials.username}:{credentials.password}"
    return f"Basic {b64encode(pair.encode()).decode()}"


def _bearer(token: str) -> str:
    if not _SENDABLE.fullmatch(token):
        raise ExchangeError("the token has characters that cannot be sent")
    return f"Bearer {token}"
