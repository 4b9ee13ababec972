import pytest

from resources.conditions.condition_cache import ConditionCache
from resources.conditions.environment import Environment
from resources.conditions.vocabulary import Vocabulary
from resources.rules.items import ListItem
from resources.rules.rule_set import RuleSet
from resources.rules.rules_file import read

RULE = "- rule: R\n  desc: d\n  output: o\n  priority: INFO\n"


def load(*files, engine="0.62.0", later=(), falco=None):
    """What the engine says to each of the files, loaded in their order."""
    contents = [read(file.encode()) for file in files]
    for content in contents:
        assert not content.problems
    lists = {
        item.name for content in contents for item in content.items if isinstance(item, ListItem)
    }
    vocabulary = Vocabulary(falco)
    cache = ConditionCache(frozenset(lists), vocabulary)
    rules = RuleSet(engine, cache, dict(later), Environment(vocabulary), falco)
    return [rules.load(content) for content in contents]


def says(*files, **settings):
    """The only thing that the engine says, and says to the last file."""
    *before, last = load(*files, **settings)
    assert not any(before)
    (message,) = last
    return message


def macro(name, condition):
    return f"- macro: {name}\n  condition: {condition}\n"


def rule(condition, further=""):
    return RULE + f"  condition: {condition}\n{further}"


def test_rules_macros_and_lists_of_several_files_fit_together():
    assert load(
        "- list: shells\n  items: [bash, sh]\n" + macro("spawned", "evt.type = execve"),
        rule("spawned and proc.name in (shells)"),
        "- rule: R\n  condition: and not container\n  override: {condition: append}\n"
        + macro("container", "container.id != host"),
    ) == [[], [], []]


def test_a_newer_engine_is_told_with_both_versions():
    assert says("- required_engine_version: 0.99.0\n") == (
        "required_engine_version (line 1): needs engine 0.99.0, this Falco has 0.62.0"
    )
    assert "needs engine 1.0.0" in says("- required_engine_version: 1.0.0\n")


@pytest.mark.parametrize("version", ["26", "62", "0.62.0", "0.1.0"])
def test_an_older_engine_is_enough(version):
    assert load(f"- required_engine_version: {version}\n") == [[]]


def test_an_unknown_engine_is_not_compared():
    assert load("- required_engine_version: 0.99.0\n", engine="") == [[]]


def test_a_rule_may_use_macros_of_its_own_file_in_any_order():
    assert load(rule("later") + macro("later", "a.b = c")) == [[]]


def test_a_rule_cannot_use_a_macro_of_a_later_file():
    first, second = load(
        rule("later and a.b = c"),
        macro("later", "a.b = c"),
        later={("macro", "later"): "60-more.yaml"},
    )
    assert first == [
        (
            'rule "R" (line 1): key condition: there is no macro "later" before it; '
            "60-more.yaml has it, but is loaded later"
        )
    ]
    assert second == []


def test_a_macro_can_use_only_what_stands_before_it():
    assert says(macro("a", "b and x.y = z") + macro("b", "c.d = e")) == (
        'macro "a" (line 1): key condition: there is no macro "b" before it'
    )


def test_a_macro_that_is_touched_again_sees_what_came_meanwhile():
    assert load(
        macro("a", "x.y = z") + macro("b", "c.d = e"),
        "- macro: a\n  condition: or b\n  append: true\n",
    ) == [[], []]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (macro("a", "x.y = z"), macro("a", "a or x.y = q")),
        (macro("a", "x.y = z") + macro("b", "a or c.d = e"), macro("a", "b")),
    ],
)
def test_macros_that_come_back_to_themselves_are_refused(first, second):
    assert says(first, second).endswith("key condition: it comes back to itself")


def test_an_unparsable_condition_is_told_with_the_place():
    assert says(rule("a.b equals c")) == (
        'rule "R" (line 1): key condition: expected an operator after "a.b ", there is "equals c"'
    )
    assert says(macro("m", "(a.b = c")).startswith('macro "m" (line 1): key condition: expected')


def test_what_is_appended_must_fit_what_is_there():
    message = says(rule("a.b = c"), "- rule: R\n  condition: c.d = e\n  append: true\n")
    assert message.startswith("rule \"R\" (line 1): key condition: expected 'and' or 'or' after")


def test_a_condition_may_become_whole_within_its_file():
    assert load(rule("(a.b = c") + "- rule: R\n  condition: and c.d = e)\n  append: true\n") == [[]]


@pytest.mark.parametrize(
    ("text", "kind", "what"),
    [
        ("- rule: X\n  condition: and a\n  append: true\n", "rule", "change"),
        ("- rule: X\n  tags: [a]\n  override: {tags: append}\n", "rule", "change"),
        ("- rule: X\n  priority: info\n  override: {priority: replace}\n", "rule", "change"),
        ("- rule: X\n  enabled: false\n", "rule", "change"),
        ("- macro: X\n  condition: and a\n  append: true\n", "macro", "append to"),
        ("- list: X\n  items: []\n  override: {items: append}\n", "list", "append to"),
    ],
)
def test_a_change_needs_something_to_change(text, kind, what):
    assert says(text) == f'{kind} "X" (line 1): there is no {kind} before it to {what}'


@pytest.mark.parametrize("kind", ["list: X\n  items: []", "macro: X\n  condition: a.b = c"])
def test_a_list_or_macro_that_is_replaced_need_not_be_there(kind):
    key = "items" if kind.startswith("list") else "condition"
    assert load(f"- {kind}\n  override: {{{key}: replace}}\n") == [[]]


def test_a_later_item_replaces_the_earlier_one():
    assert load(rule("a.b = c", "  source: syscall\n"), rule("x.y = z")) == [[], []]


def test_a_rule_cannot_change_its_source():
    assert says(rule("a.b = c"), rule("a.b = c", "  source: k8s_audit\n")) == (
        'rule "R" (line 1): key source: the rule is there already with source "syscall", '
        'and cannot change to "k8s_audit"'
    )


def test_an_unknown_word_in_a_list_is_no_error():
    assert load(rule("proc.name in (no_such_list)")) == [[]]


def test_a_list_stands_alone_only_if_it_has_one_item():
    lists = "- list: one\n  items: [a]\n- list: two\n  items: [a, b]\n- list: none\n  items: []\n"
    assert load(lists + rule("a.b in (two, none) and a.b = one and a.c in one")) == [[]]
    for name, count in (("two", 2), ("none", 0)):
        assert says(lists + rule(f"a.b = {name}")) == (
            f'rule "R" (line 7): key condition: list "{name}" cannot be used: '
            f"it stands where there is room for one value, and has {count}"
        )


def test_a_list_with_an_item_that_breaks_the_condition_cannot_be_used():
    bad = "- list: bad\n  items: [k=v]\n- list: outer\n  items: [bad, x]\n"
    assert load(bad) == [[]]
    message = says(bad + rule("a.b in (outer)"))
    assert 'list "outer" cannot be used: "k=v" cannot be a value' in message


def test_a_list_that_changes_is_looked_at_where_it_is_used():
    files = ["- list: one\n  items: [a]\n- list: outer\n  items: [one]\n" + rule("a.b = outer")]
    message = says(*files, "- list: one\n  items: [b]\n  append: true\n")
    assert message.startswith('rule "R" (line 5) of an earlier file: key condition: list "outer"')


def test_lists_that_contain_each_other_come_to_an_end():
    text = "".join(
        f"- list: l{number}\n  items: [l{number - 1}, l{number - 1}, l{number + 1}]\n"
        for number in range(40)
    )
    assert load(text + rule("a.b in (l39)")) == [[]]


def test_lists_that_are_nested_too_deeply_cannot_be_used():
    text = "".join(f"- list: l{n}\n  items: [l{n - 1}]\n" for n in range(1000))
    assert "nested deeper than" in says(text + rule("a.b in (l999)"))


def test_exceptions_become_part_of_the_condition():
    exceptions = (
        "  exceptions:\n"
        "    - {name: one, fields: proc.name, values: [a, 'b c']}\n"
        "    - {name: two, fields: [proc.name, fd.name], comps: [=, startswith],\n"
        "       values: [[a, /etc], [b, '/a b']]}\n"
        "    - {name: three, fields: [proc.name], comps: [in], values: [[[a, b]]]}\n"
        "    - {name: four, fields: [proc.name]}\n"
    )
    assert load(rule("a.b = c", exceptions)) == [[]]


@pytest.mark.parametrize(
    ("exception", "message"),
    [
        ("{name: x, fields: [a.b, c.d], values: [[y]]}", "each of values must be a list of 2"),
        ("{name: x, fields: a.b, values: [[y]]}", "values must be texts, not lists"),
        ("{name: x, fields: [a.b], comps: ['='], values: [[[y, z]]]}", "expected a value"),
        ("{name: x, fields: a.b, values: ['y)']}", "expected"),
    ],
)
def test_exceptions_that_do_not_fit_are_refused(exception, message):
    assert message in says(rule("a.b = c", f"  exceptions: [{exception}]\n"))


def test_values_can_be_appended_to_an_exception():
    base = rule("a.b = c", "  exceptions: [{name: x, fields: [a.b, c.d]}]\n")
    further = (
        "- rule: R\n  exceptions: [{name: x, values: [%s]}]\n  override: {exceptions: append}\n"
    )
    assert load(base, further % "[y, z]") == [[], []]
    assert "each of values must be a list of 2" in says(base, further % "[y]")


@pytest.mark.parametrize(
    ("exception", "message"),
    [
        ("{name: x, fields: a.b}", '"x": only values can be appended to an exception'),
        ("{name: new, values: [y]}", '"new": fields is missing'),
        ("{name: new, fields: a.b}", '"new": values is missing'),
    ],
)
def test_an_appended_exception_fits_the_one_that_is_there_or_is_whole(exception, message):
    base = rule("a.b = c", "  exceptions: [{name: x, fields: a.b, values: [y]}]\n")
    change = f"- rule: R\n  exceptions: [{exception}]\n  append: true\n"
    assert message in says(base, change)


@pytest.mark.parametrize(
    "change",
    [
        macro("m", "no.such = a"),
        "- list: numbers\n  items: [x]\n  override: {items: append}\n",
        macro("n", "len(proc.pid) > 1"),
    ],
)
def test_a_rule_of_an_earlier_file_is_refused_once_its_macros_cannot_be_used(change):
    message = says(
        "- list: numbers\n  items: [1]\n"
        + macro("n", "proc.pid in (numbers)")
        + macro("m", "n and evt.type = open")
        + rule("m"),
        change,
        falco=(0, 44),
    )
    assert message.startswith('rule "R" (line 7) of an earlier file: key condition: macro ')


def test_thousands_of_lists_in_lists_come_to_an_end():
    lists = "".join(f"- list: l{place}\n  items: [l{place + 1}, x]\n" for place in range(5000))
    rules = "".join(
        rule(f"proc.pid in (l{place})").replace("rule: R", f"rule: R{place}")
        for place in range(0, 5000, 5)
    )
    (problems,) = load(lists + rules, falco=(0, 44))
    assert any("lists are nested deeper than 50" in problem for problem in problems)
