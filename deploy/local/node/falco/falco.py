#!/usr/bin/python3
"""A stand-in for Falco 0.44: it reads, refuses, serves and reloads as Falco does; no events."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import select
import signal
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn

import yaml

CONFIG = Path("/etc/falco/falco.yaml")
PLUGINS = Path("/usr/share/falco/plugins")
ENGINE = {"engine_version": "62", "engine_version_semver": "0.62.0", "falco_version": "0.44.1"}
KINDS = ("required_engine_version", "required_plugin_versions", "list", "macro", "rule")
NEW_RULE = ("condition", "output", "desc", "priority")
SEVERAL = ("config_files", "rules_files")
DEBOUNCE_SECONDS = 0.1

# linux/inotify.h
IN_MODIFY, IN_MOVED_FROM, IN_MOVED_TO, IN_CREATE, IN_DELETE = 0x2, 0x40, 0x80, 0x100, 0x200
IN_CHANGED = IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE


class RefusedError(Exception):
    """Falco would not start with these files; the message says why."""


class Loaded:
    """The configuration and the rules, as Falco has read them."""

    def __init__(self) -> None:
        self.config = _configuration()
        self.files = [CONFIG, *_paths(self.config.get("config_files"), ("",))]
        self.rules = _paths(self.config.get("rules_files"), (".yaml", ".yml"))
        self.digests = {path: hashlib.sha256(_read(path)).hexdigest() for path in self.rules}
        self.plugins = _plugins(self.config)
        self.at = time.time_ns()
        _check_rules(self.rules, {plugin["name"] for plugin in self.plugins})
        if not any(
            isinstance(value, dict) and value.get("enabled")
            for key, value in self.config.items()
            if key.endswith("_output")
        ):
            raise RefusedError("No output is enabled")

    def metrics(self) -> str:
        """What `/metrics` answers."""
        name = "falcosecurity_falco"
        lines = [
            f'{name}_sha256_rules_files_info{{file_name="{path.name}",sha256="{digest}"}} 1'
            for path, digest in self.digests.items()
        ]
        return "\n".join([*lines, f"{name}_reload_timestamp_nanoseconds {self.at}", ""])

    def versions(self) -> str:
        """What `/versions` answers."""
        known = {plugin["name"]: "0.4.0" for plugin in self.plugins}
        return json.dumps({**ENGINE, "plugin_versions": known})


def _configuration() -> dict[str, Any]:
    main = _mapping(CONFIG)
    for path in _paths(main.get("config_files"), ("",)):
        fragment = _mapping(path)
        if "config_files" in fragment:
            raise RefusedError(f"{path}: config_files may not be nested")
        for key, value in fragment.items():
            old = main.get(key)
            both = isinstance(old, list) and isinstance(value, list)
            main[key] = [*old, *value] if both else value  # type: ignore[misc]
    return main


def _mapping(path: Path) -> dict[str, Any]:
    content = _parsed(path)
    if isinstance(content, list):
        raise RefusedError(f"{path}: a sequence is no configuration")
    return content if isinstance(content, dict) else {}


def _parsed(path: Path) -> Any:
    try:
        return yaml.load(_read(path), yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise RefusedError(f"{path}: {error}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RefusedError(f"{path} could not be read: {error}") from error


def _paths(entries: Any, endings: tuple[str, ...]) -> list[Path]:
    found = []
    for entry in map(Path, entries or []):
        if entry.is_dir():
            files = sorted(path for path in entry.iterdir() if path.is_file())
            found += [path for path in files if path.name.endswith(endings)]
        elif entry.exists():
            found.append(entry)
    return found


def _plugins(config: dict[str, Any]) -> list[dict[str, Any]]:
    listed = config.get("plugins") or []
    if any("name" not in plugin for plugin in listed):
        raise RefusedError("A plugin has no name")
    wanted = config.get("load_plugins")
    names = [plugin["name"] for plugin in listed] if wanted is None else wanted
    by_name = {plugin["name"]: plugin for plugin in reversed(listed)}
    for name in names:
        if name not in by_name:
            raise RefusedError(
                f"Cannot load plugin '{name}': plugin config not found for given name"
            )
        library = PLUGINS / by_name[name].get("library_path", "")
        if not _read(library).startswith(b"\x7fELF"):
            raise RefusedError(f"Cannot load plugin '{name}': {library} is no library")
    return [by_name[name] for name in names]


def _check_rules(paths: list[Path], plugins: set[str]) -> None:
    for path in paths:
        for document in yaml.load_all(_read(path), yaml.CSafeLoader):
            if document is None:
                continue
            if not isinstance(document, list) or not all(isinstance(i, dict) for i in document):
                raise RefusedError(f"{path}: Rules content is not yaml array of objects")
            for item in document:
                _check_item(path, item, plugins)


def _check_item(path: Path, item: dict[str, Any], plugins: set[str]) -> None:
    kind = next((kind for kind in KINDS if kind in item), "")
    changes = "override" in item or "append" in item or "enabled" in item
    if kind == "rule" and not changes and any(key not in item for key in NEW_RULE):
        raise RefusedError(f"{path}: Item has no mapping for key: {item['rule']}")
    if kind == "required_plugin_versions":
        for plugin in item[kind]:
            if plugin["name"] not in plugins:
                raise RefusedError(f"{path}: Plugin requirement not satisfied: {plugin['name']}")


class Server:
    """The web server; it serves one state of Falco, or none."""

    def __init__(self, loaded: Loaded) -> None:
        settings = loaded.config.get("webserver") or {}
        answers = {
            settings.get("k8s_healthz_endpoint", "/healthz"): lambda: '{"status": "ok"}',
            "/metrics": loaded.metrics,
            "/versions": loaded.versions,
        }

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer = answers.get(self.path)
                self.send_response(200 if answer else 404)
                self.end_headers()
                self.wfile.write(answer().encode() if answer else b"")

            def log_message(self, *_: object) -> None:
                pass

        self._http = None
        if settings.get("enabled"):
            ThreadingHTTPServer.daemon_threads = True
            self._http = ThreadingHTTPServer(("", settings.get("listen_port", 8765)), Handler)
            threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Answer no more."""
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()


def _watch(loaded: Loaded) -> int:
    """A descriptor that becomes readable when Falco has to look at its files again."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor: int = libc.inotify_init1(os.O_NONBLOCK)
    watched = [(str(path), IN_MODIFY) for path in loaded.rules]
    folders = [entry for key in SEVERAL for entry in loaded.config.get(key) or []]
    watched += [(entry, IN_CHANGED) for entry in folders]
    for path, mask in watched:
        if libc.inotify_add_watch(descriptor, path.encode(), mask) < 0 and Path(path).exists():
            _fail(f"could not watch file {path}")
    return descriptor


def _settled(descriptor: int) -> bool:
    """Wait for a change and for quiet after it; false if only directories have changed."""
    relevant = False
    patience = None
    while select.select([descriptor], [], [], patience)[0]:
        patience = DEBOUNCE_SECONDS
        with contextlib.suppress(BlockingIOError):
            events = os.read(descriptor, 65536)
            while events:
                _, mask, _, length = struct.unpack_from("iIII", events)
                relevant = relevant or not mask & 0x40000000  # IN_ISDIR
                events = events[16 + length :]
    return relevant


def _say(priority: str, **fields: object) -> None:
    print(json.dumps({"priority": priority, "hostname": os.uname().nodename, **fields}), flush=True)


def _fail(why: str) -> NoReturn:
    print(f"Error: {why}", file=sys.stderr, flush=True)
    sys.exit(1)


def main() -> None:
    """Start as Falco does, then follow the files."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    host = Path(os.environ.get("HOST_ROOT", "") + "/proc")
    if not host.is_dir():
        _fail(f"the directory '{host}/' doesn't exist")
    try:
        loaded = Loaded()
    except (RefusedError, yaml.YAMLError) as error:
        _fail(str(error))
    while True:
        server, changes = Server(loaded), _watch(loaded)
        _say("Informational", rule="Falco internal: started", rules=len(loaded.rules))
        while True:
            if not _settled(changes):
                continue
            try:
                following = Loaded()
                break
            except (RefusedError, yaml.YAMLError) as error:
                _say("Critical", rule="Falco internal: hot restart failure", reason=str(error))
        server.stop()
        os.close(changes)
        loaded = following


if __name__ == "__main__":
    main()
