import pytest

from resources.rules.items import (
    EngineRequirement,
    ListItem,
    MacroItem,
    PluginRequirement,
    RuleChange,
    RuleItem,
)
from resources.rules.rule_exceptions import RuleException
from resources.rules.rules_file import read

RULE = """\
- rule: Terminal shell
  desc: A shell
  condition: evt.type = execve
  output: shell
  priority: WARNING
"""


def content(text):
    return read(text.encode() if isinstance(text, str) else text)


def problem(text):
    (result,) = content(text).problems
    return result


def with_line(line):
    return RULE + f"  {line}\n"


def without(key):
    return "".join(line for line in RULE.splitlines(keepends=True) if f" {key}:" not in line)


def plain(items):
    """The items, of lists without what the values are and what they are not."""
    return tuple(
        item._replace(misfits=(), event_types=0) if isinstance(item, ListItem) else item
        for item in items
    )


def test_a_rules_file_is_read_into_items_with_their_lines():
    result = content(
        "- required_engine_version: 26\n"
        "- required_plugin_versions:\n"
        "  - name: container\n"
        "    version: 0.4.0\n"
        "    alternatives:\n"
        "      - {name: other, version: 1.2.3}\n"
        "- list: shells\n"
        "  items: [bash, 'a b', 22]\n"
        "- macro: spawned\n"
        "  condition: evt.type = execve\n" + RULE
    )
    assert plain(result.items) == (
        EngineRequirement(1, "0.26.0"),
        PluginRequirement(3, (("container", "0.4.0"), ("other", "1.2.3"))),
        ListItem(7, "shells", ("bash", "a b", "22"), appends=False, values=3, quotes='"'),
        MacroItem(9, "spawned", "evt.type = execve", appends=False),
        RuleItem(11, "Terminal shell", "evt.type = execve", "syscall", (), "shell"),
    )
    assert not result.problems
    assert not result.warnings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b\n", "line 1: the file holds a map, not a list of rules"),
        ("just text\n", "line 1: the file holds text, not a list of rules"),
        ("# x\n---\n- macro: a\n  condition: b.c = d\n---\nx: y\n", "line 6: the file holds a map"),
        ("- [a]\n", "line 1: every item must be a map, this is a list"),
        ("- text\n", "line 1: every item must be a map, this is text"),
        ("- rule: [\n", "line 2: "),
        (b"- rule: \xff\n", "line 1: it is not UTF-8 (byte 0xff)"),
        ("[" * 10_000, "line 1: values are nested deeper than 100"),
    ],
)
def test_a_file_of_another_form_is_refused(text, message):
    assert problem(text).startswith(message)


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "~\n", "[]\n"])
def test_an_empty_file_is_a_warning(text):
    assert content(text)[:3] == ((), (), ("the file has no rules",))


@pytest.mark.parametrize("key", ["condition", "output", "desc", "priority"])
def test_a_new_rule_needs_every_one_of_its_keys(key):
    assert problem(without(key)) == f'rule "Terminal shell" (line 1): key {key}: it is missing'


@pytest.mark.parametrize(
    "priority",
    [
        "EMERGENCY",
        "alert",
        "Critical",
        "error",
        "warning",
        "NOTICE",
        "informational",
        "info",
        "Debug",
    ],
)
def test_a_priority_may_be_written_in_any_case(priority):
    assert not content(RULE.replace("WARNING", priority)).problems


def test_an_unknown_priority_is_told_with_those_that_there_are():
    assert problem("\n" * 11 + RULE.replace("WARNING", "hgh")) == (
        'rule "Terminal shell" (line 12): key priority: "hgh" is not a priority; allowed are '
        "emergency, alert, critical, error, warning, notice, informational, info, debug"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- list: a\n", 'list "a" (line 1): key items: it is missing'),
        ("- list: a\n  items: b\n", 'list "a" (line 1): key items: it must be a list, not text'),
        ("- list: a\n  items: ~\n", "key items: it must be a list, not nothing"),
        ("- list: a\n  items: [[b]]\n", "key items: line 2 must be text, not a list"),
        ("- list: a\n  items: [~]\n", "key items: line 2 must be text, not nothing"),
        ("- list:\n  items: []\n", "list (line 1): key list: it is empty"),
        ("- macro: a\n", 'macro "a" (line 1): key condition: it is missing'),
        ("- macro: a\n  condition: ''\n", "key condition: it is empty"),
        ("- macro: a\n  condition: [b]\n", "key condition: it must be text, not a list"),
        (with_line("enabled: maybe"), 'key enabled: "maybe" is neither true nor false'),
        (with_line("append: maybe"), 'key append: "maybe" is neither true nor false'),
        (with_line("tags: a"), "key tags: it must be a list, not text"),
        (with_line("source: ''"), "key source: it is empty"),
        ("- rule: a\n", 'rule "a" (line 1): key enabled: it is missing'),
        ("- required_engine_version: 0.26\n", '"0.26" is not a version such as 0.4.0'),
        ("- required_engine_version: x\n", "required_engine_version (line 1): key"),
        ("- required_engine_version:\n", "key required_engine_version: it is empty"),
        ("- required_plugin_versions: a\n", "it must be a list, not text"),
        ("- required_plugin_versions: [a]\n", "line 1 must be a map, not text"),
        ("- required_plugin_versions: [{name: a}]\n", "key version: it is missing"),
        ("- required_plugin_versions: [{name: a, version: b}]\n", '"b" is not a version'),
        (
            (
                "- required_plugin_versions:\n  - name: a\n    version: 1.0.0\n"
                "    alternatives: [{name: a, version: 2.0.0}]\n"
            ),
            "key alternatives: a plugin is named twice",
        ),
        (with_line("append: true\n  override: {condition: append}"), "cannot stand together with"),
        ("- macro: a\n  condition: b\n  append: true\n  override: {condition: append}\n", "cannot"),
        (with_line("override: {priority: append}"), '"priority" cannot be used with append'),
        (with_line("override: {source: replace}"), '"source" cannot be used with replace'),
        (with_line("override: {condition: drop}"), '"drop" is neither append nor replace'),
        (with_line("override: [condition]"), "key override: it must be a map, not a list"),
        (
            "- rule: a\n  condition: b\n  override: {condition: append, tags: append}\n",
            "key override: it names tags, which the rule does not have",
        ),
        (
            "- rule: a\n  condition: b\n  desc: c\n  override: {condition: append}\n",
            "key desc: override says neither append nor replace for it",
        ),
        ("- rule: a\n  append: true\n", "neither a condition nor exceptions to append"),
        (with_line("exceptions: a"), "key exceptions: it must be a list, not text"),
        (with_line("exceptions: [a]"), "key exceptions: line 6 must be a map, not text"),
        (with_line("exceptions: [{fields: a.b}]"), "key name: it is missing"),
        (with_line("exceptions: [{name: x}]"), '"x": fields is missing'),
        (with_line("exceptions: [{name: x, fields: a.b, comps: '='}]"), "comps must be one of in"),
        (
            with_line("exceptions: [{name: x, fields: [a.b, c.d], comps: ['=']}]"),
            "fields and comps must be lists of the same length",
        ),
        (
            with_line("exceptions: [{name: x, fields: [a.b], comps: [like]}]"),
            'comps: "like" is no operator',
        ),
        (with_line("exceptions: [{name: x, fields: a.b, values: y}]"), "values must be a list"),
    ],
)
def test_an_item_that_falco_refuses_is_named_with_its_key(text, message):
    assert message in problem(text)


def test_every_bad_item_is_told_not_only_the_first():
    result = content(without("output") + "- macro: a\n" + without("desc"))
    assert len(result.problems) == 3


def test_the_name_of_an_item_is_shown_escaped_and_short():
    result = problem(f'- macro: "x\\n\\e[31m{"y" * 200}"\n')
    assert result.startswith('macro "x\\n\\u001b[31myyy')
    assert result.isprintable()
    assert len(result) < 150


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- colour: red\n", "line 1: Falco ignores this item, for it is none of required_engine"),
        (with_line("colour: red"), 'rule "Terminal shell" (line 1): Falco ignores unknown keys: c'),
        ("- macro: a\n  condition: b\n  desc: c\n", "Falco ignores unknown keys: desc"),
        ("- list: a\n  items: []\n  tags: []\n", "Falco ignores unknown keys: tags"),
        (with_line("desc: again"), "Falco takes the first of two: desc"),
        (with_line("override: x"), "Falco ignores override, for it is no map"),
    ],
)
def test_what_falco_ignores_is_a_warning(text, message):
    result = content(text)
    assert not result.problems
    assert any(message in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("- rule: a\n  enabled: false\n", RuleChange(1, "a", appends=False)),
        (
            "- rule: a\n  condition: and b\n  append: true\n",
            RuleChange(1, "a", appends=True, condition="and b"),
        ),
        (
            "- rule: a\n  condition: and b\n  override: {condition: append}\n",
            RuleChange(1, "a", appends=True, condition="and b"),
        ),
        (
            "- rule: a\n  enabled: no\n  override: {enabled: replace}\n",
            RuleChange(1, "a", appends=False),
        ),
        (
            "- rule: a\n  exceptions: [{name: x, values: [y]}]\n  append: on\n",
            RuleChange(1, "a", appends=True, exceptions=(RuleException("x", "", "", ("y",)),)),
        ),
        (
            "- list: a\n  items: [b]\n  override: {items: append}\n",
            ListItem(1, "a", ("b",), appends=True, values=1),
        ),
        (
            "- macro: a\n  condition: b\n  override: {condition: replace}\n",
            MacroItem(1, "a", "b", appends=False),
        ),
    ],
)
def test_changes_of_what_is_there_already_are_told_apart(text, item):
    result = content(text)
    assert plain(result.items) == (item,)
    assert not result.problems


def test_one_override_may_append_and_replace():
    result = content(
        "- rule: a\n  condition: and b\n  output: c\n  priority: INFO\n"
        "  override: {condition: append, output: append, priority: replace}\n"
    )
    assert result.items == (
        RuleChange(1, "a", appends=True, condition="and b", output="c"),
        RuleChange(1, "a", appends=False),
    )


def test_an_item_is_what_its_first_known_kind_says():
    (item,) = content("- rule: a\n  list: b\n  items: []\n").items
    assert item == ListItem(1, "b", (), appends=False, values=0)


def test_a_list_says_how_many_values_it_has_and_what_cannot_be_one():
    first, second = content(
        "- list: a\n  items: ['x,y', z, 'a, b']\n- list: b\n  items: [k=v]\n"
    ).items
    assert (first.values, first.problem) == (4, "")
    assert second.problem.startswith('"k=v" cannot be a value')
