"""What Falco starts with, and what does harm nevertheless: warnings about the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from resources.conditions.event_table import SYSTEM_CALLS
from resources.configuration.base import WEB_PORT
from resources.configuration.fragment import has_variable
from resources.configuration.merge import finding
from resources.configuration.plugins import DIRECTORY
from resources.text import yaml_node
from resources.text.messages import Finding, listed
from resources.text.yaml_node import YamlList, YamlMap, YamlScalar, text_or_null

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resources.configuration.merge import ConfigValue, MergedConfig
    from resources.configuration.plugins import Plugins

_HEALTH = "/healthz"
_ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - the addresses at which the kubelet finds a pod
_SYSTEM_CALLS = frozenset(name for names in SYSTEM_CALLS.values() for name in names.split())
_PROBES = (
    f"the probes of Falco's pods ask http on port {WEB_PORT} at {_HEALTH}, and the kubelet "
    "restarts pods that do not answer: change livenessProbe and readinessProbe in "
    "podTemplateSpec, too"
)


def warnings(merged: MergedConfig, plugins: Plugins) -> Iterator[Finding]:
    """Warnings about what the fragments of the configuration say together."""
    yield from _web_server(merged)
    yield from _outputs(merged)
    yield from _system_calls(merged)
    piece = merged.values.get("watch_config_files")
    if _is_fragment(piece) and yaml_node.boolean(piece.value) is False:
        text = "Falco does not load what changes later, until its pods are started anew"
        yield finding("watch_config_files", piece, text)
    piece = merged.values.get("static_fields")
    if _is_fragment(piece) and isinstance(piece.value, YamlMap) and piece.value.pairs:
        text = "Falco 0.42 to 0.44 may crash with it whenever rules or configuration change"
        yield finding("static_fields", piece, text)
    piece = merged.values.get("engine")
    if _is_fragment(piece) and merged.setting("engine", "kind") is None:
        text = "without kind Falco takes kmod, and does not start without that kernel module"
        yield finding("engine", piece, text)
    for plugin in plugins.loaded.values():
        if plugin.path and not plugin.path.startswith(DIRECTORY):
            text = f"only Falco can see whether there is a library {plugin.path}"
            yield Finding(plugin.origin, text)


def _is_fragment(piece: ConfigValue | None) -> TypeGuard[ConfigValue]:
    return piece is not None and bool(piece.origin)


def _web_server(merged: MergedConfig) -> Iterator[Finding]:
    piece = merged.setting("webserver")
    if not _is_fragment(piece) or not isinstance(piece.value, YamlMap):
        return
    values = {
        key: text_or_null(yaml_node.lookup(piece.value, key))
        for key in ("listen_address", "listen_port", "k8s_healthz_endpoint")
    }
    address, port, path = values.values()
    is_on = yaml_node.boolean(yaml_node.lookup(piece.value, "enabled"))
    is_tls = yaml_node.boolean(yaml_node.lookup(piece.value, "ssl_enabled"))
    moved = (
        not is_on,
        bool(is_tls),
        address is not None and address.strip() not in _ANYWHERE,
        port is not None and port != str(WEB_PORT),
        path not in {None, _HEALTH},
    )
    if any(moved):
        yield finding("webserver", piece, _PROBES)


def _outputs(merged: MergedConfig) -> Iterator[Finding]:
    for names, inner, what in (
        (("stdout_output", "syslog_output"), "enabled", "alerts"),
        (("log_stderr", "log_syslog"), "", "what Falco says of itself"),
    ):
        pieces = [merged.setting(name, *filter(None, [inner])) for name in names]
        if all(piece is not None and yaml_node.boolean(piece.value) is False for piece in pieces):
            text = f"with {names[0]} and {names[1]} off, {what} cannot be seen by kubectl logs"
            last = max((piece for piece in pieces if piece), key=lambda piece: bool(piece.origin))
            yield finding(names[0], last, text)


def _system_calls(merged: MergedConfig) -> Iterator[Finding]:
    piece = merged.setting("base_syscalls", "custom_set")
    if piece is None or not isinstance(piece.value, YamlList):
        return
    names = [
        node.text.removeprefix("!")
        for node in piece.value.values
        if isinstance(node, YamlScalar) and not has_variable(node)
    ]
    if unknown := [name for name in names if name not in _SYSTEM_CALLS]:
        text = f"Falco does not know these system calls: {listed(unknown)}"
        yield finding("base_syscalls.custom_set", piece, text)
