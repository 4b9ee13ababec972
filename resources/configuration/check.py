"""The problems of the merged configuration for which Falco would not start.

The checks are those of Falco's configuration.cpp (load_yaml), which throws for each of them.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from resources.configuration.fragment import has_variable
from resources.configuration.keys import ENGINE_KINDS, GONE, GONE_ENGINE_KINDS
from resources.rules.item_reader import PRIORITIES
from resources.text import yaml_node
from resources.text.messages import Finding, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resources.configuration.merge import ConfigValue, MergedConfig

_GREATEST_PORT = 65535
# The outputs, and the key that each needs beside `enabled`.
_OUTPUTS = {
    "stdout_output": "",
    "syslog_output": "",
    "file_output": "filename",
    "program_output": "program",
    "http_output": "url",
    "grpc_output": "",
}
_DROP_ACTIONS = ("ignore", "log", "alert", "exit")


def problems(merged: MergedConfig, falco: tuple[int, int] | None) -> list[Finding]:
    """The reasons for which Falco would not start, each with the fragment that causes it."""
    return [
        *merged.problems,
        *_engine_kind(merged, falco),
        *_outputs(merged, falco),
        *_web_server(merged),
        *_drops(merged),
        *_choices(merged),
        *_rules_files(merged),
    ]


def _engine_kind(merged: MergedConfig, falco: tuple[int, int] | None) -> Iterator[Finding]:
    piece = merged.setting("engine", "kind")
    kind = _text(piece)
    if piece is None or kind is None:
        return
    older = [name for name, end in GONE_ENGINE_KINDS.items() if falco is None or falco < end]
    if kind not in (*ENGINE_KINDS, *older):
        allowed = ", ".join((*ENGINE_KINDS, *(older if falco else ())))
        yield _finding("engine.kind", piece, f"{shown(kind)} is no engine; allowed are {allowed}")
    elif kind == "replay" and not _text(merged.setting("engine", "replay", "capture_file"), "?"):
        yield _finding("engine.kind", piece, "replay needs engine.replay.capture_file")


def _outputs(merged: MergedConfig, falco: tuple[int, int] | None) -> Iterator[Finding]:
    enabled = False
    for name, needed in _OUTPUTS.items():
        piece = merged.setting(name, "enabled")
        gone = falco is not None and name in GONE and falco >= GONE[name]
        if piece is None or gone or yaml_node.boolean(piece.value) is not True:
            enabled |= piece is not None and has_variable(piece.value)
            continue
        enabled = True
        if needed and not _text(merged.setting(name, needed), "?"):
            yield _finding(name, piece, f"it is enabled, and needs {needed}")
    if not enabled:
        origins = [merged.values[name] for name in _OUTPUTS if name in merged.values]
        yield from (
            _finding("stdout_output", piece, "with this no output is left enabled, Falco needs one")
            for piece in origins
            if piece.origin
        )


def _web_server(merged: MergedConfig) -> Iterator[Finding]:
    piece = merged.setting("webserver", "listen_address")
    address = _text(piece)
    if piece is not None and address is not None:
        try:
            ipaddress.ip_address(address.strip())
        except ValueError:
            yield _finding("webserver.listen_address", piece, f"{shown(address)} is no IP address")
    piece = merged.setting("webserver", "listen_port")
    port = yaml_node.integer(piece.value) if piece else None
    if piece is not None and port is not None and (port == 0 or port > _GREATEST_PORT):
        yield _finding("webserver.listen_port", piece, f"{port} is no port")


def _drops(merged: MergedConfig) -> Iterator[Finding]:
    piece = merged.setting("syscall_event_drops", "actions")
    if piece is not None:
        value = piece.value
        nodes = value.values if isinstance(value, yaml_node.YamlList) else (value,)
        actions = [yaml_node.text(node) for node in nodes if not yaml_node.is_null(node)]
        for action in actions:
            if action not in _DROP_ACTIONS:
                allowed = ", ".join(_DROP_ACTIONS)
                message = f"{shown(action or '')} is no action; allowed are {allowed}"
                yield _finding("syscall_event_drops.actions", piece, message)
        if "ignore" in actions and {"log", "alert"}.intersection(actions):
            message = "ignore cannot stand together with log or alert"
            yield _finding("syscall_event_drops.actions", piece, message)
    piece = merged.setting("syscall_event_drops", "threshold")
    threshold = yaml_node.number(piece.value) if piece else None
    if piece is not None and threshold is not None and not 0 <= threshold <= 1:
        yield _finding("syscall_event_drops.threshold", piece, "it must be between 0 and 1")
    piece = merged.setting("syscall_event_timeouts", "max_consecutives")
    if piece is not None and yaml_node.integer(piece.value) == 0:
        yield _finding("syscall_event_timeouts.max_consecutives", piece, "it must not be 0")


def _choices(merged: MergedConfig) -> Iterator[Finding]:
    for name, piece, allowed in (
        ("priority", merged.setting("priority"), PRIORITIES),
        ("rule_matching", merged.setting("rule_matching"), ("first", "all")),
        ("capture.mode", merged.setting("capture", "mode"), ("rules", "all_rules")),
    ):
        value = _text(piece)
        if piece is None or value is None:
            continue
        known = value.lower() if name != "capture.mode" else value
        if known not in allowed:
            message = f"{shown(value)} is not possible; allowed are {', '.join(allowed)}"
            yield _finding(name, piece, message)


def _rules_files(merged: MergedConfig) -> Iterator[Finding]:
    old = [*merged.lists.get("rules_file", ()), *filter(None, [merged.values.get("rules_file")])]
    if old and ("rules_files" in merged.lists or "rules_files" in merged.values):
        yield _finding("rules_file", old[0], "it cannot stand together with rules_files")


def _text(piece: ConfigValue | None, variable: str | None = None) -> str | None:
    """The text of a value; `variable` if the value has an environment variable in it."""
    if piece is None:
        return None
    return variable if has_variable(piece.value) else yaml_node.text(piece.value)


def _finding(key: str, piece: ConfigValue, message: str) -> Finding:
    return Finding(piece.origin, f"key {key} (line {piece.line}): {message}")
