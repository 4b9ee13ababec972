from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from resources.check.fallback import Chooser, Options
from resources.text.messages import Finding

NAMES = st.frozensets(st.sampled_from("abcd"), max_size=2)


class Thing(NamedTuple):
    """One version: what it gives, what it needs of any, and what only one may have."""

    gives: frozenset
    needs: frozenset = frozenset()
    alone: frozenset = frozenset()


CHANGED = Options(("wanted", "good", "none"), "good")
SAME = Options(("wanted", "none"), "wanted")
NEW = Options(("wanted", "none"), "none")
REMOVED = Options(("none",), "none")
STAYS = Options(("wanted",), "wanted")

things = st.builds(Thing, NAMES, NAMES, st.frozensets(st.sampled_from("XY"), max_size=1))
cases = st.lists(
    st.tuples(st.sampled_from([CHANGED, CHANGED, SAME, NEW, REMOVED, STAYS]), things, things),
    min_size=1,
    max_size=6,
)


class Case:
    def __init__(self, drawn):
        self.options = {f"t{number}": options for number, (options, _, _) in enumerate(drawn)}
        self.things = {}
        for number, (options, wanted, good) in enumerate(drawn):
            same = options in (SAME, STAYS)
            self.things[f"t{number}", "wanted"] = wanted
            self.things[f"t{number}", "good"] = wanted if same else good
        self.evaluations = 0

    def evaluate(self, selection):
        self.evaluations += 1
        chosen = {
            name: self.things[name, level] for name, level in selection.items() if level != "none"
        }
        given_by_any = frozenset().union(*(thing.gives for thing in chosen.values()))
        taken: set = set()
        findings = []
        for name, thing in chosen.items():
            findings += [
                Finding(name, f"needs {need}") for need in sorted(thing.needs - given_by_any)
            ]
            findings += [
                Finding(name, f"two have {owned}") for owned in sorted(thing.alone & taken)
            ]
            taken |= thing.alone
        return findings

    def mendable(self, selection):
        """The findings without those that no choice removes."""
        chooser = Chooser(self.options, self.evaluate, 1000)
        chooser._base()
        return [
            finding for finding in self.evaluate(selection) if finding not in chooser._permanent
        ]

    def base(self):
        return Chooser(self.options, self.evaluate, 1000)._base()

    def choose(self, trials=1000):
        return Chooser(self.options, self.evaluate, trials).choose()

    def best(self):
        return {name: options.levels[0] for name, options in self.options.items()}


def case(**drawn):
    made = Case(list(drawn.values()))
    names = dict(zip(made.options, drawn, strict=True))
    made.options = {names[name]: options for name, options in made.options.items()}
    made.things = {(names[name], level): thing for (name, level), thing in made.things.items()}
    return made


def thing(gives="", needs="", alone=""):
    return Thing(frozenset(gives), frozenset(needs), frozenset(alone))


@settings(deadline=None)
@given(cases)
def test_what_is_chosen_fits_together(drawn):
    made = Case(drawn)
    assert made.mendable(made.choose().selection) == []


@settings(deadline=None)
@given(cases, st.integers(0, 3))
def test_it_fits_together_even_with_few_trials(drawn, trials):
    made = Case(drawn)
    assert made.mendable(made.choose(trials).selection) == []


@settings(deadline=None)
@given(cases)
def test_if_all_that_is_wanted_fits_all_of_it_is_chosen(drawn):
    made = Case(drawn)
    decision = made.choose()
    if not made.evaluate(made.best()):
        assert decision == (made.best(), {})


@settings(deadline=None)
@given(cases)
def test_nothing_more_of_what_is_wanted_could_be_had_alone(drawn):
    made = Case(drawn)
    decision = made.choose()
    for name, level in decision.selection.items():
        for better in made.options[name].levels[: made.options[name].levels.index(level)]:
            assert made.mendable({**decision.selection, name: better})
            assert decision.reasons[name, better]


@settings(deadline=None)
@given(cases)
def test_what_is_installed_and_would_do_is_never_given_up(drawn):
    made = Case(drawn)
    base, selection = made.base(), made.choose().selection
    for name, level in base.items():
        assert level == "none" or selection[name] != "none"


@settings(deadline=None)
@given(cases)
def test_choosing_again_from_what_was_chosen_changes_nothing(drawn):
    made = Case(drawn)
    first = made.choose().selection
    again = Case(drawn)
    again.options = {
        name: REMOVED if level == "none" else STAYS if made.options[name] == STAYS else SAME
        for name, level in first.items()
    }
    again.things = {
        (name, "wanted"): made.things[name, level]
        for name, level in first.items()
        if level != "none"
    }
    again.things |= {(name, "good"): thing for (name, _), thing in list(again.things.items())}
    decision = again.choose()
    assert decision.selection == again.best()


@settings(deadline=None)
@given(cases)
def test_what_waits_goes_on_waiting_as_long_as_nothing_changes(drawn):
    made = Case(drawn)
    first = made.choose().selection
    again = Case(drawn)
    again.options = {name: _next(made.options[name], level) for name, level in first.items()}
    for name, level in first.items():
        if level == "good" or made.options[name].levels[0] == level:
            again.things[name, "good"] = made.things.get((name, level), thing())
    assert again.choose().selection == first


def _next(options, level):
    if level == options.levels[0] and level != "none":
        return STAYS if options == STAYS else SAME
    return NEW if level == "none" and options != REMOVED else options


@settings(deadline=None)
@given(cases)
def test_the_number_of_evaluations_is_bounded(drawn):
    made = Case(drawn)
    made.choose(trials=5)
    assert made.evaluations <= 5 + 6 * len(drawn) + 3


def test_a_change_that_breaks_what_is_installed_waits():
    made = case(
        macros=(CHANGED, thing("b"), thing("a")),
        rules=(SAME, thing(needs="a"), thing()),
    )
    decision = made.choose()
    assert decision.selection == {"macros": "good", "rules": "wanted"}
    assert decision.reasons == {("macros", "wanted"): [("rules", "needs a")]}


def test_changes_that_depend_on_each_other_come_together():
    made = case(
        macros=(CHANGED, thing("b"), thing("a")),
        rules=(CHANGED, thing(needs="b"), thing(needs="a")),
    )
    assert made.choose().selection == {"macros": "wanted", "rules": "wanted"}


def test_what_depends_on_a_change_that_waits_waits_too():
    made = case(
        macros=(CHANGED, thing("b", needs="c"), thing("a")),
        rules=(CHANGED, thing(needs="b"), thing(needs="a")),
        other=(CHANGED, thing("d"), thing()),
    )
    decision = made.choose()
    assert decision.selection == {"macros": "good", "rules": "good", "other": "wanted"}
    assert decision.reasons["rules", "wanted"] == [("rules", "needs b")]


def test_what_depends_on_something_removed_falls_out():
    made = case(
        macros=(REMOVED, thing(), thing()),
        rules=(SAME, thing("x", needs="a"), thing()),
        more=(SAME, thing(needs="x"), thing()),
        rest=(SAME, thing(), thing()),
    )
    assert made.choose().selection == {
        "macros": "none",
        "rules": "none",
        "more": "none",
        "rest": "wanted",
    }


def test_something_new_may_take_the_place_of_something_removed():
    made = case(
        old=(REMOVED, thing(), thing()),
        rules=(SAME, thing(needs="a"), thing()),
        new=(NEW, thing("a"), thing()),
        broken=(NEW, thing(needs="z"), thing()),
    )
    assert made.choose().selection == {
        "old": "none",
        "rules": "wanted",
        "new": "wanted",
        "broken": "none",
    }


def test_the_last_good_version_stands_on_what_replaces_something_removed():
    made = case(
        old=(REMOVED, thing(), thing()),
        rules=(CHANGED, thing(needs="z"), thing(needs="a")),
        new=(NEW, thing("a"), thing()),
    )
    assert made.choose().selection == {"old": "none", "rules": "good", "new": "wanted"}


def test_of_two_new_things_that_exclude_each_other_the_later_waits():
    made = case(one=(NEW, thing(alone="X"), thing()), two=(NEW, thing(alone="X"), thing()))
    assert made.choose().selection == {"one": "wanted", "two": "none"}


def test_what_is_new_gives_way_to_what_is_installed_wherever_it_stands():
    made = case(one=(NEW, thing(alone="X"), thing()), two=(SAME, thing(alone="X"), thing()))
    assert made.choose().selection == {"one": "none", "two": "wanted"}


def test_what_nobody_can_mend_holds_nobody_up():
    made = case(
        foreign=(STAYS, thing(needs="z"), thing()),
        one=(NEW, thing(), thing()),
        two=(NEW, thing(needs="y"), thing()),
    )
    assert made.choose().selection == {"foreign": "wanted", "one": "wanted", "two": "none"}
