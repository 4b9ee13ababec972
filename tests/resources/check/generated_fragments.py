"""Fragments of Falco's configuration for tests: each key with values that it has, and odd ones."""

import json
from pathlib import Path

from tests.resources.check.generated_conditions import WORDS

LIBRARY = "/usr/share/falco/plugins/libjson.so"

_SCHEMA = Path(__file__).parents[1] / "configuration/falco_schema_0_44_1.txt"
_PATHS = [
    line.split()[0].split(".")
    for line in _SCHEMA.read_text().splitlines()
    if not line.startswith(("#", "config_files"))
]
_ODD = WORDS["fragments_odd"]
_ITEMS = WORDS["fragments_items"]
_ENTRIES = WORDS["entries"]
_WHOLE = WORDS["fragments_whole"]
_NO_PORTS = {"0", "-0", "65536", "4294967295"}
# What stands beside a key, so that the fragment is not refused for what it lacks.
_BESIDE: dict[str, dict[str, object]] = {
    "webserver": {"enabled": True, "prometheus_metrics_enabled": True},
    "metrics": {"enabled": True, "interval": "1h", "output_rule": True},
    "engine": {"kind": "nodriver"},
    "http_output": {"enabled": True, "url": "http://127.0.0.1:1"},
    "file_output": {"enabled": True, "filename": "/dev/null"},
    "program_output": {"enabled": True, "program": "cat"},
    "libs_logger": {"enabled": True, "severity": "info"},
    "capture": {"enabled": True, "mode": "rules"},
}


def fragment(random):
    """A fragment, which Falco may take or not."""
    parts = (_part(random) for _ in range(random.choice((1, 1, 1, 2))))
    return "".join(parts)


def _part(random):
    kind = random.random()
    if kind < 0.15:
        return random.choice(_WHOLE)
    if kind < 0.35:
        key = random.choice(list(_ITEMS))
        items = random.choices(_ITEMS[key], k=random.choice((1, 1, 2)))
        return f"{key}: [{', '.join(items)}]\n"
    if kind < 0.55:
        return plugins(random)
    path = random.choice(_PATHS)
    if path[0] in {"plugins", "append_output"} and len(path) > 1:
        return f"{path[0]}:\n  - {path[1]}: {random.choice(_ODD)}\n"
    value = random.choice(_ODD)
    # A dry run starts no web server, so that Falco takes any number for a port.
    is_port = path[-1] == "listen_port" and value in _NO_PORTS
    return _set(random, path, "80" if is_port else value)


def plugins(random):
    """Entries of plugins, of which json has a library."""
    entries = []
    for _ in range(random.choice((1, 1, 1, 2))):
        keys = ["name", "library_path", *random.sample(["init_config", "open_params"], 1)]
        keys += random.choice(([], [], [], ["other"], ["name"]))
        if random.random() < 0.1:
            keys.pop(random.randrange(len(keys)))
        pairs = [f"{key}: {random.choice(_ENTRIES[key])}" for key in keys]
        entries.append("  - " + "\n    ".join(pairs) + "\n")
    if random.random() < 0.1:
        entries.append(f"  - {random.choice(_ODD)}\n")
    loads = random.choice(
        ("", "load_plugins: [json]\n", "load_plugins: [json]\n", "load_plugins: json\n")
    )
    return f"plugins:\n{''.join(entries)}{loads}"


def _set(random, path, value):
    top, *inner = path
    if not inner:
        return f"{top}: {value}\n"
    beside = _BESIDE.get(top, {}) if random.random() < 0.85 else {}
    lines = [f"  {key}: {json.dumps(text)}\n" for key, text in beside.items() if key != inner[0]]
    for depth, key in enumerate(inner, 1):
        last = depth == len(inner)
        lines.append(f"{'  ' * depth}{key}:{f' {value}' if last else ''}\n")
    return f"{top}:\n{''.join(lines)}"
