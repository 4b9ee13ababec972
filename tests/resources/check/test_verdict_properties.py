"""Whatever the artifacts of a node are, what is chosen of them holds together."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.resources.check.nodes import Node, macro, needs_plugin, rule

HOWEVER_SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

MACROS = st.sampled_from(["m1", "m2", "m3"])
ITEMS = st.one_of(
    MACROS.map(macro),
    st.tuples(MACROS, MACROS).map(lambda two: macro(two[0], f"{two[1]} or x.y = z")),
    st.tuples(st.sampled_from("RS"), MACROS).map(lambda two: rule(*two)),
    st.sampled_from(
        [
            rule("R"),
            rule("R").replace("INFO", "hgh"),
            "- rule: R\n  enabled: false\n",
            "- rule: S\n  condition: and m1\n  override: {condition: append}\n",
            "- list: l\n  items: [a, b]\n",
            "- list: l\n  items: ['k=v']\n  append: true\n",
            rule("T", "proc.name in (l)"),
            rule("U", "proc.name = l"),
            "- required_engine_version: 0.99.0\n",
            needs_plugin("p", "0.4.0"),
            "- broken: [\n",
        ]
    ),
)
RULES = st.lists(ITEMS, max_size=4).map("".join)
CONFIGS = st.lists(
    st.sampled_from(
        [
            "json_output: true\n",
            "stdout_output: {enabled: false}\n",
            "syslog_output: {enabled: false}\n",
            "engine: {kind: nonsense}\n",
            "load_plugins: [p]\n",
            "plugins: [{name: q, library_path: p.so}]\n",
            "load_plugins: [q]\n",
            "plugins: {}\n",
            "config_files: []\n",
        ]
    ),
    max_size=2,
    unique=True,
).map("".join)
PLUGINS = st.sampled_from(["0.3.0", "0.4.0", "1.0.0", ""])
KINDS = {
    "rules": (RULES, ["10.yaml", "20.yaml", "30.yaml"]),
    "config": (CONFIGS, ["10.yaml", "20.yaml"]),
    "plugin": (PLUGINS, ["p", "q"]),
}


@st.composite
def nodes(draw):
    """A node whose installed versions hold together, as those of a node do, and what is wanted."""
    node = Node()
    contents = {}
    for kind, (strategy, names) in KINDS.items():
        for name in draw(st.lists(st.sampled_from(names), unique=True)):
            contents[kind, name] = draw(strategy)
            getattr(node, kind)(name, contents[kind, name])
    verdict = node.check()
    after = Node()
    for (kind, name), content in contents.items():
        slot = node.slots[f"{kind}/{name}" + (".so" if kind == "plugin" else "")]
        good = content if verdict.chosen[slot.id] == "wanted" else None
        what = draw(st.sampled_from(["same", "changed", "removed"]))
        wanted = {"same": content, "removed": None}.get(what, draw(KINDS[kind][0]))
        getattr(after, kind)(name, wanted, good)
    return after


def holds_together(node, selection):
    """Whether these versions are accepted as they are, if they are all that there is."""
    alone = Node()
    alone.slots, alone._files = dict(node.slots), node._files
    alone.settle(type("Verdict", (), {"chosen": selection}))
    wanted = {name for name, slot in alone.slots.items() if slot.wanted is not None}
    verdict = alone.check()
    return all(verdict.chosen[name] == "wanted" for name in wanted) and not verdict.problems


@HOWEVER_SLOW
@given(nodes())
def test_what_is_chosen_is_valid_as_a_whole_and_stays_chosen(node):
    assert holds_together(node, node.check().chosen)


@HOWEVER_SLOW
@given(nodes())
def test_everything_wanted_is_chosen_exactly_if_all_of_it_is_valid(node):
    verdict = node.check()
    all_wanted = {
        name: "none" if slot.wanted is None else "wanted" for name, slot in node.slots.items()
    }
    assert (verdict.chosen == all_wanted) == holds_together(node, all_wanted)
    assert (verdict.chosen == all_wanted) == (not verdict.problems)


@HOWEVER_SLOW
@given(nodes())
def test_what_is_not_chosen_could_not_have_been_and_is_explained(node):
    verdict = node.check()
    for name, chosen in verdict.chosen.items():
        if chosen != "wanted" and node.slots[name].wanted is not None:
            assert verdict.problems[name]
            assert not holds_together(node, {**verdict.chosen, name: "wanted"})


@HOWEVER_SLOW
@given(nodes())
def test_what_is_unchanged_stays_unless_something_is_removed(node):
    removed = any(slot.wanted is None and slot.good is not None for slot in node.slots.values())
    verdict = node.check()
    for name, slot in node.slots.items():
        if slot.good is not None and slot.wanted is not None and not removed:
            assert verdict.chosen[name] != "none"
        if slot.wanted is None:
            assert verdict.chosen[name] == "none"
