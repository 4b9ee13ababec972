"""The credentials for a registry in a Secret.

A Secret has either the keys `username` and `password` (or `token`, instead of a password or alone),
or the key `.dockerconfigjson`. Of the latter, the most specific entry for the repository is taken,
as the kubelet does for image pulls.
"""

from __future__ import annotations

from base64 import b64decode
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import msgspec

from resources.registry.host import is_docker_hub
from resources.registry.request import Credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCKER_CONFIG_KEY = ".dockerconfigjson"


class InvalidCredentials(ValueError):  # noqa: N818 - it describes the Secret, not a failure of ours
    """A Secret without credentials for the registry; the message names keys, never values."""


class _Entry(msgspec.Struct, frozen=True):
    """The entry of one registry in a Docker configuration."""

    username: str | None = None
    password: str | None = None
    auth: str | None = None
    registrytoken: str | None = None


class _DockerConfig(msgspec.Struct, frozen=True):
    auths: dict[str, _Entry] | None = None


def credentials_of(secret: Mapping[str, Any], registry: str, repository: str = "") -> Credentials:
    """The credentials for a repository in a Secret, which is the JSON object from the API server.

    Raises:
        InvalidCredentials: the Secret has none for the registry, or they cannot be read.
    """
    data = secret.get("data") or {}
    if DOCKER_CONFIG_KEY in data:
        return _from_docker_config(_value(data, DOCKER_CONFIG_KEY), registry, repository)
    username = _value(data, "username") if "username" in data else ""
    if not username:
        if "token" in data:
            return Credentials("", _secret(data, "token"))
        expected = f"expected are username and password, token, or {DOCKER_CONFIG_KEY}"
        raise InvalidCredentials(f"key username is missing; {expected}")
    if "password" not in data and "token" in data:
        return Credentials(username, _secret(data, "token"))
    return Credentials(username, _secret(data, "password"))


def _secret(data: Mapping[str, str], key: str) -> str:
    """The text of a key that must be present and not empty."""
    if key not in data:
        raise InvalidCredentials(f"key {key} is missing")
    value = _value(data, key)
    if not value:
        raise InvalidCredentials(f"key {key} is empty")
    return value


def _value(data: Mapping[str, str], key: str) -> str:
    """The text of a key, without the line break that `echo` leaves at its end."""
    try:
        return b64decode(data[key], validate=True).decode().rstrip("\r\n")
    except (ValueError, TypeError):
        raise InvalidCredentials(f"key {key} is not UTF-8 text") from None


def _from_docker_config(text: str, registry: str, repository: str) -> Credentials:
    try:
        config = msgspec.json.decode(text.encode(), type=_DockerConfig)
    except (msgspec.DecodeError, RecursionError):
        raise InvalidCredentials(f"key {DOCKER_CONFIG_KEY} is not a Docker configuration") from None
    entries = [
        (_place(name), entry)
        for name, entry in (config.auths or {}).items()
        if _covers(_place(name), registry, repository)
    ]
    if not entries:
        raise InvalidCredentials(f"key {DOCKER_CONFIG_KEY} has no entry for {registry}")
    # A longer path is more specific than a shorter one, and a host name than a pattern.
    _, entry = max(entries, key=lambda place: (place[0].count("/"), "*" not in place[0]))
    return _from_entry(entry, registry)


def _from_entry(entry: _Entry, registry: str) -> Credentials:
    if entry.registrytoken:
        return Credentials("", entry.registrytoken)
    username, password = entry.username, entry.password
    if entry.auth:
        try:
            username, _, password = b64decode(entry.auth, validate=True).decode().partition(":")
        except ValueError:
            problem = f"the auth of {registry} is not base64 of a user name and password"
            raise InvalidCredentials(f"key {DOCKER_CONFIG_KEY}: {problem}") from None
    if not username or not password:
        problem = f"the entry for {registry} has no user name and password"
        raise InvalidCredentials(f"key {DOCKER_CONFIG_KEY}: {problem}")
    return Credentials(username, password.rstrip("\0"))


def _place(name: str) -> str:
    """The host and path of an entry, whose name may be the URL of the registry's API."""
    place = name.removeprefix("https://").removeprefix("http://").rstrip("/")
    for version in ("/v1", "/v2"):
        place = place.removesuffix(version)
    return place


def _covers(place: str, registry: str, repository: str) -> bool:
    host, _, path = place.partition("/")
    if path and not f"{repository}/".startswith(f"{path}/"):
        return False
    if is_docker_hub(registry):
        return is_docker_hub(host)
    return _matches(host.lower(), registry.lower())


def _matches(pattern: str, host: str) -> bool:
    """Whether a host matches a pattern label by label; `*` matches any characters but a dot."""
    parts, wanted = host.split("."), pattern.split(".")
    return pattern == host or (len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted)))
