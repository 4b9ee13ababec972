import pytest

from resources.check.check_request import CheckedSlot, CheckedVersion, Context, PluginFact
from resources.check.contents import MAX_BYTES, MAX_VALUES
from resources.check.verdict import check
from tests.resources.check.nodes import Node, macro, needs_plugin, rule

NEEDS_CONTAINER = needs_plugin("container", "0.4.0") + rule("R")


@pytest.fixture
def node():
    return Node()


def test_all_that_is_valid_is_chosen_without_a_word(node):
    node.config("50-01-a.yaml", "json_output: true\n")
    node.plugin("container", "0.4.1")
    node.rules("50-01-r.yaml", NEEDS_CONTAINER + macro("m", "evt.type = open"))
    node.rules("60-01-s.yaml", rule("S", "m"))
    verdict = node.check()
    assert set(verdict.chosen.values()) == {"wanted"}
    assert verdict.problems == {}
    assert verdict.warnings == {}


def test_nothing_is_fine():
    assert check([], Context(), dict[str, bytes]().__getitem__).chosen == {}


@pytest.mark.parametrize(("good", "chosen"), [(rule("R"), "good"), (None, "none")])
def test_what_is_broken_falls_back_to_what_is_installed(node, good, chosen):
    broken = node.rules("50-01-r.yaml", "\n" * 11 + rule("R").replace("INFO", "hgh"), good)
    other = node.rules("50-01-s.yaml", rule("S"))
    verdict = node.check()
    assert verdict.chosen == {broken: chosen, other: "wanted"}
    (problem,) = verdict.problems.pop(broken)
    assert problem.startswith('rule "R" (line 12): key priority: "hgh" is not a priority')
    assert verdict.problems == {}


def test_what_uses_a_broken_file_falls_back_with_it(node):
    macros = node.rules("50-01-m.yaml", macro("new", "proc.name ="), macro("old"))
    rules = node.rules("60-01-r.yaml", rule("R", "new"), rule("R", "old"))
    verdict = node.check()
    assert verdict.chosen == {macros: "good", rules: "good"}
    assert verdict.problems == {
        macros: ('macro "new" (line 1): key condition: expected a value after "proc.name ="',),
        rules: ('rule "R" (line 1): key condition: there is no macro "new" before it',),
    }


def test_a_change_that_breaks_an_installed_file_waits_and_says_why(node):
    macros = node.rules("50-01-m.yaml", macro("new"), macro("old"))
    rules = node.unchanged("rules", "60-01-r.yaml", rule("R", "old"))
    verdict = node.check()
    assert verdict.chosen == {macros: "good", rules: "wanted"}
    assert verdict.problems == {
        macros: (
            (
                'it would break 60-01-r.yaml: rule "R" (line 1): key condition: '
                'there is no macro "old" before it'
            ),
        )
    }


@pytest.mark.parametrize(
    ("needs", "has"),
    [
        (rule("R", "evt.type = close and fd.sport in (ports)"), "- list: ports\n  items: [80]\n"),
        ("- list: a\n  items: [b]\n  override: {items: append}\n", "- list: a\n  items: []\n"),
        (rule("R", "opened"), macro("opened")),
        ("- macro: a\n  condition: or b\n  append: true\n", macro("a")),
        ("- rule: R\n  tags: [a]\n  override: {tags: append}\n", rule("R")),
    ],
)
@pytest.mark.parametrize(
    ("first", "second", "advice"),
    [
        ("50-01-a.yaml", "60-01-b.yaml", "give this artifact a priority of 61 or more"),
        ("99-01-a.yaml", "99-01-b.yaml", "give that artifact a priority of 98 or less"),
    ],
)
def test_the_priority_that_would_do_is_told(node, needs, has, first, second, advice):
    early = node.rules(first, needs)
    node.rules(second, has)
    (problem,) = node.check().problems[early]
    assert problem.endswith(f"; {second} has it, but is loaded later: {advice}")


@pytest.mark.parametrize("plugins", [[], ["krsi"]])
def test_types_of_events_are_those_of_plugins_too(node, plugins):
    for name in plugins:
        node.plugin(name, "0.2.0")
    listed = "- list: types\n  items: [krsi_open, krsi_renameat]\n"
    node.rules("50-01-a.yaml", listed + rule("R", "evt.type = krsi_socket or evt.type in (types)"))
    assert bool(node.check().problems) is (not plugins)


def test_a_file_that_is_moved_before_what_it_needs_falls_back(node):
    node.unchanged("rules", "50-01-m.yaml", macro("m"))
    early = node.rules("40-01-r.yaml", rule("R", "m"))
    verdict = node.check()
    assert verdict.chosen[early] == "none"
    assert verdict.problems[early][0].endswith(
        "; 50-01-m.yaml has it, but is loaded later: give this artifact a priority of 51 or more"
    )


def test_a_removal_goes_through_and_takes_along_what_needs_it(node):
    macros = node.rules("50-01-m.yaml", None, macro("m"))
    rules = node.unchanged("rules", "60-01-r.yaml", rule("R", "m") + macro("n"))
    later = node.unchanged("rules", "70-01-s.yaml", rule("S", "n"))
    rest = node.unchanged("rules", "70-01-t.yaml", rule("T"))
    verdict = node.check()
    assert verdict.chosen == {macros: "none", rules: "none", later: "none", rest: "wanted"}
    assert verdict.problems == {
        rules: ('rule "R" (line 1): key condition: there is no macro "m" before it',),
        later: ('rule "S" (line 1): key condition: there is no macro "n" before it',),
    }


def test_neither_the_new_nor_the_installed_can_stay_and_both_are_explained(node):
    node.rules("50-01-m.yaml", None, macro("m"))
    rules = node.rules("60-01-r.yaml", rule("R", "new"), rule("R", "m"))
    verdict = node.check()
    assert verdict.chosen[rules] == "none"
    assert verdict.problems[rules] == (
        'rule "R" (line 1): key condition: there is no macro "new" before it',
        (
            'what was installed cannot stay: rule "R" (line 1): key condition: '
            'there is no macro "m" before it'
        ),
    )


def test_a_newer_engine_falls_back_and_names_both_versions(node):
    rules = node.rules("50-01-r.yaml", "- required_engine_version: 0.99.0\n" + rule("R"), rule("R"))
    verdict = node.check()
    assert verdict.chosen == {rules: "good"}
    assert verdict.problems[rules] == (
        "required_engine_version (line 1): needs engine 0.99.0, this Falco has 0.62.0",
    )


@pytest.mark.parametrize(
    ("plugin", "message"),
    [
        ("0.3.1", "needs plugin container 0.4.0 or newer, installed is 0.3.1"),
        (
            "1.0.0",
            "needs plugin container 0.4.0 or newer and older than 1.0.0, installed is 1.0.0",
        ),
        (None, "needs plugin container 0.4.0 or newer, which is not installed"),
    ],
)
def test_rules_that_need_another_plugin_fall_back_and_name_both_versions(node, plugin, message):
    if plugin:
        node.plugin("container", plugin)
    rules = node.rules("50-01-r.yaml", NEEDS_CONTAINER, rule("R"))
    verdict = node.check()
    assert verdict.chosen[rules] == "good"
    assert verdict.problems == {rules: (f"required_plugin_versions (line 1): {message}",)}


@pytest.mark.parametrize("version", ["0.4.0", "0.5.0", "0.4.0-rc1", "", "unknown"])
def test_a_plugin_that_will_do_or_cannot_be_judged_is_enough(node, version):
    node.plugin("container", version)
    node.rules("50-01-r.yaml", NEEDS_CONTAINER)
    assert node.check().problems == {}


@pytest.mark.parametrize(
    ("plugins", "chosen"),
    [
        ({"other": "1.2.3"}, "wanted"),
        ({"other": "1.2.2"}, "none"),
        ({"container": "0.3.0", "other": "1.2.3"}, "none"),
        ({"container": "0.4.0", "other": "1.0.0"}, "wanted"),
        ({}, "none"),
    ],
)
def test_the_first_alternative_that_is_there_decides(node, plugins, chosen):
    for name, version in plugins.items():
        node.plugin(name, version)
    rules = node.rules(
        "50-01-r.yaml",
        "- required_plugin_versions:\n  - name: container\n    version: 0.4.0\n"
        "    alternatives: [{name: other, version: 1.2.3}]\n",
    )
    assert node.check().chosen[rules] == chosen


def test_a_plugin_that_would_break_installed_rules_waits(node):
    plugin = node.plugin("container", "1.0.0", "0.4.0")
    rules = node.unchanged("rules", "50-01-r.yaml", NEEDS_CONTAINER)
    verdict = node.check()
    assert verdict.chosen == {plugin: "good", rules: "wanted"}
    assert verdict.problems[plugin][0].startswith("it would break 50-01-r.yaml: required_plugin")


def test_removing_a_plugin_takes_along_the_rules_that_need_it(node):
    plugin = node.plugin("container", None, "0.4.0")
    rules = node.unchanged("rules", "50-01-r.yaml", NEEDS_CONTAINER)
    config = node.unchanged("config", "50-03-c.yaml", "log_level: debug\n")
    verdict = node.check()
    assert verdict.chosen == {plugin: "none", rules: "none", config: "wanted"}


def test_a_plugin_and_the_rules_for_it_are_updated_together(node):
    node.plugin("container", "1.0.0", "0.4.0")
    node.rules("50-01-r.yaml", needs_plugin("container", "1.0.0"), NEEDS_CONTAINER)
    assert set(node.check().chosen.values()) == {"wanted"}


@pytest.mark.parametrize(
    ("fact", "message"),
    [
        (PluginFact("x", present=False), 'plugin "x": its library is not there'),
        (PluginFact("", "0.4.0"), "the plugin has no name"),
        (PluginFact("x", library_path="../x.so"), 'library_path "../x.so" leads out of'),
    ],
)
def test_a_plugin_that_falco_could_not_load_falls_back(node, fact, message):
    plugin = node.plugin("x", fact, "0.4.0")
    verdict = node.check()
    assert verdict.chosen == {plugin: "good"}
    assert message in verdict.problems[plugin][0]


def test_a_plugin_may_use_a_library_that_lies_elsewhere(node):
    node.plugin("x", PluginFact("x", library_path="/opt/x.so"))
    node.plugin("y", PluginFact("y", library_path="/usr/share/falco/plugins/mounted.so"))
    assert node.check().problems == {}


def test_a_plugin_that_uses_the_library_of_another_needs_that_one(node):
    first = node.plugin("first", None, "0.1.0")
    second = node.plugin("second", *[PluginFact("second", library_path="first.so")] * 2)
    verdict = node.check()
    assert verdict.chosen == {first: "none", second: "none"}
    assert 'there is no library "/usr/share/falco/plugins/first.so"' in verdict.problems[second][0]


def test_two_plugins_of_one_name_cannot_both_be_loaded(node):
    node.unchanged("plugin", "b", PluginFact("same"))
    other = node.plugin("a", PluginFact("same"))
    verdict = node.check()
    assert verdict.chosen[other] == "none"
    assert "it would break b.so" in verdict.problems[other][0]


def test_a_fragment_that_loads_a_plugin_waits_for_it_and_goes_with_it(node):
    config = node.config("50-03-c.yaml", "load_plugins: [json]\n")
    assert node.check().problems[config] == (
        'key load_plugins (line 1): no entry of plugins has the name "json"',
    )


def test_a_fragment_may_name_the_library_that_a_plugin_or_somebody_else_brings():
    node = Node(Context(falco_version="0.44.1", foreign_libraries=("mounted.so",)))
    node.plugin("json", "0.1.0")
    entries = "{name: a, library_path: json.so}, {name: b, library_path: mounted.so}"
    config = node.config("50-03-c.yaml", f"plugins: [{entries}]\nload_plugins: [a, b]\n")
    assert node.check().chosen[config] == "wanted"
    missing = node.config(
        "60-03-c.yaml", "plugins: [{name: c, library_path: no.so}]\nload_plugins: [c]\n"
    )
    assert node.check().chosen[missing] == "none"


def test_configurations_are_laid_over_each_other_in_the_order_of_their_names(node):
    node.config("60-03-b.yaml", "engine: {kind: kmod}\n")
    first = node.config("50-03-a.yaml", "engine: {kind: nonsense}\n")
    verdict = node.check()
    assert verdict.problems == {}
    assert verdict.warnings == {}
    del node.slots["config/60-03-b.yaml"]
    assert node.check().chosen == {first: "none"}


def test_the_fragment_that_turns_off_the_last_output_waits(node):
    first = node.unchanged("config", "60-03-a.yaml", "stdout_output: {enabled: false}\n")
    second = node.config("50-03-b.yaml", "syslog_output: {enabled: false}\n")
    verdict = node.check()
    assert verdict.chosen == {first: "wanted", second: "none"}
    assert "no output is left enabled" in verdict.problems[second][0]


def test_a_fragment_that_replaces_a_map_is_told_what_it_loses(node):
    config = node.config(
        "50-03-a.yaml", "webserver: {enabled: true, prometheus_metrics_enabled: true}\n"
    )
    verdict = node.check()
    assert verdict.chosen == {config: "wanted"}
    assert verdict.warnings == {
        config: (
            (
                "key webserver (line 1): Falco replaces it as a whole, so what was there before is "
                "lost: listen_port, k8s_healthz_endpoint"
            ),
        )
    }


def test_warnings_are_those_of_the_version_that_is_chosen(node):
    config = node.config("50-03-a.yaml", "config_files: []\nnew: 1\n", "old: 1\n")
    verdict = node.check()
    assert verdict.warnings == {config: ('key "old" (line 1): Falco does not know it',)}


def test_without_versions_nothing_is_compared():
    node = Node(Context())
    node.rules("50-01-r.yaml", "- required_engine_version: 0.99.0\n")
    node.config("50-03-c.yaml", "engine: {kind: ebpf}\ngrpc: {enabled: true}\n")
    verdict = node.check()
    assert set(verdict.chosen.values()) == {"wanted"}
    assert verdict.warnings == {}


def test_what_somebody_mounted_is_seen_and_stays():
    node = Node()
    foreign = node.rules("45-mounted.yaml", macro("m"), stays=True)
    broken = node.rules("46-mounted.yaml", rule("X", "nowhere"), stays=True)
    unreadable = node.rules("47-mounted.yaml", "- [\n", stays=True)
    rules = node.rules("50-01-r.yaml", rule("R", "m"))
    worse = node.rules("50-01-s.yaml", rule("S", "nowhere"))
    verdict = node.check()
    assert verdict.chosen == {
        foreign: "wanted",
        broken: "wanted",
        unreadable: "none",
        rules: "wanted",
        worse: "none",
    }


def test_files_are_loaded_in_the_order_of_their_bytes(node):
    node.rules("50-01-Z.yaml", macro("m"))
    rules = node.rules("50-01-a.yaml", rule("R", "m"))
    assert node.check().chosen[rules] == "wanted"


def test_a_file_that_cannot_be_read_falls_back():
    def read(path):
        if path == "there":
            return rule("R").encode()
        raise FileNotFoundError(2, "No such file or directory", path)

    for kind in ("rules", "config"):
        slot = CheckedSlot(
            "a", kind, "50-01-r.yaml", CheckedVersion("missing"), CheckedVersion("also missing")
        )
        verdict = check([slot], Context(), read)
        assert verdict.chosen == {"a": "none"}
        assert verdict.problems["a"] == (
            "the file cannot be read: No such file or directory",
            "what was installed cannot stay: the file cannot be read: No such file or directory",
        )
    slot = CheckedSlot(
        "a", "rules", "50-01-r.yaml", CheckedVersion("missing"), CheckedVersion("there")
    )
    assert check([slot], Context(), read).chosen == {"a": "good"}


def test_messages_are_few_and_say_how_many_there_are(node):
    rules = node.rules("50-01-r.yaml", "".join(macro(f"m{n}", "x.y") for n in range(50)))
    problems = node.check().problems[rules]
    assert len(problems) == 11
    assert problems[-1] == "and 40 more"


def test_what_is_new_is_refused_if_all_together_has_too_many_values(node):
    half = ",".join("a" * (MAX_VALUES // 4 - 100))
    for number in range(4):
        node.unchanged("rules", f"60-01-{number}.yaml", f"- list: l{number}\n  items: [{half}]\n")
    small = node.rules("50-01-a.yaml", rule("R"))
    large = node.rules("50-01-b.yaml", "- list: b\n  items: [" + "b," * 1000 + "]\n", rule("S"))
    verdict = node.check()
    assert verdict.chosen[small] == "wanted"
    assert verdict.chosen[large] == "good"
    assert verdict.problems == {
        large: (f"all artifacts of this node together exceed {MAX_VALUES} values",)
    }


def test_what_is_new_is_refused_if_all_together_is_too_large(node):
    for number in range(2):
        text = "#" * (MAX_BYTES // 2 - 1000)
        node.unchanged("config", f"60-03-{number}.yaml", f"{text}\nlog_level: info\n")
    small = node.config("50-03-a.yaml", "json_output: true\n")
    large = node.config("50-03-b.yaml", "#" * 2000 + "\njson_output: true\n")
    verdict = node.check()
    assert verdict.chosen[small] == "wanted"
    assert verdict.chosen[large] == "none"
    assert verdict.problems == {large: ("all artifacts of this node together exceed 8 MiB",)}


def test_only_what_does_not_fit_any_more_is_refused(node):
    huge = "- list: a\n  items: [" + "a," * (MAX_VALUES // 3) + "]\n"
    huge_ones = [node.rules(f"5{number}-01.yaml", f"{huge}# {number}\n") for number in range(3)]
    small = node.rules("60-01.yaml", rule("R"))
    chosen = node.check().chosen
    assert [chosen[slot] for slot in huge_ones] == ["wanted", "wanted", "none"]
    assert chosen[small] == "wanted"


TRAPS = [
    ("webserver: {enabled: true, prometheus_metrics_enabled: true, listen_port: 9999}\n", "probes"),
    (
        (
            "webserver: {enabled: true, prometheus_metrics_enabled: true, listen_port: 8765, "
            "k8s_healthz_endpoint: /healthz, ssl_enabled: true, ssl_certificate: /certs/a.pem}\n"
        ),
        "ask http on port 8765 at /healthz",
    ),
    ("webserver: {enabled: false, prometheus_metrics_enabled: true}\n", "probes"),
    (
        "webserver: {enabled: true, prometheus_metrics_enabled: true, listen_address: 127.0.0.1}\n",
        "probes",
    ),
    ("watch_config_files: false\n", "Falco does not load what changes later"),
    ("static_fields: {a: b}\n", "may crash"),
    ("engine: {modern_ebpf: {buf_size_preset: 5}}\n", "without kind Falco takes kmod"),
    ("base_syscalls: {custom_set: [open, '!close', nope]}\n", "these system calls: nope"),
    (
        (
            "stdout_output: {enabled: false}\nsyslog_output: {enabled: false}\n"
            "http_output: {enabled: true, url: http://a}\n"
        ),
        "alerts cannot be seen by kubectl logs",
    ),
    ("log_stderr: false\nlog_syslog: false\n", "cannot be seen by kubectl logs"),
    ("plugins: [{name: a, library_path: /opt/a.so}]\nload_plugins: [a]\n", "only Falco can see"),
]


@pytest.mark.parametrize(("fragment", "message"), TRAPS)
def test_a_trap_is_installed_with_a_warning(node, fragment, message):
    config = node.config("50-03-a.yaml", fragment)
    verdict = node.check()
    assert verdict.chosen == {config: "wanted"}
    assert any(message in warning for warning in verdict.warnings[config])


def test_the_web_server_of_the_base_configuration_is_no_trap(node):
    node.config(
        "50-03-a.yaml",
        "webserver: {enabled: true, listen_port: 8765, k8s_healthz_endpoint: /healthz, "
        "prometheus_metrics_enabled: true, listen_address: 0.0.0.0}\n",
    )
    assert node.check().warnings == {}


def test_what_is_broken_falls_back_to_what_falco_has_loaded_before_what_is_installed(node):
    broken = node.rules(
        "50-01-a.yaml", "- rule: x\n", macro("m"), loaded=macro("m", "proc.pid = 1")
    )
    verdict = node.check()
    assert verdict.chosen[broken] == "loaded"
    assert verdict.problems[broken]


def test_what_falco_has_loaded_gives_way_to_what_is_installed_where_it_does_not_fit(node):
    node.rules("10-01-a.yaml", macro("new"))
    user = "- macro: m\n  condition: {}\n"
    broken = node.rules(
        "50-01-b.yaml", "- rule: x\n", user.format("new"), loaded=user.format("gone")
    )
    assert node.check().chosen[broken] == "good"
