import pytest

from resources.configuration.base import base_config
from resources.configuration.fragment import read
from resources.configuration.keys import KEYS
from resources.text.yaml_node import text

FALCO = (0, 44)


def content(data, falco=FALCO):
    return read(data.encode() if isinstance(data, str) else data, falco)


def test_a_fragment_is_read_into_its_keys():
    result = content("json_output: true\nlog_level: debug\n")
    assert [(entry.key, entry.line, text(entry.value)) for entry in result.entries] == [
        ("json_output", 1, "true"),
        ("log_level", 2, "debug"),
    ]
    assert not result.problems
    assert not result.warnings


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("a: [1,\nb: }\n", "line 2: "),
        ("- a\n", "line 1: the file holds a list, not a map of configuration"),
        ("[" * 10_000, "line 1: values are nested deeper than 100"),
        (b"a: \xff", "line 1: it is not UTF-8 (byte 0xff)"),
        (
            "http_output: []\n",
            "key http_output (line 1): Falco aborts over [] where it expects a map",
        ),
        ("engine: {kmod: []}\n", "key engine.kmod (line 1): Falco aborts over []"),
        ("plugins: [[]]\n", "key plugins (line 1): Falco aborts over []"),
        ("[a]: b\n", "line 1: a key must be text, not a list"),
        ("webserver: {{a: b}: c}\n", "line 1: a key in webserver must be text, not a map"),
        ("x: 1\nconfig_files: [a]\n", "key config_files (line 2): a fragment cannot name further"),
    ],
)
def test_what_falco_refuses_whatever_else_there_is(data, message):
    (problem,) = content(data).problems
    assert problem.startswith(message)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "the file has no configuration"),
        ("# nothing\n", "the file has no configuration"),
        ("---\n---\na: 1\n", "the file has no configuration"),
        ("just text\n", "line 1: Falco ignores the file, for it holds text, not a map"),
        ("colour: red\n", 'key "colour" (line 1): Falco does not know it'),
        ("webserver: {port: 1}\n", 'key "webserver.port" (line 1): Falco does not know it'),
        (
            "json_output: maybe\n",
            'key json_output (line 1): Falco expects true or false, and ignores "maybe"',
        ),
        (
            "webserver:\n  listen_port: many\n",
            'key webserver.listen_port (line 2): Falco expects a whole number, and ignores "many"',
        ),
        ("output_timeout: []\n", "Falco expects a whole number, and ignores a list"),
        ("json_output: on\n", "key json_output (line 1): Falco warns, and wants true or false"),
        ("load_plugins:\n", "Falco expects a list, and ignores nothing"),
        ("rules_files: [null]\n", 'Falco reads nothing as the text "null"'),
        ("outputs_queue: {}\n", "Falco warns, for it expects keys in it"),
        ("webserver: 1\n", "key webserver (line 1): Falco expects a map, this is text"),
        ("webserver:\n", "key webserver (line 1): Falco expects a map, this is nothing"),
        ("rules_files: x\n", 'Falco expects a list, and reads "x"'),
        ("rules_files: {a: b}\n", "Falco expects a list, and ignores a map"),
        ("http_output: {url: null}\n", 'Falco reads nothing as the text "null"'),
        ("engine: {}\n", "key engine (line 1): Falco expects a key kind in it"),
        ("rules: [{disabled: a}]\n", 'key "rules.disabled" (line 1): Falco does not know it'),
        (
            "json_output: true\njson_output: false\n",
            "line 2: given twice, the last counts: json_output",
        ),
        (
            "json_output: true\n---\nlog_level: info\n",
            "Falco reads only the first document of the file",
        ),
    ],
)
def test_what_falco_ignores_is_a_warning(data, message):
    result = content(data)
    assert not result.problems
    assert len(result.warnings) == 1
    assert message in result.warnings[0]


@pytest.mark.parametrize(
    "data",
    [
        "json_output: ${JSON}\nwebserver: {listen_port: '${PORT}'}\n",
        "static_fields: {a: b}\n",
        "engine: {kind: modern_ebpf, modern_ebpf: {buf_size_preset: 4}}\n",
        "syscall_event_drops: {threshold: .1, actions: [log, alert]}\n",
    ],
)
def test_what_falco_understands_is_no_warning(data):
    assert not content(data).warnings


@pytest.mark.parametrize(
    ("key", "falco", "known"),
    [
        ("grpc", (0, 44), False),
        ("grpc", (0, 43), True),
        ("container_engines", (0, 41), False),
        ("container_engines", (0, 40), True),
        ("container_engines", None, True),
    ],
)
def test_a_key_that_is_gone_is_known_to_older_releases(key, falco, known):
    assert (not content(f"{key}: {{}}\n", falco).warnings) is known


@pytest.mark.parametrize("workload", ["DaemonSet", "Deployment"])
@pytest.mark.parametrize("version", [(0, 44), (0, 40)])
def test_the_base_configuration_raises_no_warning_but_for_what_only_it_may(workload, version):
    result = content(base_config(workload, "{}.{}.0".format(*version)), version)
    assert [problem[:16] for problem in result.problems] == ["key config_files"]
    assert not result.warnings


def test_every_key_of_the_base_configuration_is_in_the_table():
    result = content(base_config("DaemonSet", "0.44.1"))
    assert {entry.key for entry in result.entries} <= KEYS.keys()
