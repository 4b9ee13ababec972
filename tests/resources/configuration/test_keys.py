from pathlib import Path

import pytest

from resources.configuration.fragment import is_unknown
from resources.configuration.keys import FLAG, KEYS, NUMBER, TEXT, WHOLE, Items, Keys, Scalar

SCHEMA = {
    path: said
    for path, *said in map(
        str.split, Path(__file__).with_name("falco_schema_0_44_1.txt").read_text().splitlines()
    )
    if path != "#"
}
CAPTURE_MODES = ("rules", "all_rules")
NAMES = {FLAG: "boolean", WHOLE: "integer", NUMBER: "number", TEXT: "string"}
# What the schema of Falco does not say, or says otherwise than its code.
DIFFERENT = {
    "rule_files": "nothing reads it: the key is rules_files",
    "rules_file": "the older name of rules_files, which Falco still reads",
    "container_engines": "nothing reads it since 0.41",
    "plugins.init_config": "a map or text",
    "capture.default_duration": "a negative one is ignored",
    "syscall_event_drops.max_burst": "read as a number with a fraction",
}


def values(expected):
    """The range or the values that the schema says, too: of most keys only Falco's code does."""
    if expected.expected:
        least, most = expected.expected
        yield f"{least}..{most}"
    elif expected.allowed == CAPTURE_MODES:
        yield "|".join(expected.allowed)


def types(keys, path=""):
    for name, expected in keys.items():
        if is_unknown(expected, (0, 44)):
            continue
        if isinstance(expected, Scalar):
            yield f"{path}{name}", [NAMES[expected.type], *values(expected)]
            continue
        is_list = isinstance(expected, Items)
        yield f"{path}{name}", ["array" if is_list else "object"]
        inner = expected.item if is_list else expected
        if not isinstance(inner, Scalar):
            yield from types(inner.keys, f"{path}{name}.")


def test_the_table_of_keys_is_that_of_falcos_own_schema():
    ours = dict(types(KEYS))
    differing = {key for key in ours.keys() | SCHEMA.keys() if ours.get(key) != SCHEMA.get(key)}
    assert differing == DIFFERENT.keys()


@pytest.mark.parametrize(
    ("path", "release"),
    [
        ("append_output", (0, 39)),
        ("append_output.suggested_output", (0, 40)),
        ("base_syscalls.all", (0, 40)),
        ("capture", (0, 42)),
        ("capture.max_file_size_mb", (0, 44)),
        ("engine.modern_ebpf.disable_iterators", (0, 44)),
        ("falco_libs.snaplen", (0, 40)),
        ("http_output.max_consecutive_timeouts", (0, 41)),
        ("json_include_output_fields_property", (0, 41)),
        ("metrics.kernel_iter_event_counters_enabled", (0, 44)),
        ("rules", (0, 38)),
        ("static_fields", (0, 42)),
    ],
)
def test_a_key_is_known_since_its_release(path, release):
    first, *names = path.split(".")
    expected = KEYS[first]
    for name in names:
        inner = expected.item if isinstance(expected, Items) else expected
        assert isinstance(inner, Keys)
        expected = inner.keys[name]
    assert not is_unknown(expected, release)
    assert is_unknown(expected, (release[0], release[1] - 1))
    assert not is_unknown(expected, None)
