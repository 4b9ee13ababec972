"""What several keys of the merged configuration say together, and for which Falco would not start.

The checks are those of Falco's configuration.cpp (load_yaml), and of the steps of its start that
follow: outputs, metrics, buffers, the web server.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from resources.configuration.fragment import has_variable
from resources.configuration.keys import (
    ENGINE_KINDS,
    GONE_ENGINE_KINDS,
    KEYS,
    SEVERITIES,
)
from resources.configuration.merge import ConfigValue, finding
from resources.text import yaml_node
from resources.text.messages import FatalFinding, shown
from resources.text.yaml_node import (
    YamlMap,
    YamlScalar,
    is_null,
    keys,
    lookup,
    text_or_null,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resources.configuration.keys import Release
    from resources.configuration.merge import MergedConfig
    from resources.text.messages import Finding

_GREATEST_PORT = 65535
_PRESETS = (1, 10)
_PRESET_FITS = (-(2**15), 2**15 - 1)
# The outputs, and the key that each needs beside `enabled`.
_OUTPUTS = {
    "stdout_output": "",
    "syslog_output": "",
    "file_output": "filename",
    "program_output": "program",
    "http_output": "url",
    "grpc_output": "",
}
# Falco's duration: numbers with units in this order, each at most once.
_UNITS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
_FIELD_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*(?:\.[a-zA-Z][a-zA-Z0-9_]*)*")
_DURATION = re.compile("".join(f"(?:([0-9]{{1,18}}){unit})?" for unit in _UNITS), re.ASCII)
_LEAST_INTERVAL = 100


def problems(merged: MergedConfig, falco: Release | None) -> Iterator[Finding]:
    """The combinations for which Falco would not start."""
    yield from _engine(merged, falco)
    yield from _severity(merged, falco)
    yield from _outputs(merged, falco)
    yield from _web_server(merged)
    yield from _metrics(merged)
    yield from _drops(merged)
    yield from _rules_files(merged)
    yield from _static_fields(merged, falco)


def _engine(merged: MergedConfig, falco: Release | None) -> Iterator[Finding]:
    piece = merged.setting("engine", "kind")
    kind = _text(piece)
    if piece is not None and kind is not None:
        older = [name for name, end in GONE_ENGINE_KINDS.items() if falco is None or falco < end]
        if kind not in (*ENGINE_KINDS, *older):
            allowed = ", ".join((*ENGINE_KINDS, *(older if falco else ())))
            text = f"{shown(kind)} is no engine; allowed are {allowed}"
            yield finding("engine.kind", piece, text)
            return
    # Falco reads the keys of the engine that it takes, and no others.
    engine = kind or ("" if piece is not None and has_variable(piece.value) else "kmod")
    settings = merged.setting("engine", engine)
    if settings is not None and _is_text(settings.value):
        yield finding(f"engine.{engine}", settings, "it must be a map, not text")
    file = merged.setting("engine", "replay", "capture_file")
    if piece is not None and engine == "replay" and not _text(file, "?"):
        yield finding("engine.kind", piece, "replay needs engine.replay.capture_file")
    preset = merged.setting("engine", engine, "buf_size_preset")
    number = _whole(preset, _PRESET_FITS)
    least, most = _PRESETS
    if preset is not None and number is not None and not least <= number <= most:
        key = f"engine.{engine}.buf_size_preset"
        yield finding(key, preset, f"it must be between {least} and {most}, not {number}")


def _severity(merged: MergedConfig, falco: Release | None) -> Iterator[Finding]:
    piece = merged.setting("libs_logger", "severity")
    severity = _text(piece)
    default = falco is None or falco >= (0, 41)
    if piece is None or severity is None or severity in SEVERITIES:
        return
    if _flag(merged, default, "libs_logger", "enabled") is not False:
        text = f"{shown(severity)} is not possible; allowed are {', '.join(SEVERITIES)}"
        yield finding("libs_logger.severity", piece, text)


def _outputs(merged: MergedConfig, falco: Release | None) -> Iterator[Finding]:
    enabled = False
    for name, needed in _OUTPUTS.items():
        piece = merged.setting(name, "enabled")
        gone = KEYS[name].gone
        is_gone = falco is not None and gone is not None and falco >= gone
        if piece is None or is_gone or yaml_node.boolean(piece.value) is not True:
            enabled |= piece is not None and has_variable(piece.value)
            continue
        enabled = True
        if needed and not _text(merged.setting(name, needed), "?"):
            yield finding(name, piece, f"it is enabled, and needs {needed}")
    if not enabled:
        origins = [merged.values[name] for name in _OUTPUTS if name in merged.values]
        yield from (
            finding("stdout_output", piece, "with this no output is left enabled, Falco needs one")
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
            yield finding("webserver.listen_address", piece, f"{shown(address)} is no IP address")
    if _flag(merged, False, "webserver", "enabled") is not True:
        return
    piece = merged.setting("webserver", "listen_port")
    port = _whole(piece, (0, 2**32 - 1))
    if piece is not None and port is not None and not 0 < port <= _GREATEST_PORT:
        yield finding("webserver.listen_port", piece, f"{port} is no port")
    piece = merged.setting("webserver", "ssl_enabled")
    certificate = merged.setting("webserver", "ssl_certificate")
    if piece is not None and yaml_node.boolean(piece.value) and not _text(certificate, "?"):
        text = "it needs ssl_certificate, the path of a file with certificate and key in the pod"
        # A dry run, and so the check of a running Falco before it reloads, does not look at it.
        yield FatalFinding(*finding("webserver.ssl_enabled", piece, text))


def _metrics(merged: MergedConfig) -> Iterator[Finding]:
    metrics = merged.setting("metrics")
    if metrics is None or _flag(merged, False, "metrics", "enabled") is not True:
        return
    piece = merged.setting("metrics", "interval")
    interval = _text(piece)
    if piece is None or (interval is None and not has_variable(piece.value)):
        yield finding("metrics", metrics, "it is enabled, and needs interval, such as 1h")
    elif interval is not None and not _is_duration(interval):
        text = f"{shown(interval)} is no duration of at least 100ms, such as 1h or 30s"
        yield finding("metrics.interval", piece, text)
    file = merged.setting("metrics", "output_file")
    has_output = (
        _flag(merged, False, "metrics", "output_rule") is not False
        or bool(_text(file, "?"))
        or _flag(merged, False, "webserver", "prometheus_metrics_enabled") is not False
    )
    if not has_output:
        server = merged.setting("webserver")
        piece = server if server is not None and server.origin else metrics
        key = "webserver" if piece is server else "metrics"
        yield finding(key, piece, _NO_METRICS)


_NO_METRICS = (
    "with this the metrics that are enabled have no output, and Falco needs one: add "
    "prometheus_metrics_enabled: true to webserver, or output_rule: true or output_file to metrics"
)


def _is_duration(text: str) -> bool:
    match = _DURATION.fullmatch(re.sub(r"\s", "", text, flags=re.ASCII))
    if match is None:
        return False
    pairs = zip(match.groups(), _UNITS.values(), strict=True)
    return sum(int(number) * unit for number, unit in pairs if number) >= _LEAST_INTERVAL


def _drops(merged: MergedConfig) -> Iterator[Finding]:
    piece = merged.setting("syscall_event_drops", "actions")
    if piece is None or not isinstance(piece.value, yaml_node.YamlList):
        return
    ignores = False
    for action in map(text_or_null, piece.value.values):
        ignores |= action == "ignore"
        if ignores and action in {"log", "alert"}:
            text = f"{action} cannot stand after ignore"
            yield finding("syscall_event_drops.actions", piece, text)
            return


def _rules_files(merged: MergedConfig) -> Iterator[Finding]:
    old = [*merged.lists.get("rules_file", ()), *filter(None, [merged.values.get("rules_file")])]
    if old and ("rules_files" in merged.lists or "rules_files" in merged.values):
        yield finding("rules_file", old[0], "it cannot stand together with rules_files")
    piece = merged.values.get("rules_files")
    path = _text(piece, "/")
    if piece is not None and not old and (is_null(piece.value) or not (path or "").startswith("/")):
        text = "with this Falco has no rules files, and does not start: it must be a list"
        yield finding("rules_files", piece, text)


def _static_fields(merged: MergedConfig, falco: Release | None) -> Iterator[Finding]:
    """Names that Falco cannot read as fields, in the outputs to which it adds all of them."""
    piece = merged.setting("static_fields")
    if piece is None or not isinstance(piece.value, YamlMap):
        return
    if (falco is not None and falco < (0, 42)) or not _suggests_outputs(merged):
        return
    names = {key.text for key in keys(piece.value)}
    for key in keys(piece.value):
        is_name = _FIELD_NAME.fullmatch(key.text)
        # Falco reads as much of the text as is the name of a field.
        if not is_name and not any(key.text.startswith(name) for name in names - {key.text}):
            text = (
                f"{shown(key.text)} is no name for a field: letters, digits and _ in parts of dots"
            )
            yield finding("static_fields", ConfigValue(piece.origin, key.line, key), text)


def _suggests_outputs(merged: MergedConfig) -> bool:
    entries = (piece.value for piece in merged.lists.get("append_output", ()))
    return any(
        isinstance(entry, YamlMap) and yaml_node.boolean(lookup(entry, "suggested_output"))
        for entry in entries
    )


def _flag(merged: MergedConfig, default: bool, key: str, name: str) -> bool | None:
    """The value of a key that is true or false; None if only Falco knows it."""
    piece = merged.setting(key, name)
    if piece is None:
        return default
    if has_variable(piece.value):
        return None
    value = yaml_node.boolean(piece.value)
    return default if value is None else value


def _text(piece: ConfigValue | None, variable: str | None = None) -> str | None:
    """The text of a value; `variable` if the value has an environment variable in it."""
    if piece is None:
        return None
    return variable if has_variable(piece.value) else text_or_null(piece.value)


def _whole(piece: ConfigValue | None, fits: tuple[int, int]) -> int | None:
    """The whole number that Falco reads; None if it ignores the value."""
    number = yaml_node.integer(piece.value) if piece else None
    return number if number is not None and fits[0] <= number <= fits[1] else None


def _is_text(value: yaml_node.YamlNode) -> bool:
    return isinstance(value, YamlScalar) and not is_null(value)
