"""The choice by a Falco that is played: it refuses sets by the names of the files in them."""

import pytest

from resources.check import exact
from resources.check.check_request import Disagreements
from resources.check.contents import MAX_BYTES
from resources.check.dry_run_answer import DoesNotRun, FalcoWarning, NoAnswer, Refusal, Taken
from tests.resources.check.nodes import Node, macro, rule

RULES = "/etc/falco/rules.d"
BAD = rule("R", "no such ( operator")


class PlayedFalco:
    """Refuses the first file with a word in it; `named` says whether it names the file."""

    def __init__(self, node, word="bad", named=True, most=1000):
        self._read = node._files
        self._word = word
        self._named = named
        self._most = most
        self.asked = []

    def __call__(self, chosen):
        self.asked.append([slot.file for slot, _ in chosen])
        if len(self.asked) > self._most:
            raise NoAnswer("dry runs of Falco took 20 s")
        for slot, version in chosen:
            if version.path and self._word.encode() in self._read[version.path]:
                named = self._named and slot.kind == "rules"
                return Refusal("Falco refuses it: x", f"{RULES}/{slot.file}" if named else "")
        return Taken()


def verdict(node, falco):
    return exact.check(list(node.slots.values()), node.context, node._files.__getitem__, falco)


@pytest.fixture
def node():
    return Node()


def test_a_set_that_falco_takes_is_asked_for_once(node):
    node.config("50-01-a.yaml", "json_output: true\n")
    node.rules("50-01-r.yaml", rule("R"))
    falco = PlayedFalco(node)
    answer = verdict(node, falco)
    assert set(answer.chosen.values()) == {"wanted"}
    assert (answer.problems, answer.warnings, answer.unasked) == ({}, {}, "")
    assert len(falco.asked) == 1


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("good", [rule("R"), None])
def test_what_falco_refuses_falls_back_whether_it_names_the_file_or_not(node, named, good):
    others = [node.rules(f"50-01-{letter}.yaml", rule(letter)) for letter in "abcdefgh"]
    broken = node.rules("50-01-e2.yaml", rule("bad"), good)
    falco = PlayedFalco(node, named=named)
    answer = verdict(node, falco)
    assert answer.chosen.pop(broken) == ("good" if good else "none")
    assert answer.problems == {broken: ("Falco refuses it: x",)}
    assert answer.chosen == dict.fromkeys(others, "wanted")
    assert answer.disagreements == Disagreements(falco_refuses=(broken,))
    assert len(falco.asked) <= 8


@pytest.mark.parametrize("count", [2, 3])
def test_several_that_falco_refuses_are_found_one_after_the_other(node, count):
    names = [node.config(f"50-01-{number}.yaml", "json_output: true\n") for number in range(9)]
    broken = [node.config(f"60-01-{number}.yaml", "bad: true\n") for number in range(count)]
    answer = verdict(node, PlayedFalco(node))
    assert answer.chosen == dict.fromkeys(names, "wanted") | dict.fromkeys(broken, "none")


def test_what_falco_takes_is_installed_although_our_check_objects(node):
    odd = node.rules("50-01-r.yaml", BAD)
    answer = verdict(node, PlayedFalco(node))
    assert answer.chosen == {odd: "wanted"}
    assert answer.problems == {}
    (warning,) = answer.warnings[odd]
    assert warning.startswith('Falco takes it, our own check does not: rule "R" (line 1): ')
    assert answer.disagreements == Disagreements(falco_takes=(odd,))


def test_what_is_beyond_our_bounds_is_refused_and_not_shown_to_falco(node):
    vast = node.rules("50-01-r.yaml", b"#" * (MAX_BYTES + 1))
    deep = node.config("50-01-c.yaml", "a: " + "[" * 200)
    falco = PlayedFalco(node)
    answer = verdict(node, falco)
    assert answer.chosen == {vast: "none", deep: "none"}
    assert falco.asked == [[]]


def test_an_installed_file_is_not_taken_away_for_the_change_that_breaks_it(node):
    def falco(chosen):
        texts = [node._files[version.path] for _, version in chosen]
        if any(b"new" in text for text in texts) and any(b"uses" in text for text in texts):
            return Refusal("Falco refuses it: uses", f"{RULES}/60-01-u.yaml")
        return Taken()

    macros = node.rules("50-01-m.yaml", macro("new"), macro("old"))
    uses = node.unchanged("rules", "60-01-u.yaml", rule("uses"))
    answer = verdict(node, falco)
    assert answer.chosen == {macros: "good", uses: "wanted"}
    assert answer.problems == {macros: ("it would break 60-01-u.yaml: Falco refuses it: uses",)}


def test_of_installed_files_that_falco_refuses_the_one_at_fault_goes(node):
    kept = [node.unchanged("config", f"50-01-{letter}.yaml", "a: 1\n") for letter in "abc"]
    broken = node.unchanged("config", "50-01-bb.yaml", "bad: 1\n")
    answer = verdict(node, PlayedFalco(node))
    assert answer.chosen == dict.fromkeys(kept, "wanted") | {broken: "none"}


@pytest.mark.parametrize("error", [NoAnswer, DoesNotRun])
def test_without_an_answer_our_own_check_decides(node, error):
    fine, broken = node.rules("50-01-a.yaml", rule("A")), node.rules("50-01-b.yaml", BAD)

    def falco(_chosen):
        raise error("why")

    answer = verdict(node, falco)
    assert answer.chosen == {fine: "wanted", broken: "none"}
    assert (answer.unasked, answer.broken) == ("why", error is DoesNotRun)
    assert answer.disagreements is None


def test_files_of_others_that_falco_refuses_leave_the_decision_to_our_own_check(node):
    node.config("theirs", "bad: 1\n", stays=True)
    ours = node.config("50-01-a.yaml", "json_output: true\n")
    answer = verdict(node, PlayedFalco(node))
    assert answer.chosen[ours] == "wanted"
    assert answer.unasked.startswith("Falco refuses what belongs to no artifact: ")


def test_what_falco_refuses_is_not_installed_although_time_is_over_before_the_cause_is_known(node):
    old = node.rules("50-01-a.yaml", rule("A2"), rule("A"))
    node.config("50-01-b.yaml", "bad: 1\n")
    answer = verdict(node, PlayedFalco(node, most=1))
    assert answer.chosen[old] == "good"
    assert set(answer.chosen.values()) == {"good", "none"}
    (problem,) = answer.problems[old]
    assert problem == (
        "Falco refuses the files of this node together, and dry runs of Falco took 20 s"
    )


def test_falco_is_asked_for_what_it_has_loaded_before_what_is_installed(node):
    broken = node.rules("50-01-a.yaml", rule("bad"), rule("installed"), loaded=rule("loaded"))
    answer = verdict(node, PlayedFalco(node))
    assert answer.chosen[broken] == "loaded"
    answer = verdict(node, PlayedFalco(node, word="a"))
    assert answer.chosen[broken] == "none"


def test_what_falco_warns_of_stands_at_the_artifact_that_it_names(node):
    first = node.config("50-01-a.yaml", "base_syscalls: {custom_set: [x]}\n")
    second = node.config("50-01-b.yaml", "json_output: true\n")
    rules = node.rules("50-01-b.yaml", rule("R"))
    config = "/etc/falco/config.d"
    warned = (
        FalcoWarning("rule", f"{RULES}/50-01-b.yaml"),
        FalcoWarning("schema", f"{config}/50-01-b.yaml"),
        FalcoWarning("theirs", "/etc/falco/falco.yaml"),
        FalcoWarning("names: warning (base_syscalls override): x"),
        FalcoWarning("about nobody"),
    )
    answer = verdict(node, lambda _chosen: Taken(warned))
    assert set(answer.chosen.values()) == {"wanted"}
    assert answer.warnings[rules] == ("rule",)
    assert answer.warnings[second] == ("schema",)
    assert answer.warnings[first][0] == "names: warning (base_syscalls override): x"
