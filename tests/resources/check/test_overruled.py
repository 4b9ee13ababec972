"""What is installed although the check refuses it, as `spec.validation` of its artifact says."""

import pytest

from resources.artifact.fields import Validation
from resources.check import exact
from resources.check.check_request import Disagreements, PluginFact
from resources.check.contents import MAX_BYTES
from resources.check.dry_run_answer import Crash, NoAnswer, Refusal
from tests.resources.check.nodes import Node, macro, rule

WARN = Validation.WARN
BAD = rule("R", "no such ( operator")
CRASHES = (
    rule("R")
    + "- rule: R\n  override: {exceptions: replace}\n"
    + "  exceptions: [{name: e, fields: [proc.name, fd.name], values: [[a, b]]}]\n"
)


@pytest.fixture
def node():
    return Node()


def ask(node, falco):
    return exact.check(list(node.slots.values()), node.context, node._files.__getitem__, falco)


def refusing(node, *words, kind=Refusal):
    """A Falco that refuses the first file with one of these words in it, and names rules files."""

    def falco(chosen):
        for slot, version in chosen:
            content = node._files.get(version.path, b"")
            if any(word.encode() in content for word in words):
                file = f"/etc/falco/rules.d/{slot.file}" if slot.kind == "rules" else ""
                return kind(f"Falco refuses it: {slot.file}", file)
        return None

    return falco


@pytest.mark.parametrize("good", [rule("R"), None])
def test_what_is_found_is_told_and_the_rules_are_installed(node, good):
    odd = node.rules("50-01-r.yaml", BAD, good, validation=WARN)
    other = node.rules("60-01-s.yaml", rule("S"))
    verdict = node.check()
    assert verdict.chosen == {odd: "wanted", other: "wanted"}
    assert verdict.problems == {}
    ((name, (text,)),) = verdict.overruled.items()
    assert name == odd
    assert text.startswith('rule "R" (line 1): key condition: ')


@pytest.mark.parametrize(
    ("kind", "file", "content"),
    [
        ("rules", "50-01-r.yaml", rule("R").replace("INFO", "hgh")),
        ("rules", "50-01-r.yaml", "- a\n"),
        ("rules", "50-01-r.yaml", rule("R", "no_such_macro")),
        ("config", "50-01-c.yaml", "- a\n"),
        ("config", "50-01-c.yaml", "log_level: loud\n"),
        ("plugin", "json", PluginFact("json", present=False)),
        ("plugin", "json", PluginFact("json", library_path="../../x")),
    ],
)
def test_of_whatever_kind_it_is(node, kind, file, content):
    odd = getattr(node, kind)(file, content, validation=WARN)
    verdict = node.check()
    assert (verdict.chosen, verdict.problems) == ({odd: "wanted"}, {})
    assert list(verdict.overruled) == [odd]
    node.slots[odd] = type(node.slots[odd])(odd, kind, file, node.slots[odd].wanted)
    assert node.check().chosen == {odd: "none"}


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("rules", b"#" * (MAX_BYTES + 1)),
        ("rules", "- a: " + "[" * 200),
        ("rules", "a: [\n"),
        ("rules", CRASHES),
        ("config", "{"),
        ("config", "webserver: []\n"),
        (
            "config",
            "webserver: {enabled: true, ssl_enabled: true, prometheus_metrics_enabled: true}",
        ),
    ],
    ids=["size", "depth", "rules that are no YAML", "crash", "no YAML", "abort", "exit"],
)
@pytest.mark.parametrize("is_asked", [False, True])
def test_what_is_unsafe_is_refused_whatever_the_artifact_says(node, kind, content, is_asked):
    unsafe = getattr(node, kind)("50-01-x.yaml", content, validation=WARN)
    verdict = node.check()
    assert verdict.chosen == {unsafe: "none"}
    assert verdict.problems[unsafe]
    assert verdict.overruled == {}
    if is_asked:
        falco = refusing(node, "[", "a", "{", kind=Crash if content == CRASHES else Refusal)
        answer = ask(node, falco)
        assert (answer.chosen, answer.overruled) == ({unsafe: "none"}, {})


def test_nobody_else_is_broken_for_it(node):
    macros = node.rules("50-01-m.yaml", macro("new"), macro("old"), validation=WARN)
    uses = node.unchanged("rules", "60-01-u.yaml", rule("U", "old"))
    verdict = node.check()
    assert verdict.chosen == {macros: "good", uses: "wanted"}
    assert verdict.problems[macros][0].startswith("it would break 60-01-u.yaml: ")


def test_what_falco_refuses_is_installed_all_the_same_and_its_word_told(node):
    odd = node.config("50-01-c.yaml", "json_output: true # bad\n", validation=WARN)
    uses = node.rules("60-01-r.yaml", rule("R"))
    answer = ask(node, refusing(node, "bad"))
    assert answer.chosen == {odd: "wanted", uses: "wanted"}
    assert answer.overruled == {odd: ("Falco refuses it: 50-01-c.yaml",)}
    assert answer.disagreements == Disagreements(falco_refuses=(odd,))
    assert (answer.unasked, answer.problems) == ("", {})


def test_what_falco_takes_is_no_finding_but_a_warning(node):
    odd = node.rules("50-01-r.yaml", BAD, validation=WARN)
    answer = ask(node, refusing(node))
    assert (answer.chosen, answer.overruled) == ({odd: "wanted"}, {})
    assert answer.warnings[odd][0].startswith("Falco takes it, our own check does not: ")
    assert answer.disagreements == Disagreements(falco_takes=(odd,))


def test_of_which_falco_crashes_is_refused(node):
    odd = node.rules("50-01-r.yaml", rule("bad"), validation=WARN)
    answer = ask(node, refusing(node, "bad", kind=Crash))
    assert (answer.chosen, answer.overruled) == ({odd: "none"}, {})


def test_behind_it_the_others_are_asked_for_without_it(node):
    odd = [node.rules(f"40-01-{name}.yaml", rule(f"bad {name}"), validation=WARN) for name in "abc"]
    broken = node.rules("50-01-r.yaml", rule("worse"))
    fine = node.rules("60-01-s.yaml", rule("S"))
    answer = ask(node, refusing(node, "bad", "worse"))
    assert answer.chosen == dict.fromkeys([*odd, fine], "wanted") | {broken: "none"}
    assert list(answer.overruled) == odd


def test_what_needs_it_is_not_refused_for_it(node):
    """Without the macros of the overruled file Falco refuses the rule that has nothing else."""

    def falco(chosen):
        texts = {slot.file: node._files[version.path] for slot, version in chosen}
        if "40-01-m.yaml" in texts:
            return Refusal("Falco refuses it: m", "/etc/falco/rules.d/40-01-m.yaml")
        if "60-01-u.yaml" in texts:
            return Refusal("Falco refuses it: u", "/etc/falco/rules.d/60-01-u.yaml")
        return None

    odd = node.rules("40-01-m.yaml", macro("m"), validation=WARN)
    uses = node.unchanged("rules", "60-01-u.yaml", rule("U", "m"))
    answer = ask(node, falco)
    assert answer.chosen == {odd: "wanted", uses: "wanted"}
    assert (list(answer.overruled), answer.problems) == ([odd], {})


def test_it_stays_installed_while_others_change(node):
    odd = node.unchanged("rules", "40-01-m.yaml", rule("bad"))
    node.slots[odd] = type(node.slots[odd])(
        odd, "rules", "40-01-m.yaml", node.slots[odd].wanted, node.slots[odd].good, validation=WARN
    )
    fine = node.rules("60-01-s.yaml", rule("S"), rule("T"))
    answer = ask(node, refusing(node, "bad"))
    assert answer.chosen == {odd: "wanted", fine: "wanted"}
    assert list(answer.overruled) == [odd]


@pytest.mark.parametrize("crashes", [False, True])
def test_without_time_to_find_the_cause_only_what_may_be_at_fault_by_its_word_goes_in(
    node, crashes
):
    odd = node.config("50-01-a.yaml", "bad: 1\n", validation=WARN)
    old = node.rules("50-01-b.yaml", rule("B2"), rule("B"))
    asked: list[object] = []

    def falco(chosen):
        if asked:
            raise NoAnswer("dry runs of Falco took 20 s")
        asked.append(chosen)
        return (Crash if crashes else Refusal)("Falco refuses it: x")

    answer = ask(node, falco)
    assert answer.chosen == {odd: "none" if crashes else "wanted", old: "good"}
    assert list(answer.overruled) == ([] if crashes else [odd])
