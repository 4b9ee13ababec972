"""The credentials for a registry in a Secret.

A Secret has either the keys `username` and `password` (or `token`, instead of a password or alone),
or the key `.dockerconfigjson`. Of the latter, the most specific entry for the repository is taken,
as the kubelet does for image pulls.

Whoever may create an artifact chooses both the Secret and the registry that it is sent to. So
Secrets of other types, such as the token of a ServiceAccount, are refused, and an annotation limits
a Secret to one registry.
"""

from __future__ import annotations

from base64 import b64decode
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from resources.registry.host import is_docker_hub
from resources.registry.request import Credentials
from resources.text.keyed_text import named_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCKER_CONFIG_KEY = ".dockerconfigjson"
REGISTRY_ANNOTATION = "artifact.falcosecurity.dev/registry"
"""The annotation of a Secret that names the only registry to which the Secret is sent."""

# The API server gives a Secret without a type the first.
_TYPES = ("Opaque", "kubernetes.io/basic-auth", "kubernetes.io/dockerconfigjson")


class InvalidCredentials(ValueError):  # noqa: N818 - it describes the Secret, not a failure of ours
    """A Secret without credentials for the registry; the message names keys, never values."""


class _Entry(msgspec.Struct, frozen=True):
    """The entry of one registry in a Docker configuration."""

    username: str | None = None
    password: str | None = None
    auth: str | None = None
    identitytoken: str | None = None
    registrytoken: str | None = None


class _DockerConfig(msgspec.Struct, frozen=True):
    auths: dict[str, _Entry] | None = None


class RegistryPolicy(NamedTuple):
    """Which Secrets are sent to a registry, and which hosts may have an address of the machine.

    A Docker configuration names its registries itself; a token without a user name needs the
    annotation; any other credentials need it if `annotation_required`. `local_registries` are hosts
    as URLs name them, with or without a port.
    """

    annotation_required: bool = False
    local_registries: tuple[str, ...] = ()

    def credentials_of(
        self, secret: Mapping[str, Any], registry: str, repository: str = ""
    ) -> Credentials:
        """The credentials for a repository in a Secret, the JSON object from the API server.

        Raises:
            InvalidCredentials: the Secret has none for the registry, or they cannot be read.
        """
        is_named = _is_for(secret, registry)
        data = secret.get("data") or {}
        if DOCKER_CONFIG_KEY in data:
            return _from_docker_config(_value(data, DOCKER_CONFIG_KEY), registry, repository)
        credentials = _from_keys(data)
        if not is_named and (self.annotation_required or not credentials.username):
            problem = f"the annotation {REGISTRY_ANNOTATION}: {registry} is missing"
            who = "--require-registry-annotation" if credentials.username else "the key token"
            raise InvalidCredentials(f"{problem}, which {who} demands")
        return credentials


DEFAULT_POLICY = RegistryPolicy()


def _is_for(secret: Mapping[str, Any], registry: str) -> bool:
    """Whether the Secret names this registry; raises InvalidCredentials if it may not be sent."""
    kind = secret.get("type") or _TYPES[0]
    if kind not in _TYPES:
        allowed = ", ".join(_TYPES)
        raise InvalidCredentials(f"type {kind} is not for registries; allowed are {allowed}")
    annotations = (secret.get("metadata") or {}).get("annotations") or {}
    named = annotations.get(REGISTRY_ANNOTATION)
    if named is not None and named.lower() != registry.lower():
        problem = f"the annotation {REGISTRY_ANNOTATION} allows {named!r} only"
        raise InvalidCredentials(f"{problem}, and the registry is {registry}")
    return named is not None


def _from_keys(data: Mapping[str, str]) -> Credentials:
    username = _value(data, "username") if "username" in data else ""
    if not username:
        if "token" in data:
            return Credentials("", _secret(data, "token"))
        expected = f"expected are username and password, token, or {DOCKER_CONFIG_KEY}"
        raise InvalidCredentials(f"key username is missing; {expected}; {named_keys(data)}")
    if "password" not in data and "token" in data:
        return Credentials(username, _secret(data, "token"))
    return Credentials(username, _secret(data, "password"))


def _secret(data: Mapping[str, str], key: str) -> str:
    """The text of a key that must be present and not empty."""
    if key not in data:
        raise InvalidCredentials(f"key {key} is missing; {named_keys(data)}")
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
    if entry.identitytoken:  # `auth` has a user name without a password then, or a placeholder
        return Credentials("", "", entry.identitytoken)
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
