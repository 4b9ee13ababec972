import pytest

from resources.configuration import check as config_check
from resources.configuration import fragment as config_content
from resources.configuration.base import base_config
from resources.configuration.merge import MergedConfig
from resources.configuration.plugins import LoadedPlugin, Plugins

FALCO = (0, 44)
METRICS = "enabled: true, prometheus_metrics_enabled: true"
DIRECTORY = "/usr/share/falco/plugins/"


def merged(*fragments, falco=FALCO):
    base = config_content.read(base_config("DaemonSet", "0.44.1").encode(), falco)
    result = MergedConfig(base)
    for number, fragment in enumerate(fragments, 1):
        content = config_content.read(fragment.encode(), falco)
        assert not content.problems
        result.include(str(number), content)
    return result


def problems(*fragments, falco=FALCO):
    return config_check.problems(merged(*fragments, falco=falco), falco)


def plugins(*fragments, own=(), libraries=()):
    entries = [LoadedPlugin(f"own {name}", 0, name, path) for name, path in own]
    return Plugins(merged(*fragments), entries, libraries)


def entry(name, path=""):
    return f"{{name: {name}, library_path: {path or f'lib{name}.so'}}}"


def test_the_base_configuration_is_fine():
    assert problems() == []


def test_lists_grow_and_everything_else_is_replaced():
    result = merged("rules_files: [a]\nlog_level: debug\n", "rules_files: [b]\nwebserver: {}\n")
    assert [(entry.origin, entry.value.text) for entry in result.lists["rules_files"]] == [
        ("", "/etc/falco/rules.d"),
        ("1", "a"),
        ("2", "b"),
    ]
    assert result.setting("log_level").value.text == "debug"
    assert result.setting("webserver", "enabled") is None
    assert result.setting("webserver").origin == "2"


def test_replacing_a_map_tells_what_is_lost():
    (warning,) = merged("x: 1\nwebserver: {listen_port: 9999}\n").warnings
    assert warning == (
        "1",
        (
            "key webserver (line 2): Falco replaces it as a whole, so what was there before is "
            "lost: enabled, k8s_healthz_endpoint, prometheus_metrics_enabled"
        ),
    )


@pytest.mark.parametrize(
    "fragment",
    [
        "stdout_output: {enabled: false}\n",
        (
            "webserver: {enabled: on, listen_port: 1, k8s_healthz_endpoint: /, "
            "prometheus_metrics_enabled: on, threadiness: 2}\n"
        ),
        "log_level: debug\n",
        "plugins: []\nload_plugins: []\n",
    ],
)
def test_replacing_a_map_that_loses_nothing_is_no_warning(fragment):
    assert merged(fragment).warnings == []


def test_replacing_a_list_by_something_else_loses_it():
    (warning,) = merged("rules_files: /etc/falco/other.yaml\n").warnings
    assert warning.text.endswith("is lost: the list of an earlier file")


def test_a_list_cannot_be_joined_to_something_else():
    assert problems("engine: [a]\n") == [
        ("1", "key engine (line 1): a list cannot be joined to a map, as it was")
    ]


@pytest.mark.parametrize(
    ("fragment", "message"),
    [
        (
            "engine: {kind: ebpf}\n",
            (
                'key engine.kind (line 1): "ebpf" is no engine; allowed are kmod, modern_ebpf, '
                "nodriver, replay"
            ),
        ),
        (
            "engine: {kind: replay}\n",
            "key engine.kind (line 1): replay needs engine.replay.capture",
        ),
        (f"webserver: {{{METRICS}, listen_address: localhost}}\n", '"localhost" is no IP address'),
        (f"webserver: {{{METRICS}, listen_address: 1.2.3}}\n", '"1.2.3" is no IP address'),
        (f"webserver: {{{METRICS}, listen_address: null}}\n", '"null" is no IP address'),
        (f"webserver: {{{METRICS}, listen_port: 0}}\n", "key webserver.listen_port (line 1): 0 is"),
        (f"webserver: {{{METRICS}, listen_port: 65536}}\n", "65536 is no port"),
        (f"webserver: {{{METRICS}, ssl_enabled: true}}\n", "it needs ssl_certificate"),
        (
            "file_output: {enabled: true}\n",
            "key file_output (line 1): it is enabled, and needs fil",
        ),
        ("http_output: {enabled: yes, url: ''}\n", "it is enabled, and needs url"),
        ("program_output: {enabled: on}\n", "it is enabled, and needs program"),
        ("priority: high\n", 'key priority (line 1): "high" is not possible; allowed are emerg'),
        ("rule_matching: some\n", "allowed are first, all"),
        ("capture: {mode: some}\n", "allowed are rules, all_rules"),
        (
            "syscall_event_drops: {actions: [explode]}\n",
            '"explode" is not possible; allowed are ig',
        ),
        ("syscall_event_drops: {actions: [ignore, log]}\n", "log cannot stand after ignore"),
        ("syscall_event_drops: {threshold: 2}\n", "it must be between 0 and 1"),
        ("syscall_event_timeouts: {max_consecutives: 0}\n", "it must be at least 1"),
        ("rules_file: [a]\n", "it cannot stand together with rules_files"),
    ],
)
def test_what_falco_refuses_is_told_with_its_key(fragment, message):
    (result,) = problems("log_level: info\n", fragment)
    assert result.origin == "2"
    assert message in result.text


@pytest.mark.parametrize(
    "fragment",
    [
        "engine: {kind: kmod}\n",
        "engine: {kind: '${KIND}'}\n",
        "engine: {kind: replay, replay: {capture_file: '${FILE}'}}\n",
        "engine: {modern_ebpf: {}}\n",
        f"webserver: {{{METRICS}, listen_address: '::1'}}\n",
        f"webserver: {{{METRICS}, listen_address: 127.0.0.1, listen_port: '${{PORT}}'}}\n",
        f"webserver: {{{METRICS}, listen_port: many}}\n",
        f"webserver: {{{METRICS}, ssl_enabled: true, ssl_certificate: /certs/a.pem}}\n",
        "file_output: {enabled: true, filename: a}\n",
        "http_output: {enabled: true, url: '${URL}'}\n",
        "priority: WARNING\nrule_matching: all\ncapture: {mode: all_rules}\n",
        "syscall_event_drops: {actions: [log, alert, exit], threshold: 0.5}\n",
    ],
)
def test_what_falco_accepts_is_accepted(fragment):
    assert problems(fragment) == []


@pytest.mark.parametrize(("falco", "result"), [((0, 43), 0), (None, 0), ((0, 44), 1)])
def test_an_engine_that_is_gone_is_known_to_older_releases(falco, result):
    assert len(problems("engine: {kind: ebpf}\n", falco=falco)) == result


def test_without_any_output_falco_does_not_start():
    off = "{name}: {{enabled: false}}\n"
    fragments = [off.format(name="stdout_output"), off.format(name="syslog_output")]
    assert problems(fragments[0]) == []
    result = problems(*fragments)
    assert {entry.origin for entry in result} == {"1", "2"}
    assert "no output is left enabled" in result[0].text
    assert problems(*fragments, "http_output: {enabled: true, url: x}\n") == []
    assert problems(*fragments, "http_output: {enabled: '${X}'}\n") == []


def test_the_last_fragment_decides():
    assert problems("engine: {kind: x}\n", "engine: {kind: kmod}\n") == []


def test_plugins_of_fragments_and_of_plugins_are_loaded():
    result = plugins(
        f"plugins: [{entry('a')}]\nload_plugins: [a]\n",
        own=[("b", DIRECTORY + "b.so")],
        libraries=["liba.so", "b.so"],
    )
    assert {name: entry.origin for name, entry in result.loaded.items()} == {"a": "1", "b": "own b"}
    assert result.problems == []
    assert result.warnings == []


@pytest.mark.parametrize(
    ("fragment", "message"),
    [
        ("plugins: [{library_path: a.so}]\n", "key plugins (line 1): an entry has no name"),
        ("plugins: [{name: a}]\n", 'plugin "a" has no library_path'),
        ("plugins: [a]\n", "an entry must be a map, not text"),
        ("plugins: a\n", "an entry must be a map, not text"),
        (f"plugins: [{entry('a', '../a.so')}]\n", 'library_path "../a.so" leads out of'),
        (f"plugins: [{entry('a', 'x/../../a.so')}]\n", "leads out of"),
        ("load_plugins: [a]\n", 'load_plugins (line 1): no entry of plugins has the name "a"'),
        ("load_plugins: a\n", "no entry of plugins has the name"),
        (
            f"plugins: [{entry('a')}]\nload_plugins: [a]\n",
            'plugin "a": there is no library "/usr/share/falco/plugins/liba.so"',
        ),
        (
            f"plugins: [{entry('x', 'there.so')}]\nload_plugins: [x, x]\n",
            'plugin "x" is loaded already, and cannot be twice',
        ),
    ],
)
def test_plugins_that_falco_refuses(fragment, message):
    (result,) = plugins(fragment, libraries=["there.so"]).problems
    assert result.origin == "1"
    assert message in result.text


@pytest.mark.parametrize(
    "fragment",
    [
        f"plugins: [{entry('a')}]\n",
        f"plugins: [{entry('a', '/opt/a.so')}]\nload_plugins: [a]\n",
        "plugins: [{name: a, library_path: '${DIR}/a.so'}]\nload_plugins: [a]\n",
        f"plugins: [{entry('a', 'x/../there.so')}]\nload_plugins: [a]\n",
        f"plugins: [{entry('a', './there.so')}]\nload_plugins: [a]\n",
        f"plugins: [{entry('a', DIRECTORY + 'there.so')}]\nload_plugins: [a]\n",
    ],
)
def test_plugins_whose_library_is_there_or_cannot_be_told(fragment):
    assert plugins(fragment, libraries=["there.so"]).problems == []


def test_a_plugin_that_is_not_loaded_needs_no_library():
    assert plugins(f"plugins: [{entry('a')}]\n").loaded == {}


def test_of_two_entries_of_one_name_the_first_counts():
    result = plugins(f"plugins: [{entry('a', '/opt/a.so')}]\n", own=[("a", DIRECTORY + "a.so")])
    assert result.loaded["a"].origin == "1"
    assert result.warnings == [("own a", 'plugin "a": an earlier entry of that name counts')]


def test_a_plugin_that_a_fragment_loads_already_cannot_be_loaded_again():
    fragment = f"plugins: [{entry('a', '/opt/a.so')}]\nload_plugins: [a]\n"
    (result,) = plugins(fragment, own=[("a", "")]).problems
    assert result.origin == "own a"


@pytest.mark.parametrize("key", ["plugins", "load_plugins"])
def test_plugins_need_lists_that_they_can_join(key):
    fragment = f"{key}: {{}}\n"
    assert plugins(fragment).problems == []
    (result,) = plugins(fragment, own=[("a", "")]).problems
    assert result == ("1", f"key {key} (line 1): it must be a list, so that Plugins can join")
