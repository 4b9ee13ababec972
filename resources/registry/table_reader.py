"""Reads the table of registries from YAML; what is wrong is named by field, value and rule."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import TYPE_CHECKING, TypeVar

from resources.kubernetes.invalid_spec import InvalidSpec
from resources.kubernetes.meta import LocalReference
from resources.registry.host import origin_of
from resources.registry.limits import MAX_TABLE_BYTES
from resources.registry.table import (
    Host,
    HostAuth,
    HostTLS,
    Mirror,
    RegistryTable,
    host_name,
    table_text,
)
from resources.text.yaml_node import (
    YamlList,
    YamlMap,
    YamlNode,
    YamlScalar,
    describe,
    duplicates,
    is_null,
)
from resources.text.yaml_reader import BadYaml, load

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_HOST = r"([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"
_PART = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
_IS_HOST = re.compile(_HOST, re.ASCII)
_IS_PLACE = re.compile(rf"{_HOST}(/{_PART})*", re.ASCII)
_IS_SECRET = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
_IS_EXCEPTION = re.compile(r"[A-Za-z0-9.*:/_\[\]-]+", re.ASCII)
_CERTIFICATE = re.compile(
    r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----", re.ASCII
)
_PRIVATE = "PRIVATE KEY-----"
_PLACE = "a host with an optional port and path, such as registry.example.com:5000/mirror"
_A_HOST = "a host with an optional port, such as registry.example.com:5000"


def read_table(data: bytes) -> RegistryTable:
    """The table in a YAML document; an empty document is an empty table.

    Raises:
        InvalidSpec: a field is unknown, or its value is not allowed.
        BadYaml: it is no YAML, or exceeds a bound.
    """
    if len(data) > MAX_TABLE_BYTES:
        raise BadYaml(f"it has {len(data)} bytes, allowed are {MAX_TABLE_BYTES}")
    roots = load(data).roots
    if len(roots) > 1:
        raise BadYaml(f"it has {len(roots)} documents, allowed is one")
    fields = _fields(roots[0] if roots else None, "", _TABLE)
    table = RegistryTable(
        mirrors=_mirrors(fields.get("mirrors"), "mirrors"),
        hosts=_hosts(fields.get("hosts"), "hosts"),
        proxy=_optional(fields.get("proxy"), "proxy", _proxy) or "",
        no_proxy=_list(fields.get("noProxy"), "noProxy", _exception),
        local_registries=_list(fields.get("localRegistries"), "localRegistries", _host),
    )
    size = len(table_text(table))
    if size > MAX_TABLE_BYTES:  # by aliases, for example
        raise BadYaml(f"as JSON it has {size} bytes, allowed are {MAX_TABLE_BYTES}")
    return table


_TABLE = ("mirrors", "hosts", "proxy", "noProxy", "localRegistries")


def _mirrors(node: YamlNode | None, at: str) -> tuple[Mirror, ...]:
    mirrors = _list(node, at, _mirror)
    seen: set[str] = set()
    for index, mirror in enumerate(mirrors):
        if mirror.prefix in seen:
            raise InvalidSpec(f"{at}[{index}].prefix", mirror.prefix, "each prefix once")
        seen.add(mirror.prefix)
    return mirrors


def _mirror(node: YamlNode, at: str) -> Mirror:
    fields = _fields(node, at, ("prefix", "locations", "skipFallback"))
    locations = _list(fields.get("locations"), f"{at}.locations", _place)
    if not locations:
        raise InvalidSpec(f"{at}.locations", [], "a list with at least one location")
    return Mirror(
        _place(_required(fields, "prefix", at), f"{at}.prefix"),
        locations,
        _flag(fields.get("skipFallback"), f"{at}.skipFallback"),
    )


def _hosts(node: YamlNode | None, at: str) -> dict[str, Host]:
    hosts: dict[str, Host] = {}
    for key, value in _pairs(node, at):
        if not _is_host(key):
            raise InvalidSpec(at, _public(key), _A_HOST)
        name = host_name(key)
        if name in hosts:
            raise InvalidSpec(at, key, "each host once")
        hosts[name] = _connection(value, f"{at}.{key}")
    return hosts


def _connection(node: YamlNode, at: str) -> Host:
    fields = _fields(node, at, ("plainHTTP", "tls", "auth", "pullThrough"))
    plain = _flag(fields.get("plainHTTP"), f"{at}.plainHTTP")
    if plain and "tls" in fields:
        raise InvalidSpec(f"{at}.plainHTTP", True, "either plainHTTP or tls")
    auth = _optional(fields.get("auth"), f"{at}.auth", _auth)
    tls = _optional(fields.get("tls"), f"{at}.tls", _tls)
    return Host(plain, tls, auth, _flag(fields.get("pullThrough"), f"{at}.pullThrough"))


def _tls(node: YamlNode, at: str) -> HostTLS:
    fields = _fields(node, at, ("ca", "insecureSkipVerify"))
    return HostTLS(
        _optional(fields.get("ca"), f"{at}.ca", _ca) or "",
        _flag(fields.get("insecureSkipVerify"), f"{at}.insecureSkipVerify"),
    )


def _auth(node: YamlNode, at: str) -> HostAuth:
    fields = _fields(node, at, ("secretRef",))
    at = f"{at}.secretRef"
    reference = _fields(_required(fields, "secretRef", at.rpartition(".")[0]), at, ("name",))
    name = _text(_required(reference, "name", at), f"{at}.name")
    if not _IS_SECRET.fullmatch(name):
        allowed = "the name of a Secret in the operator's namespace"
        raise InvalidSpec(f"{at}.name", name, allowed)
    return HostAuth(LocalReference(name=name))


def _place(node: YamlNode, at: str) -> str:
    text = _text(node, at)
    host, separator, path = text.partition("/")
    if not (_IS_PLACE.fullmatch(text) and _is_host(host)):
        raise InvalidSpec(at, _public(text), f"{_PLACE}, without https:// and without a tag")
    return f"{host_name(host)}{separator}{path}"


def _host(node: YamlNode, at: str) -> str:
    text = _text(node, at)
    if not _is_host(text):
        raise InvalidSpec(at, _public(text), _A_HOST)
    return text.lower()


def _proxy(node: YamlNode, at: str) -> str:
    text = _text(node, at)
    host = text.removeprefix("http://").removesuffix("/")
    if text and not (text.startswith("http://") and _is_host(host)):
        # Everybody may read it who may read the ConfigMaps of a namespace that has a Falco.
        allowed = "http://, a host and a port, without user name, password and path"
        raise InvalidSpec(at, _public(text), allowed)
    return text.removesuffix("/")


def _exception(node: YamlNode, at: str) -> str:
    text = _text(node, at)
    if not _IS_EXCEPTION.fullmatch(text):
        allowed = "a host, a domain such as .example.com, an address or a CIDR"
        raise InvalidSpec(at, _public(text), allowed)
    return text


def _ca(node: YamlNode, at: str) -> str:
    text = _text(node, at)
    blocks = _CERTIFICATE.findall(text)
    if _PRIVATE in text:  # it would be handed to every namespace that has a Falco
        raise InvalidSpec(at, "…", "certificates alone, without a private key")
    if text and not (blocks and all(map(_is_der, blocks))):
        raise InvalidSpec(at, text, "certificates in PEM, each from BEGIN to END CERTIFICATE")
    return text


def _is_host(text: str) -> bool:
    """Whether the text is a host, with a port that can be."""
    return _IS_HOST.fullmatch(text) is not None and origin_of(f"https://{text}") is not None


def _public(text: str) -> str:
    """A text as logs may show it: what has an @ may have a user name and password before it."""
    return "…@…" if "@" in text else text


def _is_der(block: str) -> bool:
    try:
        return b64decode("".join(block.split()), validate=True).startswith(b"\x30")
    except ValueError:
        return False


def _fields(node: YamlNode | None, at: str, allowed: tuple[str, ...]) -> dict[str, YamlNode]:
    """The fields of an object that have a value; raises InvalidSpec if one is not allowed."""
    pairs = _pairs(node, at)
    for key, _ in pairs:
        if key not in allowed:
            raise InvalidSpec(f"{at}.{key}".lstrip("."), key, f"a field of {', '.join(allowed)}")
    return {key: value for key, value in pairs if not is_null(value)}


def _pairs(node: YamlNode | None, at: str) -> list[tuple[str, YamlNode]]:
    if node is None or is_null(node):
        return []
    if not isinstance(node, YamlMap):
        raise InvalidSpec(at or "the table", _shown(node), "a map")
    for repeated in duplicates(node):
        raise InvalidSpec(f"{at}.{repeated.text}".lstrip("."), repeated.text, "each field once")
    return [(_text(key, at or "the table"), value) for key, value in node.pairs]


def _list(node: YamlNode | None, at: str, read: Callable[[YamlNode, str], T]) -> tuple[T, ...]:
    if node is None:
        return ()
    if not isinstance(node, YamlList):
        raise InvalidSpec(at, _shown(node), "a list")
    return tuple(read(value, f"{at}[{index}]") for index, value in enumerate(node.values))


def _optional(node: YamlNode | None, at: str, read: Callable[[YamlNode, str], T]) -> T | None:
    return read(node, at) if node is not None else None


def _required(fields: dict[str, YamlNode], name: str, at: str) -> YamlNode:
    if name not in fields:
        raise InvalidSpec(f"{at}.{name}", None, "a value")
    return fields[name]


def _text(node: YamlNode, at: str) -> str:
    if not isinstance(node, YamlScalar) or is_null(node):
        raise InvalidSpec(at, _shown(node), "a text")
    return node.text


def _flag(node: YamlNode | None, at: str) -> bool:
    if node is None:
        return False
    text = node.text if isinstance(node, YamlScalar) and node.plain else None
    if text not in {"true", "false"}:
        raise InvalidSpec(at, _shown(node), "true or false, without quotes")
    return text == "true"


def _shown(node: YamlNode) -> str:
    return node.text if isinstance(node, YamlScalar) else describe(node)
